//! Models of the cells: what is leased, or too large for a slot, is delivered until it is done, and
//! done once.

use std::rc::Rc;

use loom::cell::UnsafeCell;

use super::queue::{End, Queue};
use super::stage::{Member, Stage, model};
use crate::raw::queue::cells::{CellWords, Cells};
use crate::raw::queue::claim::{Claim, How};
use crate::raw::queue::ring::Actor;
use crate::raw::queue::words::Shape;
use crate::raw::sync::AtomicU64;
use crate::raw::sync::model::{Nap, step};
use crate::segment::Peers;

/// Words and payloads of the cells beside a queue. loom watches the payloads.
struct Memory {
    words: Vec<AtomicU64>,
    payloads: Vec<UnsafeCell<u32>>,
    queue: Rc<Queue>,
    large: bool,
}

impl CellWords for Memory {
    fn cell(&self, number: usize) -> &AtomicU64 {
        &self.words[number]
    }
    fn count(&self) -> usize {
        self.words.len()
    }
    fn slot_of(&self, position: u64) -> &AtomicU64 {
        &self.queue.ring.words.slots[self.queue.ring.shape.index(position)]
    }
    fn shape(&self) -> Shape {
        self.queue.ring.shape
    }
    fn large(&self) -> bool {
        self.large
    }
}

/// A queue with cells, and each step of a lease in the order in which the queue takes them.
struct Leases(Cells<Memory>);

impl Leases {
    fn new(capacity: u64, cells: usize, large: bool) -> Rc<Leases> {
        let words = Memory {
            words: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            payloads: (0..cells).map(|_| UnsafeCell::new(0)).collect(),
            queue: Queue::new(capacity),
            large,
        };
        Rc::new(Leases(Cells { words }))
    }

    fn queue(&self) -> &Queue {
        &self.0.words.queue
    }

    fn write(&self, number: usize, message: u32) {
        step();
        // SAFETY: [CLM-1] the caller holds the cell; loom checks that nobody else is here.
        self.0.words.payloads[number].with_mut(|payload| unsafe { *payload = message });
    }

    fn read(&self, number: usize) -> u32 {
        step();
        // SAFETY: [CLM-1] the caller holds the cell; loom checks that nobody writes here.
        self.0.words.payloads[number].with(|payload| unsafe { *payload })
    }

    fn send(&self, me: &Member, message: u32) {
        let queue = self.queue();
        if !self.0.words.large {
            let _ = queue.try_send(me, &End::none(), message);
            return;
        }
        let actor = Actor::new(me);
        let number = self.0.get(me.me(), 0).or_else(|| {
            self.0.scan(&actor, false);
            self.0.get(me.me(), 0)
        });
        let Some(number) = number else { return };
        self.write(number, message);
        match queue.ring.claim_tail(&actor, &End::none()) {
            Ok(Claim { position, .. }) => {
                queue.write(position, number as u32);
                self.0.queue(me.me(), number, position);
                queue.ring.commit(position);
                queue.books.borrow_mut().sent.push(message);
            }
            Err(_) => self.0.put(number),
        }
    }

    /// What a receiver takes over from the dead, or from the ring.
    fn lease(&self, me: &Member) -> Option<usize> {
        let actor = Actor::new(me);
        if self.0.words.large {
            return self.claim(&actor).map(|claim| {
                let number = self.queue().read(claim.position) as usize;
                self.take(me, claim, number)
            });
        }
        let number = self.0.get(me.me(), 0).or_else(|| {
            self.0.scan(&actor, false);
            self.0.get(me.me(), 0)
        })?;
        let Some(claim) = self.claim(&actor) else {
            self.0.put(number);
            return None;
        };
        if claim.how == How::Adopted {
            self.0.sweep(&actor, claim.position);
        }
        self.write(number, self.queue().read(claim.position));
        Some(self.take(me, claim, number))
    }

    fn claim(&self, actor: &Actor<'_, Member>) -> Option<Claim> {
        let ring = &self.queue().ring;
        ring.claim_head(actor, &End::none()).or_else(|| {
            let position = ring.adopt_orphan(actor, 0..ring.shape.capacity() as usize)?;
            Some(Claim::adopted(position))
        })
    }

    fn take(&self, me: &Member, claim: Claim, number: usize) -> usize {
        self.0.taking(me.me(), number, claim.position);
        self.queue().ring.release(claim.position);
        self.0.lease(me.me(), number);
        number
    }

    fn done(&self, number: usize) {
        let message = self.read(number);
        self.0.put(number);
        self.queue().books.borrow_mut().received.push(message);
    }

    fn receive(&self, me: &Member) -> bool {
        let left_by_the_dead = || self.0.scan(&Actor::new(me), true).1;
        let Some(number) = self.lease(me).or_else(left_by_the_dead) else { return false };
        self.done(number);
        true
    }

    /// Receives what is left, and compares the books. All cells are free then.
    fn settle(&self, stage: &Stage) {
        stage.finish();
        let last = stage.member();
        while self.receive(&last) {}
        assert!(self.queue().ring.drained_at().is_some(), "never empty");
        let cells = self.0.words.words.len();
        assert!((0..cells).all(|_| self.0.get(last.me(), 0).is_some()), "a cell is lost");
        self.queue().compare();
    }
}

#[derive(Clone, Copy)]
enum Part {
    Sends,
    Receives,
    /// Leases and gives back.
    Returns,
}

impl Part {
    fn play(self, leases: &Rc<Leases>) -> impl FnOnce(&Member) + 'static {
        let leases = leases.clone();
        move |me| match self {
            Part::Sends => leases.send(me, 1),
            Part::Receives => drop(leases.receive(me)),
            Part::Returns => drop(leases.lease(me).map(|number| leases.0.give_back(number))),
        }
    }
}

/// One of each part at a queue of two slots and two cells; the victim plays the first.
fn dying(large: bool, held: u32, parts: &'static [Part]) {
    let preemptions = if parts.len() > 2 { 1 } else { 2 };
    model(Nap::Bounded).exchanging().preemptions(preemptions).victim_dies_at_every_step(
        move |stage| {
            let leases = Leases::new(2, 2, large);
            let early = stage.member();
            for message in 0..held {
                leases.send(&early, 50 + message);
            }
            stage.victim(parts[0].play(&leases));
            for part in &parts[1..] {
                stage.living(part.play(&leases));
            }
            leases.settle(stage);
        },
    );
}

#[test]
fn a_lease_of_a_small_message_dies() {
    dying(false, 1, &[Part::Receives, Part::Receives]);
}

#[test]
fn a_lease_of_a_small_message_dies_while_another_is_sent() {
    dying(false, 1, &[Part::Receives, Part::Receives, Part::Sends]);
}

#[test]
fn a_small_message_is_given_back() {
    dying(false, 2, &[Part::Returns, Part::Receives]);
}

#[test]
fn a_lease_of_a_large_message_dies() {
    dying(true, 1, &[Part::Receives, Part::Receives]);
}

#[test]
fn the_sender_of_a_large_message_dies() {
    dying(true, 1, &[Part::Sends, Part::Receives]);
}

#[test]
fn the_sender_of_a_large_message_dies_beside_another() {
    dying(true, 0, &[Part::Sends, Part::Receives, Part::Sends]);
}

#[test]
fn a_large_message_is_given_back() {
    dying(true, 2, &[Part::Returns, Part::Receives]);
}
