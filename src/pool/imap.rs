//! Results one by one, while the pool goes on with the next items.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::panic::resume_unwind;

use super::error::TaskError;
use super::shared::Shared;
use super::stage::Sizes;
use super::stream::{Order, Stream};
use crate::transfer::Transfer;

/// What both iterators are.
struct Results<'p, I, R> {
    stream: Option<Stream<'p, I>>,
    /// Results that were read and not given out.
    ready: VecDeque<Result<R, TaskError>>,
}

impl<'p, I, R> Results<'p, I, R>
where
    I: Iterator,
    I::Item: Transfer,
    R: Transfer,
{
    fn begin(
        pool: &'p Shared,
        function: Option<u64>,
        items: I,
        (sizes, order): (Result<Sizes, TaskError>, Order),
    ) -> Results<'p, I, R> {
        let workers = pool.ledger().crew.target();
        let window = 4 * workers + 16;
        let stream = sizes.and_then(|sizes| {
            let how = (sizes, order, Some(window));
            Stream::begin(pool, function, items, super::room_of::<R>(), how)
        });
        match stream {
            Ok(mut stream) => {
                stream.keep_fed();
                Results { stream: Some(stream), ready: VecDeque::new() }
            }
            Err(error) => Results { stream: None, ready: VecDeque::from([Err(error)]) },
        }
    }

    fn next(&mut self) -> Option<Result<R, TaskError>> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Some(result);
            }
            let stream = self.stream.as_mut()?;
            match stream.next() {
                Ok(Some(finished)) => {
                    let ready = &mut self.ready;
                    let hold = finished.read(|result| ready.push_back(result));
                    stream.give_back(hold);
                    stream.keep_fed();
                }
                Ok(None) => {
                    let panic = stream.take_panic();
                    self.stream = None;
                    // The iterator's, at the place where it broke off.
                    if let Some(panic) = panic {
                        resume_unwind(panic);
                    }
                }
                Err(error) => {
                    self.stream = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Results in the order of the items, from [`Pool::imap`](crate::Pool::imap).
///
/// # Examples
/// ```
/// # use commonhold::{Imap, Pool};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # commonhold::init();
/// let pool = Pool::new(2)?;
/// let mut squares: Imap<'_, _, u64> = pool.imap(|n: u64| n * n, 0..);
/// assert_eq!(squares.nth(7), Some(Ok(49)));
/// # Ok(())
/// # }
/// ```
#[must_use = "the pool goes on only as results are taken"]
pub struct Imap<'p, I, R>(Results<'p, I, R>);

/// Results as they come, from [`Pool::imap_unordered`](crate::Pool::imap_unordered).
///
/// # Examples
/// ```
/// # use commonhold::{ImapUnordered, Pool};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # commonhold::init();
/// let pool = Pool::new(2)?;
/// let lengths: ImapUnordered<'_, _, usize> =
///     pool.imap_unordered(|text: String| text.len(), vec!["a".to_owned(), "bc".to_owned()]);
/// assert_eq!(lengths.flatten().sum::<usize>(), 3);
/// # Ok(())
/// # }
/// ```
#[must_use = "the pool goes on only as results are taken"]
pub struct ImapUnordered<'p, I, R>(Results<'p, I, R>);

macro_rules! iterators {
    ($($name:ident $order:expr;)*) => {$(
        impl<'p, I, R> $name<'p, I, R>
        where
            I: Iterator,
            I::Item: Transfer,
            R: Transfer,
        {
            pub(super) fn begin(
                pool: &'p Shared,
                function: Option<u64>,
                items: I,
                sizes: Result<Sizes, TaskError>,
            ) -> Self {
                $name(Results::begin(pool, function, items, (sizes, $order)))
            }
        }

        impl<I, R> Iterator for $name<'_, I, R>
        where
            I: Iterator,
            I::Item: Transfer,
            R: Transfer,
        {
            type Item = Result<R, TaskError>;

            /// The next result, waited for.
            ///
            /// # Panics
            /// When the iterator of the items panicked, with that panic, after the results of what came
            /// before it.
            fn next(&mut self) -> Option<Self::Item> {
                self.0.next()
            }
        }

        impl<I, R> FusedIterator for $name<'_, I, R>
        where
            I: Iterator,
            I::Item: Transfer,
            R: Transfer,
        {
        }

        impl<I, R> fmt::Debug for $name<'_, I, R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

iterators! {
    Imap Order::AsGiven;
    ImapUnordered Order::AsDone;
}
