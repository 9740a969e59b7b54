//! Sending by copy.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::Queue;
use super::errors::{
    SendError, SendTimeoutError, TrySendError, send_error, send_timeout_error, try_send_error,
};
use crate::raw::queue::send::NotSent;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

impl<T: Shared> Queue<T> {
    /// Sends a message, waiting for room.
    ///
    /// When it returns, the next [`try_recv`](Queue::try_recv) of any process finds the message, also
    /// if this process ends. One copy, without a system call unless somebody sleeps or there is no room.
    ///
    /// # Errors
    /// [`SendError::Closed`] with the message.
    ///
    /// # If a process dies
    /// In the middle of `send`: the message was sent or not, and stands in nobody's way. Receivers
    /// that died make room, as what they held comes back; when all [`Receiver`](super::Receiver)s that were
    /// are gone, this ends with `Closed`.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.send(7).unwrap();
    /// assert_eq!(queue.recv(), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_until(&message, Deadline::Never).map_err(|_| send_error(message))
    }

    /// Sends a message if there is room right now.
    ///
    /// # Errors
    /// [`TrySendError::Full`] or [`TrySendError::Closed`], with the message.
    ///
    /// # If a process dies
    /// As [`send`](Queue::send).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Queue, TrySendError};
    /// let queue = Queue::<u64>::new(1)?;
    /// assert_eq!(queue.try_send(1), Ok(()));
    /// assert_eq!(queue.try_send(2), Err(TrySendError::Full(2)));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.send_until(&message, Deadline::Now).map_err(|reason| try_send_error(reason, message))
    }

    /// Sends a message, waiting for room at most this long.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] or [`SendTimeoutError::Closed`], with the message.
    ///
    /// # If a process dies
    /// As [`send`](Queue::send).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let queue = commonhold::Queue::<u64>::new(1)?;
    /// assert!(queue.send_timeout(1, Duration::from_millis(1)).is_ok());
    /// assert!(queue.send_timeout(2, Duration::from_millis(1)).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(&message, Deadline::after(timeout))
            .map_err(|reason| send_timeout_error(reason, message))
    }

    /// Sends a message, waiting for room until this instant at most.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] or [`SendTimeoutError::Closed`], with the message.
    ///
    /// # If a process dies
    /// As [`send`](Queue::send).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(1)?;
    /// assert!(queue.send_deadline(1, std::time::Instant::now()).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(&message, Deadline::At(deadline))
            .map_err(|reason| send_timeout_error(reason, message))
    }

    /// Sends all of these messages in order, waiting for room. Others' messages may come in between.
    ///
    /// Faster than single sends, as sleeping receivers are told once for many.
    ///
    /// # Errors
    /// [`SendError::Closed`] with how many were sent.
    ///
    /// # If a process dies
    /// The first ones were sent, the others not.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.send_all(&[1, 2, 3]).unwrap();
    /// assert_eq!(queue.len(), 3);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_all(&self, messages: &[T]) -> Result<(), SendError<usize>> {
        self.handle.send_all(&self.handle, &self.send_end, messages).map_err(SendError::Closed)
    }

    #[inline]
    fn send_until(&self, message: &T, deadline: Deadline) -> Result<(), NotSent> {
        self.handle.send(&self.handle, &self.send_end, message, deadline)
    }
}
