//! Calls that do not wait: one function on one argument, and whole maps, with their results later.
#![forbid(unsafe_code)]

use std::panic::resume_unwind;

use super::call::{Chunk, Then};
use super::calls::runner;
use super::error::TaskError;
use super::options::MapOptions;
use super::results::Finished;
use super::stage::Stage;
use super::task::{Task, read_all, read_nothing, read_one};
use super::{Pool, room_of};
use crate::process::Function;
use crate::process::function::Whole;
use crate::transfer::{Packer, Transfer};

/// Calls that do not wait.
impl Pool {
    /// Calls `f` with these arguments in a worker, and returns what it returned.
    ///
    /// # Errors
    /// Why there is no result.
    ///
    /// # If a process dies
    /// The death of the worker in the middle of it is `WorkerDied`, unless the pool retries.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(1)?;
    /// assert_eq!(pool.apply(|a: u32, b: u32| a + b, (1, 2))?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn apply<F, A, M>(&self, f: F, args: A) -> Result<F::Output, TaskError>
    where
        F: Function<A, M>,
        A: Transfer,
        F::Output: Transfer,
    {
        self.apply_async(f, args)?.get()
    }

    /// Hands a call of `f` to the workers, and does not wait for it.
    ///
    /// # Errors
    /// `Closed`, `Terminated` or `Initializer` where nothing can be handed over. That the arguments
    /// cannot cross is the task's failure.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let tasks = [1, 2, 3].map(|n| pool.apply_async(|n: u64| n * n, n));
    /// let squares: Result<Vec<u64>, _> = tasks.into_iter().map(|task| task?.get()).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "submit")]
    pub fn apply_async<F, A, M>(&self, f: F, args: A) -> Result<Task<F::Output>, TaskError>
    where
        F: Function<A, M>,
        A: Transfer,
        F::Output: Transfer,
    {
        let _ = f; // its type says it all
        let room = room_of::<F::Output>();
        let call = self.shared.begin(runner::<F, A, M>(), Then::Nothing, room)?;
        let task = Task::new(&self.shared, call, read_one);
        self.hand_over(call, args);
        Ok(task)
    }

    /// Hands a call of `f` to the workers, with what is to be called with its result, or with why it has
    /// none. One of the two runs, once, on the pool's own thread: it should be brief. The task is
    /// ready after that. A panic in it harms nothing.
    ///
    /// # Errors
    /// As [`apply_async`](Pool::apply_async); nothing is called then.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// use std::sync::mpsc::channel;
    ///
    /// let pool = Pool::new(1)?;
    /// let (done, results) = channel();
    /// let failed = done.clone();
    /// let task = pool.apply_async_with(
    ///     |n: u64| n * n,
    ///     7,
    ///     move |square| done.send(Ok(square)).unwrap(),
    ///     move |error| failed.send(Err(error)).unwrap(),
    /// )?;
    /// task.wait();
    /// assert_eq!(results.try_recv()?, Ok(49));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "add_done_callback")]
    pub fn apply_async_with<F, A, M>(
        &self,
        f: F,
        args: A,
        on_result: impl FnOnce(F::Output) + Send + 'static,
        on_error: impl FnOnce(TaskError) + Send + 'static,
    ) -> Result<Task<()>, TaskError>
    where
        F: Function<A, M>,
        A: Transfer,
        F::Output: Transfer,
    {
        let _ = f; // its type says it all
        let room = room_of::<F::Output>();
        let call = self.shared.begin(runner::<F, A, M>(), Then::Callback, room)?;
        let task = Task::new(&self.shared, call, read_nothing);
        let callback = move |finished: Finished| {
            let mut result = None;
            let hold = finished.read(|value| result = Some(value));
            let missing = || Err(TaskError::refused("the result was overwritten"));
            let run: Box<dyn FnOnce()> = match result.unwrap_or_else(missing) {
                Ok(value) => Box::new(move || on_result(value)),
                Err(error) => Box::new(move || on_error(error)),
            };
            (hold, run)
        };
        self.shared.set_callback(call, Box::new(callback))?;
        self.hand_over(call, args);
        Ok(task)
    }

    /// As [`map`](Pool::map), without waiting for it: the items are pulled and handed over now.
    ///
    /// # Errors
    /// As [`apply_async`](Pool::apply_async). The task's failure is that of the first item that failed.
    ///
    /// # Panics
    /// When the iterator of the items does.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let squares = pool.map_async(|n: u64| n * n, 0..4)?;
    /// assert_eq!(squares.get()?, [0, 1, 4, 9]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_async<F, I, A, R>(&self, f: F, items: I) -> Result<Task<Vec<R>>, TaskError>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        self.starmap_async::<F, I, A, Whole>(f, items)
    }

    /// As [`starmap`](Pool::starmap), without waiting for it.
    ///
    /// # Errors
    /// As [`map_async`](Pool::map_async).
    ///
    /// # Panics
    /// As [`map_async`](Pool::map_async).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let sums = pool.starmap_async(|a: u8, b: u8| a + b, [(1, 2), (3, 4)])?;
    /// assert_eq!(sums.get()?, [3, 7]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn starmap_async<F, I, A, M>(
        &self,
        f: F,
        items: I,
    ) -> Result<Task<Vec<F::Output>>, TaskError>
    where
        F: Function<A, M>,
        I: IntoIterator<Item = A>,
        A: Transfer,
        F::Output: Transfer,
    {
        let _ = f; // its type says it all
        let items = items.into_iter();
        let sizes = self.sizes(MapOptions::new(), items.size_hint())?;
        let room = room_of::<F::Output>();
        let call = self.shared.begin(runner::<F, A, M>(), Then::Nothing, room)?;
        let task = Task::new(&self.shared, call, read_all);
        let mut stage = Stage::new(sizes);
        let mut items = Some(items);
        while stage.pull(&mut items) || stage.len() > 0 {
            self.hand_over_staged(call, &mut stage);
        }
        match stage.panic.take() {
            Some(panic) => resume_unwind(panic),
            None => Ok(task),
        }
    }

    fn hand_over_staged(&self, call: usize, stage: &mut Stage) {
        let mut ledger = self.shared.ledger();
        while stage.len() > 0 {
            let carried = stage.take_carried();
            let Some((chunk, refused)) = stage.first() else { return };
            match refused {
                None => ledger.post_or_queue(call, &chunk, carried),
                Some(error) => {
                    let failed = Finished::failed(chunk.first, chunk.items, error);
                    ledger.deliver_unposted(call, failed);
                }
            }
            stage.pop();
        }
    }

    /// Hands over the one item of a call.
    fn hand_over<A: Transfer>(&self, call: usize, args: A) {
        let mut packer = Packer::new();
        let packed = args.pack(&mut packer);
        let carried = packer.take_carried();
        let mut ledger = self.shared.ledger();
        match packed {
            Ok(()) => {
                let chunk = Chunk { first: 0, items: 1, args: packer.bytes(), ends: &[] };
                ledger.post_or_queue(call, &chunk, carried);
            }
            Err(why) => {
                let error = TaskError::refused(why.reason());
                ledger.deliver_unposted(call, Finished::failed(0, 1, &error));
            }
        }
        drop(ledger);
        args.sent();
    }
}
