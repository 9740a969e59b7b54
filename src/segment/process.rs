//! What this process knows of its own attachments, behind a lock that a forked child finds free.
//!
//! A process attaches to a segment once, however often it opens it: one mapping, one row. The list of
//! attachments hangs on a page that reads as zero in a forked child, which so starts with an empty
//! list and a free lock, even if another thread of the parent was changing the list at that moment.
//! The child's copy of the parent's list is never looked at again.
//!
//! The lock also covers every opening and closing of a segment's descriptors, because closing any
//! descriptor of a file ends this process's lock on it.

use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::attachment::Attachment;
use crate::error::Failure;
use crate::sys::clock::{Deadline, LONGEST_NAP, Naps, sleep};
use crate::sys::futex;
use crate::sys::liveness::FileId;
use crate::sys::private::PrivatePage;

// Ordering:
// [PR2] publish the page: CAS(AcqRel) ↔ load(Acquire)   the page is mapped and wiped on fork
// [PR1] unlock: swap(Release) ↔ lock: swap/CAS(Acquire)   the list as the last holder left it

const FREE: u32 = 0;
const HELD: u32 = 1;
const WANTED: u32 = 2;

/// The list.
#[derive(Default)]
pub(crate) struct State {
    attachments: Vec<(FileId, Weak<Attachment>)>,
    /// The segment from which anonymous objects are taken now.
    pub(crate) arena: Weak<Attachment>,
}

impl State {
    /// This process's attachment to the file, if it has one.
    pub(crate) fn find(&self, file: FileId) -> Option<Arc<Attachment>> {
        self.attachments
            .iter()
            .filter(|(id, _)| *id == file)
            .find_map(|(_, attachment)| attachment.upgrade())
    }

    /// All attachments of this process.
    pub(crate) fn all(&self) -> Vec<Arc<Attachment>> {
        self.attachments.iter().filter_map(|(_, attachment)| attachment.upgrade()).collect()
    }

    pub(crate) fn add(&mut self, attachment: &Arc<Attachment>) {
        self.attachments.retain(|(_, attachment)| attachment.strong_count() > 0);
        self.attachments.push((attachment.file_id(), Arc::downgrade(attachment)));
    }
}

/// The process's lock, held.
pub(crate) struct Guard {
    page: &'static PrivatePage,
}

/// Takes the process's lock. Never while a guard is held by the same thread: nothing that may drop
/// the last handle of a segment happens under it.
pub(crate) fn lock() -> Result<Guard, Failure> {
    let page = page()?;
    let word = &page.words().word;
    // [PR1]
    if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
        // Its other holders are threads of this process, which do not die alone.
        while word.swap(WANTED, Ordering::Acquire) != FREE {
            futex::wait(word, WANTED, LONGEST_NAP);
        }
    }
    Guard::of_holder()
}

/// Takes the lock as [`lock`] does, but gives up after this long: its holder may be waiting for another
/// process, that is stopped.
pub(crate) fn lock_within(patience: Duration) -> Option<Guard> {
    let mut naps = Naps::until(Deadline::after(patience));
    loop {
        let word = &page().ok()?.words().word;
        // [PR1]
        if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Guard::of_holder().ok();
        }
        sleep(naps.next()?);
    }
}

/// The process's page. No `OnceLock`: a child that is forked while another thread is inside of one would
/// wait for that thread for ever.
fn page() -> Result<&'static PrivatePage, Failure> {
    static PAGE: AtomicPtr<PrivatePage> = AtomicPtr::new(ptr::null_mut());
    let mut page = PAGE.load(Ordering::Acquire); // [PR2]
    if page.is_null() {
        let fresh = PrivatePage::new()
            .map_err(|error| Failure::system("mapping a page for this process", error))?;
        let fresh = Box::into_raw(Box::new(fresh));
        // [PR2]
        page = match PAGE.compare_exchange(page, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(first) => {
                // SAFETY: [PRV-2] it came from Box::into_raw above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                first
            }
        };
    }
    // SAFETY: [PRV-2] a page that was published came from Box::into_raw, and is never freed.
    Ok(unsafe { &*page })
}

impl Guard {
    /// For the thread that has just taken the lock.
    fn of_holder() -> Result<Guard, Failure> {
        let page = page()?;
        let state = &page.words().pointer;
        if state.load(Ordering::Relaxed).is_null() {
            let fresh = Box::into_raw(Box::<State>::default());
            state.store(fresh.cast(), Ordering::Relaxed);
        }
        Ok(Guard { page })
    }

    fn state(&self) -> *mut State {
        self.page.words().pointer.load(Ordering::Relaxed).cast()
    }
}

impl Deref for Guard {
    type Target = State;

    fn deref(&self) -> &State {
        // SAFETY: [PRV-2] the pointer came from Box::into_raw in `lock`, is never freed, and only
        // the guard's holder reaches it.
        unsafe { &*self.state() }
    }
}

impl DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut State {
        // SAFETY: [PRV-2] as in deref; self is borrowed mutably.
        unsafe { &mut *self.state() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let word: &AtomicU32 = &self.page.words().word;
        if word.swap(FREE, Ordering::Release) == WANTED {
            futex::wake(word, 1); // [PR1]
        }
    }
}
