//! What an end of a byte ring remembers between its calls, in memory of its own process.
//!
//! None of it is needed for a right answer.

use crate::raw::queue::local::Looked;
use crate::raw::sync::{AtomicU32, Ordering, spin_loop};
use crate::sys::clock::now_nanos;

// Ordering:
// [P1] hints, that guard nothing: Relaxed

const LONGEST_SPIN: u32 = 20_000;
const FIRST_SPIN: u32 = 10_000;
const SHORTEST_SPIN: u32 = 500;
/// Looks before the clock is asked again.
const LOOKS: u32 = 8;

/// One kind of end: on cache lines of its own, as a handle may be shared by a thread that sends and one
/// that receives.
#[repr(align(128))]
pub(crate) struct End {
    /// For how many nanoseconds it paid lately to wait awake.
    budget: AtomicU32,
    pub(super) looked: Looked,
}

impl End {
    pub(crate) fn new() -> End {
        End { budget: AtomicU32::new(FIRST_SPIN), looked: Looked::never() }
    }

    /// Stays awake for a while, until `ready`.
    #[cold]
    pub(super) fn spin_until(&self, ready: impl Fn() -> bool) {
        if !crate::raw::spin::pays() {
            return;
        }
        let budget = self.budget.load(Ordering::Relaxed); // [P1]
        let end = now_nanos() + u64::from(budget);
        loop {
            for _ in 0..LOOKS {
                if ready() {
                    self.budget.store((budget * 2).min(LONGEST_SPIN), Ordering::Relaxed); // [P1]
                    return;
                }
                spin_loop();
            }
            if now_nanos() >= end {
                self.budget.store((budget / 2).max(SHORTEST_SPIN), Ordering::Relaxed); // [P1]
                return;
            }
        }
    }
}
