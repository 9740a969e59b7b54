//! How long a lock stays with a holder that was killed, for a process that waits for it.
//!
//! The killed process is a child of this program's by `std`, of which nobody tells the others, or one of
//! `Process`, whose end is seen at once by who started it. The waiter waits long enough for its naps to be
//! the longest.

use std::thread;
use std::time::Duration;

use commonhold::{Event, Lock, LockError, Process, Segment};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::queues::fresh_name;
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::{Run, Sample};

/// Naps are 1, 2, 4 … 64 ms long.
const UNTIL_NAPS_ARE_LONG: Duration = Duration::from_millis(130);

/// Whose child the holder is.
pub fn recovery(of_process: bool) -> Run {
    let mut waiter = Worker::start("recovery wait");
    Box::new(move |count| {
        cpu::unpin(); // children inherit it
        let once = |_| match of_process {
            false => strike(&mut waiter, |name| {
                let mut holder = Worker::start(&format!("recovery hold {name}"));
                (holder.child.id(), move || drop(holder.child.wait()))
            }),
            true => strike(&mut waiter, |name| {
                let holder = Process::spawn(hold, name.to_owned()).expect("a child");
                (holder.pid(), move || drop(holder.join()))
            }),
        };
        let took = (0..count).map(once).sum();
        Sample { took, interruptions: 0 }
    })
}

/// From the death of a holder to the end of its lock.
fn strike<B: FnOnce()>(waiter: &mut Worker, start: impl FnOnce(&str) -> (u32, B)) -> Duration {
    let name = fresh_name();
    let segment = Segment::create(&name, 1 << 16).expect("a segment");
    let (_lock, held) = parts(&segment);
    let (pid, bury) = start(&name);
    held.wait();
    waiter.tell(&name);
    thread::sleep(UNTIL_NAPS_ARE_LONG);
    let since = cpu::now();
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("a living child");
    let recovered: u64 = waiter.answer().trim().parse().expect("a time");
    bury();
    Duration::from_nanos(recovered - since)
}

fn parts(segment: &Segment) -> (Lock, Event) {
    let lock = Lock::open_or_create(segment.at("lock")).expect("a lock");
    (lock, Event::open_or_create(segment.at("held")).expect("an event"))
}

/// Is killed while it holds the lock.
fn hold(name: String) {
    hold_until(&name, || {
        loop {
            thread::park(); // it dies with its parent
        }
    });
}

fn hold_until(name: &str, end: impl FnOnce()) {
    let (lock, held) = parts(&Segment::open(name).expect("the segment"));
    let _guard = lock.lock().expect("it is free");
    held.set();
    end();
}

fn wait(name: &str) -> String {
    let (lock, _) = parts(&Segment::open(name).expect("the segment"));
    assert_eq!(lock.lock().map(drop), Err(LockError::OwnerDied));
    drop(lock.recover().expect("nobody else recovers it"));
    cpu::now().to_string()
}

pub fn play(words: &[&str]) {
    match words {
        ["hold", name] => hold_until(name, || serve(|_| String::new())),
        _ => serve(wait),
    }
}
