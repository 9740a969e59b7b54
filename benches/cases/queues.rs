//! Messages from one core to another: between processes here, between threads there.
//!
//! Both sides are used as they are best used: a commonhold queue blocks by itself; an `ArrayQueue`,
//! which cannot, is tried with crossbeam's backoff, that spins before it yields. Receivers check the
//! order of each sender's messages, and the sums must agree.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use commonhold::bytemuck::Pod;
use commonhold::{Queue, Shared, TryRecvError, TrySendError};
use crossbeam_queue::ArrayQueue;

use super::hand_over::{recv_leases, send_slots};
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::{Run, Sample};
use crate::support::report::{Report, sample, sum};

pub(super) const CAPACITY: usize = 1024;
/// Of a batch.
const BATCH: usize = 64;
/// Above this bit of a message's number is the number of its sender.
const SENDER_SHIFT: u32 = 48;
const MAX_SENDERS: usize = 8;

/// A name that nobody else uses.
pub fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What is sent: it carries a number.
pub trait Message: Shared + Pod {
    const KIND: &'static str;
    fn numbered(number: u64) -> Self;
    fn set_number(&mut self, number: u64);
    fn number(&self) -> u64;
}

impl Message for u64 {
    const KIND: &'static str = "word";

    fn numbered(number: u64) -> u64 {
        number
    }

    fn set_number(&mut self, number: u64) {
        *self = number;
    }

    #[inline]
    fn number(&self) -> u64 {
        *self
    }
}

impl<const N: usize> Message for [u64; N] {
    const KIND: &'static str = match N {
        8 => "64",
        0x2000 => "64K",
        0x20000 => "1M",
        _ => panic!("no such message"),
    };

    #[inline]
    fn numbered(number: u64) -> [u64; N] {
        [number; N]
    }

    fn set_number(&mut self, number: u64) {
        (self[0], self[N - 1]) = (number, number);
    }

    #[inline]
    fn number(&self) -> u64 {
        assert_eq!(self[0], self[N - 1], "a torn message");
        self[0]
    }
}

/// Waits as crossbeam's `Backoff::snooze` does.
pub(super) struct Backoff(pub(super) u32);

impl Backoff {
    pub(super) fn snooze(&mut self) {
        if self.0 <= 6 {
            (0..1 << self.0).for_each(|_| spin_loop());
        } else {
            thread::yield_now();
        }
        self.0 = (self.0 + 1).min(10);
    }
}

/// What takes messages and gives them.
pub(super) trait Channel<M> {
    fn send(&self, message: M);
    fn recv(&self) -> M;
}

impl<M: Message> Channel<M> for Queue<M> {
    #[inline]
    fn send(&self, message: M) {
        assert!(self.send(message).is_ok());
    }

    #[inline]
    fn recv(&self) -> M {
        self.recv().expect("an open queue")
    }
}

/// The same queue, as the peers have to be used.
struct Tried<'a, M: Message>(&'a Queue<M>);

impl<M: Message> Channel<M> for Tried<'_, M> {
    #[inline]
    fn send(&self, mut message: M) {
        let mut backoff = Backoff(0);
        while let Err(refused) = self.0.try_send(message) {
            let TrySendError::Full(back) = refused else { panic!("closed") };
            message = back;
            backoff.snooze();
        }
    }

    #[inline]
    fn recv(&self) -> M {
        let mut backoff = Backoff(0);
        loop {
            match self.0.try_recv() {
                Ok(message) => return message,
                Err(TryRecvError::Empty) => backoff.snooze(),
                Err(TryRecvError::Closed) => panic!("closed"),
            }
        }
    }
}

impl<M> Channel<M> for ArrayQueue<M> {
    #[inline]
    fn send(&self, mut message: M) {
        let mut backoff = Backoff(0);
        while let Err(back) = self.push(message) {
            message = back;
            backoff.snooze();
        }
    }

