//! The semaphore: how many permits are available, and how many each participant holds.
//!
//! ```text
//! lock: LockWord   available   total   limit   permits: Eventcount   held[row]: generation | count
//! when nobody holds the lock and nobody died:  available + Σ held = total
//! ```
//!
//! Everything changes under the lock word. `held` and `total` are the truth; `available` is derived,
//! and whoever takes the lock over from the dead computes it again before anything else. So a death
//! between any two stores leaves nothing half-done: a permit is held once `held` says so (by somebody
//! dead: by nobody), `release` has happened once `total` says so, `forget` likewise (the dying
//! holder's own count no longer matters).
//!
//! Who finds no permit looks whether a holder of permits died, and whether the books add up: they do
//! not when somebody died under the lock, nor when the next participant in a dead holder's row has
//! taken permits since, which overwrites the dead one's count. Until then `available` may be too low,
//! never too high. *Paused* under the lock: the others wait, for their own timeouts at most, or for
//! 64 ms where those are shorter.

use std::mem::offset_of;
use std::sync::atomic::AtomicU32 as PlainU32;

use super::eventcount::{Eventcount, Moment};
use super::hook::point;
use super::lock::LockWord;
use super::row_count::RowCount;
use super::sync::Ordering;
use crate::segment::layout::{ClaimForm, ClaimRun, Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::segment::{Look, Peers, Tag};
use crate::sys::clock::Deadline;

#[cfg(all(test, not(loom)))]
mod deaths;

// Ordering:
// [S1] the counters change under the lock word, which orders them ([L1]); reading `available` without
//      it is a guess that the lock confirms

#[repr(C)]
struct State {
    lock: LockWord,
    available: PlainU32,
    total: PlainU32,
    limit: PlainU32,
    permits: Eventcount,
}

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for State {}
// SAFETY: [INP-1] an atomic only.
unsafe impl InPlace for RowCount {}

/// A semaphore in place.
#[derive(Debug)]
pub(crate) struct RawSemaphore {
    state: Mapped<State>,
    held: Mapped<[RowCount]>,
}

/// How many permits there are at first, and how many there may ever be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permits {
    pub(crate) total: u32,
    pub(crate) limit: u32,
}

fn plan(rows: usize) -> Result<(usize, usize, Layout), TooLarge> {
    let mut plan = Plan::new();
    let state = plan.one::<State>()?;
    let held = plan.many::<RowCount>(rows)?;
    plan.claims(ClaimRun { offset: state, stride: 4, count: 1, form: ClaimForm::Word32 });
    let permits = state + offset_of!(State, permits);
    plan.claims(ClaimRun { offset: permits, stride: 4, count: 1, form: ClaimForm::Sleepers });
    plan.claims(ClaimRun { offset: held, stride: 4, count: rows, form: ClaimForm::RowCount });
    Ok((state, held, plan.finish()))
}

impl Object for RawSemaphore {
    type Args<'a> = Permits;

    fn signature() -> Signature {
        Signature::plain(Kind::Semaphore)
    }

    fn layout(_: &Permits, rows: usize) -> Result<Layout, TooLarge> {
        Ok(plan(rows)?.2)
    }

    fn init(block: &Block, Permits { total, limit }: Permits) -> Result<(), Damaged> {
        let raw = RawSemaphore::attach(block)?;
        raw.state.available.store(total, Ordering::Relaxed);
        raw.state.total.store(total, Ordering::Relaxed);
        raw.state.limit.store(limit, Ordering::Relaxed);
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        let rows = block.attachment().rows();
        let (state, held, _) = plan(rows)?;
        Ok(RawSemaphore { state: block.one(state)?, held: block.many(held, rows)? })
    }
}

impl RawSemaphore {
    /// Takes a permit, returning the tag it is held under.
    #[inline]
    pub(crate) fn acquire(&self, peers: &impl Peers, deadline: Deadline) -> Option<Tag> {
        self.take(peers, deadline).or_else(|| self.acquire_slow(peers, deadline))
    }

    #[cold]
    fn acquire_slow(&self, peers: &impl Peers, deadline: Deadline) -> Option<Tag> {
        let reclaim_and_take = |look| {
            self.reclaim(peers, deadline, look).then(|| self.take(peers, deadline)).flatten()
        };
        if deadline.left().is_none() {
            return reclaim_and_take(Look::Quick);
        }
        let taken = self.state.permits.wait(deadline, |moment| match moment {
            Moment::Awake => self.take(peers, deadline),
            Moment::Napped(look) => self.take(peers, deadline).or_else(|| reclaim_and_take(look)),
        });
        taken.or_else(|| reclaim_and_take(Look::Quick))
    }

    #[inline]
    fn take(&self, peers: &impl Peers, deadline: Deadline) -> Option<Tag> {
        if self.available() == 0 {
            return None;
        }
        let taken = self.with_lock(peers, deadline, |me| {
            let available = self.state.available.load(Ordering::Relaxed); // [S1]
            let taken = available != 0 && self.held_by(me).add_locked(me);
            if taken {
                point!("semaphore.taking");
                self.state.available.store(available - 1, Ordering::Relaxed); // [S1]
            }
            taken.then_some(me)
        });
        taken.flatten()
    }

    /// Gives back a permit held under `tag`.
    #[inline]
    pub(crate) fn give_back(&self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() != tag {
            return;
        }
        self.with_lock_for_sure(peers, |me| {
            if self.held_by(me).subtract_locked(me).is_some() {
                point!("semaphore.giving_back");
                let available = self.state.available.load(Ordering::Relaxed); // [S1]
                self.state.available.store(available.saturating_add(1), Ordering::Relaxed);
            }
        });
        point!("semaphore.given_back");
        self.state.permits.publish();
    }

