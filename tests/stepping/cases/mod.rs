//! What is stepped, object by object.

mod bias;
mod buffer;
mod cell;
mod control;
pub mod coverage;
mod ends;
mod event;
mod lease;
mod lock;
mod mailbox;
mod making;
mod mutex;
mod pool;
mod queue;
mod segment;
mod semaphore;
mod slices;
mod waits;

use crate::case::{Case, Short};

pub fn all() -> Vec<Case> {
    let all = [
        queue::cases(),
        bias::cases(),
        lease::cases(),
        ends::cases(),
        mailbox::cases(),
        lock::cases(),
        mutex::cases(),
        cell::cases(),
        event::cases(),
        semaphore::cases(),
        waits::cases(),
        slices::cases(),
        buffer::cases(),
        segment::cases(),
        making::cases(),
        pool::cases(),
        control::cases(),
    ];
    let mut all: Vec<Case> = all.into_iter().flatten().collect();
    for case in &mut all {
        let made = [making::HERE, making::NAMELESS].contains(&case.path);
        if made && !MADE.contains(&case.operation)
            || LEFT_OUT.contains(&(case.operation, case.path))
        {
            case.short = Short::Nothing;
        }
        if TWICE.contains(&(case.operation, case.path)) {
            case.short = Short::Twice;
        }
    }
    all
}

/// The short form has death in recovery of these.
const TWICE: &[(&str, &str)] = &[
    ("Queue<u64>::send", "owner; last place"),
    ("Queue<u64>::recv", "ends the bias of a living owner"),
    ("Queue<[u64; 20]>::lease, Lease::done", "two messages"),
    ("Mailbox::send", "ends the bias of a living owner"),
    ("Lock::lock", "free"),
    ("Semaphore::acquire, drop", "free"),
];

/// Of all that is made, the short form has these.
const MADE: [&str; 2] = ["Value::create", "Event::new, Event::drop"];

/// Others go nearly the same way as these, or faster. The long forms have all.
const LEFT_OUT: &[(&str, &str)] = &[
    ("Semaphore::acquire_timeout", "none left, in vain"),
    ("Queue<[u64]>::send", "owner; another ends the bias"),
    ("Queue::create, Queue::drop", "a name of its own"),
    ("Queue::open_or_create, Queue::drop", "a stale name"),
    ("Queue::unlink", "just made"),
    ("Segment::unlink", "just made"),
    ("SegmentOptions::create", "persistent"),
    ("Queue<u64>::lease", "before sleep; a cell comes"),
    ("Queue<[u64; 20]>::reserve", "before sleep; a cell comes"),
    ("Queue<[u64; 20]>::reserve_timeout", "no cell, in vain"),
    ("Queue<u64>::recv", "before sleep; a lease comes back"),
    ("Queue<u64>::recv", "before sleep; the last sender leaves"),
    ("Queue<u64>::send", "before sleep; the last receiver leaves"),
    ("Mailbox::recv", "a handle"),
    ("Mutex::lock_timeout", "held, in vain"),
    ("Lock::lock", "a forked child's first; other rows are of the dead"),
    ("Pool's worker", "a job of several items"),
    ("Pool's worker", "sleeps between jobs"),
    ("Pool's worker", "a job is tried again"),
    ("Pool's worker", "a result needs more room"),
    ("Pool::new", "its owner"),
    ("Pool::apply_async, Task::get", "its owner"),
    ("Pool::map", "its owner"),
    ("Pool::imap", "its owner"),
    ("Pool::resize", "its owner"),
    ("Pool::close, Pool::join", "its owner"),
    ("Pool::terminate", "its owner"),
    ("Buffer::write_timeout", "a reader is there, in vain"),
    ("Queue<u64>::send", "half full"),
    ("Queue<u64>::send", "last place"),
    ("Queue<u64>::send_timeout", "full, in vain"),
    ("Queue<u64>::recv", "one message"),
    ("Queue<u64>::recv", "two laps on"),
    ("Queue<u64>::recv_timeout", "empty, in vain"),
    ("Queue<u64>::send", "owner; wrapping"),
    ("Queue<u64>::try_recv", "owner; empty"),
    ("Queue<u64>::try_recv", "empty"),
    ("Mailbox::send_timeout", "full, in vain"),
    ("Mailbox::recv_timeout", "empty, in vain"),
    ("Mailbox::recv", "owner; long"),
    ("Mailbox::send", "owner; long"),
    ("Mailbox::send, recv", "becomes the owner"),
    ("Lock::lock_timeout", "held, in vain"),
    ("Buffer::read_timeout", "a writer is there, in vain"),
    ("Segment::create, Segment::drop", "a new name"),
    ("Segment::open, Segment::drop", "a living name"),
    ("Segment::open_or_create, Segment::drop", "a living name"),
    ("unlink", "a living name"),
    ("gc", "a stale name"),
    ("Segment::create, Segment::drop", "a stale name"),
];
