//! A child that is a copy of this process, where that is safe: with no thread but the caller.
//!
//! ```text
//!   caller                      keeper                         child (one thread: the keeper's copy)
//!   flush ────────order──────▶  count threads, fork ─────────▶ take the caller's signal mask, a name
//!   wait ◀─────────────────────────────────────────────────── "ready"
//!                               keep f until the child ends    run f on a new thread, end with it
//! ```
//! The keeper forks, and not the caller, so that the child ends with this process and not with the
//! caller's thread. It holds nothing meanwhile; other threads of this crate hold none of its locks, nor
//! std's, while they wait; so all the child's copies are free.
//!
//! *Why `f` is kept.* What `f` captured exists twice now. The parent's copies are dropped when the child
//! has ended: a counted [`Sender`](crate::Sender) in it so counts from the fork on without a gap, first
//! here, then in the child as well, from its first use there.
//!
//! *The child dies*: at any point its keeper learns of it. *Paused*: the caller waits, as long as for
//! a child that is spawned. *Ten threads here*: refused.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::Termination;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::arrival::{PATIENCE, await_ready};
use super::child::{Child, Kept, Manner};
use super::keeper::Keeper;
use super::letter::{Letter, Record};
use super::unsent::Unsent;
use super::{Process, at_exit, info, launch, start, threads};
use crate::error::{Error, ErrorKind, Failure};
use crate::sys::clock::{Deadline, Naps, sleep};
use crate::sys::line::Line;
use crate::sys::process::die_with;
use crate::sys::spawn::{SignalMask, copy_this_process};
use crate::trace::span;

/// How long the child tries to write what is left in a buffer.
const FLUSH: Duration = Duration::from_secs(1);

/// How long threads that were joined may still be listed by the kernel.
const LINGERING: Duration = Duration::from_millis(200);

impl Process {
    /// Starts a process that is a copy of this one and runs `f`, on a new thread of its own.
    ///
    /// Nothing has to cross: `f` may capture what it likes, and the child sees this process's memory as
    /// it is now. Only one thread is copied, though, and whatever other threads hold, such as the lock of
    /// the allocator or of a logger, would be held in the child for ever. So this is for programs with a
    /// single thread: it is refused when there is any other than the caller and this crate's own. Elsewhere
    /// [`spawn`](Process::spawn) is the way.
    ///
    /// What the calling thread holds is held for ever in the child, too, as a lock of the standard output.
    /// The child ends without running what was registered to run at the exit of this process.
    ///
    /// What `f` captured is dropped in this process when the child has ended. What `f` returns is its
    /// process's end, as of `main`. Descriptors that are open here are open in the child as well.
    /// [`init`](crate::init) is not needed.
    ///
    /// # Errors
    /// `Unsupported` when there are other threads, and failures of the system.
    ///
    /// # If a process dies
    /// As with a child that was spawned. What the parent held, its guards and permits, stays the
    /// parent's.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Process, Value};
    ///
    /// fn main() -> Result<(), commonhold::Error> {
    ///     let total = Value::<u64>::new(40)?;
    ///     let seen = total.clone();
    ///     let child = Process::fork(move || _ = seen.fetch_add(2))?;
    ///     assert!(child.join()?.success());
    ///     assert_eq!(total.get(), 42);
    ///     Ok(())
    /// }
    /// ```
    pub fn fork<F, R>(f: F) -> Result<Process, Error>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Termination,
    {
        fork_with(f, true)
    }
}

/// Forks, after a look at the threads where that is asked.
pub(super) fn fork_with<F, R>(f: F, checked: bool) -> Result<Process, Error>
where
    F: FnOnce() -> R + Send + 'static,
    R: Termination,
{
    span!("fork process");
    let caller_is_own = threads::is_own();
    let mask = SignalMask::here();
    // Else the child would write once more what is in the buffer. Reentrant, where the caller holds it.
    let _ = std::io::stdout().flush();
    let forked = launch::by_keeper(move |keeper| {
        if checked {
            refuse_other_threads(usize::from(!caller_is_own))?;
        }
        fork_here(keeper, f, mask)
    });
    let ready = forked.and_then(launch::Answer::wait).and_then(|(child, line)| {
        await_ready(&child, &line, &mut Unsent::default(), Deadline::after(PATIENCE))?;
        Ok(child)
    });
    ready.map(Process::of).map_err(|failure| Error::of(failure, "fork", "process".to_owned()))
}

