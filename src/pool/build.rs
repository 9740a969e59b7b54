//! How a pool comes to be: its memory, its first workers, its threads; or an error, and nothing is left.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::thread::JoinHandle;

use super::crew::Crew;
use super::error::TaskError;
use super::keeper::{self, Ordered, Started};
use super::ledger::Ledger;
use super::shared::{Shared, Start, start_threads};
use super::work;
use crate::error::{Error, ErrorKind, Failure};
use crate::process;
use crate::raw::pool::layout::{RawPool, Size};
use crate::raw::pool::owner::Owner;
use crate::segment::handle::Handle;

/// A pool with workers on all seats.
pub(super) fn build(
    workers: usize,
    seats: usize,
    (retries, has_initializer): (u32, bool),
    make_start: impl FnOnce(Handle<RawPool>) -> Box<Start>,
) -> Result<(Arc<Shared>, Vec<JoinHandle<()>>), Error> {
    let begun = (0..workers).map(keeper::begin).collect();
    process::carry_on(); // they come up while the memory is made
    let cells = (2 * seats).next_power_of_two().clamp(256, 1 << 15) as u32;
    let size = Size { cells, workers: seats as u32 };
    let owner = Owner::new(size, work::name_of)?;
    let raw = owner.pool().clone();
    let crew = Crew::new(raw.clone(), seats, workers, has_initializer);
    let start = make_start(raw.clone());
    let ledger = Ledger::new(owner, crew, retries);
    let of = |failure| Error::of(failure, "start", "pool".to_owned());
    let shared = Arc::new(Shared::new(raw, ledger, start).map_err(of)?);
    let ordered = shared.order_workers(begun);
    let mut threads = Vec::new();
    let have_threads =
        start_threads(&shared, &mut threads) // while the workers come up
            .map_err(|error| of(Failure::system("starting the pool's threads", error)));
    match await_workers(&shared, ordered).and(have_threads) {
        Ok(()) => Ok((shared, threads)),
        Err(error) => {
            abandon(&shared, threads);
            Err(error)
        }
    }
}

/// Waits until the workers were started, and one is ready; where one cannot be, all are killed.
fn await_workers(shared: &Shared, ordered: Vec<Ordered>) -> Result<(), Error> {
    if let Some((_, Ok(first))) = ordered.first() {
        first.doze();
    }
    let mut all: Vec<Started> = ordered.into_iter().map(keeper::started).collect();
    let mut outcome = keeper::await_one(&mut all);
    for one in all {
        if outcome.is_err() {
            shared.end(TaskError::Terminated); // so that nobody is started in its place
        }
        outcome = outcome.and(shared.take_on(one));
    }
    outcome
}

/// Leaves nothing of a pool that cannot be.
fn abandon(shared: &Shared, threads: Vec<JoinHandle<()>>) {
    shared.end(TaskError::Terminated);
    let processes = shared.ledger().crew.processes();
    for process in processes {
        let _ = process.kill();
        let _ = process.join();
    }
    threads.into_iter().for_each(|thread| _ = thread.join());
}

/// An error of a pool that cannot be.
pub(super) fn invalid(what: String) -> Error {
    Error::of(Failure::new(ErrorKind::InvalidSize, what), "start", "pool".to_owned())
}

/// An error of what a pool cannot do, as it is.
pub(super) fn unsupported(why: String) -> Error {
    Error::of(Failure::new(ErrorKind::Unsupported, why), "use", "pool".to_owned())
}

/// The error of what a forked child cannot do with its parent's pool.
pub(super) fn foreign() -> Error {
    unsupported("the pool belongs to the process that this one was forked from".to_owned())
}
