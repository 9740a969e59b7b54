//! What ends a message, and when all have ended.

use super::RawMessages;
use super::ends::Endpoints;
use super::layout::{Me, RawQueue};
use super::local::{RecvEnd, SendEnd};
use super::ring::Actor;
use crate::raw::eventcount::Moment;
use crate::raw::sync::{Ordering, fence};
use crate::raw::watch::Watch;
use crate::segment::Peers;
use crate::segment::handle::Handle;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

impl<T: Shared> RawQueue<T> {
    /// Is done with a leased message, or drops a reserved cell.
    #[inline]
    pub(crate) fn put_cell(&self, number: usize) {
        self.cells.put(number);
        self.header.cells.publish();
        self.header.drained.publish_if(|| self.ring.len() == 0);
    }

    /// Puts a cell back that was taken for a message that was not there.
    pub(super) fn put_unused(&self, number: usize) {
        self.cells.put(number);
        self.header.cells.publish();
    }

    /// Leaves a leased message for the next receiver.
    #[inline(never)]
    pub(crate) fn give_back(&self, number: usize) {
        self.cells.give_back(number);
        self.header.returned.fetch_add(1, Ordering::Release); // [C4]
        fence(Ordering::SeqCst); // [Q8]
        self.ring.interrupt_receiver();
        self.header.items.publish();
        // Some may wait for a cell to lease with: this message needs none.
        self.header.cells.publish();
    }

    /// How often the leased message was delivered, this time included.
    pub(crate) fn deliveries(&self, number: usize) -> u32 {
        self.deliveries[number].load(Ordering::Relaxed) // [C2]
    }

    /// Frees what the dead left in cells; with `receive`, leases the first message among it.
    pub(super) fn scan_cells(&self, actor: &Me<'_, T>, receive: bool) -> Option<usize> {
        let (freed, found) = self.cells.scan(actor, receive);
        if freed > 0 {
            self.header.cells.publish_to(freed);
        }
        let number = found?;
        let before = self.deliveries[number].load(Ordering::Relaxed); // [C2]
        self.deliveries[number].store(before.saturating_add(1), Ordering::Relaxed);
        Some(number)
    }

    /// Waits until every message that was sent was received, and every lease is done.
    pub(crate) fn wait_done(&self, peers: &Handle<Self>, deadline: Deadline) -> bool {
        let actor = Actor::new(peers);
        let settled = |moment: Moment| {
            self.ring.pass_abandoned(&actor.at(moment));
            self.is_settled().then_some(())
        };
        self.header.drained.wait(deadline, settled).is_some()
    }

    /// Whether every message that was sent was received, and every lease is done, at one moment.
    ///
    /// Slots first, then cells, then tail again. A message moves from its slot to a cell and never back,
    /// and is in the cell before it leaves the slot: one that was not in its slot when that was looked
    /// at was in its cell, or done, by the time the cells were. If tail did not move, none was sent
    /// meanwhile; so at the second look at tail there was none anywhere.
    pub(super) fn is_settled(&self) -> bool {
        self.ring
            .drained_at()
            .is_some_and(|tail| self.cells.none_leased() && self.ring.tail_position() == tail)
    }
}

#[allow(private_interfaces, reason = "part of a sealed trait, out of reach")]
impl<T: Shared> RawMessages for RawQueue<T> {
    type SendEnd = SendEnd;
    type RecvEnd = RecvEnd;

    fn ends() -> (SendEnd, RecvEnd) {
        (SendEnd::new(), RecvEnd::new())
    }

    fn len(&self) -> usize {
        self.ring.len() as usize
    }

    fn capacity(&self) -> usize {
        self.ring.shape.capacity() as usize
    }

    fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    fn close(&self) {
        self.ring.close();
        // Also if it was closed before: who closed it may have died before it told.
        self.header.items.publish_to(u32::MAX);
        self.receivers_left();
    }

    fn is_closed_to_senders(&self, peers: &Handle<Self>) -> bool {
        self.ring.is_closed() || self.receivers().all_gone(&Actor::new(peers))
    }

    fn is_closed_to_receivers(&self, peers: &Handle<Self>) -> bool {
        self.ring.is_closed() || self.senders().all_gone(&Actor::new(peers))
    }

    fn senders(&self) -> Endpoints<'_> {
        Endpoints { hint: &self.header.senders, rows: &self.senders }
    }

    fn receivers(&self) -> Endpoints<'_> {
        Endpoints { hint: &self.header.receivers, rows: &self.receivers }
    }

    fn leave(&self, peers: &Handle<Self>, send_end: &SendEnd, recv_end: &RecvEnd) {
        self.ring.leave(peers.me_if_registered(), &send_end.progress, &recv_end.progress);
    }

    fn senders_left(&self) {
        self.header.items.publish_to(u32::MAX);
    }

    fn receivers_left(&self) {
        self.header.space.publish_to(u32::MAX);
        self.header.cells.publish_to(u32::MAX);
    }

    fn watch(handle: &Handle<Self>) -> Box<dyn Watch + '_> {
        Box::new(RawQueue::watched(handle))
    }
}
