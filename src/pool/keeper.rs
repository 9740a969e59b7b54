//! The pool's keeper, a thread: starts workers, sees them arrive and end, and puts others in their places.
//!
//! It waits for all of them at once, so that none holds it up: one that is slow to arrive, or stopped, delays
//! neither another's replacement nor the end of the pool. Who else starts workers, a new pool and
//! `resize`, leaves their arrivals to it.
//!
//! A worker has its seat as soon as it was started, and is killed with the others when the pool ends. Its
//! arrival is in the inbox before it is in its seat: who finds that one in a seat has ended, and then looks
//! into the inbox, finds why it never was ready.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::crew::Ended;
use super::error::TaskError;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Failure};
use crate::process::{self, Arriving, Begun, Process, Underway};
use crate::raw::pool::words::WorkerId;
use crate::sys::child::wait_for;
use crate::sys::clock::{Deadline, LONGEST_NAP, sleep};

/// A worker that was ordered, or could not be.
pub(super) type Ordered = (WorkerId, Result<Box<dyn Underway>, Error>);

/// Has the process of a worker started, which is told what to run later.
pub(super) fn begin(number: usize) -> Result<Begun, Error> {
    Process::options().name(format!("worker {number}")).daemon(true).begin()
}

/// A worker that was started, or could not be.
pub(super) struct Started {
    id: WorkerId,
    process: Result<(Process, Arrival), Error>,
}

/// A worker that was started, until it is ready or has ended.
pub(super) struct Arrival {
    id: WorkerId,
    process: Box<dyn Arriving>,
    is_ready: bool,
    /// Why it will not be ready.
    failed: Option<Error>,
}

impl Arrival {
    /// Goes on with it. True: it is ready.
    fn look(&mut self) -> bool {
        if !self.is_ready && self.failed.is_none() {
            // Of a ready one, who listens to events may panic.
            let look = catch_unwind(AssertUnwindSafe(|| self.process.look()));
            match look.unwrap_or(Ok(true)) {
                Ok(is_ready) => self.is_ready = is_ready,
                Err(why) => self.failed = Some(why),
            }
        }
        self.is_ready
    }

    /// What to poll before the next look.
    fn awaits(&self) -> Option<(BorrowedFd<'_>, bool)> {
        let comes = !self.is_ready && self.failed.is_none();
        comes.then(|| self.process.awaits()).flatten()
    }
}

/// Waits until a worker was started.
pub(super) fn started((id, ordered): Ordered) -> Started {
    let process = ordered.and_then(|ordered| ordered.start()).map(|(process, arriving)| {
        (process, Arrival { id, process: arriving, is_ready: false, failed: None })
    });
    Started { id, process }
}

/// Waits until one of them is ready; or the first of them that cannot be says why.
pub(super) fn await_one(all: &mut [Started]) -> Result<(), Error> {
    loop {
        for one in all.iter_mut() {
            let Ok((_, arrival)) = &mut one.process else {
                return Ok(()); // that is told when it is taken on
            };
            if arrival.look() {
                return Ok(());
            }
            if let Some(why) = arrival.failed.take() {
                return Err(why);
            }
        }
        let arrivals = all.iter().filter_map(|one| one.process.as_ref().ok());
        let lines = arrivals.filter_map(|(_, arrival)| arrival.awaits());
        poll(lines, Deadline::after(LONGEST_NAP));
    }
}

/// Waits until one of these can be read from, or written to where that is asked.
fn poll<'f>(all: impl Iterator<Item = (BorrowedFd<'f>, bool)>, deadline: Deadline) {
    if wait_for(&all.collect::<Vec<_>>(), deadline).is_err() {
        sleep(LONGEST_NAP / 64); // out of memory: nothing else to do
    }
}

impl Shared {
    /// Starts workers on the seats that are empty, all at once. An error says why one could not be, which
    /// the keeper will try again.
    pub(super) fn fill_seats(&self) -> Result<(), Error> {
        let started: Vec<Started> =
            self.order_workers(Vec::new()).into_iter().map(started).collect();
        let taken_on = started.into_iter().map(|one| self.take_on(one));
        taken_on.fold(Ok(()), Result::and)
    }

