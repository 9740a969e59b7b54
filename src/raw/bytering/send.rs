//! Sending: into the ring, or beside it, and waiting for room.

use super::annex::{NotSpilled, Place};
use super::hands::Sending;
use super::layout::{Carried, Places, RawBytes};
use super::ring::Damaged;
use super::wait::End;
use super::words::Record;
use super::{LOOK_INTERVAL, overwritten};
use crate::raw::eventcount::Moment;
use crate::raw::lock::{LockWord, Refused};
use crate::raw::queue::RawMessages;
use crate::raw::queue::ring::Actor;
use crate::raw::queue::send::NotSent;
use crate::segment::handle::Handle;
use crate::segment::{Peers, Tag};
use crate::sys::clock::Deadline;

/// What is sent: in the ring, or in the annex.
#[derive(Clone, Copy)]
struct Parcel<'m> {
    message: &'m [u8],
    record: Record,
}

impl Parcel<'_> {
    fn units(&self) -> u32 {
        self.record.units()
    }
}

/// The number of a message that was sent: how many there were before it, modulo 2^32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Number(u32);

/// Why one attempt sent nothing.
enum Failed {
    NoRoom,
    Closed,
}

impl From<Damaged> for Failed {
    fn from(_: Damaged) -> Failed {
        overwritten()
    }
}

impl<C: Carried> RawBytes<C> {
    /// Sends one message. One that is longer than the capacity is spilled. One that `refers` to what the
    /// caller keeps until [`was_received`](Self::was_received) is received as one step.
    ///
    /// # Panics
    /// When it is longer than memory.
    #[inline]
    pub(crate) fn send(
        &self,
        peers: &Handle<Self>,
        end: &End,
        message: &[u8],
        refers: bool,
        deadline: Deadline,
    ) -> Result<Number, NotSent> {
        let annexed = message.len() > self.capacity;
        let length = if annexed { Place::BYTES } else { message.len() };
        let parcel = Parcel { message, record: Record { length, annexed, refers } };
        let must_wait = self.header.receivers.says_gone() || self.ring.turn().is_locked();
        if !must_wait || matches!(deadline, Deadline::Now) {
            match self.attempt(peers, end, parcel, deadline) {
                Ok(number) => {
                    self.header.items.publish();
                    return Ok(number);
                }
                Err(Failed::Closed) => return Err(NotSent::Closed),
                Err(Failed::NoRoom) => {}
            }
        }
        self.send_slowly(peers, end, parcel, deadline)
    }

    /// One attempt, under the senders' lock.
    #[inline]
    fn attempt(
        &self,
        peers: &Handle<Self>,
        end: &End,
        parcel: Parcel<'_>,
        deadline: Deadline,
    ) -> Result<Number, Failed> {
        let locked = self.ring.lock_to_send(peers, &end.grant, deadline);
        let mut sending = locked.ok_or(Failed::NoRoom)?;
        if sending.is_closed() {
            return Err(Failed::Closed);
        }
        if !sending.has_room(parcel.units())? {
            return Err(Failed::NoRoom);
        }
        if parcel.record.annexed {
            return self.attempt_spilled(&mut sending, parcel);
        }
        sending.write(parcel.record, parcel.message);
        let beside = sending.side.committed();
        Ok(Number(sending.commit(parcel.units(), beside)))
    }

    #[cold]
    #[inline(never)]
    fn attempt_spilled(
        &self,
        sending: &mut Sending<'_, Places, Handle<Self>>,
        parcel: Parcel<'_>,
    ) -> Result<Number, Failed> {
        let annex = &self.ring.store.annex;
        let (place, beside) = match annex.spill(sending, parcel.message) {
            Ok(spilled) => spilled,
            Err(NotSpilled::NoRoom) => return Err(Failed::NoRoom),
            Err(reason) => not_spilled(parcel.message.len(), reason),
        };
        sending.write(parcel.record, &place.to_bytes());
        let number = sending.commit(parcel.units(), beside);
        annex.spilled(sending);
        Ok(Number(number))
    }

