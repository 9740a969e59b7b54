//! How a pool comes to be: its memory, its first workers, its threads; or an error, and nothing is left.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::crew::Crew;
use super::ledger::Ledger;
use super::shared::{Shared, Start, start_threads};
use super::work;
use crate::error::{Error, ErrorKind, Failure};
use crate::process::threads;
use crate::raw::pool::layout::{RawPool, Size};
use crate::raw::pool::owner::Owner;
use crate::raw::pool::words::WorkerId;
use crate::segment::handle::Handle;

/// A pool with workers on all seats.
pub(super) fn build(
    workers: usize,
    seats: usize,
    (retries, most_false_starts): (u32, u32),
    make_start: impl FnOnce(Handle<RawPool>) -> Box<Start>,
) -> Result<(Arc<Shared>, [JoinHandle<()>; 2]), Error> {
    let cells = (2 * seats).next_power_of_two().clamp(256, 1 << 15) as u32;
    let size = Size { cells, workers: seats as u32 };
    let owner = Owner::new(size, work::name_of)?;
    let raw = owner.pool().clone();
    let crew = Crew::new(raw.clone(), seats, workers, most_false_starts);
    let start = make_start(raw.clone());
    let ledger = Ledger::new(owner, crew, retries);
    let of = |failure| Error::of(failure, "start", "pool".to_owned());
    let shared = Arc::new(Shared::new(raw, ledger, start).map_err(of)?);
    first_workers(&shared)?;
    match start_threads(&shared) {
        Ok(threads) => Ok((shared, threads)),
        Err(error) => {
            end_workers(&shared);
            Err(of(Failure::system("starting the pool's threads", error)))
        }
    }
}

/// Starts the first workers; where one cannot be started, none is left.
fn first_workers(shared: &Shared) -> Result<(), Error> {
    let vacancies = shared.ledger().crew.vacancies();
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    let start = |id: &WorkerId| {
        let lock = || failed.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().is_some() {
            return;
        }
        match (shared.start)(*id) {
            Ok(process) => {
                // One that is seated needs no other look at it.
                let _ = shared.ledger().crew.seat(*id, Ok(process));
            }
            Err(error) => *lock() = Some(error),
        }
    };
    threads::on_each(&vacancies, start);
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(error) = failed else { return Ok(()) };
    end_workers(shared);
    Err(error)
}

/// Ends the workers of a pool that does not come to be.
fn end_workers(shared: &Shared) {
    for process in shared.ledger().crew.processes() {
        let _ = process.kill();
        let _ = process.join();
    }
}

/// An error of a pool that cannot be.
pub(super) fn invalid(what: String) -> Error {
    Error::of(Failure::new(ErrorKind::InvalidSize, what), "start", "pool".to_owned())
}

/// An error of what a pool cannot do, as it is.
pub(super) fn unsupported(why: String) -> Error {
    Error::of(Failure::new(ErrorKind::Unsupported, why), "use", "pool".to_owned())
}
