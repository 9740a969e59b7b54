//! Values, read by one while another one writes them or nobody does: beside atomics, a bare seqlock, a mutex.

use std::hint::black_box;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::thread;
use std::time::Duration;

use commonhold::bytemuck::cast;
use commonhold::{Event, Segment, Value};

use super::queues::fresh_name;
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::looped::pinned;
use crate::support::ratio::{Run, Sample};
use crate::support::report::{Report, sample};
use crate::support::work::{steps, work};

/// More than one word.
type Block = [u64; 8];

pub fn get() -> Run {
    pinned(Value::new(7u64).expect("a value"), Value::get)
}

pub fn get_std() -> Run {
    pinned(Box::new(AtomicU64::new(7)), |atomic| atomic.load(Ordering::Acquire))
}

pub fn set() -> Run {
    pinned(Value::new(7u64).expect("a value"), |value| value.set(black_box(8)))
}

pub fn set_std() -> Run {
    pinned(Box::new(AtomicU64::new(7)), |atomic| atomic.store(black_box(8), Ordering::Release))
}

pub fn update() -> Run {
    pinned(Value::new(0u64).expect("a value"), |value| value.update(|n| n.wrapping_add(1)))
}

pub fn update_std() -> Run {
    pinned(Box::new(AtomicU64::new(0)), |atomic| {
        let mut number = atomic.load(Ordering::Acquire);
        while let Err(found) = atomic.compare_exchange_weak(
            number,
            number.wrapping_add(1),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            number = found;
        }
        number
    })
}

/// What is read and written as a whole.
trait Cell: Send + Sync + 'static {
    fn get(&self) -> Block;
    fn set(&self, block: Block);
}

impl Cell for Value<[u8; 64]> {
    #[inline]
    fn get(&self) -> Block {
        cast(self.get())
    }

    #[inline]
    fn set(&self, block: Block) {
        self.set(cast(block));
    }
}

impl Cell for StdMutex<Block> {
    #[inline]
    fn get(&self) -> Block {
        *self.lock().expect("no panic")
    }

    #[inline]
    fn set(&self, block: Block) {
        *self.lock().expect("no panic") = block;
    }
}

/// A sequence number and the words it covers. One thread writes.
#[derive(Default)]
pub struct Seqlock {
    sequence: AtomicU64,
    words: [AtomicU64; 8],
}

impl Cell for Seqlock {
    #[inline]
    fn get(&self) -> Block {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            let words = std::array::from_fn(|at| self.words[at].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                return words;
            }
        }
    }

    #[inline]
    fn set(&self, block: Block) {
        let before = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(before + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.words.iter().zip(block).for_each(|(word, new)| word.store(new, Ordering::Relaxed));
        self.sequence.store(before + 2, Ordering::Release);
    }
}

fn value_64() -> Value<[u8; 64]> {
    Value::new([0; 64]).expect("a value")
}

pub fn get_64() -> Run {
    pinned(value_64(), Cell::get)
}

pub fn get_64_bare() -> Run {
    pinned(Box::<Seqlock>::default(), |cell| cell.get())
}

pub fn set_64() -> Run {
    pinned(value_64(), |value| Cell::set(value, black_box([7; 8])))
}

pub fn set_64_bare() -> Run {
    pinned(Box::<Seqlock>::default(), |cell| cell.set(black_box([7; 8])))
}

/// Writes until it is over, at least once; returns how often.
fn write_until(cell: &impl Cell, over: impl Fn() -> bool, steps: u64) -> u64 {
    let mut writes = 0;
    loop {
        writes += 1;
        cell.set([writes; 8]);
        if over() {
            return writes;
        }
        work(steps);
    }
}

fn read(cell: &impl Cell, count: u64) -> u64 {
    for _ in 0..count {
        let block = cell.get();
        assert!(block.iter().all(|word| *word == block[0]), "a torn value");
    }
    count
}

fn settle(read: Report, written: Report) -> Sample {
    let interruptions = sample(&[read, written]).interruptions;
    Sample { interruptions, ..sample(&[read]) }
}

/// Reads beside a thread that writes, with that pause after each write.
fn beside_thread(cell: impl Cell, pause: Duration) -> Run {
    let steps = if pause.is_zero() { 0 } else { steps(pause) };
    Box::new(move |count| {
        cpu::unpin();
        let [here, there] = cpu::pair();
        let (running, over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                cpu::pin(there);
                running.store(true, Ordering::Release);
                Report::of(|| write_until(&cell, || over.load(Ordering::Relaxed), steps))
            });
            cpu::pin(here);
            while !running.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let read = Report::of(|| read(&cell, count));
            over.store(true, Ordering::Relaxed);
            settle(read, writer.join().expect("a writer"))
        })
    })
}

pub fn written_seqlock(pause: Duration) -> Run {
    beside_thread(Seqlock::default(), pause)
}

pub fn written_mutex(pause: Duration) -> Run {
    beside_thread(StdMutex::new(Block::default()), pause)
}

/// What the reader and the process that writes share.
struct Shared {
    cell: Value<[u8; 64]>,
    running: Event,
    over: Event,
}

impl Shared {
    fn open(segment: &Segment) -> Shared {
        let event = |name| Event::open_or_create(segment.at(name)).expect("an event");
        let cell = Value::open_or_create(segment.at("cell"), [0; 64]).expect("a value");
        Shared { cell, running: event("running"), over: event("over") }
    }
}

/// Reads beside a process that writes.
pub fn written(pause: Duration) -> Run {
    let name = fresh_name();
    let shared = Shared::open(&Segment::create(&name, 1 << 16).expect("a segment"));
    let steps = if pause.is_zero() { 0 } else { steps(pause) };
    let mut writer = Worker::start(&format!("value {name} {steps}"));
    Box::new(move |count| {
        cpu::pin(cpu::pair()[0]);
        writer.tell("write");
        shared.running.wait();
        let read = Report::of(|| read(&shared.cell, count));
        shared.over.set();
        let written = Report::from_line(&writer.answer());
        shared.over.clear();
        settle(read, written)
    })
}

pub fn play(words: &[&str]) {
    let steps = words[1].parse().expect("a number");
    let shared = Shared::open(&Segment::open(words[0]).expect("the segment"));
    cpu::pin(cpu::pair()[1]);
    serve(|_| {
        shared.running.set();
        let report = Report::of(|| write_until(&shared.cell, || shared.over.is_set(), steps));
        shared.running.clear();
        report.to_line()
    });
}
