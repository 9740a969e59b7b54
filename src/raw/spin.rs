//! Waiting awake: whether it can pay, for how long it did lately, and how closely to look.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use super::sync::spin_loop;
use crate::sys::clock::now_nanos;
use crate::sys::process::online_cpus;

// Not the atomics of a model: no other participant sees these.
//
// Ordering:
// [P1] hints of this process, that guard nothing: Relaxed

const UNKNOWN: u8 = 0;
const PAYS: u8 = 1;
const DOES_NOT: u8 = 2;

/// Nanoseconds of a wait, before it sleeps.
const LONGEST: u32 = 20_000;
const FIRST: u32 = 10_000;
const SHORTEST: u32 = 500;
/// Nanoseconds between two looks, of who caught up with a stream.
const LONGEST_PAUSE: u32 = 1_500;
const FIRST_PAUSE: u32 = 50;
/// Looks before the clock is read, which takes as long as one: of who waits for one message at a time, and
/// after each pause.
const LOOKS: u32 = 16;
const LOOKS_A_PAUSE: u32 = 4;

/// False where nobody else can run while this thread spins, and in a model: a thread that sleeps
/// sees all that one does that spins. It does not matter on which CPUs this thread may run: one that
/// is pinned waits for others, which are on other CPUs.
pub(crate) fn pays() -> bool {
    // Ordering: every thread finds the same answer, and it guards no other memory. No `OnceLock`: a
    // child that is forked while another thread is inside of one would wait for that thread for ever.
    static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
    match ANSWER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let pays = cfg!(not(loom)) && online_cpus() > 1;
            ANSWER.store(if pays { PAYS } else { DOES_NOT }, Ordering::Relaxed);
            pays
        }
        answer => answer == PAYS,
    }
}

/// What an end learned of its waits, in memory of its own process.
///
/// In a stream, who has caught up waits a little before it looks again: else it would take each
/// cache line from the other side with every message, and both would wait for the line all the time.
/// Who waits for one message at a time looks all the time.
#[derive(Debug)]
pub(crate) struct Spin {
    budget: AtomicU32,
    pause: AtomicU32,
}

impl Spin {
    pub(crate) fn new() -> Spin {
        Spin { budget: AtomicU32::new(FIRST), pause: AtomicU32::new(0) }
    }

    /// A wait begins, after `run` messages without one. It is not to pause for longer than `longest`.
    #[inline]
    pub(crate) fn learn(&self, run: u64, longest: u64) {
        let before = self.pause.load(Ordering::Relaxed); // [P1]
        let pause = match run {
            0..=2 => before / 4,
            _ => (before * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
        };
        let pause = u64::from(pause).min(longest) as u32;
        self.pause.store(pause, Ordering::Relaxed); // [P1]
    }

    /// How often to look before the clock is read: until an answer may be here from another core. Not at all
    /// in a stream, nor where waiting awake did not pay.
    #[inline]
    pub(crate) fn looks(&self) -> u32 {
        let in_stream = self.pause.load(Ordering::Relaxed) > 0; // [P1]
        if in_stream || self.budget() <= SHORTEST || !pays() { 0 } else { LOOKS }
    }

    /// Stays awake for a while from `now` on, until `ready`.
    #[cold]
    pub(crate) fn until(&self, mut now: u64, ready: impl Fn() -> bool) -> bool {
        if !pays() {
            return ready();
        }
        let pause = u64::from(self.pause.load(Ordering::Relaxed)); // [P1]
        let looks = if pause == 0 { LOOKS } else { LOOKS_A_PAUSE };
        let budget = self.budget();
        let end = now + u64::from(budget);
        loop {
            let next = now + pause;
            while now < next {
                spin_loop();
                now = now_nanos();
            }
            for _ in 0..looks {
                if ready() {
                    self.learn_budget((budget * 2).min(LONGEST));
                    return true;
                }
                spin_loop();
            }
            now = now_nanos();
            if now >= end {
                self.learn_budget((budget / 2).max(SHORTEST));
                return false;
            }
        }
    }

    /// Writes where it changes: threads may share it.
    fn learn_budget(&self, budget: u32) {
        if budget != self.budget() {
            self.budget.store(budget, Ordering::Relaxed); // [P1]
        }
    }

    fn budget(&self) -> u32 {
        self.budget.load(Ordering::Relaxed) // [P1]
    }
}
