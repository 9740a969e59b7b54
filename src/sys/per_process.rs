//! A static that a forked child finds empty, whatever its parent was doing with it at that moment.

use std::ptr;
use std::sync::atomic::Ordering;

use rustix::io::Result;

use super::private::LazyWords;

// Ordering:
// [PP1] publish: CAS(AcqRel) ↔ get: load(Acquire)   the value, as it was made

/// One `T` for each process. It is made at its first use and never dropped; a forked child makes its
/// own, and leaves its parent's alone.
pub(crate) struct PerProcess<T: 'static> {
    words: LazyWords,
    _value: std::marker::PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess { words: LazyWords::new(), _value: std::marker::PhantomData }
    }

    /// The value, if this process has one already.
    pub(crate) fn get(&self) -> Option<&'static T> {
        let value = self.words.get()?.pointer.load(Ordering::Acquire).cast::<T>(); // [PP1]
        // SAFETY: [PRV-2] what stands there came from Box::into_raw of a T, and is never freed.
        unsafe { value.as_ref() }
    }

    /// The value; `make` makes it, where there is none. Of several threads one makes the one that
    /// counts.
    pub(crate) fn get_or(&self, make: impl FnOnce() -> Result<T>) -> Result<&'static T> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let slot = &self.words.get_or_take()?.pointer;
        let fresh = Box::into_raw(Box::new(make()?));
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
}
