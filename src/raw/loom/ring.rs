//! Models of the ring: what was committed is received once, whoever dies, and the ring goes on.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use loom::cell::UnsafeCell;

use super::stage::{Member, Model, Stage, model};
use crate::raw::eventcount::{Eventcount, Moment};
use crate::raw::queue::ring::{Actor, Claim, NONE_FINISHED, NoRoom, Ring, Words};
use crate::raw::queue::words::{Index, Shape, Slot};
use crate::raw::sync::model::{Nap, step};
use crate::raw::sync::{AtomicU64, Ordering};
use crate::segment::Tag;
use crate::sys::clock::Deadline;

/// The words of a ring, and its payloads, which loom watches: no two may be at one at once.
struct Memory {
    tail: AtomicU64,
    head: AtomicU64,
    slots: Vec<AtomicU64>,
    items: Eventcount,
    space: Eventcount,
    payloads: Vec<UnsafeCell<u32>>,
}

impl Words for Memory {
    fn tail(&self) -> &AtomicU64 {
        &self.tail
    }
    fn head(&self) -> &AtomicU64 {
        &self.head
    }
    fn slot(&self, index: usize) -> &AtomicU64 {
        &self.slots[index]
    }
    fn space(&self) -> &Eventcount {
        &self.space
    }
}

/// A ring, and the books of what went in and out of it.
struct Queue {
    ring: Ring<Memory>,
    books: RefCell<Books>,
}

#[derive(Default)]
struct Books {
    sent: Vec<u32>,
    received: Vec<u32>,
}

/// What an endpoint remembers: the position that it finished last.
struct End(u64);

impl End {
    fn new() -> End {
        End(NONE_FINISHED)
    }
}

impl Queue {
    /// An empty queue whose next position is `first`.
    fn starting_at(first: u64, capacity: u64) -> Rc<Queue> {
        let shape = Shape::new(capacity).unwrap();
        let slots = (0..capacity).map(|ahead| {
            let position = shape.advanced(first, ahead);
            (shape.index(position), shape.empty(position))
        });
        let mut slots: Vec<_> = slots.collect();
        slots.sort();
        let index = Index::word(first, Tag::NOBODY);
        let words = Memory {
            tail: AtomicU64::new(index),
            head: AtomicU64::new(index),
            slots: slots.into_iter().map(|(_, word)| AtomicU64::new(word)).collect(),
            items: Eventcount::new(),
            space: Eventcount::new(),
            payloads: (0..capacity).map(|_| UnsafeCell::new(0)).collect(),
        };
        Rc::new(Queue { ring: Ring { words, shape }, books: RefCell::default() })
    }

    fn new(capacity: u64) -> Rc<Queue> {
        Queue::starting_at(0, capacity)
    }

    /// The last position before they start again.
    fn before_the_wrap(capacity: u64) -> Rc<Queue> {
        Queue::starting_at(Shape::new(capacity).unwrap().last(), capacity)
    }

    fn payload(&self, position: u64) -> &UnsafeCell<u32> {
        &self.ring.words.payloads[self.ring.shape.index(position)]
    }

    fn place(&self, position: u64, end: &mut End, message: u32) {
        step();
        // SAFETY: the caller claimed the position; loom checks that nobody else is here.
        self.payload(position).with_mut(|payload| unsafe { *payload = message });
        self.ring.commit(position);
        self.books.borrow_mut().sent.push(message);
        end.0 = position;
    }

    fn fetch(&self, claim: Claim, end: &mut End) -> u32 {
        step();
        // SAFETY: the caller claimed the position; loom checks that nobody writes here.
        let message = self.payload(claim.position).with(|payload| unsafe { *payload });
        self.ring.release(claim.position);
        self.books.borrow_mut().received.push(message);
        if !claim.adopted {
            end.0 = claim.position;
        }
        message
    }

    fn try_send(&self, me: &Member, end: &mut End, message: u32) -> Result<(), NoRoom> {
        let position = self.ring.claim_tail(&Actor::new(me), end.0)?;
        self.place(position, end, message);
        Ok(())
    }

    fn try_recv(&self, me: &Member, end: &mut End) -> Option<u32> {
        let actor = Actor::new(me);
        let orphan = || self.ring.adopt_orphan(&actor, 0..self.ring.shape.capacity() as usize);
        let claim = match self.ring.claim_head(&actor, end.0) {
            Some(claim) => claim,
            None => Claim { position: orphan()?, adopted: true },
        };
        Some(self.fetch(claim, end))
    }