    /// Lets a permit held under `tag` disappear: there is one less for ever.
    pub(crate) fn forget(&self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() != tag {
            return;
        }
        self.with_lock_for_sure(peers, |me| {
            let total = self.state.total.load(Ordering::Relaxed);
            self.state.total.store(total.saturating_sub(1), Ordering::Relaxed); // [S1]
            point!("semaphore.forgetting");
            self.held_by(me).subtract_locked(me);
        });
    }

    /// Adds permits; refuses to go over the limit, changing nothing.
    pub(crate) fn release(&self, peers: &impl Peers, count: u32) -> bool {
        let released = self.with_lock_for_sure(peers, |_| {
            let limit = self.state.limit.load(Ordering::Relaxed);
            let total = self.state.total.load(Ordering::Relaxed);
            let Some(more) = total.checked_add(count).filter(|total| *total <= limit) else {
                return false;
            };
            self.state.total.store(more, Ordering::Relaxed); // [S1] the commit
            point!("semaphore.releasing");
            let available = self.state.available.load(Ordering::Relaxed);
            self.state.available.store(available.saturating_add(count), Ordering::Relaxed);
            true
        });
        if released && count > 0 {
            point!("semaphore.released");
            self.state.permits.publish_to(count);
        }
        released
    }

    #[inline]
    pub(crate) fn available(&self) -> u32 {
        self.state.available.load(Ordering::Relaxed) // [S1]
    }

    /// Runs `change` under the lock, on books that are right: who takes the lock over from the dead
    /// derives `available` anew, and tells those who wait for permits.
    #[inline]
    fn with_lock<R>(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        change: impl FnOnce(Tag) -> R,
    ) -> Option<R> {
        let me = peers.me();
        match self.state.lock.claim(me) {
            Ok(()) => Some(self.change(peers, me, change)),
            Err(word) => self.with_lock_contended(peers, me, word, deadline, change),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_lock_contended<R>(
        &self,
        peers: &impl Peers,
        me: Tag,
        word: u32,
        deadline: Deadline,
        change: impl FnOnce(Tag) -> R,
    ) -> Option<R> {
        let mut repaired = false;
        let repair = |_| {
            self.recompute(peers);
            repaired = true;
        };
        let me = self.state.lock.lock_or_repair_contended(peers, me, word, deadline, repair)?;
        let result = self.change(peers, me, change);
        if repaired {
            self.state.permits.publish_to(u32::MAX);
        }
        Some(result)
    }

    /// Runs `change` under the lock, which was just taken, and gives that back.
    #[inline]
    fn change<R>(&self, peers: &impl Peers, me: Tag, change: impl FnOnce(Tag) -> R) -> R {
        point!("semaphore.locked");
        let result = change(me);
        point!("semaphore.changed");
        self.state.lock.unlock(peers, me);
        result
    }

    #[inline]
    fn with_lock_for_sure<R>(&self, peers: &impl Peers, mut change: impl FnMut(Tag) -> R) -> R {
        loop {
            if let Some(result) = self.with_lock(peers, Deadline::Never, &mut change) {
                return result;
            }
        }
    }

    #[inline]
    fn held_by(&self, me: Tag) -> &RowCount {
        &self.held[me.row() as usize]
    }

    /// Takes back the permits of dead holders, and finishes what one that died under the lock began;
    /// says whether it is worth another try.
    #[cold]
    fn reclaim(&self, peers: &impl Peers, deadline: Deadline, look: Look) -> bool {
        let any_dead = self.holders().any(|(_, tag, _)| peers.is_dead(tag, look));
        if !any_dead && self.is_balanced() {
            return false;
        }
        let wrong = self.with_lock(peers, deadline, |_| {
            // Unless it was only somebody alive who was in the middle of a change.
            let wrong = any_dead || !self.is_balanced();
            if wrong {
                self.recompute(peers);
            }
            wrong
        });
        if wrong == Some(true) {
            self.state.permits.publish_to(u32::MAX);
        }
        wrong.is_some()
    }

    /// Whether the books add up. They do not, for good, after a death under the lock, and where a
    /// dead holder's count was overwritten by the next participant in its row.
    fn is_balanced(&self) -> bool {
        let held: u64 = self.holders().map(|(_, _, count)| u64::from(count)).sum();
        let total = self.state.total.load(Ordering::Relaxed); // [S1]
        held + u64::from(self.available()) == u64::from(total)
    }

    /// Derives what is available from who lives. Under the lock.
    #[cold]
    fn recompute(&self, peers: &impl Peers) {
        let mut held = 0;
        for (row, tag, count) in self.holders() {
            let dead = peers.is_dead(tag, Look::Quick);
            if !dead || peers.take_over(tag, || row.forget(tag, count)).is_none() {
                held += count;
            }
        }
        point!("semaphore.recomputing");
        let total = self.state.total.load(Ordering::Relaxed);
        self.state.available.store(total.saturating_sub(held), Ordering::Relaxed); // [S1]
    }

    fn holders(&self) -> impl Iterator<Item = (&RowCount, Tag, u32)> {
        self.held.iter().enumerate().filter_map(|(row, count)| {
            count.owner(row, Ordering::Relaxed).map(|(tag, held)| (count, tag, held))
        })
    }
}
