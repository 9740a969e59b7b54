//! Receiving by copy.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::Queue;
use super::errors::{RecvError, RecvTimeoutError, TryRecvError};
use crate::raw::queue::look::NotReceived;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

impl<T: Shared> Queue<T> {
    /// Receives the next message, waiting for one.
    ///
    /// # Errors
    /// [`RecvError::Closed`] when the queue is closed and nothing is left; see
    /// [closing](Queue#closing).
    ///
    /// # Panics
    /// When the message's bytes are no `T`: it was overwritten by something else than this crate. It is
    /// gone then.
    ///
    /// # If a process dies
    /// In the middle of `recv`: the message was received or not; if not, the next receiver gets it.
    /// A sender that dies in the middle is passed over.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.send(7).unwrap();
    /// assert_eq!(queue.recv(), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(Deadline::Never).map_err(RecvError::from)
    }

    /// Receives the next message if there is one right now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`], also while the next message is being sent or leased by a living
    /// process; [`TryRecvError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Queue, TryRecvError};
    /// let queue = Queue::<u64>::new(4)?;
    /// assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
    /// queue.close();
    /// assert_eq!(queue.try_recv(), Err(TryRecvError::Closed));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.recv_until(Deadline::Now).map_err(TryRecvError::from)
    }

    /// Receives the next message, waiting for one at most this long.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] or [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// assert!(queue.recv_timeout(std::time::Duration::from_millis(1)).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout)).map_err(RecvTimeoutError::from)
    }

    /// Receives the next message, waiting for one until this instant at most.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] or [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// assert!(queue.recv_deadline(std::time::Instant::now()).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::At(deadline)).map_err(RecvTimeoutError::from)
    }

    /// Waits for a message, and appends it and those that follow it at once, `max` at most. Returns
    /// how many: one at least, unless `max` is 0.
    ///
    /// # Errors
    /// [`RecvError::Closed`] as [`recv`](Queue::recv).
    ///
    /// # Panics
    /// As [`recv`](Queue::recv); what came before is in the vector.
    ///
    /// # If a process dies
    /// Each message was received or not.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.send_all(&[1, 2, 3]).unwrap();
    /// let mut messages = Vec::new();
    /// assert_eq!(queue.recv_many(&mut messages, 2), Ok(2));
    /// assert_eq!(messages, [1, 2]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_many(&self, messages: &mut Vec<T>, max: usize) -> Result<usize, RecvError> {
        let received = self.handle.recv_many(&self.handle, &self.recv_end, messages, max);
        received.map_err(RecvError::from)
    }

    /// Receives until the queue is closed and drained: the same as calling [`recv`](Queue::recv) until it
    /// fails.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.send_all(&[1, 2, 3]).unwrap();
    /// queue.close();
    /// assert_eq!(queue.iter().sum::<u64>(), 6);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { queue: self }
    }

    #[inline]
    fn recv_until(&self, deadline: Deadline) -> Result<T, NotReceived> {
        self.handle.recv(&self.handle, &self.recv_end, deadline)
    }
}

/// Receives messages until their queue is closed. Made by [`Queue::iter`].
///
/// # Examples
/// ```
/// let queue = commonhold::Queue::<u64>::new(4)?;
/// queue.send(1).unwrap();
/// queue.close();
/// for message in &queue {
///     assert_eq!(message, 1);
/// }
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Iter<'a, T: Shared> {
    queue: &'a Queue<T>,
}

/// Receives messages until their queue is closed, and owns its handle.
///
/// # Examples
/// ```
/// let queue = commonhold::Queue::<u64>::new(4)?;
/// queue.send(1).unwrap();
/// queue.close();
/// assert_eq!(queue.into_iter().collect::<Vec<u64>>(), [1]);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IntoIter<T: Shared> {
    queue: Queue<T>,
}

impl<T: Shared> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.queue.recv().ok()
    }
}

impl<T: Shared> Iterator for IntoIter<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.queue.recv().ok()
    }
}

impl<'a, T: Shared> IntoIterator for &'a Queue<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Shared> IntoIterator for Queue<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { queue: self }
    }
}
