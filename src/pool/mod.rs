//! A pool of worker processes: functions handed over by name, arguments and results as bytes.
//!
//! | file | |
//! |---|---|
//! | `mod.rs`, `calls.rs`, `later.rs` | the handle, and what can be asked of it |
//! | `options.rs`, `error.rs` | how it is set up, and why a task has no result |
//! | `task.rs`, `imap.rs` | results that come later, and one by one |
//! | `stage.rs`, `stream.rs` | items packed in chunks, handed over, and read back |
//! | `results.rs` | what came of a chunk |
//! | `ledger.rs`, `call.rs`, `recovery.rs` | which cell holds which chunk, and what becomes of it after a death |
//! | `build.rs`, `shared.rs` | how a pool starts, and what its threads share |
//! | `keeper.rs`, `crew.rs`, `false_starts.rs` | its workers: started, watched, replaced |
//! | `work.rs` | what a worker does |
//!
//! The state machine of a job, and what becomes of it when a worker dies, is in `raw/pool`.
#![forbid(unsafe_code)]

mod build;
mod call;
mod calls;
mod crew;
mod error;
mod false_starts;
mod imap;
mod keeper;
mod later;
mod ledger;
mod options;
mod recovery;
mod results;
mod shared;
mod stage;
mod stream;
mod task;
mod work;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::Error;
use crate::sys::clock::LONGEST_NAP;
use call::Phase;
use shared::Shared;

pub use error::{MapError, TaskError};
pub use imap::{Imap, ImapUnordered};
pub use options::{MapOptions, PoolOptions};
pub use task::Task;

/// A pool of worker processes, which run functions on many arguments.
///
/// A function is a function item, or a closure that captures nothing (see [`Function`](crate::Function));
/// arguments and results are whatever [can cross](crate::Transfer), of any size. They lie in shared memory:
/// nothing is serialized, no thread feeds the workers, and a task of a busy pool costs well
/// under a microsecond.
///
/// A pool can be used by several threads at once. Dropping it [terminates](Pool::terminate) it.
///
/// # If a process dies
/// A worker that is killed, runs out of memory or exits costs the one task it was at: that fails with
/// [`WorkerDied`](TaskError::WorkerDied), or is tried again ([`PoolOptions::retries`]). Another
/// worker takes its place; nothing else notices. A worker that is stopped keeps the one task it is at,
/// and nothing else. When this process is killed, its workers are.
///
/// # Fork
/// A forked child cannot use its parent's pool: calls are refused, and its copy does nothing when dropped.
///
/// # Examples
/// ```
/// use commonhold::Pool;
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let pool = Pool::new(2)?;
///     let squares = pool.map(square, 0..1000)?;
///     assert_eq!(squares[999], 998_001);
///     Ok(())
/// }
/// ```
#[doc(alias = "ProcessPoolExecutor")]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    /// A pool of so many workers, which were started when this returns; the first of them is ready.
    ///
    /// # Errors
    /// As [`PoolOptions::build`].
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// assert_eq!(pool.apply(|n: u32| n + 1, 6)?, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(workers: usize) -> Result<Pool, Error> {
        Pool::options().workers(workers).build()
    }

    /// Starts choosing how a pool is set up.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Pool::options().workers(4).retries(1);
    /// ```
    pub fn options() -> PoolOptions {
        PoolOptions::new()
    }

    fn of(shared: Arc<Shared>, threads: Vec<JoinHandle<()>>) -> Pool {
        Pool { shared, threads: Mutex::new(threads) }
    }

    /// Has so many workers from now on. Further ones were started when this returns; those who are too
    /// many end after the task that they are at.
    ///
    /// # Errors
    /// `InvalidSize` for no workers, or more than the pool has places for: twice as many as it began
    /// with, at least 64, at most 240. `Unsupported` when it is closed, and in a process forked from the pool's.
    /// Failures of the system, where a worker could not be started: the pool goes on trying.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(1)?;
    /// pool.resize(2)?;
    /// assert_eq!(pool.map(|n: u32| n, 0..3)?, [0, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resize(&self, workers: usize) -> Result<(), Error> {
        options::check_workers(workers)?;
        if !self.shared.is_ours() {
            return Err(build::foreign());
        }
        let mut ledger = self.shared.ledger();
        let places = ledger.crew.places();
        if workers > places {
            return Err(build::invalid(format!(
                "{workers} workers in a pool with {places} places"
            )));
        }
        if let Some(why) = ledger.refusal() {
            return Err(build::unsupported(why.to_string()));
        }
        ledger.crew.resize(workers);
        drop(ledger);
        self.shared.fill_seats()
    }

    /// Takes no more calls: they fail with [`Closed`](TaskError::Closed). What was handed over is done.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|n: u32| n + 1, 6)?;
    /// pool.close();
    /// assert_eq!(pool.apply(|n: u32| n, 1), Err(TaskError::Closed));
    /// assert_eq!(task.get()?, 7);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        if !self.shared.is_ours() {
            return;
        }
        let mut ledger = self.shared.ledger();
        if ledger.phase == Phase::Open {
            ledger.phase = Phase::Closing;
            ledger.tell_crowded();
        }
        drop(ledger);
        self.shared.wake_clerk();
    }

    /// Closes the pool, and waits until all that was handed over is done and the workers have ended.
    /// Results can be had afterwards.
    ///
    /// # Errors
    /// `Unsupported` when the pool was terminated, or ended because of its initializer, before it
    /// was done.
    ///
    /// # If a process dies
    /// A worker that dies meanwhile is replaced, as ever.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, Value};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let task = pool.apply_async(|n: u32| n + 1, 6)?;
    /// pool.join()?;
    /// assert_eq!(task.get()?, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn join(&self) -> Result<(), Error> {
        if !self.shared.is_ours() {
            return Err(build::foreign());
        }
        self.close();
        let mut ledger = self.shared.ledger();
        while ledger.over().is_none() && ledger.open > 0 {
            ledger = self.shared.wait_for_change(ledger, LONGEST_NAP);
        }
        if ledger.over().is_none() {
            ledger.crew.resize(0);
        }
        while ledger.over().is_none() && !ledger.crew.is_empty() {
            ledger = self.shared.wait_for_change(ledger, LONGEST_NAP);
        }
        let over = ledger.over().cloned();
        drop(ledger);
        self.shared.end(TaskError::Closed);
        self.await_the_end();
        match over {
            None | Some(TaskError::Closed) => Ok(()),
            Some(why) => Err(build::unsupported(why.to_string())),
        }
    }

    /// Kills the workers, and waits for their end. What is not done fails with
    /// [`Terminated`](TaskError::Terminated).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// pool.terminate();
    /// assert_eq!(task.get(), Err(TaskError::Terminated));
    /// # Ok(())
    /// # }
    /// ```
    pub fn terminate(&self) {
        if self.shared.is_ours() {
            self.shared.end(TaskError::Terminated);
            self.await_the_end();
        }
    }

    /// Waits until nothing of the pool runs any more: no worker, no thread.
    fn await_the_end(&self) {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let me = std::thread::current().id();
        for thread in threads {
            // A callback that ends its pool runs on one of them.
            if thread.thread().id() != me {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.terminate();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("workers", &self.shared.ledger().crew.target()).finish()
    }
}

impl std::panic::UnwindSafe for Pool {}
impl std::panic::RefUnwindSafe for Pool {}

/// Bytes that a result of this type takes, as far as the type tells.
fn room_of<R>() -> usize {
    size_of::<R>() + 2
}
