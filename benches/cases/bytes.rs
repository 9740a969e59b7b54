//! Messages of any length, from one core to another: between processes here, between threads there.
//!
//! The peer is a ring for one sender and one receiver and nothing else, as well tuned as we can: each side
//! keeps a copy of the other's index, and a record is copied in and out at once.

use std::cell::{Cell, UnsafeCell};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use commonhold::{Mailbox, Queue};

use super::queues::fresh_name;
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::{Run, Sample};
use crate::support::report::{Report, sample, sum};

/// Room for so many messages of whatever length.
const MESSAGES: usize = 64;

/// What takes bytes and gives them.
trait Channel {
    fn send(&self, bytes: &[u8]);
    /// Replaces the contents.
    fn recv(&self, into: &mut Vec<u8>);
}

impl Channel for Mailbox<Vec<u8>> {
    fn send(&self, bytes: &[u8]) {
        self.send(bytes.to_vec()).expect("an open mailbox");
    }

    fn recv(&self, into: &mut Vec<u8>) {
        *into = self.recv().expect("an open mailbox");
    }
}

impl Channel for Mailbox<u64> {
    #[inline]
    fn send(&self, bytes: &[u8]) {
        let number = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        self.send(number).expect("an open mailbox");
    }

    #[inline]
    fn recv(&self, into: &mut Vec<u8>) {
        let number: u64 = self.recv().expect("an open mailbox");
        into.clear();
        into.extend_from_slice(&number.to_le_bytes());
    }
}

impl Channel for Queue<[u8]> {
    #[inline]
    fn send(&self, bytes: &[u8]) {
        self.send(bytes).expect("an open queue");
    }

    #[inline]
    fn recv(&self, into: &mut Vec<u8>) {
        self.recv_into(into).expect("an open queue");
    }
}

/// The tuned ring.
struct BareBytes {
    tail: Line,
    head: Line,
    bytes: UnsafeCell<Vec<u8>>,
}

#[repr(align(128))]
struct Line {
    index: AtomicUsize,
    /// The other's index, as this side last saw it.
    seen: Cell<usize>,
}

// SAFETY: one thread sends and one receives; each touches its own line and its part of the bytes.
unsafe impl Sync for BareBytes {}

const HEADER: usize = 8;

impl BareBytes {
    fn new(length: usize) -> BareBytes {
        let line = || Line { index: AtomicUsize::new(0), seen: Cell::new(0) };
        let size = (MESSAGES * (length + HEADER)).next_power_of_two();
        BareBytes { tail: line(), head: line(), bytes: UnsafeCell::new(vec![0; size]) }
    }

    fn size(&self) -> usize {
        // SAFETY: its length never changes.
        unsafe { (*self.bytes.get()).len() }
    }

    fn base(&self) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.bytes.get()).as_mut_ptr() }
    }
}

impl Channel for BareBytes {
    fn send(&self, bytes: &[u8]) {
        let (size, tail) = (self.size(), self.tail.index.load(Ordering::Relaxed));
        let need = HEADER + bytes.len().next_multiple_of(HEADER);
        while tail + need - self.tail.seen.get() > size {
            self.tail.seen.set(self.head.index.load(Ordering::Acquire));
            spin_loop();
        }
        let at = (tail + HEADER) % size;
        let here = bytes.len().min(size - at);
        // SAFETY: within the ring, and this side's until the index says otherwise.
        unsafe {
            self.base().add(tail % size).cast::<usize>().write(bytes.len());
            self.base().add(at).copy_from_nonoverlapping(bytes.as_ptr(), here);
            self.base().copy_from_nonoverlapping(bytes.as_ptr().add(here), bytes.len() - here);
        }
        self.tail.index.store(tail + need, Ordering::Release);
    }

