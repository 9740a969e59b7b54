//! The eventcount: sleeping until somebody publishes, at no cost to who publishes to nobody.
//!
//! | bits | meaning |
//! |---|---|
//! | 31 | somebody may sleep (sticky) |
//! | 0–30 | sequence |
//!
//! ```text
//! publish: store what is published; fence; load word; flag set? wake as many as it is for
//!          fewer woke? CAS(the word as loaded → sequence + 1, no flag), then wake all
//! wait:    ready? set flag; fence; ready? sleep while the word is unchanged, bounded
//! ```
//!
//! A publication for several may find some of them between their last look and their sleep: it has
//! woken fewer than it is for. The flag is cleared only together with a step of the sequence, so
//! that such a sleeper finds the word changed. The fence is asymmetric (see `sys::membarrier`).
//! A killed publisher may leave its wake undone and a killed sleeper takes one with it: both cost
//! the others a bounded nap. (After Vyukov's eventcount.)

use super::hook::point;
use super::sync::{
    AtomicU32, Ordering, futex_wait, futex_wake, light_fence, publisher_fence, sleeper_fence,
};
use crate::segment::Look;
use crate::sys::clock::{Deadline, Naps};
use std::time::Duration;

#[cfg(all(test, not(loom)))]
mod deaths;

// Ordering:
// [E1] publisher: its store, publisher_fence, load(word) ↔ sleeper: RMW(word), sleeper_fence, its look
//      one of the two sees the other's store
// [E2] clear: CAS(AcqRel) ↔ sleeper: fetch_or(AcqRel)   who arms after a clear sees what it published

const FLAG: u32 = 1 << 31;
/// How long to sleep where publishers may not have seen the flag.
const UNFENCED_NAP: Duration = Duration::from_millis(1);

/// At which moment of a wait the caller is asked to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// Before anything else, or right before sleeping.
    Awake,
    /// After a nap: time to look for the dead as well.
    Napped(Look),
}

/// Where sleepers wait for a publication. Zero bytes are one without sleepers.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Eventcount(AtomicU32);

impl Eventcount {
    #[cfg(any(test, loom))]
    pub(crate) fn new() -> Eventcount {
        Eventcount(AtomicU32::new(0))
    }

    /// Wakes one sleeper, if any. What it is to see was stored before.
    #[inline]
    pub(crate) fn publish(&self) {
        self.publish_to(1);
    }

    /// Wakes one sleeper, if any, from a process in which the [light fence](light_fence) will do.
    #[inline(always)]
    pub(crate) fn publish_lightly(&self) {
        light_fence(); // [E1]
        let word = self.0.load(Ordering::Relaxed);
        if word & FLAG != 0 {
            self.wake(word, 1);
        }
    }

    /// Wakes up to `count` sleepers.
    #[inline]
    pub(crate) fn publish_to(&self, count: u32) {
        publisher_fence(); // [E1]
        let word = self.0.load(Ordering::Relaxed);
        if word & FLAG != 0 {
            self.wake(word, count);
        }
    }

    /// Wakes all sleepers if there are any, and what was published is what they wait for.
    #[inline]
    pub(crate) fn publish_if(&self, it_is: impl FnOnce() -> bool) {
        publisher_fence(); // [E1]
        let word = self.0.load(Ordering::Relaxed);
        if word & FLAG != 0 && it_is() {
            self.wake(word, u32::MAX);
        }
    }

    #[cold]
    fn wake(&self, word: u32, count: u32) {
        point!("eventcount.before_wake");
        // Where fewer slept, others may be between their last look and their sleep.
        if futex_wake(&self.0, count) >= count {
            return;
        }
        point!("eventcount.before_clear");
        let cleared = word.wrapping_add(1) & !FLAG;
        // [E2]
        let clear = self.0.compare_exchange(word, cleared, Ordering::AcqRel, Ordering::Relaxed);
        if clear.is_ok() {
            point!("eventcount.cleared");
            futex_wake(&self.0, u32::MAX);
        }
    }

    /// Lets publishers know of a sleeper, and tells what to sleep on: for who looks at several. A fence
    /// and a last look follow, as in `wait`.
    #[cfg(not(loom))]
    pub(crate) fn arm(&self) -> (&AtomicU32, u32) {
        let word = self.0.fetch_or(FLAG, Ordering::AcqRel) | FLAG; // [E1] [E2]
        point!("eventcount.armed");
        (&self.0, word)
    }

    /// Sleeps until `look` finds something, or the deadline passes. `look` may take what it finds.
    pub(crate) fn wait<R>(
        &self,
        deadline: Deadline,
        mut look: impl FnMut(Moment) -> Option<R>,
    ) -> Option<R> {
        let mut naps = Naps::until(deadline);
        let mut moment = Moment::Awake;
        loop {
            if let Some(found) = look(moment) {
                return Some(found);
            }
            let word = self.0.fetch_or(FLAG, Ordering::AcqRel) | FLAG; // [E1] [E2]
            point!("eventcount.armed");
            if !sleeper_fence() {
                naps = naps.at_most(UNFENCED_NAP);
            }
            if let Some(found) = look(Moment::Awake) {
                return Some(found);
            }
            point!("eventcount.before_sleep");
            futex_wait(&self.0, word, naps.next()?);
            moment = Moment::Napped(Look::after(&naps));
        }
    }
}
