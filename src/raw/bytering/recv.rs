//! Receiving: the first record, and waiting for one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::annex::Place;
use super::hands::Receiving;
use super::layout::{Carried, Places, RawBytes};
use super::ring::Damaged;
use super::sink::Sink;
use super::wait::End;
use super::words::Record;
use super::{LOOK_INTERVAL, overwritten};
use crate::raw::eventcount::Moment;
use crate::raw::hook::point;
use crate::raw::queue::RawMessages;
use crate::raw::queue::look::NotReceived;
use crate::raw::queue::ring::Actor;
use crate::segment::handle::Handle;
use crate::sys::clock::Deadline;

/// What one attempt found.
enum Found<R> {
    /// A message, and what was taken from it before it was received.
    Message(Option<R>),
    Nothing,
    /// One that is not what it should be, and is gone.
    Invalid,
    /// What was overwritten, and is passed over.
    Damaged,
}

/// Receives by this end, into this buffer.
pub(crate) struct Receipt<'e, S, T> {
    pub(crate) end: &'e End,
    /// The message replaces its contents.
    pub(crate) into: S,
    /// Takes out of the bytes what the message refers to.
    pub(crate) take: T,
}

#[cold]
#[inline(never)]
fn invalid<C: Carried>() -> ! {
    panic!("a message is none of a {}: its memory was overwritten", C::signature().name);
}

impl<C: Carried> RawBytes<C> {
    /// Receives one message. Where it refers to what its sender keeps until it was received, `take` sees
    /// it before that, under the receivers' lock, and what it took is returned.
    ///
    /// # Panics
    /// When the ring was overwritten by something else, or `take` panics; the message is gone then.
    #[inline]
    pub(crate) fn recv<R>(
        &self,
        peers: &Handle<Self>,
        receipt: &mut Receipt<'_, impl Sink, impl FnMut(&[u8]) -> R>,
        deadline: Deadline,
    ) -> Result<Option<R>, NotReceived> {
        match self.attempt_recv(peers, receipt, deadline) {
            Some(Found::Message(taken)) => {
                self.header.space.publish_to(u32::MAX);
                Ok(taken)
            }
            Some(Found::Invalid) => invalid::<C>(),
            Some(Found::Damaged) => overwritten(),
            Some(Found::Nothing) | None => self.recv_slowly(peers, receipt, deadline),
        }
    }

    /// One attempt, under the receivers' lock. `None`: a living receiver kept that until the deadline.
    #[inline]
    fn attempt_recv<R>(
        &self,
        peers: &Handle<Self>,
        receipt: &mut Receipt<'_, impl Sink, impl FnMut(&[u8]) -> R>,
        deadline: Deadline,
    ) -> Option<Found<R>> {
        let mut receiving = self.ring.lock_to_recv(peers, &receipt.end.grant, deadline)?;
        let record = match receiving.first() {
            Ok(Some(record)) => record,
            Ok(None) => return Some(Found::Nothing),
            Err(Damaged) => {
                receiving.pass_over_all();
                return Some(Found::Damaged);
            }
        };
        let whole = receiving.read(record, &mut receipt.into);
        if record.annexed || record.refers {
            return Some(self.receive_in_steps(&mut receiving, record, receipt));
        }
        let beside = receiving.side.committed();
        receiving.release(record.units(), beside);
        Some(if whole { Found::Message(None) } else { Found::Invalid })
    }

    /// Receives a message that is elsewhere, or refers to something, from the record that was read.
    #[cold]
    #[inline(never)]
    fn receive_in_steps<R>(
        &self,
        receiving: &mut Receiving<'_, Places, Handle<Self>>,
        record: Record,
        receipt: &mut Receipt<'_, impl Sink, impl FnMut(&[u8]) -> R>,
    ) -> Found<R> {
        let annex = &self.ring.store.annex;
        let Receipt { into, take, .. } = receipt;
        let into = into.bytes();
        let place = record.annexed.then(|| Place::from_bytes(into.as_deref()?));
        let bytes = match (into, place) {
            (Some(bytes), None) => Some(bytes),
            (Some(bytes), Some(Some(place))) => annex.read(place, bytes).is_ok().then_some(bytes),
            _ => None,
        };
        let whole = bytes.is_some();
        // A panic must not leave the message there, for the next receiver to panic.
        let taken = bytes
            .filter(|_| record.refers)
            .map(|bytes| catch_unwind(AssertUnwindSafe(|| take(bytes))));
        point!("bytes.recv.taken");
        let beside = match place {
            None => receiving.side.committed(),
            Some(place) => annex.receiving(&receiving.side, place),
        };
        receiving.release(record.units(), beside);
        annex.repair_recv(&receiving.side);
        match taken {
            _ if !whole => Found::Damaged,
            None => Found::Message(None),
            Some(Ok(taken)) => Found::Message(Some(taken)),
            Some(Err(panic)) => resume_unwind(panic),
        }
    }

    fn look_for_message<R>(
        &self,
        actor: &Actor<'_, Handle<Self>>,
        receipt: &mut Receipt<'_, impl Sink, impl FnMut(&[u8]) -> R>,
        deadline: Deadline,
    ) -> Option<Result<Found<R>, NotReceived>> {
        if self.ring.stirs() {
            let found = self.attempt_recv(actor.peers, receipt, deadline)?;
            if !matches!(found, Found::Nothing) {
                return Some(Ok(found));
            }
        }
        let due = receipt.end.looked.due(LOOK_INTERVAL) || self.header.senders.says_gone();
        if !self.no_more_comes(actor, due, deadline) {
            return None;
        }
        // What was sent before that is visible now: look once more.
        match self.attempt_recv(actor.peers, receipt, deadline)? {
            Found::Nothing => Some(Err(NotReceived::Closed)),
            found => Some(Ok(found)),
        }
    }

    /// Whether nobody will send any more, for the time being.
    fn no_more_comes(
        &self,
        actor: &Actor<'_, Handle<Self>>,
        due: bool,
        deadline: Deadline,
    ) -> bool {
        match self.ring.is_closed() {
            true => self.ring.outlast_senders(actor.peers, deadline),
            false => due && self.senders().all_gone(actor),
        }
    }

    #[cold]
    #[inline(never)]
    fn recv_slowly<R>(
        &self,
        peers: &Handle<Self>,
        receipt: &mut Receipt<'_, impl Sink, impl FnMut(&[u8]) -> R>,
        deadline: Deadline,
    ) -> Result<Option<R>, NotReceived> {
        let actor = Actor::new(peers);
        let end = receipt.end;
        let mut look = |moment: Moment| self.look_for_message(&actor.at(moment), receipt, deadline);
        let found = match deadline {
            Deadline::Now => look(Moment::Awake),
            _ => {
                end.spin_until(self.ring.received(), || self.ring.stirs());
                self.header.items.wait(deadline, look)
            }
        };
        match found {
            Some(Ok(Found::Message(taken))) => {
                self.header.space.publish_to(u32::MAX);
                Ok(taken)
            }
            Some(Ok(Found::Invalid)) => invalid::<C>(),
            Some(Ok(Found::Damaged)) => overwritten(),
            Some(Err(NotReceived::Closed)) => {
                // Others may have looked just before, and sleep.
                self.header.items.publish_to(u32::MAX);
                Err(NotReceived::Closed)
            }
            Some(Ok(Found::Nothing) | Err(NotReceived::Empty)) | None => Err(NotReceived::Empty),
        }
    }
}
