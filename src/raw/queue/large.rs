//! Large messages, in cells: built, sent and leased where they lie.

use super::RawMessages;
use super::claim::Claim;
use super::layout::{Me, RawQueue};
use super::local::{RecvEnd, SendEnd};
use super::payload::invalid;
use super::ring::Actor;
use super::send::{LOOK_INTERVAL, NotSent};
use super::sizes::Sizes;
use crate::raw::eventcount::Moment;
use crate::raw::hook::point;
use crate::raw::sync::Ordering;
use crate::segment::handle::Handle;
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

// Ordering: [C2] [C3] of the cells, [P1] of the ends.

impl<T: Shared> RawQueue<T> {
    #[inline(never)]
    pub(super) fn send_large(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), NotSent> {
        if matches!(deadline, Deadline::Now) {
            // Do not copy a large message for nothing.
            self.ring.find_room(&Actor::new(peers)).map_err(NotSent::from)?;
        }
        let (number, _) = self.reserve(peers, end, deadline)?;
        self.write_cell(number, value);
        self.send_reserved(peers, end, number, deadline).inspect_err(|_| self.put_cell(number))
    }

    /// Takes a cell to build a large message in.
    #[inline(always)]
    pub(crate) fn reserve(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        deadline: Deadline,
    ) -> Result<(usize, Tag), NotSent> {
        let me = peers.me_if_registered();
        // A tail that is somebody's own is not closed.
        let open = !self.header.receivers.says_gone() && self.ring.owns_tail(me, &end.progress);
        match open.then(|| self.get_near_cell(me, end)).flatten() {
            Some(number) => Ok((number, me)),
            None => self.reserve_slowly(peers, end, deadline),
        }
    }

    #[inline(never)]
    fn reserve_slowly(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        deadline: Deadline,
    ) -> Result<(usize, Tag), NotSent> {
        let actor = Actor::new(peers);
        let look = |moment| self.look_for_cell(&actor.at(moment), end);
        let found = match look(Moment::Awake) {
            None if !matches!(deadline, Deadline::Now) => self.header.cells.wait(deadline, look),
            found => found,
        };
        Ok((found.unwrap_or(Err(NotSent::Full))?, actor.me))
    }

    fn look_for_cell(&self, actor: &Me<'_, T>, end: &SendEnd) -> Option<Result<usize, NotSent>> {
        if self.ring.is_closed() || self.nobody_receives(actor) {
            return Some(Err(NotSent::Closed));
        }
        let near = self.get_near_cell(actor.me, end);
        if let Some(number) = near.or_else(|| self.get_far_cell(actor, end)) {
            return Some(Ok(number));
        }
        let gone = end.looked.due(LOOK_INTERVAL) && self.receivers().all_gone(actor);
        gone.then_some(Err(NotSent::Closed))
    }

    /// The cell beside the slot that this end will most likely send at, of the first ones.
    #[inline]
    fn get_near_cell(&self, me: Tag, end: &SendEnd) -> Option<usize> {
        let number = self.near(end);
        if !self.cells.take(me, number) {
            return None;
        }
        point!("queue.reserved");
        Some(number)
    }

    /// The one beyond them that was taken last, which is the most likely one to be in the cache; or the next.
    #[cold]
    #[inline(never)]
    fn get_far_cell(&self, actor: &Me<'_, T>, end: &SendEnd) -> Option<usize> {
        let far = end.far.load(Ordering::Relaxed) as usize; // [P1]
        let start = far.max(self.round());
        let number = self.cells.get(actor.me, start).or_else(|| {
            self.scan_cells(actor, false);
            self.cells.get(actor.me, 0)
        })?;
        end.far.store(number as u32, Ordering::Relaxed); // [P1]
        point!("queue.reserved");
        Some(number)
    }

    #[inline(always)]
    fn near(&self, end: &SendEnd) -> usize {
        end.near.load(Ordering::Relaxed) as usize & (self.round() - 1) // [P1]
    }

    /// Cells that senders go round in while they suffice.
    #[inline(always)]
    fn round(&self) -> usize {
        Sizes::<T>::ROUND.min(self.ring.shape.capacity() as usize)
    }

    /// Sends the large message that was built in a reserved cell. On failure the cell stays the caller's.
    #[inline(always)]
    pub(crate) fn send_reserved(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        number: usize,
        deadline: Deadline,
    ) -> Result<(), NotSent> {
        let me = peers.me_if_registered();
        match self.claim_own_room(me, end) {
            Ok(own) => {
                self.write_number(own.slot, number);
                self.cells.queue(me, number, own.position);
                self.ring.commit_own(own);
                self.header.items.publish_lightly();
                self.ring.words.prefetch(self.ring.shape, own.position);
                self.goes_on_beside(end, own.position);
                Ok(())
            }
            Err(claimed) => self.send_reserved_among_others(peers, end, number, deadline, claimed),
        }
    }

    #[inline(never)]
    fn send_reserved_among_others(
        &self,
        peers: &Handle<Self>,
        end: &SendEnd,
        number: usize,
        deadline: Deadline,
        claimed: Option<u64>,
    ) -> Result<(), NotSent> {
        let actor = Actor::new(peers);
        let claim = match claimed {
            Some(position) => Claim::among_others(position),
            None => self.claim_room(&actor, end, deadline)?,
        };
        self.write_number(self.ring.slot(claim.position), number);
        self.cells.queue(actor.me, number, claim.position);
        self.commit(end, claim);
        self.header.items.publish();
        self.goes_on_beside(end, claim.position);
        Ok(())
    }

    /// The end's next message will most likely be sent at the next position.
    #[inline(always)]
    fn goes_on_beside(&self, end: &SendEnd, position: u64) {
        end.near.store((position as u32).wrapping_add(1), Ordering::Relaxed); // [P1]
        self.cells.words.prefetch(self.near(end));
    }

    /// The large message at the head becomes a lease of the head's owner.
    ///
    /// # Errors
    /// As [`claim_as_owner`](super::ring::Ring::claim_as_owner).
    #[inline(always)]
    pub(super) fn lease_as_owner(&self, me: Tag, end: &RecvEnd) -> Result<usize, Option<u64>> {
        let own = self.ring.claim_own_head(me, &end.progress)?;
        let Some(number) = self.read_number(own.slot) else {
            self.ring.release_own(own);
            invalid::<T>()
        };
        self.take_cell(me, number, own.position);
        self.ring.release_own(own);
        self.header.space.publish_lightly();
        self.cells.lease(me, number);
        self.leased_at(end, own.position);
        Ok(number)
    }

    /// The message of this position is in the cell, and will be the caller's lease.
    #[inline(always)]
    pub(super) fn take_cell(&self, me: Tag, number: usize, position: u64) {
        // One delivery, also of what was adopted: who died with it may not have seen it.
        self.deliveries[number].store(1, Ordering::Relaxed); // [C2]
        self.cells.taking(me, number, position);
    }
}
