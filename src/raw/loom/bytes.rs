//! Models of the byte ring: records arrive whole, in order, once; nobody waits for the dead.

use std::cell::RefCell;
use std::rc::Rc;

use loom::cell::UnsafeCell;

use super::stage::{Member, Stage, model};
use crate::raw::biased::{Grant, SEATS, Seat};
use crate::raw::bytering::hands::{Receiving, Sending};
use crate::raw::bytering::ring::{ByteRing, RecvLine, SendLine, Side, Store};
use crate::raw::bytering::sink::Sink;
use crate::raw::bytering::words::{Extent, Index, Record};
use crate::raw::eventcount::Eventcount;
use crate::raw::sync::model::{Nap, step};
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::Deadline;

/// The words of a ring, and its units, which loom watches: no two may be at one at once.
struct Memory {
    send_line: SendLine,
    tail: AtomicU64,
    closed: AtomicU32,
    recv_line: RecvLine,
    head: AtomicU64,
    seats: [Vec<Seat>; 2],
    units: Vec<UnsafeCell<u64>>,
}

impl Memory {
    fn put(&self, index: usize, word: u64) {
        // SAFETY: [CLM-1] the caller holds the senders' lock; loom checks that nobody else is here.
        self.units[index].with_mut(|unit| unsafe { *unit = word });
    }

    fn get(&self, index: usize) -> u64 {
        // SAFETY: [CLM-1] the caller holds the receivers' lock; loom checks that nobody writes here.
        self.units[index].with(|unit| unsafe { *unit })
    }
}

impl Store for Memory {
    fn send_line(&self) -> &SendLine {
        &self.send_line
    }
    fn tail(&self) -> &AtomicU64 {
        &self.tail
    }
    fn closed(&self) -> &AtomicU32 {
        &self.closed
    }
    fn recv_line(&self) -> &RecvLine {
        &self.recv_line
    }
    fn head(&self) -> &AtomicU64 {
        &self.head
    }
    fn seats(&self) -> [&[Seat]; 2] {
        [&self.seats[0], &self.seats[1]]
    }
    fn extent(&self) -> Extent {
        Extent::new(self.units.len() as u64).unwrap()
    }
    fn put_word(&self, index: u32, word: u64) {
        step();
        self.put(index as usize, word);
    }
    fn word(&self, index: u32) -> u64 {
        step();
        self.get(index as usize)
    }
    fn prefetch(&self, _: u32, _: u32) {}
    fn put_bytes(&self, index: u32, bytes: &[u8]) {
        for (ahead, unit) in bytes.chunks(8).enumerate() {
            step();
            self.put(index as usize + ahead, u64::from_le_bytes(unit.try_into().unwrap()));
        }
    }
    fn append_bytes(&self, index: u32, length: usize, into: &mut impl Sink) {
        for ahead in 0..length / 8 {
            step();
            into.append(&self.get(index as usize + ahead).to_le_bytes());
        }
    }
    fn repair_send(&self, of: &Side<'_, Self>) {
        self.assert_in_step(&self.tail, of);
    }
    fn repair_recv(&self, of: &Side<'_, Self>) {
        self.assert_in_step(&self.head, of);
    }
}

impl Memory {
    /// What is committed beside an index is its count, in all models.
    fn assert_in_step(&self, index: &AtomicU64, side: &Side<'_, Self>) {
        let count = Index::of(index.load(Ordering::Relaxed)).count;
        assert_eq!(u64::from(count), side.committed());
    }

    fn index(&self, index: &AtomicU64) -> Index {
        Index::of(index.load(Ordering::Acquire))
    }
}

/// Which part of the protocol a broken ring leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The record is committed before it is written.
    EarlyCommit,
    /// The record is released before it is copied.
    EarlyRelease,
    /// Somebody takes a lock over from a stopped holder: sends without any.
    NoLock,
    /// Who finds the ring closed, and nothing in it, does not wait for who is sending.
    HastyEnd,
    /// Nobody is told.
    Silence,
}

/// A ring, and the books of what went in and out of it.
struct Bytes {
    ring: ByteRing<Memory>,
    items: Eventcount,
    space: Eventcount,
    broken: Broken,
    sent: RefCell<Vec<u64>>,
    received: RefCell<Vec<u64>>,
}

/// A participant, and what its end of each side knows.
struct Actor<'a> {
    member: &'a Member,
    grants: [Grant; 2],
}

