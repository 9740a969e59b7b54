//! Large messages that nobody copies: slots that are filled in place and leases that are looked at in place.
//!
//! The limit is a ring of the same length that hands over nothing but the numbers of slots, from one thread
//! to another, each of which keeps a copy of the other's index.

use std::cell::Cell;
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

/// Handing over messages whose contents are not touched.
pub fn processes<M: Message>() -> Run {
    let mut crew = Crew::<M>::new(1, "place", CAPACITY);
    crew.run("check", 1000);
    Box::new(crew.into_run("place"))
}

/// Hands over slots whose contents nobody touches; with `check`, both ends of them are.
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
    seen: Cell<u64>,
}

#[derive(Default)]
struct Slots {
    tail: Side,
    head: Side,
}

// SAFETY: one thread sends and one receives, and only its own side's cell is used by each.
unsafe impl Sync for Slots {}

impl Slots {
    #[inline]
    fn send(&self) -> u64 {
        let tail = self.tail.index.load(Ordering::Relaxed);
        while tail - self.tail.seen.get() == CAPACITY as u64 {
            self.tail.seen.set(self.head.index.load(Ordering::Acquire));
            spin_loop();
        }
        self.tail.index.store(tail + 1, Ordering::Release);
        tail
    }

    #[inline]
    fn recv(&self) -> u64 {
        let head = self.head.index.load(Ordering::Relaxed);
        while head == self.head.seen.get() {
            self.head.seen.set(self.tail.index.load(Ordering::Acquire));
            spin_loop();
        }
        self.head.index.store(head + 1, Ordering::Release);
        head
    }
}

pub fn limit() -> Run {
    Box::new(|count| {
        cpu::unpin();
        let [here, there] = cpu::pair();
        let slots = &Slots::default();
        thread::scope(|scope| {
            let sender = scope.spawn(move || on(here, count, || slots.send()));
            let receiver = scope.spawn(move || on(there, count, || slots.recv()));
            let (sent, received) = (sender.join(), receiver.join());
            settle(vec![sent.expect("a worker")], vec![received.expect("a worker")])
        })
    })
}

fn on(cpu: usize, count: u64, step: impl Fn() -> u64) -> Report {
    cpu::pin(cpu);
    Report::of(|| (0..count).map(|_| step()).sum())
}
