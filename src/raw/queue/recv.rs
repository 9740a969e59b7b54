//! Receiving: by copy, or by lease; and when there is nothing more to receive.

use std::cell::Cell;
use std::ops::Range;

use super::RawMessages;
use super::layout::{Me, RawQueue, Sizes};
use super::local::RecvEnd;
use super::payload::{checked, invalid};
use super::ring::{Actor, Claim};
use crate::raw::eventcount::Moment;
use crate::raw::hook::point;
use crate::raw::sync::Ordering;
use crate::segment::handle::Handle;
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotReceived {
    /// Nothing came until the deadline.
    Empty,
    Closed,
}

/// A message that is the caller's.
enum Taken {
    Slot(Claim),
    /// A small message in its slot, and a cell to move it to.
    SlotFor(Claim, usize),
    /// A leased one, that was leased before or is large.
    Cell(usize),
}

/// Which slots to look at for what dead consumers left there.
struct Scan {
    slots: Range<usize>,
    /// What stirred before it began, if it will have looked at everything by its end.
    stir: Option<u32>,
}

/// A busy receiver looks at the clock once in so many positions, and after the dead every 64 ms.
const CLOCK_MASK: u64 = 127;
/// Leases are longer.
const LEASE_CLOCK_MASK: u64 = 7;
const BUSY_LOOK: u64 = 64_000_000;

