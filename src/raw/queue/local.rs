//! What a handle remembers between its calls, in memory of its own process.
//!
//! None of it is needed for a right answer; a forked child starts with its parent's copy, and a
//! position that its parent finished is finished.

use super::progress::Progress;
use super::ring::{Ring, Words};
use crate::raw::spin::Spin;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};
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

/// Nanoseconds of a pause for each slot, as long as the other side takes for half a message at least: who pauses
/// longer finds a short ring full, or empty, and the other side waiting.
const PAUSE_A_SLOT: u64 = 8;

impl<W: Words> Ring<W> {
    /// How long who caught up pauses at most between two looks.
    pub(super) fn longest_pause(&self) -> u64 {
        self.shape.capacity().saturating_mul(PAUSE_A_SLOT)
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
        let now = now_nanos().max(1);
        let last = self.0.load(Ordering::Relaxed); // [P1]
        let due = last == 0 || now.saturating_sub(last) >= after;
        if due {
            self.0.store(now, Ordering::Relaxed); // [P1]
        }
        due
    }
}
