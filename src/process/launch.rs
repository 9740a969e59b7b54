//! How a process starts a child that runs a function: what it is told, and how it answers.
//!
//! ```text
//!   caller                         keeper                     child
//!   begin: make a line ──order──▶  posix_spawn ─────────────▶ main … init(): read the letter,
//!   (begin others)                 (others), then watch        unpack, attach
//!   tell: pack arguments,                                  (or refuse)
//!   write the letter, wait
//!     ready ◀──────────────────────────────────────────────── "ready", run the function
//!   let go of what was handed over
//! ```
//! What is waited for is the keeper's [`Answer`], and then the child's [`Arrival`]. The two parts are apart, so
//! that a pool makes its memory while its workers come up.
//!
//! *The parent dies*: the child reads the end of the line, or finds another parent, and ends: before it was told
//! anything, too. *The parent is paused before that*: the child waits, and looks each nap whether its parent is
//! there. *Nobody tells it anything*: who has begun it hangs up, and waits for its end; a copy of this process does
//! neither. *Two at once*:
//! a line's ends stay marked to be closed on `exec` in the parent; the child alone has one open. What is handed
//! over to it goes by the line.
#![forbid(unsafe_code)]

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::arrival::{Arrival, PATIENCE};
use super::child::{Child, Kept, Manner};
use super::keeper::{self, Keeper};
use super::letter::Letter;
use super::start::{self, Entry};
use super::unsent::Unsent;
use crate::error::{ErrorKind, Failure};
use crate::sys::child::{self as system, Pid, Signal};
use crate::sys::clock::{Deadline, LONGEST_NAP};
use crate::sys::hook::point;
use crate::sys::line::Line;
use crate::sys::program;
use crate::sys::spawn::{Again, SignalMask, run_again};
use crate::trace::span;
use crate::transfer::{Packer, Transfer};

/// The variable that tells a new process which of its descriptors is the line to its parent.
pub(super) const VARIABLE: &str = "COMMONHOLD_CHILD";

/// A child that was ordered, and is to be told what to run.
pub(crate) struct Begun {
    name: String,
    lives_on: bool,
    /// The process that has begun it.
    parent: u32,
    line: Arc<Line>,
    /// Taken by who tells it.
    started: Option<Answer<Arc<Child>>>,
}

/// A child that was ordered, and told what to run.
pub(super) struct Launch<A> {
    args: A,
    packer: Packer,
    rest: Unsent,
    line: Arc<Line>,
    started: Answer<Arc<Child>>,
}

/// What a child is to run.
pub(super) struct Errand<A> {
    entry: u64,
    args: A,
    packer: Packer,
}

impl<A: Transfer> Errand<A> {
    /// An entry with these arguments.
    pub(super) fn new(entry: Entry, args: A) -> Result<Errand<A>, Failure> {
        start::check_initialized()?;
        let entry = program::offset_of_entry(entry).ok_or_else(|| {
            Failure::new(
                ErrorKind::Unsupported,
                "the function lies in a library, not in the program that the child runs",
            )
        })?;
        let mut packer = Packer::for_start();
        args.pack(&mut packer).map_err(refused)?;
        Ok(Errand { entry, args, packer })
    }
}

/// Orders that this program is started once more.
pub(super) fn begin(manner: Manner) -> Result<Begun, Failure> {
    span!("spawn process", name = manner.name.as_deref());
    start::check_initialized()?;
    let (here, there) = Line::pair().map_err(|error| Failure::system("making a line", error))?;
    let line = Arc::new(here);
    let (name, lives_on) = (manner.name.clone().unwrap_or_default(), manner.detached);
    let started = Some(order(&line, there, manner)?);
    Ok(Begun { name, lives_on, parent: std::process::id(), line, started })
}

