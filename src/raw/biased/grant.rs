//! What a handle knows of its bias, in memory of its own process.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::raw::sync::thread_key;
use crate::segment::Tag;

// Not the atomics of a model: no other participant sees these.
//
// Ordering:
// [BL5] granted.store(Release) ↔ load(Acquire), in one process   whose the grant is
// [P1] hints, and the owning thread's own: Relaxed

/// In place of the word of a bias: there is none, or a thread is about to get one.
const NONE: u64 = 0;
pub(super) const GRANTING: u64 = 1;

/// What a handle knows of its bias, in memory of its own process. A forked child starts with a copy,
/// finds another's tag in it, and lets go of it.
#[derive(Debug)]
pub(crate) struct Grant {
    /// The word of the bias that it was granted; 0 none, 1 a thread is about to get one.
    granted: AtomicU64,
    thread: AtomicUsize,
    tag: AtomicU32,
    /// Locks in a row between which nobody else locked.
    alone: AtomicU32,
    /// The count of uses when this end last held the word.
    left_at: AtomicU32,
}

impl Grant {
    pub(crate) fn none() -> Grant {
        Grant {
            granted: NONE.into(),
            thread: 0.into(),
            tag: 0.into(),
            alone: 0.into(),
            left_at: 0.into(),
        }
    }

    /// The bias of this thread, under this tag.
    #[inline(always)]
    pub(super) fn of(&self, me: Tag) -> Option<u64> {
        self.under(me).filter(|_| self.thread.load(Ordering::Relaxed) == thread_key())
    }

    /// The bias of whichever thread, under this tag.
    #[inline(always)]
    pub(super) fn under(&self, me: Tag) -> Option<u64> {
        let granted = self.granted.load(Ordering::Acquire); // [BL5]
        let mine = granted > GRANTING && self.tag.load(Ordering::Relaxed) == me.bits();
        mine.then_some(granted)
    }

    /// Starts counting anew how long it is alone.
    pub(super) fn count_anew(&self) {
        self.alone.store(0, Ordering::Relaxed); // [P1]
    }

    /// Reserves the right to get the bias: false where another thread of this end has it, or asks. What a
    /// parent had before it forked is nobody's.
    pub(super) fn may_ask(&self, me: Tag) -> bool {
        let granted = self.granted.load(Ordering::Acquire); // [BL5]
        let inherited = granted > GRANTING && self.tag.load(Ordering::Relaxed) != me.bits();
        let from = if inherited { granted } else { NONE };
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        self.granted.compare_exchange(from, GRANTING, order.0, order.1).is_ok() // [BL5]
    }

    pub(super) fn hold(&self, me: Tag, granted: u64) {
        self.thread.store(thread_key(), Ordering::Relaxed); // [P1]
        self.tag.store(me.bits(), Ordering::Relaxed); // [P1]
        self.granted.store(granted, Ordering::Release); // [BL5]
    }

    pub(super) fn forget(&self) {
        self.alone.store(0, Ordering::Relaxed); // [P1]
        self.granted.store(NONE, Ordering::Release); // [BL5]
    }

    /// Held the word while the count of uses went from `before` to `after`. Tells for how many uses in a
    /// row nobody else did.
    pub(super) fn used(&self, before: u32, after: u32) -> u32 {
        let alone = match self.left_at.swap(after, Ordering::Relaxed) == before {
            true => self.alone.load(Ordering::Relaxed).saturating_add(after.wrapping_sub(before)),
            false => 0, // [P1]
        };
        self.alone.store(alone, Ordering::Relaxed); // [P1]
        alone
    }
}
