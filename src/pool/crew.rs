//! The workers of a pool: started, watched, replaced when they end, let go.
//!
//! ```text
//!   EMPTY ── wanted: ordered ──▶ STARTING ── it was started ──▶ SEATED { process }
//!     ▲                             │ it cannot be                  │ its end is seen (pidfd)
//!     └─────────────────────────────┴───────────────────────────────┘
//! ```
//! The pool's keeper thread sees the ends, has the ledger take up what the dead held, and starts others in
//! their places. A worker that ends before it began to work is a *false start*: one whose
//! initializer failed ends the pool, and so do several false starts in a row, so that nothing is
//! started in a loop: a few where there is an initializer, which may be what kills them; many where
//! there is none, as it is somebody else then, who may stop. Each is waited after a little longer.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::error::TaskError;
use crate::error::Error;
use crate::process::{ExitStatus, Process};
use crate::raw::pool::layout::RawPool;
use crate::raw::pool::words::WorkerId;
use crate::segment::handle::Handle;
use crate::sys::child::{self, Pid};
use crate::sys::clock::LONGEST_NAP;

/// So many in a row end the pool, with an initializer and without one.
pub(super) const FALSE_STARTS: [u32; 2] = [5, 100];

/// A worker's place.
enum Seat {
    Empty,
    Starting,
    Seated {
        process: Process,
        /// Readable once the process has ended; none, if it could not be opened.
        pidfd: Option<Arc<OwnedFd>>,
        /// It was told to end.
        leaving: bool,
    },
}

/// The workers.
pub(super) struct Crew {
    pool: Handle<RawPool>,
    seats: Vec<(Seat, u32)>,
    /// How many there should be.
    target: usize,
    false_starts: u32,
    /// How many of them in a row end the pool.
    most_false_starts: u32,
}

/// A worker that has ended.
pub(super) struct Ended {
    pub(super) id: WorkerId,
    pub(super) process: Process,
}

impl Crew {
    /// With this many seats, and nobody on them.
    pub(super) fn new(
        pool: Handle<RawPool>,
        seats: usize,
        target: usize,
        most_false_starts: u32,
    ) -> Crew {
        let seats = (0..seats).map(|_| (Seat::Empty, 0)).collect();
        pool.set_sharers(target);
        Crew { pool, seats, target, false_starts: 0, most_false_starts }
    }

