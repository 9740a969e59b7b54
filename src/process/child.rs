//! What a process knows of one child: whether it runs, and how it ended.
//!
//! ```text
//!   Running { pidfd, line } ── its keeper reaps it ──▶ Over(how)      the word `over`: 0 ──▶ 1, all woken
//! ```
//! Only the keeper's thread changes it, once, and closes every descriptor before it says so: who has
//! joined a child finds nothing of it left.
#![forbid(unsafe_code)]

use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::info::default_name;
use super::letter::Heard;
use super::status::ExitStatus;
use crate::error::{ErrorKind, Failure};
use crate::sys::child::{Ending, Signal, ending_of, has_ended, signal};
use crate::sys::clock::{Deadline, LONGEST_NAP, Naps};
use crate::sys::futex;
use crate::sys::line::Line;
use crate::sys::liveness;

// Ordering:
// [CH2] start: written once, by the keeper, and guards nothing
// [CH1] over: store(Release) ↔ load(Acquire)   how it ended is in the state

/// How a child is to be treated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) name: Option<String>,
    pub(crate) daemon: bool,
    pub(crate) detached: bool,
}

/// A child process.
pub(crate) struct Child {
    pub(crate) pid: u32,
    /// 0: not known.
    start: AtomicU32,
    pub(crate) name: String,
    pub(crate) manner: Manner,
    /// The process whose child it is.
    parent: u32,
    over: AtomicU32,
    state: Mutex<State>,
}

enum State {
    Running {
        pidfd: Arc<OwnedFd>,
        line: Arc<Line>,
        heard: Heard,
        /// What is to be kept as long as the child runs.
        kept: Option<Kept>,
    },
    Over {
        how: Result<ExitStatus, Lost>,
        heard: Heard,
    },
}

/// What a parent keeps as long as its child runs.
pub(super) type Kept = Box<dyn Any + Send>;

/// Nobody knows how it ended: another part of the program has waited for it.
#[derive(Clone, Copy)]
struct Lost;

impl Child {
    pub(super) fn new(
        pid: u32,
        manner: Manner,
        pidfd: Arc<OwnedFd>,
        line: Arc<Line>,
        kept: Option<Kept>,
    ) -> Child {
        Child {
            pid,
            start: AtomicU32::new(0),
            name: manner.name.clone().unwrap_or_else(|| default_name(pid)),
            manner,
            parent: std::process::id(),
            over: AtomicU32::new(0),
            state: Mutex::new(State::Running { pidfd, line, heard: Heard::default(), kept }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The word that becomes 1, with a wake, when the child has ended and was reaped.
    pub(crate) fn over_word(&self) -> &AtomicU32 {
        &self.over
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) != 0 // [CH1]
    }

    /// Whether it runs. One that has ended and was not reaped yet does not.
    pub(crate) fn is_alive(&self) -> bool {
        if self.is_over() {
            return false;
        }
        if !self.is_ours() {
            return !liveness::is_dead(self.pid, self.start());
        }
        match &*self.state() {
            State::Running { pidfd, .. } => !has_ended(pidfd.as_fd()),
            State::Over { .. } => false,
        }
    }

    /// Notes when it started. By its keeper, at once.
    pub(super) fn note_start(&self) {
        let start = liveness::start_time(self.pid).unwrap_or(0);
        // Only if it is not reaped now: else its number may have been another's when that was asked, where
        // something else reaps the children and the keeper was paused.
        if let State::Running { pidfd, .. } = &*self.state()
            && ending_of(pidfd.as_fd()).is_ok()
        {
            self.start.store(start, Ordering::Relaxed); // [CH2]
        }
    }

    /// When it started; 0 where that cannot be seen.
    pub(super) fn start(&self) -> u32 {
        self.start.load(Ordering::Relaxed) // [CH2]
    }

    /// False in a process that was forked from the parent.
    fn is_ours(&self) -> bool {
        self.parent == std::process::id()
    }

    /// Waits for its end. `None`: not before the deadline.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Option<ExitStatus>, Failure> {
        let mut naps = Naps::until(deadline);
        while !self.is_over() {
            if !self.is_ours() {
                return Err(Failure::new(
                    ErrorKind::Unsupported,
                    format!("it is a child of process {}, not of this one", self.parent),
                ));
            }
            // One that has ended is waited for a little: its keeper is about to reap it.
            let nap = match naps.next() {
                Some(nap) => nap,
                None if !self.is_alive() => LONGEST_NAP,
                None => return Ok(None),
            };
            futex::wait(&self.over, 0, nap);
        }
        match &*self.state() {
            State::Over { how: Ok(status), .. } => Ok(Some(status.clone())),
            _ => Err(Failure::new(
                ErrorKind::Io,
                "how it ended is not known: another part of the program waited for it, or ignores \
                 SIGCHLD",
            )),
        }
    }

    /// Sends it a signal; nothing, if it has ended.
    pub(crate) fn signal(&self, which: Signal) -> Result<(), Failure> {
        if !self.is_ours() {
            return match self.is_alive() {
                true => Err(Failure::new(
                    ErrorKind::Unsupported,
                    format!("it is a child of process {}, not of this one", self.parent),
                )),
                false => Ok(()),
            };
        }
        match &*self.state() {
            State::Running { pidfd, .. } => {
                signal(pidfd, which).map_err(|error| Failure::system("sending a signal", error))
            }
            State::Over { .. } => Ok(()),
        }
    }

    /// What it has said so far, of which `look` takes what it wants.
    pub(super) fn hear<R>(&self, look: impl FnOnce(&Heard) -> R) -> R {
        match &mut *self.state() {
            State::Running { line, heard, .. } => {
                heard.listen(line);
                look(heard)
            }
            State::Over { heard, .. } => look(heard),
        }
    }

    /// Its end was learned of: notes it, and closes what it had. By its keeper, who gets what was kept.
    pub(super) fn finish(&self, ending: Option<Ending>) -> Option<Kept> {
        let panicked = self.hear(|heard| heard.panicked.clone());
        let mut state = self.state();
        let State::Running { heard, kept, .. } = &mut *state else { return None };
        let how = ending.map(|ending| ExitStatus::new(ending, panicked)).ok_or(Lost);
        let (heard, kept) = (std::mem::take(heard), kept.take());
        *state = State::Over { how, heard };
        kept
    }

    /// Tells those who wait for the end, after [`finish`](Child::finish).
    pub(super) fn announce(&self) {
        self.over.store(1, Ordering::Release); // [CH1]
        futex::wake(&self.over, u32::MAX);
    }
}
