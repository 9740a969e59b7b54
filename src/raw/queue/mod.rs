//! The queue: a ring of slots, cells beside it, and who is at either end.

#[cfg(not(loom))]
use crate::segment::handle::Handle;

pub(crate) mod bias;
pub(crate) mod cells;
pub(crate) mod claim;
pub(crate) mod progress;
pub(crate) mod recovery;
pub(crate) mod ring;
pub(crate) mod words;

#[cfg(not(loom))]
mod done;
#[cfg(not(loom))]
pub(crate) mod ends;
#[cfg(not(loom))]
pub(crate) mod guard;
#[cfg(not(loom))]
mod large;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
mod lease;
#[cfg(not(loom))]
pub(crate) mod local;
#[cfg(not(loom))]
pub(crate) mod look;
#[cfg(not(loom))]
mod payload;
#[cfg(not(loom))]
mod recv;
#[cfg(not(loom))]
pub(crate) mod send;
#[cfg(not(loom))]
mod sizes;
#[cfg(not(loom))]
mod watch;

/// What can be done with a queue, whatever its messages are.
#[cfg(not(loom))]
#[allow(private_bounds, private_interfaces, reason = "part of a sealed trait, out of reach")]
pub trait RawMessages: crate::segment::object::Object {
    /// What a handle remembers of its sends, and of its receives.
    type SendEnd: Send + Sync;
    type RecvEnd: Send + Sync;

    fn ends() -> (Self::SendEnd, Self::RecvEnd);

    /// Messages sent and not received.
    fn len(&self) -> usize;

    /// How many messages there is room for; of byte rings, how many bytes.
    fn capacity(&self) -> usize;

    /// Whether there is no room for any message.
    fn is_full(&self) -> bool;

    /// Closes for good, and tells everybody who waits.
    fn close(&self);

    /// Whether nothing can be sent: closed, or all receivers that ever were are gone.
    fn is_closed_to_senders(&self, peers: &Handle<Self>) -> bool;

    /// Whether nothing more comes: closed, or all senders that ever were are gone.
    fn is_closed_to_receivers(&self, peers: &Handle<Self>) -> bool;

    fn senders(&self) -> ends::Endpoints<'_>;
    fn receivers(&self) -> ends::Endpoints<'_>;

    /// A handle's ends go.
    fn leave(&self, peers: &Handle<Self>, send_end: &Self::SendEnd, recv_end: &Self::RecvEnd);

    /// Tells those who wait to receive that the last sender left.
    fn senders_left(&self);

    /// Tells those who wait to send that the last receiver left.
    fn receivers_left(&self);

    /// Begins to watch it, for who waits for several things.
    fn watch(handle: &Handle<Self>) -> Box<dyn super::watch::Watch + '_>;
}

#[cfg(all(test, not(loom)))]
mod tests;
