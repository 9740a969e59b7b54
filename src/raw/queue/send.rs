//! Sending: a position in the ring, and what goes into its slot.

use super::RawMessages;
use super::claim::{Claim, Own, Tail, Tenure};
use super::layout::{Me, RawQueue};
use super::local::SendEnd;
use super::look::pass_on;
use super::ring::{Actor, NoRoom};
use super::sizes::Sizes;
use crate::raw::eventcount::Moment;
use crate::segment::handle::Handle;
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::{Deadline, now_nanos};

/// Why nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotSent {
    /// No room until the deadline.
    Full,
    Closed,
}

/// How often, in nanoseconds, a sender that finds no room asks whether a receiver lives.
pub(super) const LOOK_INTERVAL: u64 = 64_000;
/// Messages of one `send_all` before sleepers are told.
const BATCH: usize = 64;

impl From<NoRoom> for NotSent {
    fn from(reason: NoRoom) -> NotSent {
        match reason {
            NoRoom::Full => NotSent::Full,
            NoRoom::Closed => NotSent::Closed,
        }
    }
}

impl<T: Shared> RawQueue<T> {
    /// Sends one message.
    #[inline(always)]
    pub(crate) fn send(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), NotSent> {
        if Sizes::<T>::LARGE {
            return self.send_large(peers, end, value, deadline);
        }
        self.place(peers, end, value, deadline)
    }

    /// Sends all, waiting for room. On failure tells how many were sent.
    pub(crate) fn send_all(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        values: &[T],
    ) -> Result<(), usize> {
        let mut sent = 0;
        while let Some(value) = values.get(sent) {
            let run =
                if Sizes::<T>::LARGE { 0 } else { self.place_run(peers, end, &values[sent..]) };
            if run == 0 {
                self.send(peers, end, value, Deadline::Never).map_err(|_| sent)?;
            }
            sent += run.max(1);
        }
        Ok(())
    }

    /// Sends small messages while there is room, and then tells those who wait for them; asks about
    /// nobody. Returns how many.
    #[inline(always)]
    fn place_run(&self, peers: &Handle<Self>, end: &SendEnd, values: &[T]) -> usize {
        if self.header.receivers.says_gone() {
            return 0;
        }
        let values = &values[..values.len().min(BATCH)];
        let count = match self.ring.tenure::<Tail>(peers.me_if_registered(), &end.progress) {
            Some(tenure) => self.place_run_as_owner(end, tenure, values),
            None => self.place_run_among_others(peers, end, values),
        };
        if count > 0 {
            self.header.items.publish_to(count as u32);
        }
        count
    }

    #[inline(always)]
    fn place_run_as_owner(&self, end: &SendEnd, mut tenure: Tenure<'_>, values: &[T]) -> usize {
        for (count, value) in values.iter().enumerate() {
            match self.ring.claim_in::<Tail>(&mut tenure, &end.progress) {
                Ok(own) => self.place_own(own, value),
                Err(None) => return count,
                Err(Some(position)) => {
                    self.place_at(end, Claim::among_others(position), value);
                    return count + 1;
                }
            }
        }
        values.len()
    }

    #[inline(never)]
    fn place_run_among_others(&self, peers: &Handle<Self>, end: &SendEnd, values: &[T]) -> usize {
        let actor = Actor::new(peers);
        let places = |value: &&T| {
            let claim = self.ring.claim_free_tail(&actor, &end.progress);
            claim.map(|claim| self.place_at(end, claim, value)).is_ok()
        };
        values.iter().take_while(places).count()
    }

    /// Sends a small message, and tells those who wait for it.
    #[inline(always)]
    fn place(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), NotSent> {
        match self.claim_own_room(peers.me_if_registered(), end) {
            Ok(own) => {
                self.place_own(own, value);
                self.header.items.publish_lightly();
                Ok(())
            }
            Err(claimed) => {
                self.place_among_others(peers, end, value, deadline, claimed)?;
                self.header.items.publish();
                Ok(())
            }
        }
    }

