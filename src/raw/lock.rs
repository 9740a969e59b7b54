//! The lock word: held or free, by whom, and whether anybody sleeps on it, in 32 bits.
//!
//! | bits | meaning |
//! |---|---|
//! | 31 | somebody sleeps, or did when last looked |
//! | 24–30 | zero |
//! | 0–23 | the holder's tag; 0 free |
//!
//! ```text
//!            CAS 0→me                     holder is dead
//!   FREE ───────────────▶ HELD(me) ───────────────────────▶ recover: CAS HELD(dead)→HELD(me)
//!    ▲  CAS me→0             │  panic: CAS me→POISONED ───▶ recover: CAS POISONED→HELD(me)
//!    └───────────────────────┘
//! ```
//!
//! Claim and attribution are one CAS, so a death at any instruction leaves the word free or with
//! the dead holder's tag in it. Who has slept takes the lock with the sleepers bit set: it cannot
//! know whether others sleep. An unlock that finds the bit leaves it and wakes one; only when nobody
//! was there does it clear it. A woken sleeper that is killed takes the wake with it: the others'
//! naps are bounded.

use super::hook::point;
use super::sync::{AtomicU32, Ordering, futex_wait, futex_wake, spin_loop};
use crate::segment::{Look, Peers, Tag};
use crate::sys::clock::{Deadline, Naps};

#[cfg(all(test, not(loom)))]
mod deaths;

// Ordering:
// [L1] unlock: CAS(Release) ↔ lock, recover: CAS(Acquire)   what the holder wrote is visible to the next
// A poisoning, too, is a Release: the next holder sees what the panic left.

const SLEEPERS: u32 = 1 << 31;
/// About a microsecond: a short critical section ends within it.
const SPINS: u32 = 100;

/// Why a lock was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// The deadline passed while a living participant held it.
    Timeout,
    /// Its holder is dead.
    OwnerDied,
    /// A panic left it.
    Poisoned,
}

/// A living participant holds what was to be recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Held;

/// What was to be taken over from the dead is not theirs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotDead {
    Free,
    Held,
}

/// A mutual exclusion claim. Zero bytes are a free one.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct LockWord(AtomicU32);

impl LockWord {
    #[cfg(any(test, loom))]
    pub(crate) fn new() -> LockWord {
        LockWord(AtomicU32::new(0))
    }

    /// Takes the lock for this process, and returns the tag it is held under.
    #[inline]
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Tag, Refused> {
        let me = peers.me();
        match self.claim(me) {
            Ok(()) => Ok(me),
            Err(word) => self.lock_contended(peers, me, word, deadline),
        }
    }

    #[cold]
    fn lock_contended(
        &self,
        peers: &impl Peers,
        me: Tag,
        mut word: u32,
        deadline: Deadline,
    ) -> Result<Tag, Refused> {
        let mut naps = Naps::until(deadline);
        let mut slept = 0;
        let mut spins = if matches!(deadline, Deadline::Now) { 0 } else { SPINS };
        loop {
            let holder = Tag::from_bits(word);
            if holder.is_nobody() {
                let claim = word & SLEEPERS | slept | me.bits();
                // [L1]
                match self.cas(word, claim, Ordering::Acquire) {
                    Ok(()) => return Ok(me),
                    Err(now) => word = now,
                }
                continue;
            }
            if holder == Tag::POISONED {
                return Err(Refused::Poisoned);
            }
            if holder == Tag::GONE {
                return Err(Refused::OwnerDied);
            }
            if spins > 0 && word & SLEEPERS == 0 && super::spin::pays() {
                spins -= 1;
                spin_loop();
                word = self.0.load(Ordering::Relaxed);
                continue;
            }
            let Some(nap) = naps.next() else {
                return self.refuse_if_dead(peers, holder, Look::Quick).and(Err(Refused::Timeout));
            };
            if word & SLEEPERS == 0 {
                if let Err(now) = self.cas(word, word | SLEEPERS, Ordering::Relaxed) {
                    word = now;
                    continue;
                }
                word |= SLEEPERS;
            }
            point!("lock.before_sleep");
            futex_wait(&self.0, word, nap);
            slept = SLEEPERS;
            let before = holder;
            word = self.0.load(Ordering::Relaxed);
            if Tag::from_bits(word) == before {
                self.refuse_if_dead(peers, before, Look::after(&naps))?;
                word = self.0.load(Ordering::Relaxed);
            }
        }
    }

    /// Refuses a lock whose holder, as just read, is dead and left it so. First the death, then the
    /// word: the holder may have unlocked it and ended since it was read, but the dead change nothing.
    fn refuse_if_dead(&self, peers: &impl Peers, holder: Tag, look: Look) -> Result<(), Refused> {
        point!("lock.before_look");
        let orphaned =
            peers.is_dead(holder, look) && Tag::from_bits(self.0.load(Ordering::Relaxed)) == holder;
        if orphaned { Err(Refused::OwnerDied) } else { Ok(()) }
    }

    /// Gives the lock back. Does nothing in a process that does not hold it under `tag`: a forked
    /// child's copy of a guard.
    #[inline]
    pub(crate) fn unlock(&self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() != tag {
            return;
        }
        // [L1]
        if self.0.compare_exchange(tag.bits(), 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_contended(tag);
        }
    }