    #[inline]
    fn recv(&self) -> M {
        let mut backoff = Backoff(0);
        loop {
            match self.pop() {
                Some(message) => return message,
                None => backoff.snooze(),
            }
        }
    }
}

/// The numbers of a sender's messages.
pub(super) fn numbers(sender: usize, count: u64) -> impl Iterator<Item = u64> {
    let first = (sender as u64) << SENDER_SHIFT;
    (1..=count).map(move |number| first | number)
}

fn send_copies<M: Message>(channel: &impl Channel<M>, sender: usize, count: u64) -> u64 {
    let mut sum = 0u64;
    for number in numbers(sender, count) {
        channel.send(M::numbered(number));
        sum = sum.wrapping_add(number);
    }
    sum
}

/// Each sender's messages come in their order.
#[derive(Default)]
pub(super) struct Checker {
    last: [u64; MAX_SENDERS],
    pub(super) sum: u64,
}

impl Checker {
    #[inline]
    pub(super) fn check(&mut self, number: u64) {
        let last = &mut self.last[(number >> SENDER_SHIFT) as usize % MAX_SENDERS];
        assert!(number > *last, "out of order: {number:x} after {last:x}");
        *last = number;
        self.sum = self.sum.wrapping_add(number);
    }
}

fn recv_copies<M: Message>(channel: &impl Channel<M>, count: u64) -> u64 {
    let mut checker = Checker::default();
    for _ in 0..count {
        checker.check(channel.recv().number());
    }
    checker.sum
}

fn send_batches(queue: &Queue<u64>, sender: usize, count: u64) -> u64 {
    let mut numbers = numbers(sender, count);
    let mut batch = Vec::with_capacity(BATCH);
    let mut sum = 0u64;
    loop {
        batch.clear();
        batch.extend(numbers.by_ref().take(BATCH));
        if batch.is_empty() {
            return sum;
        }
        sum = batch.iter().fold(sum, |sum, number| sum.wrapping_add(*number));
        queue.send_all(&batch).expect("an open queue");
    }
}

fn recv_batches(queue: &Queue<u64>, count: u64) -> u64 {
    let mut checker = Checker::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut left = count as usize;
    while left > 0 {
        batch.clear();
        left -= queue.recv_many(&mut batch, BATCH.min(left)).expect("an open queue");
        batch.iter().for_each(|number| checker.check(*number));
    }
    checker.sum
}

/// As many senders as receivers: the senders on one core, the receivers on the other.
pub fn threads<M: Message>(pairs: usize) -> Run {
    between_threads(ArrayQueue::<M>::new(CAPACITY), pairs)
}

