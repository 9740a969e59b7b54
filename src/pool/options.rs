//! How a pool is set up, and how its calls divide their items.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::{Arc, Mutex};

use super::Pool;
use super::build;
use super::shared::Start;
use super::work::{self, Lent, Member};
use crate::error::Error;
use crate::process::Function;
use crate::process::function::assert_captures_nothing;
use crate::raw::pool::layout::RawPool;
use crate::segment::handle::Handle;
use crate::transfer::Transfer;

/// Workers that a pool can have at most: the anonymous segment that they share admits no more.
pub(super) const MAX_WORKERS: usize = 240;

type MakeStart = Box<dyn FnOnce(Handle<RawPool>, u32) -> Box<Start> + Send>;

/// How a pool is set up, from [`Pool::options`].
///
/// # Examples
/// ```
/// use commonhold::Pool;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let pool = Pool::options().workers(2).retries(3).build()?;
///     assert_eq!(pool.map(|n: u32| n + 1, 0..3)?, [1, 2, 3]);
///     Ok(())
/// }
/// ```
#[must_use = "options do nothing until a pool is built with them"]
pub struct PoolOptions {
    workers: Option<usize>,
    max_tasks: u32,
    retries: u32,
    make_start: Option<MakeStart>,
}

impl PoolOptions {
    pub(super) fn new() -> PoolOptions {
        PoolOptions { workers: None, max_tasks: 0, retries: 0, make_start: None }
    }

    /// Sets how many workers there are: 1 to 240. As many as this process has CPUs, unless it is said.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Pool::options().workers(4);
    /// ```
    #[doc(alias = "processes")]
    pub fn workers(mut self, workers: usize) -> PoolOptions {
        self.workers = Some(workers);
        self
    }

    /// Sets a function that every worker runs before its first task, with these arguments.
    ///
    /// What it returns is dropped. One that panics, or ends its process, ends the pool: every call fails
    /// with [`Initializer`](crate::TaskError::Initializer).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Pool, Value};
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     commonhold::init();
    ///     let started = Value::<u32>::new(0)?;
    ///     let pool = Pool::options().workers(1).initializer(count, (started.clone(),)).build()?;
    ///     pool.apply(|| (), ())?;
    ///     assert_eq!(started.get(), 1);
    ///     Ok(())
    /// }
    ///
    /// fn count(started: Value<u32>) {
    ///     started.fetch_add(1);
    /// }
    /// ```
    pub fn initializer<F, A, M>(mut self, f: F, args: A) -> PoolOptions
    where
        F: Function<A, M>,
        A: Transfer + Send,
        M: 'static,
    {
        const { assert_captures_nothing::<F>() };
        let _ = f; // its type says it all
        self.make_start = Some(Box::new(move |pool, max_tasks| {
            let args = Arc::new(Mutex::new(args));
            Box::new(move |worker, id| {
                let member = Member { pool: pool.clone(), id, max_tasks };
                let args = (member, Lent(Arc::clone(&args)));
                worker.run(work::initialize_and_work::<F, A, M>, args)
            })
        }));
        self
    }

    /// Sets after how many tasks a worker ends and another takes its place; 0: never. A chunk that
    /// was begun is done to its end.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Pool::options().max_tasks_per_worker(1000);
    /// ```
    #[doc(alias = "maxtasksperchild")]
    #[doc(alias = "max_tasks_per_child")]
    pub fn max_tasks_per_worker(mut self, tasks: u32) -> PoolOptions {
        self.max_tasks = tasks;
        self
    }

    /// Sets how often a task is tried again whose worker died in the middle of it; 0, unless it is said.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Pool::options().retries(2);
    /// ```
    pub fn retries(mut self, retries: u32) -> PoolOptions {
        self.retries = retries;
        self
    }

    /// Starts the pool; returns when all workers were started, and the first of them is ready.
    ///
    /// # Errors
    /// `InvalidSize` for no workers or more than 240, `NotInitialized` without [`init`](crate::init),
    /// and failures of the system.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{ErrorKind, Pool};
    ///
    /// # fn main() {
    /// commonhold::init();
    /// let error = Pool::options().workers(0).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidSize);
    /// # }
    /// ```
    pub fn build(self) -> Result<Pool, Error> {
        let PoolOptions { workers, max_tasks, retries, make_start } = self;
        let workers = workers.unwrap_or_else(crate::cpu_count);
        check_workers(workers)?;
        let has_initializer = make_start.is_some();
        let make_start = make_start.unwrap_or_else(|| Box::new(start_plain));
        let seats = (2 * workers).clamp(64, MAX_WORKERS);
        let make_start = |pool| make_start(pool, max_tasks);
        let (shared, threads) =
            build::build(workers, seats, (retries, has_initializer), make_start)?;
        Ok(Pool::of(shared, threads))
    }
}

fn start_plain(pool: Handle<RawPool>, max_tasks: u32) -> Box<Start> {
    Box::new(move |worker, id| worker.run(work::work, Member { pool: pool.clone(), id, max_tasks }))
}

/// Refuses a number of workers that cannot be.
pub(super) fn check_workers(workers: usize) -> Result<(), Error> {
    if (1..=MAX_WORKERS).contains(&workers) {
        return Ok(());
    }
    Err(build::invalid(format!("{workers} workers were asked for: it can be 1 to {MAX_WORKERS}")))
}

impl fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOptions")
            .field("workers", &self.workers)
            .field("max_tasks_per_worker", &self.max_tasks)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// How a `map` divides its items, for [`Pool::map_with`] and the like.
///
/// # Examples
/// ```
/// use commonhold::{MapOptions, Pool};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let pool = Pool::new(2)?;
///     let lengths = pool.map_with(
///         |text: String| text.len(),
///         ["a".to_owned(), "bc".to_owned()],
///         MapOptions::new().chunk(1),
///     )?;
///     assert_eq!(lengths, [1, 2]);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MapOptions {
    pub(super) chunk: Option<usize>,
}

impl MapOptions {
    /// As without options.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::MapOptions::new();
    /// ```
    pub fn new() -> MapOptions {
        MapOptions::default()
    }

    /// Sets how many items a worker takes at a time; 0 is refused by the call. Fewer, where their
    /// arguments take more than 1 MiB.
    ///
    /// Without it, `map` and `starmap` divide the items into about four chunks for each worker, and `imap`
    /// hands them out one by one.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::MapOptions::new().chunk(16);
    /// ```
    #[doc(alias = "chunksize")]
    pub fn chunk(mut self, items: usize) -> MapOptions {
        self.chunk = Some(items);
        self
    }
}
