//! What a handle remembers between its calls, in memory of its own process.
//!
//! None of it is needed for a right answer; a forked child starts with its parent's copy, and a
//! position that its parent finished is finished.

use super::ring::NONE_FINISHED;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering, spin_loop};
use crate::sys::clock::now_nanos;

// Ordering:
// [Q6] of the ring, for what is finished
// [P1] all else is a hint, and guards nothing: Relaxed

/// What a handle remembers of its sends. On cache lines of its own: a handle may be shared by a
/// thread that sends and one that receives.
#[repr(align(128))]
pub(crate) struct SendEnd {
    finished: AtomicU64,
    pub(super) spin: Spin,
    pub(super) looked: Looked,
}

/// What a handle remembers of its receives.
#[repr(align(128))]
pub(crate) struct RecvEnd {
    finished: AtomicU64,
    pub(super) spin: Spin,
    pub(super) looked: Looked,
    /// Returned leases and deaths that a scan was made for.
    pub(super) seen: AtomicU32,
    /// Where the next partial scan of a long ring starts.
    pub(super) cursor: AtomicU64,
    /// The cell that was taken last.
    pub(super) cell: AtomicU32,
}

impl SendEnd {
    pub(crate) fn new() -> SendEnd {
        SendEnd {
            finished: AtomicU64::new(NONE_FINISHED),
            spin: Spin::new(),
            looked: Looked::never(),
        }
    }

    /// The position after one that this end committed.
    #[inline]
    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire) // [Q6]
    }

    #[inline]
    pub(super) fn finish(&self, position: u64) {
        self.finished.store(position + 1, Ordering::Release); // [Q6]
    }
}

impl RecvEnd {
    pub(crate) fn new() -> RecvEnd {
        RecvEnd {
            finished: AtomicU64::new(NONE_FINISHED),
            spin: Spin::new(),
            looked: Looked::never(),
            seen: AtomicU32::new(0),
            cursor: AtomicU64::new(0),
            cell: AtomicU32::new(u32::MAX),
        }
    }

    /// From now on it looks after the dead only when something stirred.
    #[cfg(test)]
    pub(crate) fn looks_no_more(&self) {
        self.looked.0.store(u64::MAX, Ordering::Relaxed);
    }

    /// The position after one that this end released.
    #[inline]
    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire) // [Q6]
    }

    #[inline]
    pub(super) fn finish(&self, position: u64) {
        self.finished.store(position + 1, Ordering::Release); // [Q6]
    }
}

const LONGEST_SPIN: u32 = 20_000;
const FIRST_SPIN: u32 = 10_000;
const SHORTEST_SPIN: u32 = 500;

/// How long spinning paid lately, in nanoseconds.
pub(crate) struct Spin(AtomicU32);

impl Spin {
    pub(crate) fn new() -> Spin {
        Spin(AtomicU32::new(FIRST_SPIN))
    }

    /// Stays awake for a while, until `ready`.
    #[cold]
    pub(crate) fn until(&self, ready: impl Fn() -> bool) -> bool {
        if !crate::raw::spin::pays() {
            return ready();
        }
        let budget = self.0.load(Ordering::Relaxed); // [P1]
        let end = now_nanos() + u64::from(budget);
        loop {
            for _ in 0..4 {
                if ready() {
                    self.0.store((budget * 2).min(LONGEST_SPIN), Ordering::Relaxed); // [P1]
                    return true;
                }
                spin_loop();
            }
            if now_nanos() >= end {
                self.0.store((budget / 2).max(SHORTEST_SPIN), Ordering::Relaxed); // [P1]
                return false;
            }
        }
    }
}

/// When this endpoint last looked after the dead.
pub(crate) struct Looked(AtomicU64);

impl Looked {
    /// Never: the first look is due at once.
    pub(crate) fn never() -> Looked {
        Looked(AtomicU64::new(0))
    }

    /// Whether the last look is this many nanoseconds ago. If so, this is the next.
    pub(crate) fn due(&self, after: u64) -> bool {
        let (last, now) = (self.0.load(Ordering::Relaxed), now_nanos().max(1)); // [P1]
        let due = last == 0 || now.saturating_sub(last) >= after;
        if due {
            self.0.store(now, Ordering::Relaxed); // [P1]
        }
        due
    }
}
