//! Leasing: a message in a cell, until it is done.

use std::cell::Cell;

use super::claim::Claim;
use super::layout::{Me, RawQueue};
use super::local::RecvEnd;
use super::look::{NotReceived, Scan, Taken};
use super::payload::invalid;
use super::ring::Actor;
use super::sizes::Sizes;
use crate::raw::hook::point;
use crate::raw::sync::Ordering;
use crate::segment::handle::Handle;
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// A leasing receiver looks at the clock once in so many positions: leases are longer than copies.
const LOOK_EACH: u64 = 8;

impl<T: Shared> RawQueue<T> {
    /// Leases one message, and returns the number of its cell and the tag it is leased under.
    #[inline(always)]
    pub(crate) fn lease(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<(usize, Tag), NotReceived> {
        let me = peers.me_if_registered();
        // What stirs ends the bias: the owner does not look at it.
        let leased = match Sizes::<T>::LARGE {
            true => self.lease_as_owner(me, end),
            false => Err(None),
        };
        let (number, tag) = match leased {
            Ok(number) => (number, me),
            Err(claimed) => self.lease_among_others(peers, end, deadline, claimed)?,
        };
        if !self.cell_is_valid(number) {
            self.put_cell(number);
            invalid::<T>();
        }
        Ok((number, tag))
    }

    #[inline(never)]
    fn lease_among_others(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        deadline: Deadline,
        claimed: Option<u64>,
    ) -> Result<(usize, Tag), NotReceived> {
        let actor = Actor::new(peers);
        let number = match claimed {
            Some(position) => Some(self.move_out(&actor, end, Claim::among_others(position), None)),
            None => self.lease_at_head(&actor, end),
        };
        let leased = |number| Ok((number, actor.me));
        number.map_or_else(|| self.lease_slowly(&actor, end, deadline).and_then(leased), leased)
    }

    #[inline]
    fn lease_at_head(&self, actor: &Me<'_, T>, end: &RecvEnd) -> Option<usize> {
        if Sizes::<T>::LARGE {
            let claim = self.claim_known(actor, end)?;
            return Some(self.move_out(actor, end, claim, None));
        }
        if !self.ring.head_is_full() {
            return None;
        }
        let cell = self.get_small_cell(actor, end)?;
        let Some(claim) = self.claim_known(actor, end) else {
            self.put_unused(cell);
            return None;
        };
        Some(self.move_out(actor, end, claim, Some(cell)))
    }

    #[cold]
    fn lease_slowly(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<usize, NotReceived> {
        if !matches!(deadline, Deadline::Now) {
            self.begin_wait(end);
        }
        let starved = Cell::new(false);
        let take = |actor: &Me<'_, T>, scan: Option<Scan>| {
            if Sizes::<T>::LARGE {
                return self.take(actor, end, scan);
            }
            // The cell first: nobody waits for one while holding a position.
            starved.set(false);
            let Some(cell) = self.get_small_cell(actor, end) else {
                starved.set(true);
                return None;
            };
            match self.take(actor, end, scan) {
                Some(Taken::Slot(claim)) => Some(Taken::SlotFor(claim, cell)),
                other => {
                    self.put_unused(cell);
                    other
                }
            }
        };
        loop {
            match self.wait_or(actor, end, deadline, &take, &|| starved.get()) {
                Some(Ok(Taken::Cell(number))) => return Ok(number),
                Some(Ok(Taken::Slot(claim))) => return Ok(self.move_out(actor, end, claim, None)),
                Some(Ok(Taken::SlotFor(claim, cell))) => {
                    return Ok(self.move_out(actor, end, claim, Some(cell)));
                }
                Some(Err(reason)) => return Err(reason),
                None if starved.get() && !matches!(deadline, Deadline::Now) => {}
                None => return Err(NotReceived::Empty),
            }
            // Messages may be there, but no cell: wait for one, without holding it. Whoever needs
            // none may have the message that this one was woken for.
            self.header.items.publish();
            let free = |_| {
                let cell = self.get_small_cell(actor, end)?;
                self.put_unused(cell);
                Some(())
            };
            if self.header.cells.wait(deadline, free).is_none() {
                return Err(NotReceived::Empty);
            }
        }
    }

    /// Makes a claimed message a lease in a cell.
    fn move_out(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        claim: Claim,
        cell: Option<usize>,
    ) -> usize {
        let position = claim.position;
        let number = match cell {
            Some(cell) => {
                self.forget_copies(actor, claim);
                self.copy_to_cell(position, cell);
                point!("queue.lease.copied");
                cell
            }
            None => self.read_number(self.ring.slot(position)).unwrap_or_else(|| {
                self.release(end, claim);
                invalid::<T>()
            }),
        };
        self.take_cell(actor.me, number, position);
        self.release(end, claim);
        self.cells.lease(actor.me, number);
        self.leased_at(end, position);
        number
    }

    #[inline(always)]
    pub(super) fn leased_at(&self, end: &RecvEnd, position: u64) {
        self.ring.words.prefetch(self.ring.shape, position);
        if position.is_multiple_of(LOOK_EACH) {
            self.look_now_and_then(end);
        }
    }

    fn get_small_cell(&self, actor: &Me<'_, T>, end: &RecvEnd) -> Option<usize> {
        let last = end.cell.load(Ordering::Relaxed) as usize; // [P1]
        // The one taken last is most likely free again; the first is one that few others start at.
        let start = if last < self.deliveries.len() { last } else { self.first_cell(actor.me) };
        let got = self.cells.get(actor.me, start).or_else(|| {
            self.scan_cells(actor, false);
            self.cells.get(actor.me, start)
        })?;
        end.cell.store(got as u32, Ordering::Relaxed); // [P1]
        Some(got)
    }

    fn first_cell(&self, me: Tag) -> usize {
        const LINE: usize = 16;
        (me.row() as usize).wrapping_mul(LINE) % self.deliveries.len()
    }
}
