//! How a child that was started gets ready: it takes the rest of its letter, and says so, or why not.
//!
//! ```text
//!   Coming ── it says "ready" ──▶ Ready: what was handed over is let go
//!     │  │
//!     │  └── its end of the line closes ──▶ Silent ──┐
//!     │                                              ├── it has ended ──▶ an error
//!     └── it refuses, or is not there in time: an error, and it is killed
//! ```
//! [`look`] is the one step, and never waits (but for a millisecond, where this user has too many descriptors
//! on their way). Who starts one child waits between the steps
//! ([`await_ready`]); who starts several looks at them when something happens ([`Arriving`]).
//!
//! *The child dies before it is ready*: its keeper learns of it, and so does the next look. *It never gets
//! to `init`*: after [`PATIENCE`] it is killed. *It is stopped*: the same, and who looks at several is not
//! held up by it.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use super::child::Child;
use super::options::not_spawned;
use super::unsent::Unsent;
use crate::error::{Error, ErrorKind, Failure};
use crate::sys::child::{self as system, Signal};
use crate::sys::clock::{Deadline, LONGEST_NAP};
use crate::sys::hook::point;
use crate::sys::line::Line;
use crate::trace::event;
use crate::transfer::{Packer, Transfer};

/// How long a child may need until it is in `init`.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A child on its way.
pub(super) struct Arrival<A> {
    /// The arguments, and what the child inherits of them; until it has them.
    handed_over: Option<(A, Packer)>,
    rest: Unsent,
    child: Arc<Child>,
    line: Arc<Line>,
    deadline: Deadline,
    is_silent: bool,
}

/// How far a child has come.
enum Sight {
    Coming,
    /// It will say nothing more: its end is to come.
    Silent,
    Ready,
}

impl<A: Transfer> Arrival<A> {
    pub(super) fn new(
        handed_over: (A, Packer),
        rest: Unsent,
        (child, line): (Arc<Child>, Arc<Line>),
    ) -> Arrival<A> {
        Arrival {
            handed_over: Some(handed_over),
            rest,
            child,
            line,
            deadline: Deadline::after(PATIENCE),
            is_silent: false,
        }
    }

    pub(super) fn child(&self) -> &Arc<Child> {
        &self.child
    }

    /// Waits until the child has its arguments.
    pub(super) fn finish(mut self) -> Result<Arc<Child>, Failure> {
        await_ready(&self.child, &self.line, &mut self.rest, self.deadline)?;
        self.let_go();
        Ok(self.child)
    }

    fn let_go(&mut self) {
        point!("launch.ready");
        if let Some((args, _packer)) = self.handed_over.take() {
            args.sent();
        }
        event!(DEBUG, pid = self.child.pid, name = self.child.name, "a new process is ready");
    }
}

/// A child on its way, whatever its arguments are.
pub(crate) trait Arriving: Send {
    /// Goes on with it, without waiting. True: it is ready, and this is over. An error says why it will not
    /// be; it was killed then, if it still ran.
    fn look(&mut self) -> Result<bool, Error>;

    /// What to poll before the next look, and whether for room to write also; nothing where only the end
    /// of the child is to come.
    fn awaits(&self) -> Option<(BorrowedFd<'_>, bool)>;
}

impl<A: Transfer + Send> Arriving for Arrival<A> {
    fn look(&mut self) -> Result<bool, Error> {
        let sight = look(&self.child, &self.line, &mut self.rest, self.deadline)
            .map_err(|why| not_spawned(why, format!("process {:?}", self.child.name)))?;
        self.is_silent = matches!(sight, Sight::Silent);
        let is_ready = matches!(sight, Sight::Ready);
        if is_ready {
            self.let_go();
        }
        Ok(is_ready)
    }

    fn awaits(&self) -> Option<(BorrowedFd<'_>, bool)> {
        (!self.is_silent).then(|| (self.line.as_fd(), !self.rest.is_empty()))
    }
}

/// Waits until the child says that it is ready.
pub(super) fn await_ready(
    child: &Child,
    line: &Line,
    rest: &mut Unsent,
    deadline: Deadline,
) -> Result<(), Failure> {
    let failed = loop {
        match look(child, line, rest, deadline) {
            Ok(Sight::Ready) => return Ok(()),
            Ok(Sight::Silent) => _ = child.wait(deadline), // there is nothing to poll
            Ok(Sight::Coming) => {
                let nap = Deadline::after(LONGEST_NAP);
                if let Err(error) = system::wait_for(&[(line.as_fd(), !rest.is_empty())], nap) {
                    let _ = child.signal(Signal::KILL);
                    break Failure::system("waiting for the new process", error);
                }
            }
            Err(why) => break why,
        }
    };
    let _ = child.wait(Deadline::after(PATIENCE));
    Err(failed)
}

/// Writes what there is room for of the letter, and hears what the child says. An error says why it will not
/// be ready; it was killed then, if it still ran.
fn look(
    child: &Child,
    line: &Line,
    rest: &mut Unsent,
    deadline: Deadline,
) -> Result<Sight, Failure> {
    let over = child.is_over(); // before the last look at what it said
    let written = rest.write_some(line);
    let (ready, refused, closed) =
        child.hear(|heard| (heard.ready, heard.refused.clone(), heard.closed));
    let failed = match (refused, written) {
        _ if ready => return Ok(Sight::Ready),
        (Some(why), _) => Failure::new(ErrorKind::Refused, why),
        _ if over => ended_early(child),
        (_, Err(why)) => why,
        _ if deadline.left().is_none() => too_late(rest.is_empty()),
        _ if closed => return Ok(Sight::Silent),
        _ => return Ok(Sight::Coming),
    };
    let _ = child.signal(Signal::KILL);
    Err(failed)
}

fn ended_early(child: &Child) -> Failure {
    let how = child.wait(Deadline::Now).ok().flatten();
    let how = how.map_or("in a way that is not known".to_owned(), |status| status.to_string());
    Failure::new(
        ErrorKind::StartFailed,
        format!(
            "the new process ended before it could run the function ({how}); is \
             `commonhold::init()` the first line of `main`?"
        ),
    )
}

fn too_late(was_told: bool) -> Failure {
    if !was_told {
        return Failure::new(
            ErrorKind::StartFailed,
            format!(
                "the new process did not take all of its arguments within {} s, and was killed; is \
                 `commonhold::init()` the first line of `main`, and may it have as many descriptors open?",
                PATIENCE.as_secs()
            ),
        );
    }
    Failure::new(
        ErrorKind::StartFailed,
        format!(
            "the new process did not come to `commonhold::init()` within {} s, and was killed; is \
             that the first line of `main`?",
            PATIENCE.as_secs()
        ),
    )
}