impl<'a> Actor<'a> {
    fn new(member: &'a Member) -> Actor<'a> {
        Actor { member, grants: [Grant::none(), Grant::none()] }
    }
}

/// Units of a message's record: a header, and its number twice, so that torn ones are seen.
const UNITS: u32 = 3;

fn plain(payload: &[u8]) -> Record {
    Record { length: payload.len(), annexed: false, refers: false }
}

fn encoded(message: u64) -> Vec<u8> {
    [message.to_le_bytes(), message.to_le_bytes()].concat()
}

impl Bytes {
    /// A ring with room for so many messages and some units more, so that records wrap.
    fn new(messages: u32, more: u32) -> Rc<Bytes> {
        Bytes::broken(messages, more, Broken::Nothing)
    }

    fn broken(messages: u32, more: u32, broken: Broken) -> Rc<Bytes> {
        let units = (0..messages * UNITS + more).map(|_| UnsafeCell::new(0)).collect();
        let memory = Memory {
            send_line: SendLine::new(),
            tail: AtomicU64::new(0),
            closed: AtomicU32::new(0),
            recv_line: RecvLine::new(),
            head: AtomicU64::new(0),
            seats: [(); 2].map(|()| (0..SEATS).map(|_| Seat::new()).collect()),
            units,
        };
        Rc::new(Bytes {
            ring: ByteRing { store: memory },
            items: Eventcount::new(),
            space: Eventcount::new(),
            broken,
            sent: RefCell::default(),
            received: RefCell::default(),
        })
    }

    fn lock_to_send<'a>(&'a self, me: &'a Actor<'a>) -> Sending<'a, Memory, Member> {
        self.ring.lock_to_send(me.member, &me.grants[0], Deadline::Never).unwrap()
    }

    fn lock_to_recv<'a>(&'a self, me: &'a Actor<'a>) -> Receiving<'a, Memory, Member> {
        self.ring.lock_to_recv(me.member, &me.grants[1], Deadline::Never).unwrap()
    }

    /// `Some(false)`: closed; `None`: no room.
    fn try_send(&self, me: &Actor<'_>, message: u64) -> Option<bool> {
        if self.broken == Broken::NoLock {
            return Some(self.send_without_lock(message));
        }
        let mut sending = self.lock_to_send(me);
        if sending.is_closed() {
            return Some(false);
        }
        if !sending.has_room(UNITS).unwrap() {
            return None;
        }
        let payload = encoded(message);
        let beside = sending.side.committed() + 1;
        if self.broken == Broken::EarlyCommit {
            let at = self.ring.store.index(&self.ring.store.tail);
            sending.commit(UNITS, beside);
            self.write_at(at, &payload);
        } else {
            sending.write(plain(&payload), &payload);
            sending.commit(UNITS, beside);
        }
        self.sent.borrow_mut().push(message);
        Some(true)
    }

    fn send_without_lock(&self, message: u64) -> bool {
        let at = self.ring.store.index(&self.ring.store.tail);
        self.write_at(at, &encoded(message));
        self.store_tail_after(at);
        true
    }

    fn write_at(&self, at: Index, payload: &[u8]) {
        self.ring.store.put_word(at.position, plain(payload).word());
        self.ring.store.put_bytes(at.position + 1, payload);
    }

    fn store_tail_after(&self, at: Index) {
        let next = Index { position: at.position + UNITS, count: at.count + 1 };
        self.ring.store.tail.store(next.word(), Ordering::Release);
    }

    /// Sends, waiting for room. False: closed.
    fn send(&self, me: &Actor<'_>, message: u64) -> bool {
        let sent = self.space.wait(Deadline::Never, |_| self.try_send(me, message)).unwrap();
        if sent && self.broken != Broken::Silence {
            self.items.publish();
        }
        sent
    }

    /// `Some(None)`: closed; `None`: nothing there.
    fn try_recv(&self, me: &Actor<'_>) -> Option<Option<u64>> {
        let mut receiving = self.lock_to_recv(me);
        let Some(record) = receiving.first().unwrap() else {
            drop(receiving);
            return self.is_over(me).then_some(None);
        };
        let mut bytes = Vec::new();
        let beside = receiving.side.committed() + 1;
        if self.broken == Broken::EarlyRelease {
            let at = self.ring.store.index(&self.ring.store.head);
            receiving.release(UNITS, beside);
            self.ring.store.append_bytes(at.position + 1, record.length, &mut &mut bytes);
        } else {
            assert!(receiving.read(record, &mut &mut bytes));
            receiving.release(UNITS, beside);
        }
        let halves: Vec<u64> =
            bytes.chunks(8).map(|half| u64::from_le_bytes(half.try_into().unwrap())).collect();
        assert_eq!(halves.len(), 2);
        assert_eq!(halves[0], halves[1], "torn");
        self.received.borrow_mut().push(halves[0]);
        Some(Some(halves[0]))
    }

    /// Whether nothing is there, and nothing more comes.
    fn is_over(&self, me: &Actor<'_>) -> bool {
        self.ring.is_closed()
            && (self.broken == Broken::HastyEnd
                || self.ring.outlast_senders(me.member, Deadline::Never))
            && self.lock_to_recv(me).first().unwrap().is_none()
    }

    /// Receives, waiting for a message. `None`: closed.
    fn recv(&self, me: &Actor<'_>) -> Option<u64> {
        let received = self.items.wait(Deadline::Never, |_| self.try_recv(me)).unwrap();
        if received.is_some() && self.broken != Broken::Silence {
            self.space.publish_to(u32::MAX);
        }
        received
    }

    fn close(&self) {
        self.ring.close();
        self.items.publish_to(u32::MAX);
        self.space.publish_to(u32::MAX);
    }

    /// What is left, as a survivor finds it after the end.
    fn rest(&self, me: &Actor<'_>) -> Vec<u64> {
        std::iter::from_fn(|| self.try_recv(me).flatten()).collect()
    }
}

