//! A task that was handed to a pool: its result, waited for and taken once.
#![forbid(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Then;
use super::error::TaskError;
use super::ledger::Ledger;
use super::results::{Finished, Hold};
use super::shared::Shared;
use crate::raw::eventcount::Moment;
use crate::raw::watch::{Sleep, Watch};
use crate::sys::clock::{Deadline, Naps};
use crate::transfer::Transfer;
use crate::wait_any::{Waitable, sealed};

/// What makes a task's result of the results of its chunks; and what is given back of these.
pub(super) type Read<R> = fn(Vec<Finished>) -> (Result<R, TaskError>, Vec<Hold>);

/// A task that a pool runs, from [`Pool::apply_async`](crate::Pool::apply_async) and the like.
///
/// It can be waited for by several threads; its result is given out once. Dropping it changes nothing
/// for the task: it is run, and its result is dropped.
///
/// # If a process dies
/// A task whose worker dies has failed with [`WorkerDied`](TaskError::WorkerDied), unless the pool
/// [retries](crate::PoolOptions::retries).
///
/// # Examples
/// ```
/// use commonhold::{Pool, TaskError};
/// use std::time::Duration;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let pool = Pool::new(1)?;
///     let task = pool.apply_async(|n: u64| n * n, 7)?;
///     assert_eq!(task.get_timeout(Duration::from_secs(60))?, 49);
///     assert_eq!(task.get(), Err(TaskError::Taken));
///     Ok(())
/// }
/// ```
#[doc(alias = "AsyncResult")]
#[doc(alias = "Future")]
pub struct Task<R> {
    pool: Arc<Shared>,
    call: usize,
    /// Where its waiters sleep.
    bell: u8,
    read: Read<R>,
    result: PhantomData<fn() -> R>,
}

impl<R> Task<R> {
    pub(super) fn new(pool: &Arc<Shared>, call: usize, read: Read<R>) -> Task<R> {
        let bell = pool.ledger().call(call).listener;
        Task { pool: Arc::clone(pool), call, bell, read, result: PhantomData }
    }

    /// The result, once there is one.
    ///
    /// # Errors
    /// Why the task has none; [`Taken`](TaskError::Taken) after the first time.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|n: u64| n * n, 7)?;
    /// assert_eq!(task.get()?, 49);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "result")]
    pub fn get(&self) -> Result<R, TaskError> {
        self.take(Deadline::Never)
    }

    /// The result, if there is one already.
    ///
    /// # Errors
    /// As [`get`](Task::get); [`Timeout`](TaskError::Timeout) if the task is not done.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// assert_eq!(task.try_get(), Err(TaskError::Timeout));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_get(&self) -> Result<R, TaskError> {
        self.take(Deadline::Now)
    }

    /// The result, if there is one within `timeout`. One that comes later can still be had.
    ///
    /// # Errors
    /// As [`get`](Task::get); [`Timeout`](TaskError::Timeout) if the task is not done in time.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// # use std::time::Duration;
    /// let task = pool.apply_async(|| std::thread::sleep(Duration::from_millis(50)), ())?;
    /// assert_eq!(task.get_timeout(Duration::from_millis(1)), Err(TaskError::Timeout));
    /// assert_eq!(task.get(), Ok(()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> Result<R, TaskError> {
        self.take(Deadline::after(timeout))
    }

    /// The result, if there is one before `deadline`.
    ///
    /// # Errors
    /// As [`get_timeout`](Task::get_timeout).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// # use std::time::{Duration, Instant};
    /// let task = pool.apply_async(|n: u64| n + 1, 7)?;
    /// assert_eq!(task.get_deadline(Instant::now() + Duration::from_secs(60))?, 8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_deadline(&self, deadline: Instant) -> Result<R, TaskError> {
        self.take(Deadline::At(deadline))
    }

    /// Waits until the task is done, or has failed.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|n: u64| n * n, 7)?;
    /// task.wait();
    /// assert!(task.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) {
        self.wait_until(Deadline::Never);
    }

    /// Waits until the task is done, or has failed, for `timeout` at most; true if that is so.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// # use std::time::Duration;
    /// let task = pool.apply_async(|| std::thread::sleep(Duration::from_secs(60)), ())?;
    /// assert!(!task.wait_timeout(Duration::from_millis(1)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout))
    }

    /// Waits until the task is done, or has failed, until `deadline` at most; true if that is so.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// # use std::time::{Duration, Instant};
    /// let task = pool.apply_async(|n: u64| n + 1, 7)?;
    /// assert!(task.wait_deadline(Instant::now() + Duration::from_secs(60)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Deadline::At(deadline))
    }

    /// Whether the task is done, or has failed.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{Pool, TaskError};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// # let pool = Pool::new(1)?;
    /// let task = pool.apply_async(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// assert!(!task.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "ready")]
    #[doc(alias = "done")]
    pub fn is_ready(&self) -> bool {
        self.wait_until(Deadline::Now)
    }

    fn take(&self, deadline: Deadline) -> Result<R, TaskError> {
        if !self.wait_until(deadline) {
            return Err(TaskError::Timeout);
        }
        let mut ledger = self.pool.ledger();
        let over = ledger.over().cloned();
        let call = ledger.call(self.call);
        if call.taken {
            return Err(TaskError::Taken);
        }
        call.taken = true;
        let is_done = is_done(call.open, call.then, call.called_back);
        if let Some(why) = over.filter(|_| !is_done) {
            return Err(why);
        }
        let finished = std::mem::take(&mut call.inbox);
        drop(ledger);
        let (result, holds) = (self.read)(finished);
        if !holds.is_empty() {
            let mut ledger = self.pool.ledger();
            holds.into_iter().for_each(|hold| ledger.release(hold));
            ledger.pump();
        }
        result
    }

    fn wait_until(&self, deadline: Deadline) -> bool {
        let mut naps = Naps::until(deadline);
        let mut spins = deadline.left().is_some();
        loop {
            let seen = self.pool.raw.bell(self.bell).shows();
            let mut ledger = self.pool.ledger();
            if self.look(&mut ledger) {
                return true;
            }
            // All have to be done; most often there is one. The pool's own thread waits for those that
            // have a callback.
            let call = ledger.call(self.call);
            let job = call.jobs.back().copied().filter(|_| call.then == Then::Nothing);
            drop(ledger);
            if let Some(job) = job {
                if std::mem::take(&mut spins) && self.pool.spin(job) {
                    continue;
                }
                if !self.pool.raw.board.listen(job) {
                    continue;
                }
            }
            let Some(nap) = naps.next() else { return false };
            self.pool.raw.bell(self.bell).sleep(seen, nap);
        }
    }

    /// Whether it is done, or never will be.
    fn look(&self, ledger: &mut Ledger) -> bool {
        if ledger.over().is_some() {
            return true;
        }
        let call = ledger.call(self.call);
        if is_done(call.open, call.then, call.called_back) {
            return true;
        }
        if call.then == Then::Nothing {
            ledger.harvest(self.call, usize::MAX);
        }
        let call = ledger.call(self.call);
        is_done(call.open, call.then, call.called_back)
    }
}

