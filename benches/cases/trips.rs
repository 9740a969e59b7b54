//! A message there and one back, between two cores: while both run, and while the other sleeps.
//!
//! The limits are a cache line for each direction, which both threads look at all the time, and a word for
//! each on which who waits goes to sleep at once.

use std::hint::spin_loop;
use std::ops::Range;
use std::ptr::null;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use commonhold::{Event, Queue, Segment};
use nix::libc;

use super::queues::fresh_name;
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::{Run, Sample};
use crate::support::report::{Report, sample};

/// Before each trip to somebody who is to be asleep.
const PAUSE: Duration = Duration::from_micros(300);
const CAPACITY: usize = 16;

/// Both directions, as one side sees them.
trait Line {
    fn send(&self, number: u32);
    /// Waits for this number, which comes next.
    fn recv(&self, number: u32);
}

struct Queues([Queue<u64>; 2]);

impl Line for Queues {
    #[inline]
    fn send(&self, number: u32) {
        self.0[0].send(u64::from(number)).expect("an open queue");
    }

    #[inline]
    fn recv(&self, number: u32) {
        assert_eq!(self.0[1].recv(), Ok(u64::from(number)));
    }
}

struct Events([Event; 2]);

impl Line for Events {
    #[inline]
    fn send(&self, _: u32) {
        self.0[0].set();
    }

    #[inline]
    fn recv(&self, _: u32) {
        self.0[1].wait();
        self.0[1].clear();
    }
}

#[repr(align(128))]
#[derive(Default)]
struct Word(AtomicU32);

/// Who waits sleeps, or looks at the word all the time.
struct Words<'w, const SLEEP: bool>([&'w Word; 2]);

impl<const SLEEP: bool> Line for Words<'_, SLEEP> {
    #[inline]
    fn send(&self, number: u32) {
        let word = &self.0[0].0;
        word.store(number, Ordering::Release);
        if SLEEP {
            // SAFETY: it wakes who sleeps at this address.
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
        }
    }

    #[inline]
    fn recv(&self, number: u32) {
        let word = &self.0[1].0;
        loop {
            let found = word.load(Ordering::Acquire);
            if found == number {
                return;
            }
            if !SLEEP {
                spin_loop();
                continue;
            }
            let (op, no_end) = (libc::FUTEX_WAIT, null::<libc::timespec>());
            // SAFETY: the kernel reads the word, which is there for as long as this borrow.
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, found, no_end) };
        }
    }
}

/// The trips of a run; the sum is their nanoseconds, without the pauses.
fn ping(line: &impl Line, numbers: Range<u32>, pause: Duration) -> Report {
    let trip = |number| {
        line.send(number);
        line.recv(number);
    };
    Report::of(|| {
        if pause.is_zero() {
            let start = cpu::now();
            numbers.for_each(trip);
            return cpu::now() - start;
        }
        let timed = |number| {
            thread::sleep(pause);
            let start = cpu::now();
            trip(number);
            cpu::now() - start
        };
        numbers.map(timed).sum()
    })
}

fn pong(line: &impl Line, numbers: Range<u32>) -> Report {
    Report::of(|| {
        for number in numbers {
            line.recv(number);
            line.send(number);
        }
        0
    })
}

fn settle(ping: Report, pong: Report) -> Sample {
    let interruptions = sample(&[ping, pong]).interruptions;
    Sample { took: Duration::from_nanos(ping.sum), interruptions }
}

/// The pause before each trip.
fn pause(asleep: bool) -> Duration {
    if asleep { PAUSE } else { Duration::ZERO }
}

/// The limits: between threads.
pub fn threads(asleep: bool) -> Run {
    let run = if asleep { between_threads::<true> } else { between_threads::<false> };
    Box::new(move |count| run(count, pause(asleep)))
}

fn between_threads<const SLEEP: bool>(count: u64, pause: Duration) -> Sample {
    cpu::unpin();
    let [here, there] = cpu::pair();
    let (out, back) = (Word::default(), Word::default());
    let numbers = 1..count as u32 + 1;
    thread::scope(|scope| {
        let answering = numbers.clone();
        let (out, back) = (&out, &back);
        let pong = scope.spawn(move || {
            cpu::pin(there);
            pong(&Words::<SLEEP>([back, out]), answering)
        });
        let ping = scope.spawn(move || {
            cpu::pin(here);
            ping(&Words::<SLEEP>([out, back]), numbers, pause)
        });
        settle(ping.join().expect("a thread"), pong.join().expect("a thread"))
    })
}

/// Between two processes, by queues or by events.
pub fn processes(kind: &'static str, asleep: bool) -> Run {
    let name = fresh_name();
    let segment = Segment::create(&name, 1 << 16).expect("a segment");
    let [here, there] = cpu::pair();
    let start = |side: &str, cpu: usize| {
        Worker::start(&format!("trip {side} {cpu} {kind} {} {name}", pause(asleep).as_nanos()))
    };
    let (mut ping, mut pong) = (start("ping", here), start("pong", there));
    let mut run = move |count: u64| {
        let _kept = &segment;
        pong.tell(&count.to_string());
        ping.tell(&count.to_string());
        settle(Report::from_line(&ping.answer()), Report::from_line(&pong.answer()))
    };
    run(100); // both are there
    Box::new(run)
}

pub fn play(words: &[&str]) {
    let &[side, cpu, kind, pause, name] = words else { panic!("no role {words:?}") };
    cpu::pin(cpu.parse().expect("a CPU"));
    let pause = Duration::from_nanos(pause.parse().expect("a number"));
    let segment = Segment::open(name).expect("the segment");
    // Out and back, for who pings.
    let places = if side == "ping" { ["there", "back"] } else { ["back", "there"] };
    match kind {
        "queue" => {
            let queue =
                |place| Queue::open_or_create(segment.at(place), CAPACITY).expect("a queue");
            play_on(&Queues(places.map(queue)), side, pause);
        }
        _ => {
            let event = |place| Event::open_or_create(segment.at(place)).expect("an event");
            play_on(&Events(places.map(event)), side, pause);
        }
    }
}

fn play_on(line: &impl Line, side: &str, pause: Duration) {
    serve(|count| {
        let numbers = 1..count.parse::<u32>().expect("a number") + 1;
        let report = match side {
            "ping" => ping(line, numbers, pause),
            _ => pong(line, numbers),
        };
        report.to_line()
    });
}
