//! The event word: set or not, whether somebody sleeps, and how often it has been set.
//!
//! | bits | meaning |
//! |---|---|
//! | 0 | set |
//! | 1 | somebody may sleep until it is; of a clear word only |
//! | 2–31 | generation: how often it was set |
//!
//! ```text
//!   (g, clear) ──────────── set: CAS ───────────▶ (g+1, set) ── clear ──▶ (g+1, clear)
//!      │ before a sleep: CAS                          ▲
//!      └─▶ (g, clear, sleepers) ── set: CAS, wake all ┘
//! ```
//!
//! A waiter stays awake for a while, as long as that paid lately. It keeps the generation of its first look over
//! all its naps: an event that was set has released it, even if it was cleared before the waiter ran.
//! *Dying here*: each change is one CAS; a setter killed before its wake costs the waiters a bounded nap, also
//! where others set the event again, to whom nobody sleeps. A killed sleeper costs the next setter a wake.

use super::hook::point;
use super::spin::Spin;
use super::sync::{AtomicU32, Ordering, futex_wait, futex_wake, spin_loop};
use crate::segment::layout::{Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::sys::clock::{Deadline, Naps, now_nanos};
use std::ops::Deref;

#[cfg(all(test, not(loom)))]
mod deaths;
#[cfg(all(test, not(loom)))]
mod tests;
mod watch;

// Ordering:
// [EV1] set: CAS(Release) ↔ wait, is_set: load(Acquire)   what was done before set is visible after
//       Whatever else changes the word is an RMW as well, and takes nothing away from that.
// [EV2] arm: CAS(Relaxed) ↔ set: CAS   of one word, so one comes first: the setter sees the sleeper, or the word is
//       no longer what the sleeper sleeps on

const SET: u32 = 1;
const SLEEPERS: u32 = 2;
const GENERATION: u32 = 4;

// SAFETY: [INP-1] an atomic only.
unsafe impl InPlace for EventWord {}

/// An event in place.
#[derive(Debug)]
pub(crate) struct RawEvent {
    word: Mapped<EventWord>,
    /// What this process learned of its waits.
    spin: Spin,
}

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
        Ok(RawEvent { word: block.one(0)?, spin: Spin::new() })
    }
}

impl Deref for RawEvent {
    type Target = EventWord;

    #[inline]
    fn deref(&self) -> &EventWord {
        &self.word
    }
}

impl RawEvent {
    /// True when it was set at some time during the call.
    pub(crate) fn wait(&self, deadline: Deadline) -> bool {
        let first = self.word.load();
        EventWord::has_happened(first, first)
            || (deadline.left().is_some() && self.comes_soon(first))
            || self.word.sleep(first, deadline)
    }

    /// Stays awake for a while, until it was set.
    fn comes_soon(&self, first: u32) -> bool {
        let is_here = || EventWord::has_happened(first, self.word.load());
        for _ in 0..self.spin.looks() {
            if is_here() {
                return true;
            }
            spin_loop();
        }
        self.spin.until(now_nanos(), is_here)
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
            let set = (word & !SLEEPERS).wrapping_add(GENERATION) | SET;
            // [EV1] [EV2]
            match self.0.compare_exchange(word, set, Ordering::Release, Ordering::Relaxed) {
                Ok(_) if word & SLEEPERS == 0 => return,
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
        self.load() & SET != 0
    }

    #[inline]
    fn load(&self) -> u32 {
        self.0.load(Ordering::Acquire) // [EV1]
    }

    /// Whether it was set at some time from when the word was `first` until it was `word`.
    fn has_happened(first: u32, word: u32) -> bool {
        (first | word) & SET != 0 || (word ^ first) & !(SET | SLEEPERS) != 0
    }

    /// Lets setters know of a sleeper, and tells what to sleep on: what the word is, unless it was set since it
    /// was `first`, and clear.
    fn arm(&self, first: u32) -> u32 {
        point!("event.before_arm");
        let armed = first | SLEEPERS;
        if first != armed {
            // [EV2]
            let _ = self.0.compare_exchange(first, armed, Ordering::Relaxed, Ordering::Relaxed);
        }
        armed
    }

    /// Sleeps until it was set since the word was `first`. False: not until the deadline.
    fn sleep(&self, first: u32, deadline: Deadline) -> bool {
        let mut naps = Naps::until(deadline);
        while !EventWord::has_happened(first, self.load()) {
            let Some(nap) = naps.next() else { return false };
            let armed = self.arm(first);
            point!("event.before_sleep");
            futex_wait(&self.0, armed, nap);
        }
        true
    }
}
