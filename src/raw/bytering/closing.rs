//! What can be done with a byte ring whatever it carries: its size, its ends, and its end.

use super::layout::{Carried, RawBytes};
use crate::raw::queue::RawMessages;
use crate::raw::queue::ends::Endpoints;
use crate::raw::queue::ring::Actor;
use crate::segment::handle::Handle;

#[allow(private_interfaces, reason = "part of a sealed trait, out of reach")]
impl<C: Carried> RawMessages for RawBytes<C> {
    fn len(&self) -> usize {
        self.ring.len()
    }

    /// In bytes.
    fn capacity(&self) -> usize {
        self.capacity
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

    fn senders_left(&self) {
        self.header.items.publish_to(u32::MAX);
    }

    fn receivers_left(&self) {
        self.header.space.publish_to(u32::MAX);
    }
}
