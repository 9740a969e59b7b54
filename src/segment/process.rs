//! What this process knows of its own attachments, behind a lock that a forked child finds free.
//!
//! A process attaches to a segment once, however often it opens it: one mapping, one row. The list of
//! attachments hangs on words that read as zero in a forked child, which so starts with an empty
//! list and a free lock, even if another thread of the parent was changing the list at that moment.
//! The child's copy of the parent's list is never looked at again.
//!
//! The lock also covers every opening and closing of a segment's descriptors, because closing any
//! descriptor of a file ends this process's lock on it.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::attachment::Attachment;
use super::participants::Identity;
use crate::error::Failure;
use crate::sys::clock::{Deadline, LONGEST_NAP, Naps, sleep};
use crate::sys::futex;
use crate::sys::liveness::FileId;
use crate::sys::private::{LazyWords, Words};

// Ordering:
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
    /// Segments are not told yet when this process started.
    start_is_put_off: bool,
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

    /// Who this process is to a segment that it attaches to.
    pub(super) fn identity(&self) -> Result<Identity, Failure> {
        if self.start_is_put_off {
            Ok(Identity::without_start())
        } else {
            Identity::of_this_process()
        }
    }

    pub(crate) fn add(&mut self, attachment: &Arc<Attachment>) {
        self.attachments.retain(|(_, attachment)| attachment.strong_count() > 0);
        self.attachments.push((attachment.file_id(), Arc::downgrade(attachment)));
    }
}

/// The process's lock, held.
pub(crate) struct Guard {
    words: &'static Words,
}

/// Takes the process's lock. Never while a guard is held by the same thread: nothing that may drop
/// the last handle of a segment happens under it.
pub(crate) fn lock() -> Result<Guard, Failure> {
    let word = &words()?.word;
    // [PR1]
    if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
        // Its other holders are threads of this process, which do not die alone.
        while word.swap(WANTED, Ordering::Acquire) != FREE {
            futex::wait(word, WANTED, LONGEST_NAP);
        }
    }
    Guard::of_holder()
}

/// Has segments not told when this process started, until [`tell_start`]: to ask takes a while, in which
/// whoever waits for this process could go on. It is known by its number alone until then, as one whose start
/// cannot be seen.
pub(crate) fn put_off_start() -> Result<(), Failure> {
    lock()?.start_is_put_off = true;
    Ok(())
}

/// Tells the segments when this process started.
pub(crate) fn tell_start() {
    let Ok(mut state) = lock() else { return };
    state.start_is_put_off = false;
    let all = state.all();
    drop(state); // before the attachments go
    if all.is_empty() {
        return; // nor is it asked
    }
    let Ok(me) = Identity::of_this_process() else { return };
    all.iter().for_each(|segment| segment.tell_start(me));
}

/// Sees to it that there is a page for what this process knows of itself, before anything is made.
pub(crate) fn prepare() -> Result<(), Failure> {
    words().map(drop)
}

/// Takes the lock as [`lock`] does, but gives up after this long: its holder may be waiting for another
/// process, that is stopped.
pub(crate) fn lock_within(patience: Duration) -> Option<Guard> {
    let mut naps = Naps::until(Deadline::after(patience));
    loop {
        let word = &words().ok()?.word;
        // [PR1]
        if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Guard::of_holder().ok();
        }
        sleep(naps.next()?);
    }
}

/// Where the lock and the list stand. No `OnceLock`: a child that is forked while another thread is inside
/// of one would wait for that thread for ever.
fn words() -> Result<&'static Words, Failure> {
    static WORDS: LazyWords = LazyWords::new();
    WORDS.get_or_take().map_err(|error| Failure::system("mapping a page for this process", error))
}

impl Guard {
    /// For the thread that has just taken the lock.
    fn of_holder() -> Result<Guard, Failure> {
        let words = words()?;
        let state = &words.pointer;
        if state.load(Ordering::Relaxed).is_null() {
            let fresh = Box::into_raw(Box::<State>::default());
            state.store(fresh.cast(), Ordering::Relaxed);
        }
        Ok(Guard { words })
    }

    fn state(&self) -> *mut State {
        self.words.pointer.load(Ordering::Relaxed).cast()
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
        let word: &AtomicU32 = &self.words.word;
        if word.swap(FREE, Ordering::Release) == WANTED {
            futex::wake(word, 1); // [PR1]
        }
    }
}
