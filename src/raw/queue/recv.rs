//! Receiving by copy.

use super::claim::{Claim, Head, How, Own, Tenure};
use super::layout::{Me, RawQueue};
use super::local::RecvEnd;
use super::look::{NotReceived, Taken};
use super::payload::checked;
use super::ring::Actor;
use super::sizes::Sizes;
use crate::raw::sync::spin_loop;
use crate::segment::Peers;
use crate::segment::handle::Handle;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// A busy receiver looks at the clock once in so many positions.
const LOOK_EACH: u64 = 128;

impl<T: Shared> RawQueue<T> {
    /// Receives one message, by copy.
    #[inline(always)]
    pub(crate) fn recv(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<T, NotReceived> {
        if Sizes::<T>::LARGE {
            let (number, _) = self.lease(peers, end, deadline)?;
            return Ok(self.copy_out(number));
        }
        match self.recv_at_head(peers, end) {
            Some(message) => Ok(message),
            None => self.recv_slowly(peers, end, deadline),
        }
    }

    /// Receives at least one and at most `max` messages, by copy.
    pub(crate) fn recv_many(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        into: &mut Vec<T>,
        max: usize,
    ) -> Result<usize, NotReceived> {
        if max == 0 {
            return Ok(0);
        }
        into.push(self.recv(peers, end, Deadline::Never)?);
        let mut count = 1;
        while count < max {
            let run =
                if Sizes::<T>::LARGE { 0 } else { self.take_run(peers, end, into, max - count) };
            count += run;
            if run > 0 {
                continue;
            }
            // Large, or something else is to be looked at first.
            let more = Sizes::<T>::LARGE || self.has_stirred(end);
            let next = more.then(|| self.recv(peers, end, Deadline::Now).ok()).flatten();
            let Some(message) = next else { break };
            into.push(message);
            count += 1;
        }
        self.header.space.publish_to(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(count)
    }

    /// Receives small messages while they lie at the head, `max` at most, unless something else is to be
    /// looked at first. Returns how many; tells nobody yet.
    #[inline(always)]
    fn take_run(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        into: &mut Vec<T>,
        max: usize,
    ) -> usize {
        let before = into.len();
        // What stirs ends the bias: the owner does not look at it.
        match self.ring.tenure::<Head>(peers.me_if_registered(), &end.progress) {
            Some(tenure) => self.take_run_as_owner(end, tenure, into, max),
            None => into.extend((0..max).map_while(|_| self.recv_among_others(peers, end, None))),
        }
        into.len() - before
    }

    #[inline(always)]
    fn take_run_as_owner(
        &self,
        end: &RecvEnd,
        mut tenure: Tenure<'_>,
        into: &mut Vec<T>,
        max: usize,
    ) {
        for _ in 0..max {
            match self.ring.claim_in::<Head>(&mut tenure, &end.progress) {
                Ok(own) => into.push(self.take_own(end, own)),
                Err(None) => return,
                Err(Some(position)) => {
                    return into.push(self.take_at(end, Claim::among_others(position)));
                }
            }
        }
    }

    /// The small message at the head, unless something else is to be looked at first. Tells those who wait
    /// for room.
    #[inline(always)]
    fn recv_at_head(&self, peers: &Handle<Self>, end: &RecvEnd) -> Option<T> {
        // What stirs ends the bias: the owner does not look at it.
        match self.ring.claim_own_head(peers.me_if_registered(), &end.progress) {
            Ok(own) => Some(self.take_own_and_tell(end, own)),
            Err(claimed) => {
                let message = self.recv_among_others(peers, end, claimed)?;
                self.header.space.publish();
                Some(message)
            }
        }
    }

    #[inline(always)]
    fn read_own(&self, own: Own<'_>) -> T::Bits {
        let bits = self.read_slot_at(own.slot);
        self.ring.release_own(own);
        self.ring.words.prefetch(self.ring.shape, own.position);
        bits
    }

    #[inline(always)]
    fn take_own_and_tell(&self, end: &RecvEnd, own: Own<'_>) -> T {
        let bits = self.read_own(own);
        self.header.space.publish_lightly();
        self.count_one(end, own.position);
        checked(bits)
    }

    #[inline(always)]
    fn take_own(&self, end: &RecvEnd, own: Own<'_>) -> T {
        let bits = self.read_own(own);
        self.count_one(end, own.position);
        checked(bits)
    }

    /// Now and then there is something else to look at.
    #[inline(always)]
    fn count_one(&self, end: &RecvEnd, position: u64) {
        if position.is_multiple_of(LOOK_EACH) {
            self.look_now_and_then(end);
        }
    }

    #[inline(never)]
    fn recv_among_others(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        claimed: Option<u64>,
    ) -> Option<T> {
        let claim = match claimed {
            Some(position) => Claim::among_others(position),
            None => self.claim_known(&Actor::new(peers), end)?,
        };
        Some(self.take_at(end, claim))
    }

    fn take_at(&self, end: &RecvEnd, claim: Claim) -> T {
        let position = claim.position;
        let bits = self.read_slot(position);
        self.ring.release(position);
        self.ring.words.prefetch(self.ring.shape, position);
        self.ring.finish(&end.progress, claim);
        self.count_one(end, position);
        checked(bits)
    }

    /// The position at the head, unless something else is to be looked at first.
    #[inline]
    pub(super) fn claim_known(&self, actor: &Me<'_, T>, end: &RecvEnd) -> Option<Claim> {
        if self.has_stirred(end) {
            return None;
        }
        let claim = self.ring.claim_full_head(actor, &end.progress).ok()?;
        self.notice_what_stirred(end, claim);
        Some(claim)
    }

    #[cold]
    #[inline(never)]
    fn recv_slowly(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<T, NotReceived> {
        if !matches!(deadline, Deadline::Now) {
            self.begin_wait(end);
            if let Some(message) = self.recv_at_once(peers, end) {
                return Ok(message);
            }
        }
        let actor = &Actor::new(peers);
        match self.wait_for(actor, end, deadline, &|actor, scan| self.take(actor, end, scan))? {
            Taken::Cell(number) => Ok(self.copy_out(number)),
            Taken::Slot(claim) | Taken::SlotFor(claim, _) => {
                self.forget_copies(actor, claim);
                let bits = self.read_slot(claim.position);
                self.release(end, claim);
                Ok(checked(bits))
            }
        }
    }

    /// Looks a few times more, as the owner, for a message that is on its way. An answer from the other core
    /// comes sooner than all that a wait does else.
    #[inline(always)]
    fn recv_at_once(&self, peers: &Handle<Self>, end: &RecvEnd) -> Option<T> {
        let mut tenure = self.ring.tenure::<Head>(peers.me_if_registered(), &end.progress)?;
        for _ in 0..end.spin.looks() {
            if !self.ring.is_ready::<Head>(&tenure) {
                spin_loop();
                continue;
            }
            return match self.ring.claim_in::<Head>(&mut tenure, &end.progress) {
                Ok(own) => Some(self.take_own_and_tell(end, own)),
                Err(claimed) => {
                    let message = self.take_at(end, Claim::among_others(claimed?));
                    self.header.space.publish();
                    Some(message)
                }
            };
        }
        None
    }

    /// Copies a leased message out of its cell, and is done with it.
    fn copy_out(&self, number: usize) -> T {
        let bits = self.read_cell(number);
        self.put_cell(number);
        checked(bits)
    }

    #[inline]
    pub(super) fn release(&self, end: &RecvEnd, claim: Claim) {
        self.ring.release(claim.position);
        self.ring.finish(&end.progress, claim);
        self.header.space.publish();
    }

    /// The dead consumer of an adopted position may have begun to move it to a cell.
    pub(super) fn forget_copies(&self, actor: &Me<'_, T>, claim: Claim) {
        if claim.how == How::Adopted {
            self.cells.sweep(actor, claim.position);
        }
    }
}
