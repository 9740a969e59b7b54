//! Messages that are sent and received: none is lost, none comes twice, and those of one sender come in
//! their order.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::storm::family::{End, Fault, Faults, Oracle};
use crate::storm::story::Op;

/// Sends the message `a`; `b`: it has no bound of its own.
pub const SEND: u8 = 1;
/// Receives up to `a` of them, one or two, likewise.
pub const RECV: u8 = 2;
/// Sends both `a` and `b`; at its end, how many were sent.
pub const SEND_TWO: u8 = 3;
/// Leases one.
pub const LEASE: u8 = 4;
/// Is done with the lease of `a`.
pub const FINISH: u8 = 5;
/// Gives back the lease of `a`.
pub const GIVE_BACK: u8 = 6;
/// Says how many there are.
pub const COUNT: u8 = 7;
/// Becomes a counted sender, or ceases to be one.
pub const ENTER: u8 = 8;
pub const EXIT: u8 = 9;
/// Waits until all is done with.
pub const WAIT_DONE: u8 = 10;

pub const YES: u8 = 1;
pub const NOT_IN_TIME: u8 = 2;
pub const CLOSED: u8 = 3;
pub const TORN: u8 = 4;

/// Where a message is that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    There,
    /// This one has it, and may give it back.
    Leased(u32),
    Received,
    /// Somebody died being done with it.
    PerhapsDone,
}

#[derive(Default)]
pub struct Messages {
    /// Those for which a send ended, or a receiver has it.
    messages: HashMap<u64, Place>,
    /// Those being sent; and those whose sender died.
    sending: HashSet<u64>,
    perhaps_sent: HashSet<u64>,
    /// So many may be lost with a receiver that died.
    perhaps_received: u64,
    /// How many are certainly there: sent, and in nobody's hands.
    there: i64,
    /// The last one of each sender that was received, and when that was.
    last: HashMap<u64, (u64, u64)>,
    late: u64,
    /// So many may come after later ones.
    may_be_late: u64,
    /// Counted senders that certainly are. A receiver that waits and when nobody was.
    senders: HashSet<u32>,
    /// Whether there are counted senders at all.
    counted: bool,
    /// Who waits to receive; and whether all the while there was somebody who could send.
    receiving: HashMap<u32, bool>,
    finds: u64,
}

impl Messages {
    /// Of a queue with counted senders.
    pub fn counted() -> Messages {
        Messages { counted: true, ..Messages::default() }
    }

    fn sent(&mut self, id: u64) {
        self.sending.remove(&id);
        // Its receiver may have been the first to say so.
        if let Entry::Vacant(entry) = self.messages.entry(id) {
            entry.insert(Place::There);
            self.there += 1;
        }
    }

    fn refused(&mut self, id: u64, faults: &mut Faults) {
        self.sending.remove(&id);
        if self.messages.contains_key(&id) {
            faults.one(Fault::Twice, || format!("{id:#x} was refused, and came"));
        }
    }

    /// Somebody has it now, for good or for now.
    fn taken(&mut self, life: u32, op: Op, id: u64, place: Place, at: u64, faults: &mut Faults) {
        let is_known = self.messages.contains_key(&id)
            || self.sending.contains(&id)
            || self.perhaps_sent.contains(&id);
        if !is_known {
            return faults.one(Fault::Twice, || format!("life {life} got {id:#x}, never sent"));
        }
        let before = self.messages.insert(id, place);
        match before {
            Some(Place::There) => self.there -= 1,
            None | Some(Place::PerhapsDone) => {}
            Some(Place::Received) => {
                faults.one(Fault::Twice, || format!("life {life} got {id:#x} a second time"));
            }
            Some(Place::Leased(other)) => faults
                .one(Fault::Twice, || format!("life {life} got {id:#x}, which life {other} has")),
        }
        let (last, when) = self.last.get(&(id >> 24)).copied().unwrap_or_default();
        if id < last && when < op.at {
            self.late += 1;
        }
        if id > last {
            self.last.insert(id >> 24, (id, at));
        }
    }

    fn comes_back(&mut self, id: u64) {
        self.messages.insert(id, Place::There);
        self.there += 1;
        self.may_be_late += 1;
    }