/// On the keeper's thread.
fn fork_here<F, R>(
    keeper: &Keeper,
    f: F,
    mask: SignalMask,
) -> Result<(Arc<Child>, Arc<Line>), Failure>
where
    F: FnOnce() -> R + Send + 'static,
    R: Termination,
{
    let (here, there) = Line::pair().map_err(|error| Failure::system("making a line", error))?;
    let letter = Letter {
        program: Vec::new(),
        entry: 0,
        parent: std::process::id(),
        parent_name: start::own_name(),
        name: String::new(),
        lives_on: false,
        namespaces: (0, 0), // it looks itself
        descriptors: Vec::new(),
    };
    let (mut here, mut f) = (Some(here), Some(f));
    let forked = copy_this_process(|| {
        drop(here.take());
        mask.apply();
        threads::own_this();
        let code = f.take().map_or(1, |f| be_child(f, there, &letter));
        at_exit::see_to_children();
        flush();
        code
    });
    let pid = forked.map_err(|error| Failure::system("copying this process", error))?;
    let here = here.map(Arc::new).ok_or_else(|| Failure::new(ErrorKind::Io, "no line"))?;
    let kept = std::mem::needs_drop::<F>().then(|| Box::new(f) as Kept);
    let child = launch::watch(keeper, pid, Manner::default(), Arc::clone(&here), kept)?;
    child.note_start();
    Ok((child, here))
}

/// Writes what is left in the buffer of the standard output. Not for ever: the caller of `fork` may
/// have held its lock, which nobody gives back here.
fn flush() {
    let (done, flushed) = sync_channel(1);
    let flusher = std::thread::Builder::new().spawn(move || {
        let _ = std::io::stdout().flush();
        let _ = done.send(());
    });
    if flusher.is_ok() {
        let _ = flushed.recv_timeout(FLUSH);
    }
}

/// In the child: runs the function; the code to end with.
fn be_child<F, R>(f: F, line: Line, letter: &Letter) -> i32
where
    F: FnOnce() -> R + Send + 'static,
    R: Termination,
{
    if !die_with(letter.parent) {
        return 1;
    }
    info::become_child(letter);
    let line = Arc::new(line);
    start::note_panics(&line);
    let function = {
        let line = Arc::clone(&line);
        move || {
            Record::Ready.send(&line);
            start::run_function(&line, f)
        }
    };
    let name = info::current().name().to_owned();
    match std::thread::Builder::new().name(name).spawn(function) {
        Ok(thread) => thread.join().unwrap_or(101),
        Err(error) => {
            Record::Refused(format!("starting a thread: {error}")).send(&line);
            1
        }
    }
}

/// Refuses where there are threads beside this crate's own and, if it is none, the caller's.
fn refuse_other_threads(callers: usize) -> Result<(), Failure> {
    let mut naps = Naps::until(Deadline::after(LINGERING));
    loop {
        let listed = std::fs::read_dir("/proc/self/task")
            .map_err(|error| Failure::system("counting threads in /proc/self/task", error))?
            .count();
        let others = listed.saturating_sub(threads::own() + callers);
        if others == 0 {
            return Ok(());
        }
        // One that was joined may not have left the list yet.
        match naps.next() {
            Some(nap) => sleep(nap),
            None => {
                return Err(Failure::new(
                    ErrorKind::Unsupported,
                    format!(
                        "this process has {others} more threads, of which the copy would have none, \
                         nor what they hold: use `Process::spawn`"
                    ),
                ));
            }
        }
    }
}
