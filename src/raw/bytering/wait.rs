//! What an end of a byte ring remembers between its calls, in memory of its own process.
//!
//! None of it is needed for a right answer.

use crate::raw::biased::Grant;
use crate::raw::queue::local::Looked;
use crate::raw::sync::{AtomicU32, Ordering, spin_loop};
use crate::sys::clock::now_nanos;

// Ordering:
// [P1] hints, that guard nothing: Relaxed

const LONGEST_SPIN: u32 = 20_000;
const FIRST_SPIN: u32 = 10_000;
const SHORTEST_SPIN: u32 = 500;
const LONGEST_PAUSE: u32 = 1_500;
const FIRST_PAUSE: u32 = 50;
/// Looks before the clock is asked again.
const LOOKS: u32 = 4;

/// One kind of end: on cache lines of its own, as a handle may be shared by a thread that sends and one
/// that receives.
#[repr(align(128))]
pub struct End {
    /// For how many nanoseconds it paid lately to wait awake.
    budget: AtomicU32,
    /// How long to wait between two looks. In a stream, who has caught up would take the lines from the
    /// other side with every message, were it to look all the time.
    pause: AtomicU32,
    /// The side's count at the wait before.
    waited_at: AtomicU32,
    pub(super) looked: Looked,
    pub(super) grant: Grant,
}

impl End {
    pub(crate) fn new() -> End {
        End {
            budget: AtomicU32::new(FIRST_SPIN),
            pause: AtomicU32::new(0),
            waited_at: AtomicU32::new(0),
            looked: Looked::never(),
            grant: Grant::none(),
        }
    }

    /// Stays awake for a while, until `ready`. `count`: how many messages went by this side so far.
    #[cold]
    pub(super) fn spin_until(&self, count: u32, ready: impl Fn() -> bool) {
        if !crate::raw::spin::pays() {
            return;
        }
        let pause = u64::from(self.learn_pause(count));
        let budget = self.budget.load(Ordering::Relaxed); // [P1]
        let mut now = now_nanos();
        let end = now + u64::from(budget);
        loop {
            let next = now + pause;
            while now < next {
                spin_loop();
                now = now_nanos();
            }
            for _ in 0..LOOKS {
                if ready() {
                    self.budget.store((budget * 2).min(LONGEST_SPIN), Ordering::Relaxed); // [P1]
                    return;
                }
                spin_loop();
            }
            now = now_nanos();
            if now >= end {
                self.budget.store((budget / 2).max(SHORTEST_SPIN), Ordering::Relaxed); // [P1]
                return;
            }
        }
    }

    /// The time between two looks, after so many messages without a wait: none for who waits for one
    /// message at a time.
    fn learn_pause(&self, count: u32) -> u32 {
        let run = count.wrapping_sub(self.waited_at.swap(count, Ordering::Relaxed)); // [P1]
        let before = self.pause.load(Ordering::Relaxed); // [P1]
        let pause = match run {
            0..=2 => before / 4,
            _ => (before * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
        };
        self.pause.store(pause, Ordering::Relaxed); // [P1]
        pause
    }
}
