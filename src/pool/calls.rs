//! Calls that give their results at once, or one by one: `map`, `starmap`, `imap`.
#![forbid(unsafe_code)]

use std::panic::resume_unwind;

use super::error::{MapError, TaskError};
use super::imap::{Imap, ImapUnordered};
use super::options::MapOptions;
use super::stage::Sizes;
use super::stream::{Order, Stream};
use super::work::{self, Runner};
use super::{Pool, room_of};
use crate::process::Function;
use crate::process::function::{Whole, assert_captures_nothing};
use crate::sys::program;
use crate::transfer::Transfer;

/// Where the function lies that runs the items of a job.
pub(super) fn runner<F, A, M>() -> Option<u64>
where
    F: Function<A, M>,
    A: Transfer,
    F::Output: Transfer,
{
    const { assert_captures_nothing::<F>() };
    let run: Runner = work::run::<F, A, M>;
    program::offset_of_entry(run)
}

impl Pool {
    /// Calls `f` with each of the items, and returns what it returned, in the same order.
    ///
    /// The items are pulled on this thread, and handed over in about four chunks for each worker; where
    /// nobody knows how many there are, in chunks that grow.
    ///
    /// # Errors
    /// The first item, in their order, that failed, and why. All others were done as well.
    ///
    /// # Panics
    /// When the iterator of the items does, with that panic, after what came before was done.
    ///
    /// # If a process dies
    /// A worker's death fails the one item that it was at.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let lengths = pool.map(|text: String| text.len(), ["a".to_owned(), "bc".to_owned()])?;
    /// assert_eq!(lengths, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<F, I, A, R>(&self, f: F, items: I) -> Result<Vec<R>, MapError>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        self.map_with(f, items, MapOptions::new())
    }

    /// As [`map`](Pool::map), with items divided otherwise.
    ///
    /// # Errors
    /// As [`map`](Pool::map); `Refused` for chunks of 0.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{MapOptions, Pool};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let squares = pool.map_with(|n: u64| n * n, 0..4, MapOptions::new().chunk(1))?;
    /// assert_eq!(squares, [0, 1, 4, 9]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_with<F, I, A, R>(
        &self,
        f: F,
        items: I,
        options: MapOptions,
    ) -> Result<Vec<R>, MapError>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        self.starmap_with::<F, I, A, Whole>(f, items, options)
    }

    /// Calls `f` with the members of each tuple of items; else as [`map`](Pool::map).
    ///
    /// # Errors
    /// As [`map`](Pool::map).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// fn range_sum(from: u64, to: u64, step: u64) -> u64 {
    ///     (from..to).step_by(step as usize).sum()
    /// }
    ///
    /// let pool = Pool::new(2)?;
    /// assert_eq!(pool.starmap(range_sum, [(0, 10, 1), (0, 10, 2)])?, [45, 20]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn starmap<F, I, A, M>(&self, f: F, items: I) -> Result<Vec<F::Output>, MapError>
    where
        F: Function<A, M>,
        I: IntoIterator<Item = A>,
        A: Transfer,
        F::Output: Transfer,
    {
        self.starmap_with(f, items, MapOptions::new())
    }

    /// As [`starmap`](Pool::starmap), with items divided otherwise.
    ///
    /// # Errors
    /// As [`map_with`](Pool::map_with).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{MapOptions, Pool};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let sums = pool.starmap_with(|a: u8, b: u8| a + b, [(1, 2), (3, 4)], MapOptions::new().chunk(1))?;
    /// assert_eq!(sums, [3, 7]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn starmap_with<F, I, A, M>(
        &self,
        f: F,
        items: I,
        options: MapOptions,
    ) -> Result<Vec<F::Output>, MapError>
    where
        F: Function<A, M>,
        I: IntoIterator<Item = A>,
        A: Transfer,
        F::Output: Transfer,
    {
        let _ = f; // its type says it all
        let at_once = |error| MapError { index: 0, error };
        let items = items.into_iter();
        let hint = items.size_hint();
        let sizes = self.sizes(options, hint).map_err(at_once)?;
        let how = (sizes, Order::AsGiven, None);
        let room = room_of::<F::Output>();
        let mut stream =
            Stream::begin(&self.shared, runner::<F, A, M>(), items, room, how).map_err(at_once)?;
        let mut results = Vec::with_capacity(hint.0.min(1 << 20));
        let (mut index, mut failed) = (0, None);
        loop {
            let finished = match stream.next() {
                Ok(Some(finished)) => finished,
                Ok(None) => break,
                Err(error) => return Err(failed.unwrap_or(MapError { index, error })),
            };
            let first = std::mem::replace(&mut index, finished.first + finished.items as usize);
            let hold = finished.read_onto(&mut results, |item, error| {
                failed.get_or_insert(MapError { index: first + item, error });
            });
            stream.give_back(hold);
        }
        if let Some(panic) = stream.take_panic() {
            drop(stream);
            resume_unwind(panic);
        }
        failed.map_or(Ok(results), Err)
    }

    /// Calls `f` with the items one by one, and gives what it returned in the same order, while the pool
    /// goes on: it is some four items for each worker ahead, and no more, so that the items may have
    /// no end.
    ///
    /// Each result is an error by itself; the others go on. The items are pulled on the thread that
    /// takes the results, as it takes them.
    ///
    /// # Errors
    /// Where no call can be made, the one result says why.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// for (n, square) in pool.imap(|n: u64| n * n, 0..).take(10).enumerate() {
    ///     assert_eq!(square?, (n * n) as u64);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn imap<F, I, A, R>(&self, f: F, items: I) -> Imap<'_, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        self.imap_with(f, items, MapOptions::new())
    }

    /// As [`imap`](Pool::imap), with several items handed over at a time.
    ///
    /// # Errors
    /// As [`imap`](Pool::imap); chunks of 0 are refused.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{MapOptions, Pool};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let sum: u64 = pool.imap_with(|n: u64| n, 0..100, MapOptions::new().chunk(10)).flatten().sum();
    /// assert_eq!(sum, 4950);
    /// # Ok(())
    /// # }
    /// ```
    pub fn imap_with<F, I, A, R>(
        &self,
        f: F,
        items: I,
        options: MapOptions,
    ) -> Imap<'_, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        let _ = f; // its type says it all
        let function = runner::<F, A, Whole>();
        Imap::begin(&self.shared, function, items.into_iter(), one_by_one(options))
    }

    /// As [`imap`](Pool::imap), with the results in the order in which they come.
    ///
    /// # Errors
    /// As [`imap`](Pool::imap).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Pool;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let mut squares: Vec<u64> = pool.imap_unordered(|n: u64| n * n, 0..10).flatten().collect();
    /// squares.sort();
    /// assert_eq!(squares[9], 81);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "as_completed")]
    pub fn imap_unordered<F, I, A, R>(&self, f: F, items: I) -> ImapUnordered<'_, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        self.imap_unordered_with(f, items, MapOptions::new())
    }

    /// As [`imap_unordered`](Pool::imap_unordered), with several items handed over at a time.
    ///
    /// # Errors
    /// As [`imap_with`](Pool::imap_with).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::{MapOptions, Pool};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # commonhold::init();
    /// let pool = Pool::new(2)?;
    /// let options = MapOptions::new().chunk(10);
    /// let sum: u64 = pool.imap_unordered_with(|n: u64| n, 0..100, options).flatten().sum();
    /// assert_eq!(sum, 4950);
    /// # Ok(())
    /// # }
    /// ```
    pub fn imap_unordered_with<F, I, A, R>(
        &self,
        f: F,
        items: I,
        options: MapOptions,
    ) -> ImapUnordered<'_, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + 'static,
        I: IntoIterator<Item = A>,
        A: Transfer,
        R: Transfer,
    {
        let _ = f; // its type says it all
        let function = runner::<F, A, Whole>();
        ImapUnordered::begin(&self.shared, function, items.into_iter(), one_by_one(options))
    }

    pub(super) fn sizes(
        &self,
        options: MapOptions,
        hint: (usize, Option<usize>),
    ) -> Result<Sizes, TaskError> {
        match options.chunk {
            Some(_) => one_by_one(options),
            None => Ok(Sizes::shared_by(self.shared.ledger().crew.target(), hint)),
        }
    }
}

/// The size of chunks where none is said.
fn one_by_one(options: MapOptions) -> Result<Sizes, TaskError> {
    match options.chunk {
        Some(0) => Err(TaskError::refused("chunks of 0 items were asked for")),
        None | Some(1) => Ok(Sizes::Bundled { size: 1 }),
        Some(chunk) => Ok(Sizes::Fixed(chunk)),
    }
}
