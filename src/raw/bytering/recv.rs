//! Receiving: the first record, and waiting for one.

use super::annex::Place;
use super::layout::{Carried, Places, RawBytes};
use super::ring::{Damaged, First, Receiving};
use super::wait::End;
use super::words::Record;
use super::{LOOK_INTERVAL, overwritten};
use crate::raw::eventcount::Moment;
use crate::raw::queue::RawMessages;
use crate::raw::queue::look::NotReceived;
use crate::raw::queue::ring::Actor;
use crate::segment::handle::Handle;
use crate::sys::clock::Deadline;

/// What one attempt found.
enum Found {
    Message,
    Nothing,
    /// Nothing, and nothing more comes.
    Closed,
    /// What was overwritten, and is passed over.
    Damaged,
}

impl<C: Carried> RawBytes<C> {
    /// Receives one message: its bytes replace the contents of `into`.
    ///
    /// # Panics
    /// When the ring was overwritten by something else.
    #[inline]
    pub(crate) fn recv(
        &self,
        peers: &Handle<Self>,
        end: &End,
        into: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<(), NotReceived> {
        into.clear();
        if let Some(Found::Message) = self.attempt_recv(peers, into, deadline) {
            self.header.space.publish_to(u32::MAX);
            return Ok(());
        }
        self.recv_slowly(peers, end, into, deadline)
    }

    /// One attempt, under the receivers' lock. `None`: a living receiver kept that until the deadline.
    #[inline]
    fn attempt_recv(
        &self,
        peers: &Handle<Self>,
        into: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Option<Found> {
        let mut receiving = self.ring.lock_to_recv(peers, deadline)?;
        let record = match receiving.first() {
            Ok(First::Record(record)) => record,
            Ok(First::Nothing) => return Some(Found::Nothing),
            Ok(First::Closed) => return Some(Found::Closed),
            Err(Damaged) => {
                receiving.pass_over_all();
                return Some(Found::Damaged);
            }
        };
        receiving.read(record, into);
        if record.annexed {
            return Some(self.fetch(&mut receiving, record, into));
        }
        let beside = receiving.side.committed();
        receiving.release(record.units(), beside);
        Some(Found::Message)
    }

    /// Fetches a message from the annex, where the record that was read says.
    #[cold]
    #[inline(never)]
    fn fetch(
        &self,
        receiving: &mut Receiving<'_, Places, Handle<Self>>,
        record: Record,
        into: &mut Vec<u8>,
    ) -> Found {
        let annex = &self.ring.store.annex;
        let place = Place::from_bytes(into);
        into.clear();
        let fetched = place.is_some_and(|place| annex.read(place, into).is_ok());
        let beside = annex.receiving(&receiving.side, place);
        receiving.release(record.units(), beside);
        annex.repair_recv(&receiving.side);
        if fetched { Found::Message } else { Found::Damaged }
    }

    fn look_for_message(
        &self,
        actor: &Actor<'_, Handle<Self>>,
        end: &End,
        into: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Option<Found> {
        let found = self.attempt_recv(actor.peers, into, deadline)?;
        if !matches!(found, Found::Nothing) {
            return Some(found);
        }
        let due = end.looked.due(LOOK_INTERVAL) || self.header.senders.says_gone();
        if !(due && self.senders().all_gone(actor)) {
            return None;
        }
        // What they sent before they were gone is visible now: look once more.
        match self.attempt_recv(actor.peers, into, deadline)? {
            Found::Nothing => Some(Found::Closed),
            found => Some(found),
        }
    }

    #[cold]
    #[inline(never)]
    fn recv_slowly(
        &self,
        peers: &Handle<Self>,
        end: &End,
        into: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<(), NotReceived> {
        let actor = Actor::new(peers);
        let mut look =
            |moment: Moment| self.look_for_message(&actor.at(moment), end, into, deadline);
        let found = match deadline {
            Deadline::Now => look(Moment::Awake),
            _ => {
                end.spin_until(|| self.ring.stirs());
                self.header.items.wait(deadline, look)
            }
        };
        match found {
            Some(Found::Message) => {
                self.header.space.publish_to(u32::MAX);
                Ok(())
            }
            Some(Found::Closed) => {
                // Others may have looked just before, and sleep.
                self.header.items.publish_to(u32::MAX);
                Err(NotReceived::Closed)
            }
            Some(Found::Damaged) => overwritten(),
            Some(Found::Nothing) | None => Err(NotReceived::Empty),
        }
    }
}
