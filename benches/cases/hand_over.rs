//! Large messages that nobody copies: slots that are filled in place and leases that are looked at in place.
//!
//! The limit is a ring for one sender and one receiver and nothing else, between threads, each of which keeps
//! a copy of the other's index.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use commonhold::Queue;

use super::queues::{Checker, Crew, Message, numbers, settle};
use crate::support::cpu;
use crate::support::ratio::Run;
use crate::support::report::Report;

/// Of large messages, and of small ones that are compared with them.
const CAPACITY: usize = 16;

/// Handing over messages: with `check`, both ends are written and read, else nobody touches them.
pub fn processes<M: Message>(check: bool) -> Run {
    let mut crew = Crew::<M>::new(1, "place", CAPACITY);
    crew.run("check", 1000);
    Box::new(crew.into_run(if check { "check" } else { "place" }))
}

pub(super) fn send_slots<M: Message>(queue: &Queue<M>, count: u64, check: bool) -> u64 {
    let mut sum = 0u64;
    for number in numbers(0, count) {
        let mut slot = queue.reserve().expect("an open queue");
        if check {
            slot.set_number(number);
            sum = sum.wrapping_add(number);
        }
        slot.send().expect("an open queue");
    }
    sum
}

pub(super) fn recv_leases<M: Message>(queue: &Queue<M>, count: u64, check: bool) -> u64 {
    let mut checker = Checker::default();
    for _ in 0..count {
        let lease = queue.lease().expect("an open queue");
        if check {
            checker.check(lease.number());
        }
        lease.done();
    }
    checker.sum
}

/// One side of the limit.
#[repr(align(128))]
#[derive(Default)]
struct Side {
    index: AtomicU64,
    /// The other's index, as this side last saw it.
    seen: AtomicU64,
}

/// The limit. What only one thread uses at a time is atomic all the same, which costs nothing.
struct InPlace {
    tail: Side,
    head: Side,
    memory: Vec<AtomicU64>,
}

impl InPlace {
    fn new<M>() -> InPlace {
        let words = CAPACITY * size_of::<M>() / size_of::<u64>();
        let memory = (0..words).map(|_| AtomicU64::new(0)).collect();
        InPlace { tail: Side::default(), head: Side::default(), memory }
    }

    /// The first word and the last.
    #[inline]
    fn ends(&self, position: u64) -> [&AtomicU64; 2] {
        let length = self.memory.len() / CAPACITY;
        let first = position as usize % CAPACITY * length;
        [&self.memory[first], &self.memory[first + length - 1]]
    }

    #[inline]
    fn send(&self, number: u64) {
        let tail = self.tail.index.load(Ordering::Relaxed);
        while tail - self.tail.seen.load(Ordering::Relaxed) == CAPACITY as u64 {
            let head = self.head.index.load(Ordering::Acquire);
            self.tail.seen.store(head, Ordering::Relaxed);
            spin_loop();
        }
        self.ends(tail).iter().for_each(|end| end.store(number, Ordering::Relaxed));
        self.tail.index.store(tail + 1, Ordering::Release);
    }

    #[inline]
    fn recv(&self) -> u64 {
        let head = self.head.index.load(Ordering::Relaxed);
        while head == self.head.seen.load(Ordering::Relaxed) {
            let tail = self.tail.index.load(Ordering::Acquire);
            self.head.seen.store(tail, Ordering::Relaxed);
            spin_loop();
        }
        let [first, last] = self.ends(head).map(|end| end.load(Ordering::Relaxed));
        assert_eq!(first, last, "a torn message");
        self.head.index.store(head + 1, Ordering::Release);
        first
    }
}

/// The limit, for messages of this size.
pub fn threads<M: Message>() -> Run {
    let ring = InPlace::new::<M>();
    Box::new(move |count| {
        cpu::unpin();
        let [here, there] = cpu::pair();
        let ring = &ring;
        let send = move || {
            let each = |number| {
                ring.send(number);
                number
            };
            on(here, || numbers(0, count).map(each).sum())
        };
        let recv = move || on(there, || (0..count).map(|_| ring.recv()).sum());
        thread::scope(|scope| {
            let (sender, receiver) = (scope.spawn(send), scope.spawn(recv));
            let (sent, received) = (sender.join(), receiver.join());
            settle(vec![sent.expect("a worker")], vec![received.expect("a worker")])
        })
    })
}

fn on(cpu: usize, work: impl FnOnce() -> u64) -> Report {
    cpu::pin(cpu);
    Report::of(work)
}