    /// Claims the next position, for the owner of the tail.
    ///
    /// # Errors
    /// As [`claim_as_owner`](super::ring::Ring::claim_as_owner).
    #[inline(always)]
    pub(super) fn claim_own_room(&self, me: Tag, end: &SendEnd) -> Result<Own<'_>, Option<u64>> {
        match self.header.receivers.says_gone() {
            true => Err(None),
            false => self.ring.claim_own_tail(me, &end.progress),
        }
    }

    #[inline(always)]
    fn place_own(&self, own: Own<'_>, value: &T) {
        self.write_slot_at(own.slot, value);
        self.ring.commit_own(own);
        self.ring.words.prefetch(self.ring.shape, own.position);
    }

    #[inline(always)]
    fn place_at(&self, end: &SendEnd, claim: Claim, value: &T) {
        self.write_slot(claim.position, value);
        self.commit(end, claim);
    }

    #[inline(never)]
    fn place_among_others(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        value: &T,
        deadline: Deadline,
        claimed: Option<u64>,
    ) -> Result<(), NotSent> {
        let claim = match claimed {
            Some(position) => Claim::among_others(position),
            None => self.claim_room(&Actor::new(peers), end, deadline)?,
        };
        self.place_at(end, claim, value);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn commit(&self, end: &SendEnd, claim: Claim) {
        self.ring.commit(claim.position);
        self.ring.words.prefetch(self.ring.shape, claim.position);
        self.ring.finish(&end.progress, claim);
    }

    #[inline(always)]
    pub(super) fn claim_room(
        &self,
        actor: &Me<'_, T>,
        end: &SendEnd,
        deadline: Deadline,
    ) -> Result<Claim, NotSent> {
        if !self.header.receivers.says_gone()
            && let Ok(claim) = self.ring.claim_free_tail(actor, &end.progress)
        {
            return Ok(claim);
        }
        self.wait_for_room(actor, end, deadline)
    }

    #[cold]
    #[inline(never)]
    fn wait_for_room(
        &self,
        actor: &Me<'_, T>,
        end: &SendEnd,
        deadline: Deadline,
    ) -> Result<Claim, NotSent> {
        let found = match deadline {
            Deadline::Now => self.look_for_room(actor, end, Moment::Awake),
            _ => {
                let run = end.progress.run(self.ring.tail_position());
                end.spin.learn(run, self.ring.longest_pause());
                end.spin.until(now_nanos(), || self.ring.tail_has_room());
                let mut slept = false;
                let found = self.header.space.wait(deadline, |moment| {
                    slept |= moment != Moment::Awake;
                    self.look_for_room(actor, end, moment)
                });
                if slept {
                    pass_on(&self.header.space, || self.ring.tail_has_room());
                }
                found
            }
        };
        found.unwrap_or(Err(NotSent::Full))
    }

    fn look_for_room(
        &self,
        actor: &Me<'_, T>,
        end: &SendEnd,
        moment: Moment,
    ) -> Option<Result<Claim, NotSent>> {
        let actor = &actor.at(moment);
        if self.nobody_receives(actor) {
            return Some(Err(NotSent::Closed));
        }
        match self.ring.claim_tail(actor, &end.progress) {
            Ok(claim) => return Some(Ok(claim)),
            Err(NoRoom::Closed) => return Some(Err(NotSent::Closed)),
            Err(NoRoom::Full) => {}
        }
        let gone = end.looked.due(LOOK_INTERVAL) && self.receivers().all_gone(actor);
        gone.then_some(Err(NotSent::Closed))
    }

    /// Whether sending is over, as far as can be told without asking who lives.
    pub(crate) fn refuses(&self, peers: &Handle<Self>) -> bool {
        self.ring.is_closed() || self.nobody_receives(&Actor::new(peers))
    }

    /// Whether all receivers that ever were are gone, and somebody noticed.
    pub(super) fn nobody_receives(&self, actor: &Me<'_, T>) -> bool {
        self.header.receivers.says_gone() && self.receivers().all_gone(actor)
    }
}