/// What was sent was received, each once, and each sender's in order. `maybe` was sent by a victim.
fn balance(stage: &Stage, bytes: &Bytes, maybe: &[u64]) {
    let me = stage.member();
    bytes.rest(&Actor::new(&me));
    let (mut sent, mut received) = (bytes.sent.borrow().clone(), bytes.received.borrow().clone());
    sent.sort();
    received.sort();
    received.retain(|message| sent.contains(message) || !maybe.contains(message));
    assert_eq!(sent, received);
}

#[test]
fn two_messages_go_through_a_ring_of_one() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let bytes = Bytes::new(1, 1);
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            assert!(theirs.send(me, 1) && theirs.send(me, 2));
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            assert_eq!((ours.recv(me), ours.recv(me)), (Some(1), Some(2)));
        });
        stage.finish();
    });
}

#[test]
fn two_senders_never_interleave() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let bytes = Bytes::new(1, 2);
        for message in [1, 2] {
            let bytes = bytes.clone();
            stage.living(move |member| {
                let me = &Actor::new(member);
                assert!(bytes.send(me, message))
            });
        }
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            ours.recv(me);
            ours.recv(me);
        });
        stage.finish();
        balance(stage, &bytes, &[]);
    });
}

#[test]
fn two_receivers_share() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let bytes = Bytes::new(2, 0);
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            assert!(theirs.send(me, 1) && theirs.send(me, 2));
        });
        for _ in 0..2 {
            let bytes = bytes.clone();
            stage.living(move |member| {
                let me = &Actor::new(member);
                assert!(bytes.recv(me).is_some())
            });
        }
        stage.finish();
        balance(stage, &bytes, &[]);
    });
}

fn a_sender_meets_its_end(stage: &Stage) {
    let bytes = Bytes::new(1, 1);
    let dying = bytes.clone();
    stage.victim(move |member| {
        let me = &Actor::new(member);
        dying.send(me, 1);
    });
    let living = bytes.clone();
    stage.living(move |member| {
        let me = &Actor::new(member);
        assert!(living.send(me, 2))
    });
    let ours = bytes.clone();
    stage.living(move |member| {
        let me = &Actor::new(member);
        while ours.recv(me) != Some(2) {}
    });
    stage.finish();
    balance(stage, &bytes, &[1]);
}

#[test]
fn a_sender_dies_and_nobody_waits_for_it() {
    model(Nap::Bounded).preemptions(2).victim_dies_at_every_step(a_sender_meets_its_end);
}