    fn receive_ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        let always_open = self.receiving.remove(&life).unwrap_or(false);
        let place = if op.op == LEASE { Place::Leased(life) } else { Place::Received };
        match end.outcome {
            YES => {
                for id in [end.a, end.b].into_iter().filter(|id| *id != 0) {
                    self.taken(life, op, id, place, end.at, faults);
                }
            }
            TORN => faults.one(Fault::Torn, || format!("life {life}: {end:x?}")),
            CLOSED if always_open => faults.one(Fault::Broken, || {
                format!("life {life} was told that it is closed, and it never was: {op:?}")
            }),
            NOT_IN_TIME if op.b != 0 => faults.one(Fault::Hang, || format!("life {life} {op:?}")),
            _ => {}
        }
    }

    fn senders_changed(&mut self) {
        if self.senders.is_empty() {
            self.receiving.values_mut().for_each(|open| *open = false);
        }
    }
}

impl Oracle for Messages {
    fn begins(&mut self, life: u32, op: Op, _: &mut Faults) {
        match op.op {
            SEND => _ = self.sending.insert(op.a),
            // From here on, another may have it.
            GIVE_BACK => self.comes_back(op.a),
            SEND_TWO => self.sending.extend([op.a, op.b]),
            RECV | LEASE => {
                _ = self.receiving.insert(life, !self.counted || !self.senders.is_empty());
            }
            EXIT => {
                self.senders.remove(&life);
                self.senders_changed();
            }
            _ => {}
        }
    }

    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        match op.op {
            SEND if end.outcome == YES => self.sent(op.a),
            SEND if end.outcome == NOT_IN_TIME && op.b != 0 => {
                faults.one(Fault::Hang, || format!("life {life} {op:?}"));
            }
            SEND => self.refused(op.a, faults),
            SEND_TWO => {
                for (place, id) in [op.a, op.b].into_iter().enumerate() {
                    if (place as u64) < end.a { self.sent(id) } else { self.refused(id, faults) }
                }
            }
            RECV | LEASE => self.receive_ends(life, op, end, faults),
            FINISH => _ = self.messages.insert(op.a, Place::Received),
            COUNT => self.finds = end.a,
            ENTER => _ = self.senders.insert(life),
            WAIT_DONE if end.outcome != YES => {
                faults.one(Fault::Hang, || "all is done with, but not for who waits".to_owned());
            }
            _ => {}
        }
    }

    fn goes(&mut self, life: u32, open: Option<Op>, _: &mut Faults) {
        self.receiving.remove(&life);
        self.senders.remove(&life);
        self.senders_changed();
        match open {
            Some(op) if op.op == SEND => {
                self.sending.remove(&op.a);
                self.perhaps_sent.insert(op.a);
            }
            Some(op) if op.op == SEND_TWO => {
                for id in [op.a, op.b] {
                    self.sending.remove(&id);
                    self.perhaps_sent.insert(id);
                }
            }
            Some(op) if op.op == RECV => {
                self.perhaps_received += op.a;
                self.may_be_late += op.a;
                self.there -= op.a as i64;
            }
            // What it had, others get.
            Some(op) if op.op == LEASE => self.may_be_late += 1,
            Some(op) if op.op == FINISH => {
                self.messages.insert(op.a, Place::PerhapsDone);
                self.may_be_late += 1;
            }
            _ => {}
        }
        let mine: Vec<u64> = self
            .messages
            .iter()
            .filter(|(_, place)| **place == Place::Leased(life))
            .map(|(id, _)| *id)
            .collect();
        mine.into_iter().for_each(|id| self.comes_back(id));
    }

    fn is_free(&self) -> bool {
        self.there > 0
    }

    fn settle(&mut self, faults: &mut Faults) {
        let left = self.messages.iter().filter(|(_, place)| **place == Place::There);
        let left: Vec<u64> = left.map(|(id, _)| *id).collect();
        let lost = (left.len() as u64).saturating_sub(self.perhaps_received);
        faults.add(Fault::Lost, lost, || {
            let some = &left[..left.len().min(4)];
            format!("{} are missing, {} may be: {some:x?} …", left.len(), self.perhaps_received)
        });
        faults.add(Fault::Broken, self.late.saturating_sub(self.may_be_late), || {
            format!("{} came late, {} may", self.late, self.may_be_late)
        });
        faults.add(Fault::Broken, self.finds, || format!("empty, but {} are counted", self.finds));
        *self = Messages { counted: self.counted, ..Messages::default() };
    }
}