impl Begun {
    /// Tells it what to run.
    pub(super) fn tell<A: Transfer>(mut self, errand: Errand<A>) -> Result<Launch<A>, Failure> {
        let Errand { entry, args, packer } = errand;
        let namespaces = keeper::namespaces();
        let letter = Letter {
            program: program::identity(),
            entry,
            parent: self.parent,
            parent_name: start::own_name(),
            name: std::mem::take(&mut self.name),
            lives_on: self.lives_on,
            namespaces: (namespaces.pid, namespaces.time),
            descriptors: packer.descriptors().to_vec(),
        };
        let mut rest = letter.with_arguments(packer.bytes()).map_err(refused)?;
        rest.write_some(&self.line)?;
        let started = self.started.take().ok_or_else(unanswered)?;
        Ok(Launch { args, packer, rest, line: Arc::clone(&self.line), started })
    }
}

impl Drop for Begun {
    /// Of one that was told nothing: leaves no child behind.
    fn drop(&mut self) {
        let Some(started) = self.started.take() else { return };
        if self.parent != std::process::id() {
            return; // a copy's, which has no keeper to wait for
        }
        self.line.hang_up();
        keeper::carry_on();
        if let Ok(child) = started.wait() {
            let _ = child.signal(Signal::KILL); // it ends by itself also, if that fails
            let _ = child.wait(Deadline::after(PATIENCE));
        }
    }
}

impl<A: Transfer> Launch<A> {
    /// Waits until the child has its arguments.
    pub(super) fn finish(self) -> Result<Arc<Child>, Failure> {
        self.doze();
        self.start()?.finish()
    }

    /// Waits until the child says something, or its end of the line is closed; a nap at most. One sleep for
    /// two: a child that answers was started, and one that cannot be has left its end closed.
    pub(super) fn doze(&self) {
        keeper::carry_on();
        if self.rest.is_empty() {
            let _ = system::wait_for(&[(self.line.as_fd(), false)], Deadline::after(LONGEST_NAP));
        }
    }

    /// Waits until the child was started. The keeper has done so by then, or does now.
    pub(super) fn start(self) -> Result<Arrival<A>, Failure> {
        keeper::carry_on();
        let Launch { args, packer, rest, line, started } = self;
        let child = started.wait()?;
        point!("launch.watched");
        Ok(Arrival::new((args, packer), rest, (child, line)))
    }
}

fn refused(why: crate::transfer::Refused) -> Failure {
    Failure::new(ErrorKind::Refused, why.reason().to_owned())
}

/// Has the keeper start the child.
fn order(here: &Arc<Line>, there: Line, manner: Manner) -> Result<Answer<Arc<Child>>, Failure> {
    let inode = there.inode().map_err(|error| Failure::system("looking at a line", error))?;
    let mask = SignalMask::here();
    let here = Arc::clone(here);
    let (answer, started) = Answer::expected();
    keeper::order(Box::new(move |keeper| {
        let value = format!("{}:{inode}:{}", there.number(), std::process::id());
        let variable = (VARIABLE, value);
        let again = Again { variable, line: there.as_fd(), mask };
        let pid = run_again(&again).map_err(|error| {
            Failure::system("running /proc/self/exe, this program, once more", error)
        });
        drop(there); // the child's alone from here on
        point!("launch.started");
        keeper.after_orders(Box::new(move |keeper| {
            let child = pid.and_then(|pid| watch(keeper, pid, manner, here, None));
            let watched = child.as_ref().ok().cloned();
            let _ = answer.send(child);
            watched.iter().for_each(|child| child.note_start()); // for which nobody waits
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
        self.0.recv().unwrap_or_else(|_| Err(unanswered()))
    }
}

fn unanswered() -> Failure {
    Failure::new(ErrorKind::Io, "the thread that starts processes panicked")
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
        let number = pid.as_raw_nonzero().get() as u32;
        let child = Arc::new(Child::new(number, manner, Arc::clone(&pidfd), line, kept));
        keeper.add(Arc::clone(&child), pidfd)?;
        Ok(child)
    });
    watched.map_err(|error| {
        // Not waited for by anybody then, and so not left to run either.
        system::abandon(pid);
        Failure::system("watching the new process", error)
    })
}
