//! A queue in a model's memory: the ring, its payloads, and the books of what went through it.

use std::cell::RefCell;
use std::rc::Rc;

use loom::cell::UnsafeCell;

use super::stage::{Member, Stage};
use crate::raw::eventcount::{Eventcount, Moment};
use crate::raw::queue::bias::{Line, SEATS, Seat, Side};
use crate::raw::queue::claim::Claim;
use crate::raw::queue::progress::Progress;
use crate::raw::queue::ring::{Actor, NoRoom, Ring, Words};
use crate::raw::queue::words::{Index, LAST, SLOT_TAG_AT, Shape, Slot};
use crate::raw::sync::model::step;
use crate::raw::sync::{AtomicU64, Ordering, fence};
use crate::segment::Tag;
use crate::sys::clock::Deadline;

/// The words of a ring, and its payloads, which loom watches: no two may be at one at once.
pub(super) struct Memory {
    tail: Line,
    head: Line,
    seats: [[Seat; SEATS]; 2],
    pub(super) slots: Vec<AtomicU64>,
    pub(super) items: Eventcount,
    pub(super) space: Eventcount,
    payloads: Vec<UnsafeCell<u32>>,
}

impl Words for Memory {
    fn tail(&self) -> Side<'_> {
        Side { line: &self.tail, seats: &self.seats[0] }
    }
    fn head(&self) -> Side<'_> {
        Side { line: &self.head, seats: &self.seats[1] }
    }
    fn slot(&self, index: usize) -> &AtomicU64 {
        &self.slots[index]
    }
    fn space(&self) -> &Eventcount {
        &self.space
    }
}

/// A ring, and the books of what went in and out of it.
pub(super) struct Queue {
    pub(super) ring: Ring<Memory>,
    pub(super) books: RefCell<Books>,
    /// Whether who slept, and took something, wakes another for what comes next.
    passes_on: bool,
}

#[derive(Default)]
pub(super) struct Books {
    pub(super) sent: Vec<u32>,
    pub(super) received: Vec<u32>,
}

/// What an endpoint remembers.
pub(super) type End = Progress;

impl Queue {
    /// An empty queue whose next position is `first`.
    pub(super) fn starting_at(first: u64, capacity: u64) -> Rc<Queue> {
        let shape = Shape::new(capacity).unwrap();
        let slots = (0..capacity).map(|ahead| {
            let position = shape.advanced(first, ahead);
            (shape.index(position), shape.empty(position))
        });
        let mut slots: Vec<_> = slots.collect();
        slots.sort();
        let index = Index::word(first, Tag::NOBODY);
        let words = Memory {
            tail: Line::at(index),
            head: Line::at(index),
            seats: Default::default(),
            slots: slots.into_iter().map(|(_, word)| AtomicU64::new(word)).collect(),
            items: Eventcount::new(),
            space: Eventcount::new(),
            payloads: (0..capacity).map(|_| UnsafeCell::new(0)).collect(),
        };
        Rc::new(Queue { ring: Ring { words, shape }, books: RefCell::default(), passes_on: true })
    }

    pub(super) fn new(capacity: u64) -> Rc<Queue> {
        Queue::starting_at(0, capacity)
    }

    pub(super) fn keeping_wakes(capacity: u64) -> Rc<Queue> {
        let queue = Queue::new(capacity);
        Rc::new(Queue { passes_on: false, ..Rc::into_inner(queue).unwrap() })
    }

    /// The last position before they start again.
    pub(super) fn before_the_wrap(capacity: u64) -> Rc<Queue> {
        Queue::starting_at(LAST, capacity)
    }

    fn payload(&self, position: u64) -> &UnsafeCell<u32> {
        &self.ring.words.payloads[self.ring.shape.index(position)]
    }

    /// Writes into a slot that the caller claimed.
    pub(super) fn write(&self, position: u64, message: u32) {
        step();
        // SAFETY: [CLM-1] the caller claimed the position; loom checks that nobody else is here.
        self.payload(position).with_mut(|payload| unsafe { *payload = message });
    }

    /// Reads from a slot that the caller claimed.
    pub(super) fn read(&self, position: u64) -> u32 {
        step();
        // SAFETY: [CLM-1] the caller claimed the position; loom checks that nobody writes here.
        self.payload(position).with(|payload| unsafe { *payload })
    }

    pub(super) fn place(&self, claim: Claim, end: &End, message: u32) {
        self.write(claim.position, message);
        self.ring.commit(claim.position);
        self.books.borrow_mut().sent.push(message);
        self.ring.finish(end, claim);
    }

    pub(super) fn fetch(&self, claim: Claim, end: &End) -> u32 {
        let message = self.read(claim.position);
        self.ring.release(claim.position);
        self.books.borrow_mut().received.push(message);
        self.ring.finish(end, claim);
        message
    }