    #[cold]
    fn unlock_contended(&self, tag: Tag) {
        // [L1]
        if self.cas(tag.bits() | SLEEPERS, SLEEPERS, Ordering::Release).is_err() {
            return; // not held under this tag: memory was overwritten, and is left alone
        }
        point!("lock.before_wake");
        if futex_wake(&self.0, 1) == 0 {
            let _ = self.cas(SLEEPERS, 0, Ordering::Relaxed);
        }
    }

    /// Leaves the lock poisoned instead of free, and tells everybody.
    #[cold]
    pub(crate) fn poison(&self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() == tag {
            self.abandon(tag, Tag::POISONED);
        }
    }

    /// Puts a lock that was recovered back with the dead, for the next to recover.
    #[cold]
    pub(crate) fn unrecover(&self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() == tag {
            self.abandon(tag, Tag::GONE);
        }
    }

    fn abandon(&self, tag: Tag, left: Tag) {
        let mut word = tag.bits();
        while let Err(now) = self.cas(word, word & SLEEPERS | left.bits(), Ordering::Release) {
            if Tag::from_bits(now) != tag {
                return;
            }
            word = now;
        }
        point!("lock.abandoned");
        futex_wake(&self.0, u32::MAX);
    }

    /// Takes a lock that is free, poisoned, or held by the dead.
    #[cold]
    pub(crate) fn recover(&self, peers: &impl Peers) -> Result<Tag, Held> {
        loop {
            match self.take_over(peers) {
                Ok(tag) => return Ok(tag),
                Err(NotDead::Held) => return Err(Held),
                Err(NotDead::Free) => {
                    if let Ok(tag) = self.lock(peers, Deadline::Now) {
                        return Ok(tag);
                    }
                }
            }
        }
    }

    /// Takes a lock that is poisoned or held by the dead, and no other: of several who were told so
    /// exactly one gets it, and those who come after it was given back do not.
    #[cold]
    pub(crate) fn take_over(&self, peers: &impl Peers) -> Result<Tag, NotDead> {
        let me = peers.me();
        loop {
            let word = self.0.load(Ordering::Relaxed);
            let holder = Tag::from_bits(word);
            // [L1]
            let take = || self.cas(word, word & SLEEPERS | me.bits(), Ordering::Acquire).is_ok();
            if holder.is_nobody() {
                return Err(NotDead::Free);
            } else if holder == Tag::POISONED {
                if take() {
                    return Ok(me);
                }
            } else if !peers.is_dead(holder, Look::Quick) {
                return Err(NotDead::Held);
            } else {
                point!("lock.recover.before_cas");
                if peers.take_over(holder, take) == Some(true) {
                    point!("lock.recovered");
                    return Ok(me);
                }
            }
        }
    }

    /// Takes the lock, from a dead holder too: for state that is whole at every instruction.
    #[inline]
    pub(crate) fn lock_or_take_over(&self, peers: &impl Peers) -> Tag {
        loop {
            if let Some(tag) = self.lock_or_repair(peers, Deadline::Never, |_| ()) {
                return tag;
            }
        }
    }

    /// Takes the lock; where that was from a dead holder, runs `repair` under it. A death in there
    /// leaves the lock with the dead again, and the next one repairs. `None`: a living participant
    /// kept it until the deadline, and for some milliseconds at least: it is held for few
    /// instructions, unless its holder is stopped.
    #[inline]
    pub(crate) fn lock_or_repair(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        repair: impl FnOnce(Tag),
    ) -> Option<Tag> {
        let me = peers.me();
        match self.claim(me) {
            Ok(()) => Some(me),
            Err(word) => self.lock_or_repair_contended(peers, me, word, deadline, repair),
        }
    }

    /// Takes the lock under this process's tag if it is free; else the word as it is.
    #[inline]
    pub(crate) fn claim(&self, me: Tag) -> Result<(), u32> {
        // [L1]
        self.0.compare_exchange(0, me.bits(), Ordering::Acquire, Ordering::Relaxed).map(drop)
    }

    /// As [`lock_or_repair`](Self::lock_or_repair), for who found it held.
    #[cold]
    pub(crate) fn lock_or_repair_contended(
        &self,
        peers: &impl Peers,
        me: Tag,
        word: u32,
        deadline: Deadline,
        repair: impl FnOnce(Tag),
    ) -> Option<Tag> {
        let deadline = deadline.or_shortly();
        let mut refused = self.lock_contended(peers, me, word, deadline);
        loop {
            match refused {
                Ok(tag) => return Some(tag),
                Err(Refused::Timeout) => return None,
                Err(Refused::OwnerDied | Refused::Poisoned) => {}
            }
            if let Ok(tag) = self.take_over(peers) {
                repair(tag);
                return Some(tag);
            }
            refused = self.lock(peers, deadline);
        }
    }

    /// Whether anybody, living or dead, holds it.
    pub(crate) fn is_locked(&self) -> bool {
        !Tag::from_bits(self.0.load(Ordering::Relaxed)).is_nobody()
    }

    /// A strong CAS that tells what was there instead.
    #[inline]
    fn cas(&self, from: u32, to: u32, success: Ordering) -> Result<(), u32> {
        self.0.compare_exchange(from, to, success, Ordering::Relaxed).map(|_| ())
    }
}