    fn recv(&self, into: &mut Vec<u8>) {
        let (size, head) = (self.size(), self.head.index.load(Ordering::Relaxed));
        while self.head.seen.get() == head {
            self.head.seen.set(self.tail.index.load(Ordering::Acquire));
            spin_loop();
        }
        // SAFETY: within the ring, and this side's until the index says otherwise.
        let length = unsafe { self.base().add(head % size).cast::<usize>().read() };
        let at = (head + HEADER) % size;
        let here = length.min(size - at);
        into.clear();
        into.reserve(length);
        // SAFETY: as above; the vector has room.
        unsafe {
            let to = into.as_mut_ptr();
            to.copy_from_nonoverlapping(self.base().add(at), here);
            to.add(here).copy_from_nonoverlapping(self.base(), length - here);
            into.set_len(length);
        }
        self.head.index.store(head + HEADER + length.next_multiple_of(HEADER), Ordering::Release);
    }
}

fn send_all(channel: &impl Channel, length: usize, count: u64) -> u64 {
    let mut bytes = vec![0; length];
    for number in 1..=count {
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[length - 1] = number.to_le_bytes()[usize::from(length == 8) * 7];
        channel.send(&bytes);
    }
    count
}

fn recv_all(channel: &impl Channel, length: usize, count: u64) -> u64 {
    let mut bytes = Vec::new();
    for number in 1..=count {
        channel.recv(&mut bytes);
        let found = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
        assert_eq!((bytes.len(), found), (length, number), "out of order");
        assert_eq!(bytes[length - 1], number.to_le_bytes()[usize::from(length == 8) * 7]);
    }
    count
}

/// The tuned ring, between two threads.
pub fn threads_bare(length: usize) -> Run {
    let ring = BareBytes::new(length);
    Box::new(move |count| {
        cpu::unpin();
        let [here, there] = cpu::pair();
        let (sent, received) = thread::scope(|scope| {
            let ring = &ring;
            let sender = scope.spawn(move || {
                cpu::pin(here);
                Report::of(|| send_all(ring, length, count))
            });
            let receiver = scope.spawn(move || {
                cpu::pin(there);
                Report::of(|| recv_all(ring, length, count))
            });
            (sender.join().expect("a worker"), receiver.join().expect("a worker"))
        });
        settle(sent, received)
    })
}

fn settle(sent: Report, received: Report) -> Sample {
    assert_eq!(sum(&[sent]), sum(&[received]), "what was sent is what was received");
    sample(&[sent, received])
}

/// Between two processes, by this kind of channel.
pub fn processes(kind: &'static str, length: usize) -> Run {
    let name = fresh_name();
    let capacity = MESSAGES * (length + HEADER);
    let keeper: Box<dyn std::any::Any> = match kind {
        "number" => Box::new(Mailbox::<u64>::create(&name, capacity).expect("a new mailbox")),
        "slice" => Box::new(Queue::<[u8]>::create(&name, capacity).expect("a new queue")),
        _ => Box::new(Mailbox::<Vec<u8>>::create(&name, capacity).expect("a new mailbox")),
    };
    let [here, there] = cpu::pair();
    let start = |side: &str, cpu: usize| {
        Worker::start(&format!("bytes {side} {cpu} {kind} {length} {name}"))
    };
    let (mut sender, mut receiver) = (start("send", here), start("recv", there));
    let mut run = move |count: u64| {
        cpu::unpin();
        let _kept = &keeper;
        receiver.tell(&count.to_string());
        sender.tell(&count.to_string());
        settle(Report::from_line(&sender.answer()), Report::from_line(&receiver.answer()))
    };
    run(1000); // both are there, and their pages
    Box::new(run)
}

pub fn play(words: &[&str]) {
    let &[side, cpu, kind, length, name] = words else { panic!("no role {words:?}") };
    let length = length.parse().expect("a length");
    cpu::pin(cpu.parse().expect("a CPU"));
    match kind {
        "number" => play_on(&Mailbox::<u64>::open(name).expect("the mailbox"), side, length),
        "slice" => play_on(&Queue::<[u8]>::open(name).expect("the queue"), side, length),
        _ => play_on(&Mailbox::<Vec<u8>>::open(name).expect("the mailbox"), side, length),
    }
}

fn play_on(channel: &impl Channel, side: &str, length: usize) {
    serve(|order| {
        let count = order.parse().expect("a number");
        let report = Report::of(|| match side {
            "send" => send_all(channel, length, count),
            _ => recv_all(channel, length, count),
        });
        report.to_line()
    });
}
