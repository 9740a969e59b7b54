//! The workers of a pool: started, watched, replaced when they end, let go.
//!
//! ```text
//!   EMPTY ── wanted: ordered ──▶ STARTING ── it was started ──▶ SEATED { process }
//!     ▲                             │ it cannot be                  │ its end is seen (pidfd)
//!     └─────────────────────────────┴───────────────────────────────┘
//! ```
//! The pool's keeper thread sees the ends, has the ledger take up what the dead held, and starts others in
//! their places. One whose initializer failed ends the pool; of those that are killed or cannot be started, see
//! `false_starts.rs`.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::error::TaskError;
use super::false_starts::{Blame, FalseStarts};
use crate::error::Error;
use crate::process::{ExitStatus, Process};
use crate::raw::pool::layout::RawPool;
use crate::raw::pool::words::WorkerId;
use crate::segment::handle::Handle;
use crate::sys::child::{self, Pid};
use crate::sys::clock::Deadline;

/// Where a worker may be.
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

/// A worker's place.
struct Place {
    seat: Seat,
    /// Tells the workers apart that have it one after the other.
    generation: u32,
    /// In which the last one was ordered.
    round: u32,
}

impl Place {
    fn is_empty(&self) -> bool {
        matches!(self.seat, Seat::Empty)
    }

    /// Whether there is, or will be, a worker who was not told to end.
    fn is_staffed(&self) -> bool {
        matches!(self.seat, Seat::Starting | Seat::Seated { leaving: false, .. })
    }
}

/// The workers.
pub(super) struct Crew {
    pool: Handle<RawPool>,
    places: Vec<Place>,
    /// How many there should be.
    target: usize,
    false_starts: FalseStarts,
}

/// A worker that has ended.
pub(super) struct Ended {
    pub(super) id: WorkerId,
    pub(super) process: Process,
}

impl Crew {
    /// With this many places, and nobody on them.
    pub(super) fn new(
        pool: Handle<RawPool>,
        places: usize,
        target: usize,
        has_initializer: bool,
    ) -> Crew {
        let empty = |_| Place { seat: Seat::Empty, generation: 0, round: 0 };
        pool.set_sharers(target);
        let false_starts = FalseStarts::new(has_initializer);
        Crew { pool, places: (0..places).map(empty).collect(), target, false_starts }
    }

    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// Wants so many workers from now on; those who are too many are told to end.
    pub(super) fn resize(&mut self, target: usize) {
        self.target = target;
        self.pool.set_sharers(target);
        let mut staying = 0;
        for (number, place) in self.places.iter_mut().enumerate() {
            if !place.is_staffed() {
                continue;
            }
            match &mut place.seat {
                Seat::Seated { leaving, .. } if staying >= target => {
                    *leaving = true;
                    self.pool.dismiss(WorkerId::new(number, place.generation));
                }
                _ => staying += 1,
            }
        }
    }

    /// Notes who takes no more jobs. True: there were some, and others are to be started.
    pub(super) fn retire(&mut self) -> bool {
        let mut any = false;
        for (number, place) in self.places.iter_mut().enumerate() {
            if let Seat::Seated { leaving: leaving @ false, .. } = &mut place.seat {
                *leaving = self.pool.has_retired(WorkerId::new(number, place.generation));
                any |= *leaving;
            }
        }
        any
    }

    /// How many are missing.
    fn wanted(&self) -> usize {
        self.target.saturating_sub(self.places.iter().filter(|place| place.is_staffed()).count())
    }

    /// When workers are to be started; never, where none is missing.
    pub(super) fn starts_next(&self) -> Deadline {
        match self.wanted() {
            0 => Deadline::Never,
            _ => self.false_starts.not_before(),
        }
    }

    /// The workers to be started, on seats that are theirs from now on.
    pub(super) fn vacancies(&mut self) -> Vec<WorkerId> {
        let (wanted, round) = (self.wanted(), self.false_starts.next_round());
        let empty = self.places.iter_mut().enumerate().filter(|(_, place)| place.is_empty());
        empty
            .take(wanted)
            .map(|(number, place)| {
                let generation = place.generation.wrapping_add(1);
                *place = Place { seat: Seat::Starting, generation, round };
                let id = WorkerId::new(number, generation);
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
        let place = &mut self.places[id.number()];
        match started {
            Ok(process) => {
                place.seat = Seat::Seated { pidfd: open(&process), process, leaving: false };
                if self.is_too_many() {
                    self.resize(self.target);
                }
                Ok(())
            }
            Err(error) => {
                self.empty(id);
                self.false_start(id, Blame::Elsewhere, || error.to_string())
            }
        }
    }

    fn is_too_many(&self) -> bool {
        self.places.iter().filter(|place| !place.is_empty()).count() > self.target
    }

    /// Nobody is there any more.
    pub(super) fn empty(&mut self, id: WorkerId) {
        self.places[id.number()].seat = Seat::Empty;
    }

    /// The seat of a worker that has ended is free. `Err`: why the pool cannot go on.
    /// `failed`: why it never got its arguments.
    pub(super) fn vacate(
        &mut self,
        ended: &Ended,
        status: &ExitStatus,
        failed: Option<Error>,
    ) -> Result<(), TaskError> {
        self.empty(ended.id);
        if self.pool.has_begun(ended.id) {
            self.false_starts.end_row();
            return Ok(());
        }
        if let Some(why) = failed {
            return self.false_start(ended.id, Blame::Elsewhere, || why.to_string());
        }
        // A signal came from elsewhere; everything else is the initializer's doing.
        if status.code().is_some() {
            let message = match status.panic_message() {
                Some(panic) => panic.to_owned(),
                None => format!("the initializer ended its process: {status}"),
            };
            return Err(TaskError::Initializer { message });
        }
        self.false_start(ended.id, Blame::Initializer, || {
            format!("the worker ended before it began to work: {status}")
        })
    }

    fn false_start(
        &mut self,
        id: WorkerId,
        blame: Blame,
        why: impl FnOnce() -> String,
    ) -> Result<(), TaskError> {
        let round = self.places[id.number()].round;
        match self.false_starts.count(round, blame) {
            Some(rounds) if !self.works() => Err(TaskError::Initializer {
                message: format!("{}; {rounds} times in a row", why()),
            }),
            _ => Ok(()),
        }
    }

    /// Whether anybody has begun to work, and was not seen to end.
    fn works(&self) -> bool {
        self.seated().any(|(id, ..)| self.pool.has_begun(id))
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
        self.places.iter().enumerate().filter_map(|(number, place)| match &place.seat {
            Seat::Seated { process, pidfd, .. } => {
                Some((WorkerId::new(number, place.generation), process, pidfd))
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
        self.places.iter().all(Place::is_empty)
    }
}

/// A descriptor of the process, if that still runs.
fn open(process: &Process) -> Option<Arc<OwnedFd>> {
    let pid = Pid::from_raw(process.pid() as i32)?;
    let pidfd = child::open(pid).ok()?;
    // Where it has ended, the number may be another's by now.
    process.is_alive().then(|| Arc::new(pidfd))
}