    /// Whether the message of this number was received; wrong only after 2^31 more.
    pub(crate) fn was_received(&self, number: Number) -> bool {
        (self.ring.received().wrapping_sub(number.0) as i32) > 0
    }

    #[cold]
    #[inline(never)]
    fn send_slowly(
        &self,
        peers: &Handle<Self>,
        end: &End,
        parcel: Parcel<'_>,
        deadline: Deadline,
    ) -> Result<Number, NotSent> {
        let actor = Actor::new(peers);
        let found = match deadline {
            Deadline::Now => self.look_for_room(&actor, end, parcel, deadline),
            _ => {
                end.spin_until(self.ring.sent(), || self.ring.has_room(parcel.units()));
                self.wait_for_room(&actor, end, parcel, deadline)
            }
        };
        if let Some(Ok(_)) = found {
            self.header.items.publish();
        }
        found.unwrap_or(Err(NotSent::Full))
    }

    /// Waits in turn, so that a long message gets its room although short ones keep coming: while
    /// somebody has the turn, others do not go ahead. But a turn is respected for 64 ms only, as its
    /// holder may be stopped.
    fn wait_for_room(
        &self,
        actor: &Actor<'_, Handle<Self>>,
        end: &End,
        parcel: Parcel<'_>,
        deadline: Deadline,
    ) -> Option<Result<Number, NotSent>> {
        loop {
            let turn = Turn::take(self.ring.turn(), actor.peers, deadline);
            let look = |moment: Moment| {
                self.look_for_room(&actor.at(moment), end, parcel, deadline.or_shortly())
            };
            match turn {
                Some(_turn) => return self.header.space.wait(deadline, look),
                None => {
                    if let Some(found) = look(Moment::Awake) {
                        return Some(found);
                    }
                    deadline.left()?;
                }
            }
        }
    }

    fn look_for_room(
        &self,
        actor: &Actor<'_, Handle<Self>>,
        end: &End,
        parcel: Parcel<'_>,
        deadline: Deadline,
    ) -> Option<Result<Number, NotSent>> {
        if self.header.receivers.says_gone() && self.receivers().all_gone(actor) {
            return Some(Err(NotSent::Closed));
        }
        match self.attempt(actor.peers, end, parcel, deadline) {
            Ok(number) => return Some(Ok(number)),
            Err(Failed::Closed) => return Some(Err(NotSent::Closed)),
            Err(Failed::NoRoom) => {}
        }
        let gone = end.looked.due(LOOK_INTERVAL) && self.receivers().all_gone(actor);
        gone.then_some(Err(NotSent::Closed))
    }
}

#[cold]
fn not_spilled(length: usize, reason: NotSpilled) -> ! {
    match reason {
        NotSpilled::Refused(error) => {
            panic!("a message of {length} bytes cannot be written beside its ring: {error}")
        }
        _ => panic!("a message of {length} bytes is longer than memory"),
    }
}

/// The turn to wait for room, held.
struct Turn<'w, P: Peers> {
    word: &'w LockWord,
    peers: &'w P,
    tag: Tag,
}

impl<'w, P: Peers> Turn<'w, P> {
    /// Takes the turn, from a dead holder too. `None`: a living one kept it until the deadline, or for
    /// 64 ms.
    fn take(word: &'w LockWord, peers: &'w P, deadline: Deadline) -> Option<Turn<'w, P>> {
        let patience = deadline.sooner_of(Deadline::Now.or_shortly());
        loop {
            let taken = match word.lock(peers, patience) {
                Ok(tag) => Some(tag),
                Err(Refused::Timeout) => return None,
                // Not if another was faster.
                Err(Refused::OwnerDied | Refused::Poisoned) => word.take_over(peers).ok(),
            };
            if let Some(tag) = taken {
                return Some(Turn { word, peers, tag });
            }
        }
    }
}

impl<P: Peers> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        self.word.unlock(self.peers, self.tag);
    }
}
