//! How a process starts a child that runs a function: what it is told, and how it answers.
//!
//! ```text
//!   caller                         keeper                     child
//!   pack arguments, make a line,
//!   write the letter ────order──▶  posix_spawn ─────────────▶ main … init(): read the letter,
//!   (order others)                 (others), then watch        unpack, attach
//!   write the rest, wait
//!     ready ◀──────────────────────────────────────────────── "ready", run the function
//!     or an error: refused, or ended, or not there in time
//!   let go of what was handed over
//! ```
//! *The child dies before it is ready*: its keeper learns of it, the caller sees it within a nap: an
//! error. *It never gets to `init`*: after [`PATIENCE`] it is killed: an error. *The parent dies*: the
//! child reads the end of the line, or finds another parent, and ends. *Two at once*: a line's ends, and
//! what is inherited, stay marked to be closed on `exec` in the parent; the child alone has them open.
#![forbid(unsafe_code)]

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::child::{Child, Kept, Manner};
use super::keeper::{self, Keeper};
use super::letter::Letter;
use super::start::{self, Entry};
use crate::error::{ErrorKind, Failure};
use crate::sys::child::{self as system, Pid, Signal};
use crate::sys::clock::{Deadline, LONGEST_NAP};
use crate::sys::hook::point;
use crate::sys::line::{Line, Moved};
use crate::sys::program;
use crate::sys::spawn::{Again, SignalMask, run_again};
use crate::trace::{event, span};
use crate::transfer::{Packer, Transfer};

/// The variable that tells a new process which of its descriptors is the line to its parent.
pub(super) const VARIABLE: &str = "COMMONHOLD_CHILD";

/// How long a child may need until it is in `init`.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A child that was ordered, and is on its way.
pub(super) struct Launch<A> {
    args: A,
    /// Keeps what the child inherits until it has.
    _packer: Packer,
    letter: Vec<u8>,
    sent: usize,
    line: Arc<Line>,
    started: Answer<Arc<Child>>,
    deadline: Deadline,
}

/// Orders that this program is started once more, to run an entry with these arguments.
pub(super) fn launch<A: Transfer>(
    entry: Entry,
    args: A,
    manner: Manner,
) -> Result<Launch<A>, Failure> {
    span!("spawn process", name = manner.name.as_deref());
    start::check_initialized()?;
    let entry = program::offset_of_entry(entry).ok_or_else(|| {
        Failure::new(
            ErrorKind::Unsupported,
            "the function lies in a library, not in the program that the child runs",
        )
    })?;
    let mut packer = Packer::for_start();
    args.pack(&mut packer).map_err(refused)?;
    let (here, there) = Line::pair().map_err(|error| Failure::system("making a line", error))?;
    let letter = Letter {
        program: program::identity(),
        entry,
        parent: std::process::id(),
        parent_name: start::own_name(),
        name: manner.name.clone().unwrap_or_default(),
        lives_on: manner.detached,
        inherited: packer.inherited().to_vec(),
    };
    let letter = letter.with_arguments(packer.bytes()).map_err(refused)?;
    let mut rest = &letter[..];
    write_some(&here, &mut rest)?;
    let sent = letter.len() - rest.len();
    let line = Arc::new(here);
    let started = start(&line, there, &packer, manner)?;
    let deadline = Deadline::after(PATIENCE);
    Ok(Launch { args, _packer: packer, letter, sent, line, started, deadline })
}

impl<A: Transfer> Launch<A> {
    /// Waits until the child has its arguments. The keeper has it started by then, or does now.
    pub(super) fn finish(self) -> Result<Arc<Child>, Failure> {
        keeper::carry_on();
        let rest = &self.letter[self.sent..];
        if rest.is_empty() {
            // One sleep for both: a child that answers was started, and one that cannot be has left its
            // end of the line closed.
            let _ = system::wait_for(&[(self.line.as_fd(), false)], Deadline::after(LONGEST_NAP));
        }
        let child = self.started.wait()?;
        point!("launch.watched");
        await_ready(&child, &self.line, rest, self.deadline)?;
        point!("launch.ready");
        self.args.sent();
        event!(DEBUG, pid = child.pid, name = child.name, "a new process is ready");
        Ok(child)
    }
}

fn refused(why: crate::transfer::Refused) -> Failure {
    Failure::new(ErrorKind::Refused, why.reason().to_owned())
}