#[test]
fn a_receiver_dies_and_its_message_is_the_next_ones() {
    model(Nap::Bounded).preemptions(1).victim_dies_at_every_step(|stage| {
        let bytes = Bytes::new(1, 1);
        let dying = bytes.clone();
        stage.victim(move |member| {
            let me = &Actor::new(member);
            dying.recv(me);
        });
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            assert!(theirs.send(me, 1) && theirs.send(me, 2));
            theirs.close();
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            while ours.recv(me).is_some() {}
        });
        stage.finish();
        assert!(bytes.received.borrow().is_sorted());
        balance(stage, &bytes, &[]);
    });
}

#[test]
fn a_stopped_sender_is_not_robbed_and_stops_no_receiver() {
    model(Nap::Bounded).preemptions(2).victim_stops_at_every_step(|stage| {
        let bytes = Bytes::new(2, 1);
        let before = bytes.clone();
        assert_eq!(before.try_send(&Actor::new(&stage.member()), 1), Some(true));
        let stopping = bytes.clone();
        stage.victim(move |member| {
            let me = &Actor::new(member);
            stopping.send(me, 2);
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            assert_eq!(ours.recv(me), Some(1))
        });
        stage.finish();
        balance(stage, &bytes, &[2]);
    });
}

fn closing(broken: Broken) -> impl Fn(&Stage) + Send + Sync + 'static {
    move |stage| {
        let bytes = Bytes::broken(2, 0, broken);
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            theirs.send(me, 1);
        });
        let closing = bytes.clone();
        stage.living(move |_| closing.close());
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            while ours.recv(me).is_some() {}
        });
        stage.finish();
        let store = &bytes.ring.store;
        let (tail, head) = (store.index(&store.tail), store.index(&store.head));
        assert_eq!(tail, head, "closed, and then something was sent");
        balance(stage, &bytes, &[]);
    }
}

#[test]
fn nothing_is_sent_after_a_receiver_was_told_that_it_is_closed() {
    model(Nap::Endless).preemptions(2).all_live(closing(Broken::Nothing));
}

#[test]
fn a_closer_dies_and_the_ring_is_closed_or_not() {
    model(Nap::Bounded).preemptions(2).victim_dies_at_every_step(|stage| {
        let bytes = Bytes::new(2, 0);
        let dying = bytes.clone();
        stage.victim(move |_| dying.close());
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            theirs.send(me, 1);
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            ours.close();
            while ours.recv(me).is_some() {}
        });
        stage.finish();
        balance(stage, &bytes, &[]);
    });
}

#[test]
fn words_that_no_ring_has_are_told() {
    model(Nap::Endless).all_live(|stage| {
        let member = stage.member();
        let me = Actor::new(&member);
        for tail in [1 << 20, 7, 4] {
            let bytes = Bytes::new(1, 0);
            bytes.ring.store.tail.store(tail, Ordering::Relaxed);
            let mut receiving = bytes.lock_to_recv(&me);
            if tail == 4 {
                assert!(receiving.first().is_err(), "more than there is");
            }
            let _ = receiving.first();
            receiving.pass_over_all();
        }
    });
}

#[test]
#[should_panic]
fn breaks_when_the_commit_comes_first() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let bytes = Bytes::broken(1, 1, Broken::EarlyCommit);
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            theirs.send(me, 1);
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            ours.recv(me);
        });
        stage.finish();
    });
}

#[test]
#[should_panic]
fn breaks_when_the_release_comes_first() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let bytes = Bytes::broken(1, 0, Broken::EarlyRelease);
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            theirs.send(me, 1);
            theirs.send(me, 2);
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            ours.recv(me);
        });
        stage.finish();
    });
}

#[test]
#[should_panic]
fn breaks_without_the_senders_lock() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let bytes = Bytes::broken(2, 0, Broken::NoLock);
        for message in [1, 2] {
            let bytes = bytes.clone();
            stage.living(move |member| {
                let me = &Actor::new(member);
                bytes.send(me, message);
            });
        }
        stage.finish();
    });
}

#[test]
#[should_panic]
fn breaks_when_who_is_told_of_the_close_did_not_wait_for_senders() {
    model(Nap::Endless).preemptions(3).all_live(closing(Broken::HastyEnd));
}

#[test]
#[should_panic(expected = "deadlock")]
fn breaks_when_nobody_is_told() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let bytes = Bytes::broken(1, 0, Broken::Silence);
        let theirs = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            theirs.send(me, 1);
        });
        let ours = bytes.clone();
        stage.living(move |member| {
            let me = &Actor::new(member);
            ours.recv(me);
        });
        stage.finish();
    });
}
