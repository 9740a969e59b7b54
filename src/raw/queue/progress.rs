//! What an end of a queue knows of its own claims, in memory of its own process.
//!
//! None of it is needed for a right answer but what it says of a bias: that only the thread acts on
//! which it was granted to, under the tag it was granted to. A forked child starts with a copy, finds
//! another's tag in it, and lets go of it.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::words::Shape;
use crate::raw::sync::thread_key;
use crate::segment::Tag;
use crate::sys::clock::now_nanos;

// Not the atomics of a model: no other participant sees these.
//
// Ordering:
// [Q6] of the ring, for what is finished
// [B3] of the bias: granted.store(Release) ↔ granted.load(Acquire)   what else is known of it
//      tag.store(Release) ↔ tag.load(Acquire)   whose bias there was under another tag, it is not
// [P1] all else is a hint, or the owning thread's own: Relaxed

/// No endpoint has finished this position.
const NONE_FINISHED: u64 = u64::MAX;
/// In place of a granted word: there is none, or a thread is about to get one.
const NONE: u64 = 0;
const GRANTING: u64 = 1;
/// In place of a thread: none owns a bias.
const NO_THREAD: usize = 0;
const NO_SEAT: u32 = u32::MAX;

/// How often in a row nobody else may claim before an end asks for the bias.
pub(super) const ALONE: u32 = if cfg!(loom) { 1 } else { 16 };
/// The same where no seat was free.
const LONG: u32 = 1 << 20;

/// How far an end came, and whether it claims by plain stores.
pub(crate) struct Progress {
    finished: AtomicU64,
    /// The index word that says so, while the side is biased to this end.
    granted: AtomicU64,
    /// Who may claim under it: one thread, and under one tag.
    thread: AtomicUsize,
    /// The seat that was taken for it, and is kept, and the tag it was taken under.
    seat: AtomicU32,
    tag: AtomicU32,
    /// Claims in a row between which nobody else claimed, and how many it takes.
    alone: AtomicU32,
    patience: AtomicU32,
    /// When it last asked.
    asked: AtomicU64,
    /// Where it last had to wait.
    waited: AtomicU64,
}

/// What the owner of a bias goes by.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// The index word while the bias lasts.
    pub(super) word: u64,
    pub(super) seat: usize,
}

impl Progress {
    pub(crate) fn none() -> Progress {
        Progress {
            finished: AtomicU64::new(NONE_FINISHED),
            granted: AtomicU64::new(NONE),
            thread: AtomicUsize::new(NO_THREAD),
            tag: AtomicU32::new(0),
            seat: AtomicU32::new(NO_SEAT),
            alone: AtomicU32::new(0),
            patience: AtomicU32::new(ALONE),
            asked: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        }
    }

    /// The position after one that this end committed, or released.
    #[inline]
    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire) // [Q6]
    }

    #[inline]
    pub(super) fn finish(&self, position: u64) {
        self.finished.store(position + 1, Ordering::Release); // [Q6]
    }

    /// A position was claimed by CAS. True: it is time to ask for the bias.
    #[inline]
    pub(super) fn claimed(&self, position: u64, finished: u64) -> bool {
        let before = self.alone.load(Ordering::Relaxed); // [P1]
        let alone = if position == finished { before.saturating_add(1) } else { 0 };
        if alone != before {
            self.alone.store(alone, Ordering::Relaxed); // [P1]
        }
        alone >= self.patience.load(Ordering::Relaxed) // [P1]
    }

    /// Whether this end claimed so often alone; if not, it will before it asks again.
    pub(super) fn was_alone_for(&self, bar: u32) -> bool {
        self.patience.store(bar, Ordering::Relaxed); // [P1]
        self.alone.load(Ordering::Relaxed) >= bar // [P1]
    }

    /// How long ago, in nanoseconds, this end asked before. This is the next time.
    pub(super) fn asked_before(&self) -> u64 {
        let now = now_nanos();
        now.saturating_sub(self.asked.swap(now, Ordering::Relaxed)) // [P1]
    }

    /// Starts counting anew, for long where there is no seat.
    pub(super) fn count_anew(&self, no_seat: bool) {
        self.alone.store(0, Ordering::Relaxed); // [P1]
        if no_seat {
            self.patience.store(LONG, Ordering::Relaxed); // [P1]
        }
    }

    /// How many positions went by since the wait before this one, which is at `position`.
    pub(super) fn run(&self, position: u64) -> u64 {
        // Not a swap, which would wait for all stores before it.
        let before = self.waited.load(Ordering::Relaxed); // [P1]
        self.waited.store(position, Ordering::Relaxed); // [P1]
        Shape::distance(before, position)
    }

    /// The bias, if it is this thread's, under this tag.
    #[inline(always)]
    pub(super) fn held(&self, me: Tag) -> Option<Held> {
        // A copy from before a fork has the parent's tag, until a thread of the child takes a seat for it;
        // who finds the tag of that finds that this thread's key went before it.
        let named = self.tag.load(Ordering::Acquire) == me.bits(); // [B3]
        // Only this thread writes its own key here, and what it finds then is its own as well.
        let mine = named && self.thread.load(Ordering::Relaxed) == thread_key(); // [P1]
        mine.then(|| Held {
            word: self.granted.load(Ordering::Relaxed), // [P1]
            seat: self.seat.load(Ordering::Relaxed) as usize,
        })
    }

    /// The owner found that the bias is over, or none was granted to who asked.
    pub(super) fn forget(&self) {
        self.thread.store(NO_THREAD, Ordering::Relaxed); // [P1]
        self.granted.store(NONE, Ordering::Release); // [B3]
    }

    /// Reserves the right to get the bias; false where this end has it, or another thread asks.
    pub(super) fn may_ask(&self, me: Tag) -> bool {
        let granted = self.granted.load(Ordering::Acquire); // [B3]
        if granted > GRANTING && self.tag.load(Ordering::Relaxed) != me.bits() {
            // A parent's, before it forked. One thread of the child gets past this.
            let inherited = granted;
            let order = (Ordering::AcqRel, Ordering::Relaxed);
            if self.granted.compare_exchange(inherited, GRANTING, order.0, order.1).is_err() {
                return false; // [B3]
            }
            self.thread.store(NO_THREAD, Ordering::Relaxed); // before the tag [B3]
            self.seat.store(NO_SEAT, Ordering::Relaxed); // [P1]
            return true;
        }
        // [B3]
        self.granted.compare_exchange(NONE, GRANTING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The seat that this end took before, under this tag.
    pub(super) fn seat(&self, me: Tag) -> Option<usize> {
        let seat = self.seat.load(Ordering::Relaxed); // [P1]
        (seat != NO_SEAT && self.tag.load(Ordering::Relaxed) == me.bits()).then_some(seat as usize)
    }

    /// Took this seat, after [`may_ask`](Progress::may_ask).
    pub(super) fn sit(&self, me: Tag, seat: usize) {
        self.seat.store(seat as u32, Ordering::Relaxed); // [P1]
        self.tag.store(me.bits(), Ordering::Release); // [B3]
    }

    /// Got the bias.
    pub(super) fn hold(&self, word: u64) {
        self.thread.store(thread_key(), Ordering::Relaxed); // [P1]
        self.granted.store(word, Ordering::Release); // [B3]
    }

    /// Makes this thread the owner, in place of the one that got the bias and came to its end.
    #[cfg(loom)]
    pub(crate) fn hand_over(&self) {
        self.thread.store(thread_key(), Ordering::Relaxed); // [P1]
    }
}