    pub(super) fn try_send(&self, me: &Member, end: &End, message: u32) -> Result<(), NoRoom> {
        let claim = self.ring.claim_tail(&Actor::new(me), end)?;
        self.place(claim, end, message);
        Ok(())
    }

    pub(super) fn try_recv(&self, me: &Member, end: &End) -> Option<u32> {
        let actor = Actor::new(me);
        let orphan = || self.ring.adopt_orphan(&actor, 0..self.ring.shape.capacity() as usize);
        let claim = match self.ring.claim_head(&actor, end) {
            Some(claim) => claim,
            None => Claim::adopted(orphan()?),
        };
        Some(self.fetch(claim, end))
    }

    /// Sends, waiting for room as the queue does.
    pub(super) fn send(&self, me: &Member, end: &End, message: u32) {
        let words = &self.ring.words;
        let mut slept = false;
        let claim = words.space.wait(Deadline::Never, |moment: Moment| {
            slept |= moment != Moment::Awake;
            self.ring.claim_tail(&Actor::new(me).at(moment), end).ok()
        });
        if slept {
            self.pass_on(&words.space, || self.ring.tail_has_room());
        }
        self.place(claim.unwrap(), end, message);
        words.items.publish();
    }

    /// Receives, waiting for a message as the queue does.
    pub(super) fn recv(&self, me: &Member, end: &End) -> u32 {
        let words = &self.ring.words;
        let all = 0..self.ring.shape.capacity() as usize;
        let mut slept = false;
        let claim = words.items.wait(Deadline::Never, |moment: Moment| {
            slept |= moment != Moment::Awake;
            let actor = Actor::new(me).at(moment);
            self.ring
                .claim_head(&actor, end)
                .or_else(|| self.ring.adopt_orphan(&actor, all.clone()).map(Claim::adopted))
        });
        if slept {
            self.pass_on(&words.items, || self.ring.head_stirs());
        }
        let message = self.fetch(claim.unwrap(), end);
        words.space.publish();
        message
    }

    /// Positions are finished out of order: who was woken for a later one finds nothing as long as an
    /// earlier one is in use, and so more than one wake may have gone to who takes the earlier one.
    fn pass_on(&self, sleepers: &Eventcount, more: impl Fn() -> bool) {
        if !self.passes_on {
            return;
        }
        fence(Ordering::SeqCst); // the claim, before the look at what comes after it
        if more() {
            sleepers.publish();
        }
    }

    fn tags(&self) -> impl Iterator<Item = (&AtomicU64, u32)> {
        let Memory { tail, head, seats, slots, .. } = &self.ring.words;
        let seats = seats.iter().flatten().flat_map(|seat| [&seat.owner, &seat.claimed]);
        let indices = seats.chain([&tail.index, &head.index]).map(|word| (word, 0));
        indices.chain(slots.iter().map(|word| (word, u32::from(SLOT_TAG_AT))))
    }

    /// Clears the tag of one who is dead out of all words, as the segment does: in the same order.
    pub(super) fn sweep(&self, dead: Tag) {
        for (word, at) in self.tags() {
            fence(Ordering::SeqCst);
            let old = word.load(Ordering::Acquire);
            if Tag::from_bits((old >> at) as u32) == dead {
                let new = old ^ u64::from(dead.bits() ^ Tag::GONE.bits()) << at;
                let swept = word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
                assert!(swept.is_ok() || word.load(Ordering::Relaxed) >> at != old >> at);
            }
        }
    }

    /// Whether any word has this tag.
    pub(super) fn names(&self, tag: Tag) -> bool {
        let of = |(word, at): (&AtomicU64, u32)| word.load(Ordering::Relaxed) >> at;
        self.tags().any(|place| Tag::from_bits(of(place) as u32) == tag)
    }

    fn describe(&self) -> String {
        let words = &self.ring.words;
        let index = |word: &AtomicU64| Index::of(word.load(Ordering::Relaxed));
        let slot = |word: &AtomicU64| Slot::of(word.load(Ordering::Relaxed));
        let slots: Vec<_> = words.slots.iter().map(slot).collect();
        let (tail, head) = (index(&words.tail.index), index(&words.head.index));
        format!("tail {tail:?}, head {head:?}, {slots:?}, {:?}", words.seats)
    }

    /// Receives what is left, then fills and empties the queue once more, and compares the books.
    pub(super) fn settle(&self, stage: &Stage) {
        let (last, sends, receives) = (self.drain(stage), &End::none(), &End::none());
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
        self.compare();
    }

    /// Receives what is left, by a participant that came last.
    pub(super) fn drain(&self, stage: &Stage) -> Member {
        stage.finish();
        let (last, end) = (stage.member(), &End::none());
        while self.try_recv(&last, end).is_some() {}
        last
    }

    /// Everything that was sent was received, and once.
    pub(super) fn compare(&self) {
        let Books { mut sent, mut received } = self.books.take();
        sent.sort();
        received.sort();
        assert_eq!(received, sent, "received and sent");
    }
}
