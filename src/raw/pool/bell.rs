//! A bell: those who wait for the ends of jobs sleep until it rings.
//!
//! | bits | meaning |
//! |---|---|
//! | 1–31 | how often it rang |
//! | 0 | somebody sleeps |
//!
//! Who sleeps asks what the bell shows, then looks (and asks to be told, by RING in the job's word), then
//! sleeps unless it rang meanwhile. A ring nobody sleeps through costs one addition. *Dying here*: a
//! ringer that dies before the wake leaves the sleepers to their bounded naps, and to the owner, who
//! rings all bells when a worker died.

use std::time::Duration;

use crate::raw::sync::{AtomicU32, Ordering, futex_wait, futex_wake};

// Ordering:
// [B1] ring: fetch_add(AcqRel) ↔ sleep: CAS(AcqRel), which fails if it rang since

const SLEEPERS: u32 = 1;
const STEP: u32 = 2;

/// A bell. Zero bytes are one that never rang.
#[repr(transparent)]
pub(crate) struct Bell(AtomicU32);

impl Bell {
    #[cfg(loom)]
    pub(crate) fn new() -> Bell {
        Bell(AtomicU32::new(0))
    }

    /// What it shows: to be asked before the last look.
    #[inline]
    pub(crate) fn shows(&self) -> u32 {
        self.0.load(Ordering::Acquire) | SLEEPERS
    }

    /// Wakes those who sleep, and all who are about to.
    #[inline]
    pub(crate) fn ring(&self) {
        let before = self.0.fetch_add(STEP, Ordering::AcqRel); // [B1]
        if before & SLEEPERS != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        self.0.fetch_and(!SLEEPERS, Ordering::AcqRel);
        futex_wake(&self.0, u32::MAX);
    }

    /// Makes itself heard from now on: the word to sleep on, while it has this value.
    pub(crate) fn arm(&self) -> (&AtomicU32, u32) {
        let now = self.0.fetch_or(SLEEPERS, Ordering::AcqRel) | SLEEPERS; // [B1]
        (&self.0, now)
    }

    /// Sleeps until it rings after it showed `seen`, for `nap` at most.
    pub(crate) fn sleep(&self, seen: u32, nap: Duration) {
        let awake = seen & !SLEEPERS;
        // [B1]
        let armed = self.0.compare_exchange(awake, seen, Ordering::AcqRel, Ordering::Acquire);
        if armed.is_ok() || armed == Err(seen) {
            futex_wait(&self.0, seen, nap);
        }
    }
}