/// Has the keeper start the child.
fn start(
    here: &Arc<Line>,
    there: Line,
    packer: &Packer,
    manner: Manner,
) -> Result<Answer<Arc<Child>>, Failure> {
    let inode = there.inode().map_err(|error| Failure::system("looking at a line", error))?;
    let inherits = packer.inherited().to_vec();
    let mask = SignalMask::here();
    let here = Arc::clone(here);
    let (answer, started) = Answer::expected();
    keeper::order(Box::new(move |keeper| {
        let value = format!("{}:{inode}", there.number());
        let variable = (VARIABLE, value);
        let again = Again { variable, line: there.as_fd(), inherits: &inherits, mask };
        let pid = run_again(&again).map_err(|error| {
            Failure::system("running /proc/self/exe, this program, once more", error)
        });
        drop(there); // the child's alone from here on
        point!("launch.started");
        keeper.after_orders(Box::new(move |keeper| {
            let _ = answer.send(pid.and_then(|pid| watch(keeper, pid, manner, here, None)));
        }));
    }))?;
    Ok(started)
}

/// What comes back from the keeper's thread.
pub(super) struct Answer<R>(Receiver<Result<R, Failure>>);

impl<R> Answer<R> {
    /// Where it is to be sent, and what is waited with.
    fn expected() -> (SyncSender<Result<R, Failure>>, Answer<R>) {
        let (answer, answered) = sync_channel(1);
        (answer, Answer(answered))
    }

    /// Waits for it.
    pub(super) fn wait(self) -> Result<R, Failure> {
        self.0.recv().unwrap_or_else(|_| {
            Err(Failure::new(ErrorKind::Io, "the thread that starts processes panicked"))
        })
    }
}

/// Has `f` run on the keeper's thread.
pub(super) fn by_keeper<R: Send + 'static>(
    f: impl FnOnce(&'static Keeper) -> Result<R, Failure> + Send + 'static,
) -> Result<Answer<R>, Failure> {
    let (answer, answered) = Answer::expected();
    keeper::order(Box::new(move |keeper| {
        let _ = answer.send(f(keeper));
    }))?;
    keeper::carry_on();
    Ok(answered)
}

/// Has a new process watched. On the keeper's thread, whose child it is.
pub(super) fn watch(
    keeper: &Keeper,
    pid: Pid,
    manner: Manner,
    line: Arc<Line>,
    kept: Option<Kept>,
) -> Result<Arc<Child>, Failure> {
    let watched = system::open(pid).map(Arc::new).and_then(|pidfd| {
        let identity = keeper::identity(pid.as_raw_nonzero().get() as u32);
        let child = Arc::new(Child::new(identity, manner, Arc::clone(&pidfd), line, kept));
        keeper.add(Arc::clone(&child), pidfd)?;
        Ok(child)
    });
    watched.map_err(|error| {
        // Not waited for by anybody then, and so not left to run either.
        system::abandon(pid);
        Failure::system("watching the new process", error)
    })
}

/// Writes what there is room for.
fn write_some(line: &Line, rest: &mut &[u8]) -> Result<(), Failure> {
    while !rest.is_empty() {
        match line.send_now(rest) {
            Ok(Moved::Bytes(sent)) => *rest = &rest[sent..],
            Ok(Moved::Nothing) => break,
            Ok(Moved::Closed) => *rest = &[],
            Err(error) => return Err(Failure::system("writing to the new process", error)),
        }
    }
    Ok(())
}

/// Waits until the child says that it is ready.
pub(super) fn await_ready(
    child: &Child,
    line: &Line,
    mut rest: &[u8],
    deadline: Deadline,
) -> Result<(), Failure> {
    loop {
        let over = child.is_over(); // before the last look at what it said
        write_some(line, &mut rest)?;
        let (ready, refused, closed) =
            child.hear(|heard| (heard.ready, heard.refused.clone(), heard.closed));
        if ready {
            return Ok(());
        }
        if let Some(why) = refused {
            let _ = child.wait(deadline);
            return Err(Failure::new(ErrorKind::Refused, why));
        }
        if over {
            return Err(ended_early(child));
        }
        if deadline.left().is_none() {
            return Err(too_late(child));
        }
        if closed {
            let _ = child.wait(deadline); // then there is nothing to poll
            continue;
        }
        let nap = Deadline::after(LONGEST_NAP);
        system::wait_for(&[(line.as_fd(), !rest.is_empty())], nap)
            .map_err(|error| Failure::system("waiting for the new process", error))?;
    }
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

fn too_late(child: &Child) -> Failure {
    let _ = child.signal(Signal::KILL);
    let _ = child.wait(Deadline::after(PATIENCE));
    Failure::new(
        ErrorKind::StartFailed,
        format!(
            "the new process did not come to `commonhold::init()` within {} s, and was killed; is \
             that the first line of `main`?",
            PATIENCE.as_secs()
        ),
    )
}
