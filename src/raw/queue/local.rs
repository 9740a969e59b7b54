//! What a handle remembers between its calls, in memory of its own process.
//!
//! None of it is needed for a right answer; a forked child starts with its parent's copy, and a
//! position that its parent finished is finished.

use super::progress::Progress;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering, spin_loop};
use crate::sys::clock::now_nanos;

// Ordering:
// [P1] all of it is a hint, and guards nothing: Relaxed

/// What a handle remembers of its sends. On cache lines of its own: a handle may be shared by a
/// thread that sends and one that receives.
#[repr(align(128))]
pub struct SendEnd {
    pub(super) progress: Progress,
    pub(super) spin: Spin,
    pub(super) looked: Looked,
    /// Where to look for a cell for a large message: among the first ones, and, if that is taken, beyond them.
    pub(super) near: AtomicU32,
    pub(super) far: AtomicU32,
}

/// What a handle remembers of its receives.
#[repr(align(128))]
pub struct RecvEnd {
    pub(super) progress: Progress,
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
            progress: Progress::none(),
            spin: Spin::new(),
            looked: Looked::never(),
            near: AtomicU32::new(0),
            far: AtomicU32::new(0),
        }
    }
}

impl RecvEnd {
    pub(crate) fn new() -> RecvEnd {
        RecvEnd {
            progress: Progress::none(),
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
}

const LONGEST_SPIN: u32 = 20_000;
const FIRST_SPIN: u32 = 10_000;
const SHORTEST_SPIN: u32 = 500;
const LONGEST_PAUSE: u32 = 1_500;
const FIRST_PAUSE: u32 = 50;
/// As long as the other side takes for half a message at least: who pauses longer finds a short ring full,
/// or empty, and the other side waiting.
const PAUSE_A_SLOT: u64 = 8;

/// How to wait awake: for how long that paid lately, and how often to look, in nanoseconds.
///
/// In a stream, who has caught up waits a little before it looks again: else it would take each
/// cache line from the other side with every message, and both would wait for the line all the time.
/// Who waits for one message at a time looks all the time.
pub(crate) struct Spin {
    budget: AtomicU32,
    pause: AtomicU32,
}

impl Spin {
    fn new() -> Spin {
        Spin { budget: AtomicU32::new(FIRST_SPIN), pause: AtomicU32::new(0) }
    }

    /// Stays awake for a while, until `ready`, after `run` messages without a wait, at a ring of so many slots.
    #[cold]
    pub(super) fn until(&self, run: u64, capacity: u64, ready: impl Fn() -> bool) -> bool {
        if !crate::raw::spin::pays() {
            return ready();
        }
        let pause = self.learn_pause(run).min(capacity * PAUSE_A_SLOT);
        let budget = self.budget.load(Ordering::Relaxed); // [P1]
        let mut now = now_nanos();
        let end = now + u64::from(budget);
        loop {
            let next = now + pause;
            while now < next {
                spin_loop();
                now = now_nanos();
            }
            for _ in 0..4 {
                if ready() {
                    self.budget.store((budget * 2).min(LONGEST_SPIN), Ordering::Relaxed); // [P1]
                    return true;
                }
                spin_loop();
            }
            if now >= end {
                self.budget.store((budget / 2).max(SHORTEST_SPIN), Ordering::Relaxed); // [P1]
                return false;
            }
            now = now_nanos();
        }
    }

    /// The time between two looks, after so many messages without a wait.
    fn learn_pause(&self, run: u64) -> u64 {
        let before = self.pause.load(Ordering::Relaxed); // [P1]
        let pause = match run {
            0..=2 => before / 4,
            _ => (before * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
        };
        self.pause.store(pause, Ordering::Relaxed); // [P1]
        u64::from(pause)
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
