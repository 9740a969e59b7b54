//! Child processes: started, named, waited for, signalled.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | the handle |
//! | `options.rs` | how a process is started |
//! | `function.rs` | what can be run in another process |
//! | `launch.rs`, `arrival.rs` | how one is started, and gets ready: the parent's side |
//! | `start.rs`, `letter.rs`, `unsent.rs` | the child's side, and what passes between them |
//! | `keeper.rs`, `child.rs` | the thread that starts and watches them, and what is known of each |
//! | `fork.rs`, `fork_unchecked.rs` | copies of this process |
//! | `signals.rs`, `status.rs`, `panics.rs`, `at_exit.rs` | how a process ends |
//! | `info.rs`, `parallel.rs`, `threads.rs`, `testing.rs` | who we are, several at once, our own threads, tests |
#![deny(unsafe_code)]

mod arrival;
mod at_exit;
mod child;
mod fork;
mod fork_unchecked;
pub(crate) mod function;
mod info;
mod keeper;
mod launch;
mod letter;
mod options;
pub(crate) mod panics;
mod parallel;
mod signals;
mod start;
mod status;
mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod threads;
mod unsent;

use std::fmt;
use std::process::Termination;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use arrival::Arriving;
pub(crate) use child::Child;
use child::Manner;
pub(crate) use keeper::carry_on;
use launch::{Errand, Launch};
pub(crate) use options::{Begun, Underway};
use options::{not_spawned, object_of};

use crate::error::{Error, Failure};
use crate::sys::clock::Deadline;
use crate::transfer::Transfer;

pub use function::Function;
pub use info::{ProcessInfo, active_children, current, parent};
pub use options::ProcessOptions;
pub use parallel::{cpu_count, run_parallel};
pub use start::init;
pub use status::ExitStatus;
pub use testing::before_main;

/// A child process that runs a function.
///
/// [`spawn`](Process::spawn) runs this program once more and turns off in [`init`](crate::init); the
/// function's arguments cross as bytes, and handles of objects as references to the same objects.
///
/// The handle is cheap to clone; all clones, in all threads, are the same process. Dropping it neither
/// waits nor kills. A child that ended is reaped whether or not somebody [joins](Process::join) it.
///
/// # When the parent ends
///
/// | the child | parent ends normally | parent is killed |
/// |---|---|---|
/// | as it is | the parent waits for it | killed |
/// | [`daemon(true)`](ProcessOptions::daemon) | killed | killed |
/// | [`detach(true)`](ProcessOptions::detach) | lives on | lives on |
///
/// It does not matter which thread started it. A child that changes its user or group loses the
/// kernel's promise to kill it with its parent.
///
/// # If a process dies
/// What a child held comes back as [the crate says](crate#if-a-process-dies), and at once: its parent
/// learns of its end and wakes those who wait for it in every segment that both used.
///
/// # Examples
/// ```
/// use commonhold::{Process, Queue};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let jobs = Queue::<u64>::new(64)?;
///     let child = Process::spawn(produce, (jobs.clone(), 3))?;
///     assert!(child.join()?.success());
///     assert_eq!(jobs.recv()?, 2);
///     Ok(())
/// }
///
/// fn produce(jobs: Queue<u64>, n: u64) {
///     jobs.send(n - 1).unwrap();
/// }
/// ```
#[derive(Clone)]
pub struct Process {
    child: Arc<Child>,
}

impl Process {
    /// What is known of it.
    pub(crate) fn child(&self) -> &Child {
        &self.child
    }

    fn of(child: Arc<Child>) -> Process {
        Process { child }
    }

    /// Starts a process that runs `f` with these arguments, and returns once it has them.
    ///
    /// `f` is a function, or a closure that captures nothing; see [`Function`]. What it returns is its
    /// process's end, as of `main`: `Err` is printed and ends it with 1, a panic with 101.
    ///
    /// # Errors
    /// `NotInitialized` when [`init`](crate::init) was not called, `Refused` when the arguments cannot
    /// cross, `StartFailed` when the child ended, or spent 30 s, before it came to `init`,
    /// `Unsupported` for a function that lies in a library, and failures of the system. There is no
    /// child then.
    ///
    /// # If a process dies
    /// A child killed before it has its arguments is an error here; later, it is its exit status.
    ///
    /// # Examples
    /// ```
    /// use commonhold::Process;
    ///
    /// fn main() -> Result<(), commonhold::Error> {
    ///     commonhold::init();
    ///     let child = Process::spawn(greet, ("world".to_owned(), 2))?;
    ///     assert!(child.join()?.success());
    ///     Ok(())
    /// }
    ///
    /// fn greet(whom: String, times: u32) {
    ///     for _ in 0..times {
    ///         println!("hello, {whom}");
    ///     }
    /// }
    /// ```
    #[doc(alias = "start")]
    pub fn spawn<F, A, M>(f: F, args: A) -> Result<Process, Error>
    where
        F: Function<A, M>,
        A: Transfer,
        F::Output: Termination,
    {
        const { function::assert_captures_nothing::<F>() };
        Process::spawn_with(f, args, Manner::default())
    }

