//! Receiving slices.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Queue, RecvError, RecvTimeoutError, TryRecvError};
use crate::raw::bytering::elements::Elements;
use crate::raw::bytering::recv::Receipt;
use crate::raw::queue::look::NotReceived;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// Receiving slices, whole, as they were sent.
impl<T: Shared> Queue<[T]> {
    /// Receives the next slice, waiting for one.
    ///
    /// # Errors
    /// [`RecvError::Closed`] when the queue is closed and nothing is left.
    ///
    /// # Panics
    /// When its bytes are no `T`s, or the queue's words are no queue's: something else than this crate
    /// overwrote them. It is gone then.
    ///
    /// # If a process dies
    /// In the middle of `recv`: the message was received or not; if not, the next receiver gets it. A process that
    /// is stopped there stops the other receivers until it goes on, or ends.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// assert_eq!(queue.recv().unwrap(), [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<Vec<T>, RecvError> {
        let mut message = Vec::new();
        self.recv_slice(&mut message, Deadline::Never).map_err(RecvError::from)?;
        Ok(message)
    }

    /// Receives the next slice, if there is one right now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`], [`TryRecvError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// assert_eq!(queue.try_recv().unwrap(), [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<Vec<T>, TryRecvError> {
        let mut message = Vec::new();
        self.recv_slice(&mut message, Deadline::Now).map_err(TryRecvError::from)?;
        Ok(message)
    }

    /// Receives the next slice, waiting for one at most this long.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`], [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// assert_eq!(queue.recv_timeout(std::time::Duration::ZERO).unwrap(), [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Vec<T>, RecvTimeoutError> {
        let mut message = Vec::new();
        self.recv_slice(&mut message, Deadline::after(timeout)).map_err(RecvTimeoutError::from)?;
        Ok(message)
    }

    /// Receives the next slice, waiting for one until this instant at most.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`], [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// assert_eq!(queue.recv_deadline(std::time::Instant::now()).unwrap(), [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<Vec<T>, RecvTimeoutError> {
        let mut message = Vec::new();
        self.recv_slice(&mut message, Deadline::At(deadline)).map_err(RecvTimeoutError::from)?;
        Ok(message)
    }

    /// Receives the next slice into a vector, waiting for one.
    ///
    /// It replaces the contents of the vector, whose room is used again; returns how many elements it has.
    /// Where none is received the contents are unspecified.
    ///
    /// # Errors
    /// [`RecvError::Closed`] when the queue is closed and nothing is left.
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// let mut message = Vec::new();
    /// assert_eq!(queue.recv_into(&mut message), Ok(3));
    /// assert_eq!(message, [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "recv_bytes_into")]
    #[inline]
    pub fn recv_into(&self, into: &mut Vec<T>) -> Result<usize, RecvError> {
        self.recv_slice(into, Deadline::Never).map_err(RecvError::from)
    }

    /// Receives the next slice into a vector, if there is one right now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`], [`TryRecvError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// let mut message = Vec::new();
    /// assert_eq!(queue.try_recv_into(&mut message), Ok(3));
    /// assert_eq!(message, [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_recv_into(&self, into: &mut Vec<T>) -> Result<usize, TryRecvError> {
        self.recv_slice(into, Deadline::Now).map_err(TryRecvError::from)
    }

    /// Receives the next slice into a vector, waiting for one at most this long.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`], [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// let mut message = Vec::new();
    /// assert_eq!(queue.recv_into_timeout(&mut message, std::time::Duration::ZERO), Ok(3));
    /// assert_eq!(message, [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_into_timeout(
        &self,
        into: &mut Vec<T>,
        timeout: Duration,
    ) -> Result<usize, RecvTimeoutError> {
        self.recv_slice(into, Deadline::after(timeout)).map_err(RecvTimeoutError::from)
    }

    /// Receives the next slice into a vector, waiting for one until this instant at most.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`], [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Queue::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Queue::recv).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u32]>::new(4096)?;
    /// queue.send(&[1, 2, 3]).unwrap();
    /// let mut message = Vec::new();
    /// assert_eq!(queue.recv_into_deadline(&mut message, std::time::Instant::now()), Ok(3));
    /// assert_eq!(message, [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_into_deadline(
        &self,
        into: &mut Vec<T>,
        deadline: Instant,
    ) -> Result<usize, RecvTimeoutError> {
        self.recv_slice(into, Deadline::At(deadline)).map_err(RecvTimeoutError::from)
    }

    #[inline]
    fn recv_slice(&self, into: &mut Vec<T>, deadline: Deadline) -> Result<usize, NotReceived> {
        let sink = Elements::new(&mut *into);
        let mut receipt = Receipt { end: &self.recv_end, into: sink, take: |_: &[u8]| () };
        self.handle.recv(&self.handle, &mut receipt, deadline)?;
        Ok(into.len())
    }
}