    pub(super) fn seats(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// Wants so many workers from now on; those who are too many are told to end.
    pub(super) fn resize(&mut self, target: usize) {
        self.target = target;
        self.pool.set_sharers(target);
        let mut staying = 0;
        for (number, (seat, generation)) in self.seats.iter_mut().enumerate() {
            match seat {
                Seat::Empty => {}
                Seat::Starting => staying += 1,
                Seat::Seated { leaving: true, .. } => {}
                Seat::Seated { leaving, .. } if staying >= target => {
                    *leaving = true;
                    self.pool.dismiss(WorkerId::new(number, *generation));
                }
                Seat::Seated { .. } => staying += 1,
            }
        }
    }

    /// Notes who takes no more jobs. True: there were some, and others are to be started.
    pub(super) fn retire(&mut self) -> bool {
        let mut any = false;
        for (number, (seat, generation)) in self.seats.iter_mut().enumerate() {
            if let Seat::Seated { leaving: leaving @ false, .. } = seat {
                *leaving = self.pool.has_retired(WorkerId::new(number, *generation));
                any |= *leaving;
            }
        }
        any
    }

    /// The workers to be started, on seats that are theirs from now on.
    pub(super) fn vacancies(&mut self) -> Vec<WorkerId> {
        let staying = |(seat, _): &&(Seat, u32)| match seat {
            Seat::Empty => false,
            Seat::Starting => true,
            Seat::Seated { leaving, .. } => !leaving,
        };
        let wanted = self.target.saturating_sub(self.seats.iter().filter(staying).count());
        let empty = self.seats.iter_mut().enumerate();
        empty
            .filter(|(_, (seat, _))| matches!(seat, Seat::Empty))
            .take(wanted)
            .map(|(number, (seat, generation))| {
                *seat = Seat::Starting;
                *generation = generation.wrapping_add(1);
                let id = WorkerId::new(number, *generation);
                self.pool.seat(id);
                id
            })
            .collect()
    }

    /// A worker was started, or could not be. `Err`: why the pool cannot go on.
    pub(super) fn seat(
        &mut self,
        id: WorkerId,
        started: Result<Process, &Error>,
    ) -> Result<(), TaskError> {
        let seat = &mut self.seats[id.number()].0;
        match started {
            Ok(process) => {
                *seat = Seat::Seated { pidfd: open(&process), process, leaving: false };
                if self.is_too_many() {
                    self.resize(self.target);
                }
                Ok(())
            }
            Err(error) => {
                *seat = Seat::Empty;
                self.false_start(|| error.to_string())
            }
        }
    }

    fn is_too_many(&self) -> bool {
        let taken = |(seat, _): &&(Seat, u32)| !matches!(seat, Seat::Empty);
        self.seats.iter().filter(taken).count() > self.target
    }

    /// The seat of a worker that has ended is free. `Err`: why the pool cannot go on.
    /// `failed`: why it never got its arguments.
    pub(super) fn vacate(
        &mut self,
        ended: &Ended,
        status: &ExitStatus,
        failed: Option<Error>,
    ) -> Result<(), TaskError> {
        self.seats[ended.id.number()].0 = Seat::Empty;
        if self.pool.has_begun(ended.id) {
            self.false_starts = 0;
            return Ok(());
        }
        if let Some(why) = failed {
            return self.false_start(|| why.to_string());
        }
        // A signal came from elsewhere; everything else is the initializer's doing.
        if status.code().is_some() {
            let message = match status.panic_message() {
                Some(panic) => panic.to_owned(),
                None => format!("the initializer ended its process: {status}"),
            };
            return Err(TaskError::Initializer { message });
        }
        self.false_start(|| format!("the worker ended before it began to work: {status}"))
    }

    fn false_start(&mut self, why: impl FnOnce() -> String) -> Result<(), TaskError> {
        self.false_starts += 1;
        if self.false_starts < self.most_false_starts {
            return Ok(());
        }
        let message = format!("{}; {} times in a row", why(), self.false_starts);
        Err(TaskError::Initializer { message })
    }

    /// How long to wait before others are started.
    pub(super) fn pause(&self) -> Duration {
        let doublings = self.false_starts.min(7);
        Duration::from_millis((1 << doublings) / 2).min(LONGEST_NAP)
    }

    /// Those that have ended, and were not seen to yet.
    pub(super) fn ended(&self) -> Vec<Ended> {
        self.seated()
            .filter(|(_, process, pidfd)| match pidfd {
                Some(pidfd) => child::has_ended(pidfd.as_fd()),
                None => !process.is_alive(),
            })
            .map(|(id, process, _)| Ended { id, process: process.clone() })
            .collect()
    }

    /// What is readable when one of them ends; nothing of those that have to be looked at.
    pub(super) fn watched(&self) -> Vec<Option<Arc<OwnedFd>>> {
        self.seated().map(|(.., pidfd)| pidfd.clone()).collect()
    }

    fn seated(&self) -> impl Iterator<Item = (WorkerId, &Process, &Option<Arc<OwnedFd>>)> {
        self.seats.iter().enumerate().filter_map(|(number, (seat, generation))| match seat {
            Seat::Seated { process, pidfd, .. } => {
                Some((WorkerId::new(number, *generation), process, pidfd))
            }
            Seat::Empty | Seat::Starting => None,
        })
    }

    /// All that run.
    pub(super) fn processes(&self) -> Vec<Process> {
        self.seated().map(|(_, process, _)| process.clone()).collect()
    }

    /// Whether nobody is left, nor on the way.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.iter().all(|(seat, _)| matches!(seat, Seat::Empty))
    }
}

/// A descriptor of the process, if that still runs.
fn open(process: &Process) -> Option<Arc<OwnedFd>> {
    let pid = Pid::from_raw(process.pid() as i32)?;
    let pidfd = child::open(pid).ok()?;
    // Where it has ended, the number may be another's by now.
    process.is_alive().then(|| Arc::new(pidfd))
}