    fn send(&self, me: &Member, end: &mut End, message: u32) {
        let position = self.ring.words.space.wait(Deadline::Never, |moment: Moment| {
            self.ring.claim_tail(&Actor::new(me).at(moment), end.0).ok()
        });
        self.place(position.unwrap(), end, message);
        self.ring.words.items.publish();
    }

    fn recv(&self, me: &Member, end: &mut End) -> u32 {
        let capacity = self.ring.shape.capacity() as usize;
        let claim = self.ring.words.items.wait(Deadline::Never, |moment: Moment| {
            let actor = Actor::new(me).at(moment);
            self.ring.claim_head(&actor, end.0).or_else(|| {
                let position = self.ring.adopt_orphan(&actor, 0..capacity)?;
                Some(Claim { position, adopted: true })
            })
        });
        let message = self.fetch(claim.unwrap(), end);
        self.ring.words.space.publish();
        message
    }

    fn describe(&self) -> String {
        let words = &self.ring.words;
        let index = |word: &AtomicU64| Index::of(word.load(Ordering::Relaxed));
        let slot = |word: &AtomicU64| Slot::of(word.load(Ordering::Relaxed));
        let slots: Vec<_> = words.slots.iter().map(slot).collect();
        format!("tail {:?}, head {:?}, {slots:?}", index(&words.tail), index(&words.head))
    }

    /// Receives what is left, then fills and empties the queue once more, and compares the books.
    fn settle(&self, stage: &Stage) {
        stage.finish();
        let (last, sends, receives) = (stage.member(), &mut End::new(), &mut End::new());
        while self.try_recv(&last, receives).is_some() {}
        let capacity = self.ring.shape.capacity() as u32;
        for message in 0..capacity {
            let sent = self.try_send(&last, sends, 100 + message);
            assert_eq!(sent, Ok(()), "stuck: {}", self.describe());
        }
        assert_eq!(self.try_send(&last, sends, 0), Err(NoRoom::Full));
        for message in 0..capacity {
            let received = self.try_recv(&last, receives);
            assert_eq!(received, Some(100 + message), "stuck: {}", self.describe());
        }
        let Books { mut sent, mut received } = self.books.take();
        sent.sort();
        received.sort();
        assert_eq!(received, sent, "received and sent");
    }
}

/// The parts of a scene: what a participant does, once.
#[derive(Clone, Copy)]
enum Part {
    Sends(u32),
    Receives,
}

impl Part {
    fn play(self, queue: &Rc<Queue>) -> impl FnOnce(&Member) + 'static {
        let queue = queue.clone();
        move |me| {
            let end = &mut End::new();
            match self {
                Part::Sends(message) => drop(queue.try_send(me, end, message)),
                Part::Receives => drop(queue.try_recv(me, end)),
            }
        }
    }
}

/// A queue that holds `held` messages already, at which each part is played once; the victim plays
/// the first.
fn scene(
    queue: fn() -> Rc<Queue>,
    held: u32,
    parts: &'static [Part],
) -> impl Fn(&Stage) + Send + Sync + 'static {
    move |stage| {
        let queue = queue();
        let early = stage.member();
        for message in 0..held {
            queue.try_send(&early, &mut End::new(), 50 + message).unwrap();
        }
        stage.victim(parts[0].play(&queue));
        for part in &parts[1..] {
            stage.living(part.play(&queue));
        }
        queue.settle(stage);
    }
}

/// A slot is committed by a store, and recorded by a CAS, at the same time.
fn ring(nap: Nap) -> Model {
    model(nap).exchanging()
}

#[test]
fn a_sender_dies_beside_a_sender_and_a_receiver() {
    let parts = &[Part::Sends(1), Part::Sends(2), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(2), 0, parts));
}

#[test]
fn a_sender_dies_where_there_is_one_slot() {
    let parts = &[Part::Sends(1), Part::Sends(2), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(1), 0, parts));
}

#[test]
fn a_receiver_dies_beside_a_receiver_and_a_sender() {
    let parts = &[Part::Receives, Part::Receives, Part::Sends(1)];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(2), 1, parts));
}

#[test]
fn a_receiver_dies_where_there_is_one_slot() {
    let parts = &[Part::Receives, Part::Receives, Part::Sends(1)];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(1), 1, parts));
}

#[test]
fn a_receiver_dies_at_a_full_ring() {
    let parts = &[Part::Receives, Part::Sends(1), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(2), 2, parts));
}

#[test]
fn a_sender_dies_where_positions_start_again() {
    let parts = &[Part::Sends(1), Part::Sends(2), Part::Receives];
    ring(Nap::Bounded)
        .preemptions(2)
        .victim_dies_at_every_step(scene(|| Queue::before_the_wrap(2), 0, parts));
}