pub(super) fn between_threads<M: Message>(
    queue: impl Channel<M> + Sync + 'static,
    pairs: usize,
) -> Run {
    Box::new(move |count| {
        cpu::unpin();
        let share = count.div_ceil(pairs as u64);
        let [here, there] = cpu::pair();
        let (sent, received): (Vec<Report>, Vec<Report>) = thread::scope(|scope| {
            let queue = &queue;
            let senders: Vec<_> = (0..pairs)
                .map(|sender| {
                    scope.spawn(move || {
                        cpu::pin(here);
                        Report::of(|| send_copies(queue, sender, share))
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..pairs)
                .map(|_| {
                    scope.spawn(move || {
                        cpu::pin(there);
                        Report::of(|| recv_copies(queue, share))
                    })
                })
                .collect();
            let joined = |all: Vec<thread::ScopedJoinHandle<'_, Report>>| {
                all.into_iter().map(|one| one.join().expect("a worker")).collect()
            };
            (joined(senders), joined(receivers))
        });
        settle(sent, received)
    })
}

pub(super) fn settle(mut sent: Vec<Report>, received: Vec<Report>) -> Sample {
    let share_cores = sent.len() > 1;
    assert_eq!(sum(&sent), sum(&received), "what was sent is what was received");
    sent.extend(received);
    let sample = sample(&sent);
    // Those that share a core interrupt each other.
    if share_cores { Sample { interruptions: 0, ..sample } } else { sample }
}

/// The same between processes. `verb`: how they send and receive.
pub fn processes<M: Message>(pairs: usize, verb: &'static str) -> Run {
    Box::new(Crew::<M>::new(pairs, verb, CAPACITY).into_run(verb))
}

/// The processes around a queue.
pub(super) struct Crew<M: Message> {
    senders: Vec<Worker>,
    receivers: Vec<Worker>,
    _queue: Queue<M>,
}

impl<M: Message> Crew<M> {
    pub(super) fn new(pairs: usize, verb: &str, capacity: usize) -> Crew<M> {
        let name = fresh_name();
        let queue = Queue::create(&name, capacity).expect("a new queue");
        let [here, there] = cpu::pair();
        let start = |side: &str, cpu: usize| {
            let one =
                |at: usize| Worker::start(&format!("queue {side} {at} {cpu} {} {name}", M::KIND));
            (0..pairs).map(one).collect()
        };
        let mut crew =
            Crew { senders: start("send", here), receivers: start("recv", there), _queue: queue };
        crew.run(verb, 1000); // all are there, and their pages
        crew
    }

    pub(super) fn into_run(mut self, verb: &'static str) -> impl FnMut(u64) -> Sample {
        move |count| self.run(verb, count)
    }

    pub(super) fn run(&mut self, verb: &str, count: u64) -> Sample {
        cpu::unpin();
        let order = format!("{verb} {}", count.div_ceil(self.senders.len() as u64));
        self.receivers.iter_mut().chain(&mut self.senders).for_each(|one| one.tell(&order));
        let answers = |all: &mut Vec<Worker>| {
            all.iter_mut().map(|one| Report::from_line(&one.answer())).collect()
        };
        settle(answers(&mut self.senders), answers(&mut self.receivers))
    }
}

pub fn play(words: &[&str]) {
    let &[side, number, cpu, kind, name] = words else { panic!("no role {words:?}") };
    let number = number.parse().expect("a number");
    cpu::pin(cpu.parse().expect("a CPU"));
    match kind {
        <u64 as Message>::KIND => {
            let queue = Queue::<u64>::open(name).expect("the queue");
            serve(|order| {
                match (side, split(order)) {
                    ("send", ("many", count)) => Report::of(|| send_batches(&queue, number, count)),
                    ("recv", ("many", count)) => Report::of(|| recv_batches(&queue, count)),
                    (_, order) => obey(&queue, side, number, order),
                }
                .to_line()
            });
        }
        <[u64; 8] as Message>::KIND => play_as::<[u64; 8]>(name, side, number),
        <[u64; 8 << 10] as Message>::KIND => play_as::<[u64; 8 << 10]>(name, side, number),
        <[u64; 128 << 10] as Message>::KIND => play_as::<[u64; 128 << 10]>(name, side, number),
        _ => panic!("no message {kind:?}"),
    }
}

fn split(order: &str) -> (&str, u64) {
    let (verb, count) = order.split_once(' ').expect("a verb and a number");
    (verb, count.parse().expect("a number"))
}

fn play_as<M: Message>(name: &str, side: &str, number: usize) {
    let queue = Queue::<M>::open(name).expect("the queue");
    serve(|order| obey(&queue, side, number, split(order)).to_line());
}

fn obey<M: Message>(queue: &Queue<M>, side: &str, number: usize, order: (&str, u64)) -> Report {
    let (verb, count) = order;
    Report::of(|| match (side, verb) {
        ("send", "copy") => send_copies(queue, number, count),
        ("recv", "copy") => recv_copies(queue, count),
        ("send", "try") => send_copies(&Tried(queue), number, count),
        ("recv", "try") => recv_copies(&Tried(queue), count),
        ("send", _) => send_slots(queue, count, verb == "check"),
        _ => recv_leases(queue, count, verb == "check"),
    })
}
