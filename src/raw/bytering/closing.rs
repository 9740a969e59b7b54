//! What can be done with a byte ring whatever it carries: its size, its ends, and its end.

use super::layout::{Carried, RawBytes};
use super::wait::End;
use crate::raw::queue::ends::Endpoints;
use crate::raw::queue::ring::Actor;
use crate::segment::handle::Handle;

impl<C: Carried> RawBytes<C> {
    /// Messages sent and not received.
    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    /// A handle's ends go.
    pub(crate) fn leave(&self, peers: &Handle<Self>, send_end: &End, recv_end: &End) {
        self.ring.leave(peers, &send_end.grant, &recv_end.grant);
    }

    /// Closes for good, and tells everybody who waits.
    pub(crate) fn close(&self) {
        self.ring.close();
        // Also if it was closed before: who closed it may have died before it told.
        self.header.items.publish_to(u32::MAX);
        self.receivers_left();
    }

    /// Whether nothing can be sent: closed, or all receivers that ever were are gone.
    pub(crate) fn is_closed_to_senders(&self, peers: &Handle<Self>) -> bool {
        self.ring.is_closed() || self.receivers().all_gone(&Actor::new(peers))
    }

    pub(crate) fn senders(&self) -> Endpoints<'_> {
        Endpoints { hint: &self.header.senders, rows: &self.senders }
    }

    pub(crate) fn receivers(&self) -> Endpoints<'_> {
        Endpoints { hint: &self.header.receivers, rows: &self.receivers }
    }

    /// Tells those who wait to send that the last receiver left.
    pub(crate) fn receivers_left(&self) {
        self.header.space.publish_to(u32::MAX);
    }
}