    /// Starts choosing how a process is started.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Process::options().name("worker").daemon(true);
    /// ```
    pub fn options() -> ProcessOptions {
        ProcessOptions::default()
    }

    fn spawn_with<F, A, M>(f: F, args: A, manner: Manner) -> Result<Process, Error>
    where
        F: Function<A, M>,
        A: Transfer,
        F::Output: Termination,
    {
        let _ = f; // its type says it all
        let object = object_of(&manner);
        let errand = Errand::new(start::enter::<F, A, M>, args);
        let launch = errand.and_then(|errand| launch::begin(manner)?.tell(errand));
        let child = launch.and_then(Launch::finish);
        child.map(Process::of).map_err(|failure| not_spawned(failure, object))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// `Io` when another part of the program waited for it, or ignores `SIGCHLD`, so that nobody knows
    /// how it ended;
    /// `Unsupported` in a process forked from its parent.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| (), ())?;
    /// assert!(child.join()?.success());
    /// assert!(child.join()?.success(), "as often as one likes");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "wait")]
    pub fn join(&self) -> Result<ExitStatus, Error> {
        loop {
            if let Some(status) = self.wait(Deadline::Never)? {
                return Ok(status);
            }
        }
    }

    /// How it has ended; `None` if it has not.
    ///
    /// # Errors
    /// As [`join`](Process::join).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// assert!(child.try_join()?.is_none());
    /// # child.kill()?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "poll")]
    pub fn try_join(&self) -> Result<Option<ExitStatus>, Error> {
        self.wait(Deadline::Now)
    }

    /// Waits until it has ended, for at most `timeout`; never less. `None`: it has not.
    ///
    /// # Errors
    /// As [`join`](Process::join).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// use std::time::Duration;
    /// let child = Process::spawn(|| std::thread::sleep(Duration::from_secs(60)), ())?;
    /// assert!(child.join_timeout(Duration::from_millis(1))?.is_none());
    /// # child.kill()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_timeout(&self, timeout: Duration) -> Result<Option<ExitStatus>, Error> {
        self.wait(Deadline::after(timeout))
    }

    /// Waits until it has ended, until `deadline` at most. `None`: it has not.
    ///
    /// # Errors
    /// As [`join`](Process::join).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// use std::time::{Duration, Instant};
    /// let child = Process::spawn(|| (), ())?;
    /// let status = child.join_deadline(Instant::now() + Duration::from_secs(60))?;
    /// assert!(status.unwrap().success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_deadline(&self, deadline: Instant) -> Result<Option<ExitStatus>, Error> {
        self.wait(Deadline::At(deadline))
    }

    /// Its number.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// assert_ne!(Process::spawn(|| (), ())?.pid(), std::process::id());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "ident")]
    pub fn pid(&self) -> u32 {
        self.child.pid
    }

    /// Its name: as it was given, else `process-` and its number.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::options().name("baker").spawn(|| (), ())?;
    /// assert_eq!(child.name(), "baker");
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.child.name
    }

    /// Whether it runs. One that has ended does not, joined or not; a stopped one does.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| (), ())?;
    /// child.join()?;
    /// assert!(!child.is_alive());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_alive(&self) -> bool {
        self.child.is_alive()
    }

    /// The code it ended with, or the signal that ended it as a negative number; `None` while it
    /// runs, and where nobody knows.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// assert_eq!(child.exit_code(), None);
    /// child.terminate()?;
    /// child.join()?;
    /// assert_eq!(child.exit_code(), Some(-15));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "exitcode")]
    pub fn exit_code(&self) -> Option<i32> {
        self.child.wait(Deadline::Now).ok().flatten().map(|status| status.number())
    }

    fn wait(&self, deadline: Deadline) -> Result<Option<ExitStatus>, Error> {
        self.child.wait(deadline).map_err(|failure| self.error(failure, "join"))
    }

    fn error(&self, failure: Failure, operation: &'static str) -> Error {
        Error::of(failure, operation, format!("process {:?} (pid {})", self.name(), self.pid()))
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.exit_code() {
            Some(code) => format!("exit code {code}"),
            None => "running".to_owned(),
        };
        write!(f, "Process({:?}, pid {}, {state})", self.name(), self.pid())
    }
}
