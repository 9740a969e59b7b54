//! What can be done with a byte ring whatever it carries: its size, its ends, and its end.

use super::layout::{Carried, RawBytes};
use super::wait::End;
use crate::raw::queue::RawMessages;
use crate::raw::queue::ends::Endpoints;
use crate::raw::queue::ring::Actor;
use crate::raw::watch::Watch;
use crate::segment::handle::Handle;

#[allow(private_interfaces, reason = "part of a sealed trait, out of reach")]
impl<C: Carried> RawMessages for RawBytes<C> {
    type SendEnd = End;
    type RecvEnd = End;

    fn ends() -> (End, End) {
        (End::new(), End::new())
    }

    fn len(&self) -> usize {
        self.ring.len()
    }

    /// In bytes.
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn is_full(&self) -> bool {
        !self.ring.has_room_now(1)
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

    fn leave(&self, peers: &Handle<Self>, send_end: &End, recv_end: &End) {
        self.ring.leave(peers, &send_end.grant, &recv_end.grant);
    }

    fn senders_left(&self) {
        self.header.items.publish_to(u32::MAX);
    }

    fn receivers_left(&self) {
        self.header.space.publish_to(u32::MAX);
    }

    fn watch(handle: &Handle<Self>) -> Box<dyn Watch + '_> {
        Box::new(RawBytes::watched(handle))
    }
}