    /// Has workers started on the seats that are empty, of which the first were begun already.
    pub(super) fn order_workers(&self, begun: Vec<Result<Begun, Error>>) -> Vec<Ordered> {
        let vacancies = self.ledger().crew.vacancies();
        let mut begun = begun.into_iter();
        let order = |id: WorkerId| {
            let worker = begun.next().unwrap_or_else(|| begin(id.number()));
            (id, worker.and_then(|worker| self.order(worker, id)))
        };
        let ordered = vacancies.into_iter().map(order).collect();
        process::carry_on();
        ordered
    }

    /// Tells a worker what to run. The initializer's arguments are packed, which may run what is the user's.
    fn order(&self, worker: Begun, id: WorkerId) -> Result<Box<dyn Underway>, Error> {
        catch_unwind(AssertUnwindSafe(|| (self.start)(worker, id))).unwrap_or_else(|_| {
            let reason = "the initializer's arguments panicked when they were packed";
            Err(Error::of(Failure::new(ErrorKind::Refused, reason), "start", "pool".to_owned()))
        })
    }

    /// Leaves a worker that was started to the keeper.
    pub(super) fn take_on(&self, one: Started) -> Result<(), Error> {
        let process = one.process.map(|(process, arrival)| {
            self.arrivals().push(arrival);
            process
        });
        self.seat(one.id, process.as_ref().map(Clone::clone));
        process.map(drop)
    }

    /// A worker was started, or could not be.
    fn seat(&self, id: WorkerId, started: Result<Process, &Error>) {
        let mut ledger = self.ledger();
        let seated = ledger.crew.seat(id, started);
        let over = ledger.over().is_some();
        let processes = if over { ledger.crew.processes() } else { Vec::new() };
        drop(ledger);
        for process in processes {
            let _ = process.kill();
        }
        if let Err(why) = seated {
            self.end(why);
        }
        self.tell();
        self.bell.ring();
    }

    /// The keeper's thread.
    pub(super) fn keep(&self) {
        let mut arrivals = Vec::new();
        loop {
            let ended = self.ledger().crew.ended();
            arrivals.append(&mut *self.arrivals()); // after the look at who has ended
            arrivals.retain_mut(|arrival: &mut Arrival| !arrival.look());
            for one in ended {
                let arrival = arrivals.iter().position(|arrival| arrival.id == one.id);
                self.see_off(&one, arrival.map(|at| arrivals.swap_remove(at)));
            }
            let ledger = self.ledger();
            let (is_over, is_empty) = (ledger.over().is_some(), ledger.crew.is_empty());
            let starts_next = if is_over { Deadline::Never } else { ledger.crew.starts_next() };
            drop(ledger);
            if is_over && is_empty {
                return self.tell();
            }
            if starts_next.left().is_none() {
                let _ = self.fill_seats(); // a false start, which was counted
                continue;
            }
            self.wait_for_news(&arrivals, starts_next);
        }
    }

    /// Takes up what a worker that has ended held.
    fn see_off(&self, ended: &Ended, arrival: Option<Arrival>) {
        let Ok(status) = ended.process.join() else {
            // Another part of the program has waited for it: it is gone all the same.
            self.ledger().crew.empty(ended.id);
            return self.end(TaskError::Initializer {
                message: "the program has waited for the pool's workers itself".to_owned(),
            });
        };
        let failed = arrival.and_then(|mut arrival| {
            arrival.look(); // now that it is known how it has ended
            arrival.failed
        });
        let mut ledger = self.ledger();
        let vacated = ledger.crew.vacate(ended, &status, failed);
        if ledger.over().is_none() {
            ledger.bury(ended.id, ended.process.pid(), &status);
        }
        drop(ledger);
        if let Err(why) = vacated {
            self.end(why);
        }
        self.tell();
    }

    /// Waits until the bell rings, a worker ends, one that arrives has said something, or others are to be
    /// started.
    fn wait_for_news(&self, arrivals: &[Arrival], starts_next: Deadline) {
        let watched = self.ledger().crew.watched();
        let is_blind = watched.iter().any(Option::is_none);
        let nap = if is_blind || !arrivals.is_empty() {
            Deadline::after(LONGEST_NAP)
        } else {
            Deadline::Never
        };
        let workers = watched.iter().flatten().map(|pidfd| (pidfd.as_fd(), false));
        let lines = arrivals.iter().filter_map(Arrival::awaits);
        let bell = std::iter::once((self.bell.as_fd(), false));
        poll(bell.chain(workers).chain(lines), nap.sooner_of(starts_next));
        self.bell.silence();
    }
}
