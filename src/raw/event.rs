//! The event word: set or not, and how often it has been set.
//!
//! | bits | meaning |
//! |---|---|
//! | 0 | set |
//! | 1–31 | generation: how often it was set |
//!
//! ```text
//!   (g, clear) ── set: CAS, then wake all ──▶ (g+1, set) ── clear: CAS ──▶ (g+1, clear)
//! ```
//!
//! A waiter keeps the generation of its first look over all its naps: an event that was set has
//! released it, even if it was cleared before the waiter ran. *Dying here*: each change is one CAS; a
//! setter killed before its wake costs the waiters a bounded nap.

use super::hook::point;
use super::sync::{AtomicU32, Ordering, futex_wait, futex_wake};
use crate::segment::layout::{Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::sys::clock::{Deadline, Naps};
use std::ops::Deref;

#[cfg(all(test, not(loom)))]
mod deaths;
#[cfg(all(test, not(loom)))]
mod tests;
mod watch;

// Ordering:
// [EV1] set: CAS(Release) ↔ wait, is_set: load(Acquire)   what was done before set is visible after

const SET: u32 = 1;
const GENERATION: u32 = 2;

// SAFETY: [INP-1] an atomic only.
unsafe impl InPlace for EventWord {}

/// An event in place.
#[derive(Debug)]
pub(crate) struct RawEvent(Mapped<EventWord>);

impl Object for RawEvent {
    type Args<'a> = ();

    fn signature() -> Signature {
        Signature::plain(Kind::Event)
    }

    fn layout(_: &(), _: usize) -> Result<Layout, TooLarge> {
        let mut plan = Plan::new();
        plan.one::<EventWord>()?;
        Ok(plan.finish())
    }

    fn init(_: &Block, _: ()) -> Result<(), Damaged> {
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        Ok(RawEvent(block.one(0)?))
    }
}

impl Deref for RawEvent {
    type Target = EventWord;

    #[inline]
    fn deref(&self) -> &EventWord {
        &self.0
    }
}

/// An event. Zero bytes are one that is not set.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct EventWord(AtomicU32);

impl EventWord {
    pub(crate) fn set(&self) {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & SET == 0 {
            let set = word.wrapping_add(GENERATION) | SET;
            match self.0.compare_exchange(word, set, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => {
                    point!("event.before_wake");
                    futex_wake(&self.0, u32::MAX);
                    return;
                }
                Err(now) => word = now,
            }
        }
        // Set already: publish what this caller did before all the same.
        self.0.fetch_or(0, Ordering::Release); // [EV1]
    }

    pub(crate) fn clear(&self) {
        self.0.fetch_and(!SET, Ordering::AcqRel); // [EV1] a clear comes after the set it ends
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) & SET != 0 // [EV1]
    }

    /// Whether it was set at some time from when the word was `first` until it was `word`.
    fn has_happened(first: u32, word: u32) -> bool {
        word & SET != 0 || word | SET != first | SET
    }

    /// True when it was set at some time during the call.
    pub(crate) fn wait(&self, deadline: Deadline) -> bool {
        let first = self.0.load(Ordering::Acquire); // [EV1]
        let mut word = first;
        let mut naps = Naps::until(deadline);
        loop {
            if EventWord::has_happened(first, word) {
                return true;
            }
            let Some(nap) = naps.next() else { return false };
            point!("event.before_sleep");
            futex_wait(&self.0, word, nap);
            word = self.0.load(Ordering::Acquire); // [EV1]
        }
    }
}
