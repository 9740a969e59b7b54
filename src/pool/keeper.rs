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

use super::crew::Ended;
use super::error::TaskError;
use super::shared::Shared;
use crate::error::Error;
use crate::process::{self, Arriving, Begun, Process};
use crate::raw::pool::words::WorkerId;
use crate::sys::child::wait_for;
use crate::sys::clock::{Deadline, LONGEST_NAP, sleep};

/// A worker that was ordered, or could not be.
pub(super) type Ordered = (WorkerId, Result<Box<dyn Begun>, Error>);

/// A worker that was started, until it is ready or has ended.
pub(super) struct Arrival {
    id: WorkerId,
    process: Box<dyn Arriving>,
    /// Why it will not be ready.
    failed: Option<Error>,
}

impl Arrival {
    /// Goes on with it. True: it is ready.
    fn look(&mut self) -> bool {
        if self.failed.is_some() {
            return false;
        }
        self.process.look().unwrap_or_else(|why| {
            self.failed = Some(why);
            false
        })
    }

    /// What to poll before the next look.
    fn awaits(&self) -> Option<(BorrowedFd<'_>, bool)> {
        self.failed.is_none().then(|| self.process.awaits()).flatten()
    }
}

impl Shared {
    /// Starts workers on the seats that are empty, all at once.
    pub(super) fn fill_seats(&self) -> Result<(), TaskError> {
        for ordered in self.order_workers() {
            let _ = self.take_on(ordered); // a false start, which is counted
        }
        match self.ledger().over() {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }

    /// Has workers started on the seats that are empty.
    pub(super) fn order_workers(&self) -> Vec<Ordered> {
        let vacancies = self.ledger().crew.vacancies();
        let begun = vacancies.into_iter().map(|id| (id, (self.start)(id))).collect();
        process::carry_on();
        begun
    }

    /// Waits until a worker was started, and leaves its arrival to the keeper.
    pub(super) fn take_on(&self, (id, begun): Ordered) -> Result<(), Error> {
        let started = begun.and_then(|begun| begun.start()).map(|(process, arriving)| {
            self.arrivals().push(Arrival { id, process: arriving, failed: None });
            process
        });
        self.seat(id, started.as_ref().map(Clone::clone));
        started.map(drop)
    }

    /// A worker was started, or could not be.
    pub(super) fn seat(&self, id: WorkerId, started: Result<Process, &Error>) {
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
            if self.ledger().over().is_some() {
                if self.ledger().crew.is_empty() {
                    return self.tell();
                }
            } else {
                sleep(self.ledger().crew.pause());
                if let Err(why) = self.fill_seats() {
                    self.end(why);
                }
            }
            self.wait_for_news(&arrivals);
        }
    }

    /// Takes up what a worker that has ended held.
    fn see_off(&self, ended: &Ended, arrival: Option<Arrival>) {
        let Ok(status) = ended.process.join() else {
            // Another part of the program has waited for it: it is gone all the same.
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

    /// Waits until the bell rings, a worker ends, or one that arrives has said something.
    fn wait_for_news(&self, arrivals: &[Arrival]) {
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
        if wait_for(&bell.chain(workers).chain(lines).collect::<Vec<_>>(), nap).is_err() {
            sleep(LONGEST_NAP / 64); // out of memory: nothing else to do
        }
        self.bell.silence();
    }
}
