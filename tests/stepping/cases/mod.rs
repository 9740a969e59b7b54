//! What is stepped, object by object.

mod bias;
mod buffer;
mod cell;
mod control;
mod ends;
mod event;
mod lease;
mod lock;
mod mailbox;
mod mutex;
mod queue;
mod segment;
mod semaphore;

use crate::case::Case;

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
        buffer::cases(),
        segment::cases(),
        control::cases(),
    ];
    all.into_iter().flatten().collect()
}
