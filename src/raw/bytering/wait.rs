//! What an end of a byte ring remembers between its calls, in memory of its own process.
//!
//! None of it is needed for a right answer.

use crate::raw::biased::Grant;
use crate::raw::queue::local::Looked;
use crate::raw::spin::Spin;
use crate::raw::sync::{AtomicU32, Ordering};
use crate::sys::clock::now_nanos;

// Ordering:
// [P1] hints, that guard nothing: Relaxed

/// One kind of end: on cache lines of its own, as a handle may be shared by a thread that sends and one
/// that receives.
#[repr(align(128))]
pub struct End {
    spin: Spin,
    /// The side's count at the wait before.
    waited_at: AtomicU32,
    pub(super) looked: Looked,
    pub(super) grant: Grant,
}

impl End {
    pub(crate) fn new() -> End {
        End {
            spin: Spin::new(),
            waited_at: AtomicU32::new(0),
            looked: Looked::never(),
            grant: Grant::none(),
        }
    }

    /// Stays awake for a while, until `ready`. `count`: how many messages went by this side so far.
    #[cold]
    pub(super) fn spin_until(&self, count: u32, ready: impl Fn() -> bool) {
        let before = self.waited_at.load(Ordering::Relaxed); // [P1]
        self.waited_at.store(count, Ordering::Relaxed); // [P1]
        self.spin.learn(u64::from(count.wrapping_sub(before)), u64::MAX);
        self.spin.until(now_nanos(), ready);
    }
}