/// An idle one looks this long, in nanoseconds, after its last look at the earliest.
const IDLE_LOOK: u64 = 64_000;
/// And this much longer for each slot: a look takes 1 ns for each, or less.
const IDLE_LOOK_SLOT: u64 = 64;
/// Slots that are looked at each time, in a ring of more.
const LOOK_SLOTS: usize = 1 << 18;

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
        if let Some(message) = self.recv_at_head(peers, end) {
            self.header.space.publish();
            return Ok(message);
        }
        self.recv_slowly(peers, end, deadline)
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
            let next = if Sizes::<T>::LARGE {
                self.recv(peers, end, Deadline::Now).ok()
            } else {
                self.recv_at_head(peers, end)
            };
            let Some(message) = next else { break };
            into.push(message);
            count += 1;
        }
        self.header.space.publish_to(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(count)
    }

    /// The small message at the head, unless something else is to be looked at first. Tells nobody yet.
    #[inline(always)]
    fn recv_at_head(&self, peers: &Handle<Self>, end: &RecvEnd) -> Option<T> {
        let position = self.claim_known(peers, end)?;
        let bits = self.read_slot(position);
        self.ring.release(position);
        end.finish(position);
        if position & CLOCK_MASK == 0 {
            self.look_now_and_then(end);
        }
        Some(checked(bits))
    }

    #[inline(always)]
    fn claim_known(&self, peers: &Handle<Self>, end: &RecvEnd) -> Option<u64> {
        if self.stir() != end.seen.load(Ordering::Relaxed) {
            return None; // [P1]
        }
        self.ring.claim_full_head(peers.me(), end.finished()).ok()
    }

    #[cold]
    #[inline(never)]
    fn recv_slowly(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<T, NotReceived> {
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

    /// Copies a leased message out of its cell, and is done with it.
    fn copy_out(&self, number: usize) -> T {
        let bits = self.read_cell(number);
        self.put_cell(number);
        checked(bits)
    }

    /// Leases one message, and returns the number of its cell and the tag it is leased under.
    #[inline]
    pub(crate) fn lease(
        &self,
        peers: &Handle<Self>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<(usize, Tag), NotReceived> {
        let actor = Actor::new(peers);
        let number = match self.lease_at_head(&actor, end) {
            Some(number) => number,
            None => self.lease_slowly(&actor, end, deadline)?,
        };
        if !self.cell_is_valid(number) {
            self.put_cell(number);
            invalid::<T>();
        }
        Ok((number, actor.me))
    }

    #[inline]
    fn lease_at_head(&self, actor: &Me<'_, T>, end: &RecvEnd) -> Option<usize> {
        if Sizes::<T>::LARGE {
            let position = self.claim_known(actor.peers, end)?;
            return Some(self.move_out(actor, end, Claim { position, adopted: false }, None));
        }
        if !self.ring.head_stirs() {
            return None;
        }
        let cell = self.get_small_cell(actor, end)?;
        let Some(position) = self.claim_known(actor.peers, end) else {
            self.put_unused(cell);
            return None;
        };
        Some(self.move_out(actor, end, Claim { position, adopted: false }, Some(cell)))
    }

    #[cold]
    fn lease_slowly(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<usize, NotReceived> {
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
            // Messages may be there, but no cell: wait for one without holding it.
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
            None => self.read_number(position).unwrap_or_else(|| {
                self.release(end, claim);
                invalid::<T>()
            }),
        };
        // One delivery, also of what was adopted: who died with it may not have seen it.
        self.deliveries[number].store(1, Ordering::Relaxed); // [C2]
        self.cells.taking(actor.me, number, position);
        self.release(end, claim);
        self.cells.lease(actor.me, number);
        if position & LEASE_CLOCK_MASK == 0 {
            self.look_now_and_then(end);
        }
        number
    }

    #[inline]
    fn release(&self, end: &RecvEnd, claim: Claim) {
        self.ring.release(claim.position);
        if !claim.adopted {
            end.finish(claim.position);
        }
        self.header.space.publish();
    }

    /// The dead consumer of an adopted position may have begun to move it to a cell.
    fn forget_copies(&self, actor: &Me<'_, T>, claim: Claim) {
        if claim.adopted {
            self.cells.sweep(actor, claim.position);
        }
    }

    /// One attempt to take a message from the ring, looking for orphans first.
    fn take(&self, actor: &Me<'_, T>, end: &RecvEnd, scan: Option<Scan>) -> Option<Taken> {
        if let Some(Scan { slots, stir }) = scan {
            if let Some(position) = self.ring.adopt_orphan(actor, slots) {
                return Some(Taken::Slot(Claim { position, adopted: true }));
            }
            if let Some(stir) = stir {
                end.seen.store(stir, Ordering::Relaxed); // [P1]
            }
        }
        self.ring.claim_head(actor, end.finished()).map(Taken::Slot)
    }

    fn wait_for(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        deadline: Deadline,
        take: &dyn Fn(&Me<'_, T>, Option<Scan>) -> Option<Taken>,
    ) -> Result<Taken, NotReceived> {
        self.wait_or(actor, end, deadline, take, &|| false).unwrap_or(Err(NotReceived::Empty))
    }

    /// Waits until something can be taken. `None`: the deadline passed, or `give_up` said so.
    fn wait_or(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        deadline: Deadline,
        take: &dyn Fn(&Me<'_, T>, Option<Scan>) -> Option<Taken>,
        give_up: &dyn Fn() -> bool,
    ) -> Option<Result<Taken, NotReceived>> {
        if matches!(deadline, Deadline::Now) {
            return self.look(actor, end, take);
        }
        let stirred = || self.stir() != end.seen.load(Ordering::Relaxed);
        if !stirred() {
            end.spin.until(|| self.ring.head_stirs() || stirred());
        }
        let look = |moment: Moment| match self.look(&actor.at(moment), end, take) {
            None if give_up() => Some(None),
            None => None,
            found => Some(found),
        };
        self.header.items.wait(deadline, look).flatten()
    }

    /// One look at everything that there is to receive.
    fn look(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        take: &dyn Fn(&Me<'_, T>, Option<Scan>) -> Option<Taken>,
    ) -> Option<Result<Taken, NotReceived>> {
        let capacity = self.ring.shape.capacity() as usize;
        // Read before the scan: what stirs during it is due next time.
        let stir = self.stir();
        let stirred = stir != end.seen.load(Ordering::Relaxed); // [P1]
        let pace = IDLE_LOOK + IDLE_LOOK_SLOT * capacity.min(LOOK_SLOTS) as u64;
        let due = stirred || end.looked.due(pace);
        let scan = if due {
            if let Some(number) = self.scan_cells(actor, true) {
                return Some(Ok(Taken::Cell(number)));
            }
            let slots = if stirred { 0..capacity } else { self.next_slots(end) };
            Some(Scan { slots, stir: stirred.then_some(stir) })
        } else {
            None
        };
        if let Some(taken) = take(actor, scan) {
            return Some(Ok(taken));
        }
        if self.no_more_comes(actor, due) {
            // What was sent before that is visible now: look at everything once more.
            if let Some(number) = self.scan_cells(actor, true) {
                return Some(Ok(Taken::Cell(number)));
            }
            if let Some(taken) = take(actor, Some(Scan { slots: 0..capacity, stir: None })) {
                return Some(Ok(taken));
            }
            if self.is_settled() {
                return Some(Err(NotReceived::Closed));
            }
        }
        self.header.drained.publish();
        None
    }

    /// The part of a long ring whose turn it is.
    fn next_slots(&self, end: &RecvEnd) -> Range<usize> {
        let capacity = self.ring.shape.capacity() as usize;
        if capacity <= LOOK_SLOTS {
            return 0..capacity;
        }
        let start = end.cursor.fetch_add(LOOK_SLOTS as u64, Ordering::Relaxed) as usize % capacity; // [P1]
        start..(start + LOOK_SLOTS).min(capacity)
    }

    /// Moves when a lease came back, and when somebody was found dead.
    #[inline]
    fn stir(&self) -> u32 {
        let returned = self.header.returned.load(Ordering::Acquire); // [C4]
        returned.wrapping_add(self.deaths.load(Ordering::Acquire))
    }

    /// Under load, too, somebody has to look after the dead: makes the next receive do so.
    #[cold]
    #[inline(never)]
    fn look_now_and_then(&self, end: &RecvEnd) {
        if end.looked.due(BUSY_LOOK) {
            end.seen.store(self.stir().wrapping_sub(1), Ordering::Relaxed); // [P1]
        }
    }

    /// Whether nobody will send any more, for the time being.
    fn no_more_comes(&self, actor: &Me<'_, T>, due: bool) -> bool {
        self.ring.is_closed()
            || ((due || self.header.senders.says_gone()) && self.senders().all_gone(actor))
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
