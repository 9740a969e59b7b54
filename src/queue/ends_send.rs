//! The verbs of a [`Sender`].
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use bytemuck::Pod;

use super::errors::{SendError, SendTimeoutError, TrySendError};
use super::{Sender, Slot};
use crate::shared::Shared;

impl<T: Shared> Sender<T> {
    /// As [`Queue::send`](crate::Queue::send).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// sender.send(7).unwrap();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.end.get().send(message)
    }

    /// As [`Queue::try_send`](crate::Queue::try_send).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// assert_eq!(sender.try_send(7), Ok(()));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.end.get().try_send(message)
    }

    /// As [`Queue::send_timeout`](crate::Queue::send_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// sender.send_timeout(7, std::time::Duration::from_secs(1)).unwrap();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.end.get().send_timeout(message, timeout)
    }

    /// As [`Queue::send_deadline`](crate::Queue::send_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// sender.send_deadline(7, std::time::Instant::now()).unwrap();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.end.get().send_deadline(message, deadline)
    }

    /// As [`Queue::send_all`](crate::Queue::send_all).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// sender.send_all(&[1, 2]).unwrap();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_all(&self, messages: &[T]) -> Result<(), SendError<usize>> {
        self.end.get().send_all(messages)
    }
}

impl<T: Shared + Pod> Sender<T> {
    /// As [`Queue::reserve`](crate::Queue::reserve).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// let mut slot = sender.reserve().unwrap();
    /// *slot = 7;
    /// slot.send().unwrap();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn reserve(&self) -> Result<Slot<'_, T>, SendError<()>> {
        self.end.get().reserve()
    }

    /// As [`Queue::try_reserve`](crate::Queue::try_reserve).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// assert!(sender.try_reserve().is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_reserve(&self) -> Result<Slot<'_, T>, TrySendError<()>> {
        self.end.get().try_reserve()
    }

    /// As [`Queue::reserve_timeout`](crate::Queue::reserve_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// assert!(sender.reserve_timeout(std::time::Duration::ZERO).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn reserve_timeout(&self, timeout: Duration) -> Result<Slot<'_, T>, SendTimeoutError<()>> {
        self.end.get().reserve_timeout(timeout)
    }

    /// As [`Queue::reserve_deadline`](crate::Queue::reserve_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<u64>::new(4)?.sender();
    /// assert!(sender.reserve_deadline(std::time::Instant::now()).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn reserve_deadline(&self, deadline: Instant) -> Result<Slot<'_, T>, SendTimeoutError<()>> {
        self.end.get().reserve_deadline(deadline)
    }
}
