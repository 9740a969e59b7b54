//! All that is under storm.

mod carrying;
mod cells;
mod controls;
mod ends;
mod event;
mod holders;
mod leases;
mod messages;
mod pool;
mod queues;
mod segment;
mod signals;
mod things;

use super::family::Family;

pub fn all() -> Vec<Family> {
    let mut all = things::families();
    all.extend(cells::families());
    all.extend(event::families());
    all.extend(queues::families());
    all.extend(leases::families());
    all.extend(ends::families());
    all.extend(segment::families());
    all.extend(pool::families());
    all.extend(controls::families());
    all
}
