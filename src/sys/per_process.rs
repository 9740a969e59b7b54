//! A static that a forked child finds empty, whatever its parent was doing with it at that moment.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustix::io::Result;

use super::private::PrivatePage;

// Ordering:
// [PP1] publish: CAS(AcqRel) ↔ get: load(Acquire)   the page, and the value, as they were made

/// One `T` for each process. It is made at its first use and never dropped; a forked child makes its
/// own, and leaves its parent's alone.
pub(crate) struct PerProcess<T: 'static> {
    page: AtomicPtr<PrivatePage>,
    _value: std::marker::PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess { page: AtomicPtr::new(ptr::null_mut()), _value: std::marker::PhantomData }
    }

    /// The value, if this process has one already.
    pub(crate) fn get(&self) -> Option<&'static T> {
        let page = self.page.load(Ordering::Acquire); // [PP1]
        // SAFETY: [PRV-2] a page that was published came from Box::into_raw, and is never freed.
        let page = unsafe { page.as_ref() }?;
        let value = page.words().pointer.load(Ordering::Acquire).cast::<T>(); // [PP1]
        // SAFETY: [PRV-2] what hangs on the page came from Box::into_raw of a T, and is never freed.
        unsafe { value.as_ref() }
    }

    /// The value; `make` makes it, where there is none. Of several threads one makes the one that
    /// counts.
    pub(crate) fn get_or(&self, make: impl FnOnce() -> Result<T>) -> Result<&'static T> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let page = self.page()?;
        let fresh = Box::into_raw(Box::new(make()?));
        let slot = &page.words().pointer;
        let null = ptr::null_mut();
        // [PP1]
        match slot.compare_exchange(null, fresh.cast(), Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: [PRV-2] it came from Box::into_raw above, and is never freed from now on.
            Ok(_) => Ok(unsafe { &*fresh }),
            Err(first) => {
                // SAFETY: [PRV-2] it came from Box::into_raw above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: [PRV-2] what was first came from Box::into_raw of a T, likewise.
                Ok(unsafe { &*first.cast::<T>() })
            }
        }
    }

    fn page(&self) -> Result<&'static PrivatePage> {
        let mut page = self.page.load(Ordering::Acquire); // [PP1]
        if page.is_null() {
            let fresh = Box::into_raw(Box::new(PrivatePage::new()?));
            // [PP1]
            let set = self.page.compare_exchange(page, fresh, Ordering::AcqRel, Ordering::Acquire);
            page = match set {
                Ok(_) => fresh,
                Err(first) => {
                    // SAFETY: [PRV-2] as above: nobody else has seen it.
                    drop(unsafe { Box::from_raw(fresh) });
                    first
                }
            };
        }
        // SAFETY: [PRV-2] a page that was published came from Box::into_raw, and is never freed.
        Ok(unsafe { &*page })
    }
}