impl<R> Waitable for Task<R> {}

#[expect(private_interfaces, reason = "of a sealed trait")]
impl<R> sealed::Waitable for Task<R> {
    fn watch(&self) -> Box<dyn Watch + '_> {
        Box::new(TaskWatch(self))
    }
}

/// A task that is watched.
struct TaskWatch<'t, R>(&'t Task<R>);

impl<R> Watch for TaskWatch<'_, R> {
    fn is_ready(&self, _: Moment) -> bool {
        self.0.is_ready()
    }

    fn arm(&self) -> Sleep<'_> {
        let Task { pool, call, bell, .. } = self.0;
        let sleep = pool.raw.bell(*bell).arm();
        let mut ledger = pool.ledger();
        let call = ledger.call(*call);
        let job = call.jobs.back().copied().filter(|_| call.then == Then::Nothing);
        drop(ledger);
        if let Some(job) = job {
            pool.raw.board.listen(job); // one that is done is seen by the look that comes next
        }
        sleep
    }
}

fn is_done(open: usize, then: Then, called_back: bool) -> bool {
    match then {
        Then::Nothing => open == 0,
        Then::Callback => called_back,
    }
}

/// The result of a task of one item.
pub(super) fn read_one<R: Transfer>(finished: Vec<Finished>) -> (Result<R, TaskError>, Vec<Hold>) {
    let mut result = None;
    let holds = finished.into_iter().filter_map(|one| one.read(|value| result = Some(value)));
    let holds = holds.collect();
    (result.unwrap_or_else(|| Err(TaskError::refused("the result was overwritten"))), holds)
}

/// The results of a task of many items, or the first failure.
pub(super) fn read_all<R: Transfer>(
    mut finished: Vec<Finished>,
) -> (Result<Vec<R>, TaskError>, Vec<Hold>) {
    finished.sort_unstable_by_key(|one| one.first);
    let (mut values, mut failed) = (Vec::new(), None);
    let holds = finished.into_iter().filter_map(|one| {
        one.read_onto(&mut values, |_, error| {
            failed.get_or_insert(error);
        })
    });
    let holds = holds.collect();
    (failed.map_or(Ok(values), Err), holds)
}

/// The result of a task with a callback, which has got it.
pub(super) fn read_nothing(_: Vec<Finished>) -> (Result<(), TaskError>, Vec<Hold>) {
    (Ok(()), Vec::new())
}

impl<R> Drop for Task<R> {
    fn drop(&mut self) {
        self.pool.ledger().end(self.call);
    }
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

impl<R> std::panic::UnwindSafe for Task<R> {}
impl<R> std::panic::RefUnwindSafe for Task<R> {}
