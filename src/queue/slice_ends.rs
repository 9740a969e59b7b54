//! The verbs of a [`Sender`] and a [`Receiver`] of slices.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Receiver, RecvError, RecvTimeoutError, Sender, TryRecvError};
use super::{SendSliceError, SendSliceTimeoutError, TrySendSliceError};
use crate::shared::Shared;

/// Sending slices.
impl<T: Shared> Sender<[T]> {
    /// As [`Queue::send`](crate::Queue::send).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<[u8]>::new(64)?.sender();
    /// sender.send(&[1, 2]).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, message: &[T]) -> Result<(), SendSliceError> {
        self.end.get().send(message)
    }

    /// As [`Queue::try_send`](crate::Queue::try_send).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<[u8]>::new(64)?.sender();
    /// sender.try_send(&[1, 2]).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, message: &[T]) -> Result<(), TrySendSliceError> {
        self.end.get().try_send(message)
    }

    /// As [`Queue::send_timeout`](crate::Queue::send_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<[u8]>::new(64)?.sender();
    /// sender.send_timeout(&[1, 2], std::time::Duration::ZERO).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_timeout(
        &self,
        message: &[T],
        timeout: Duration,
    ) -> Result<(), SendSliceTimeoutError> {
        self.end.get().send_timeout(message, timeout)
    }

    /// As [`Queue::send_deadline`](crate::Queue::send_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let sender = commonhold::Queue::<[u8]>::new(64)?.sender();
    /// sender.send_deadline(&[1, 2], std::time::Instant::now()).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_deadline(
        &self,
        message: &[T],
        deadline: Instant,
    ) -> Result<(), SendSliceTimeoutError> {
        self.end.get().send_deadline(message, deadline)
    }
}

/// Receiving slices.
impl<T: Shared> Receiver<[T]> {
    /// As [`Queue::recv`](crate::Queue::recv).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().recv().unwrap(), [1, 2]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<Vec<T>, RecvError> {
        self.end.get().recv()
    }

    /// As [`Queue::try_recv`](crate::Queue::try_recv).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().try_recv().unwrap(), [1, 2]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<Vec<T>, TryRecvError> {
        self.end.get().try_recv()
    }

    /// As [`Queue::recv_timeout`](crate::Queue::recv_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().recv_timeout(std::time::Duration::ZERO).unwrap(), [1, 2]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Vec<T>, RecvTimeoutError> {
        self.end.get().recv_timeout(timeout)
    }

    /// As [`Queue::recv_deadline`](crate::Queue::recv_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().recv_deadline(std::time::Instant::now()).unwrap(), [1, 2]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<Vec<T>, RecvTimeoutError> {
        self.end.get().recv_deadline(deadline)
    }

    /// As [`Queue::recv_into`](crate::Queue::recv_into).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().recv_into(&mut Vec::new()), Ok(2));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn recv_into(&self, into: &mut Vec<T>) -> Result<usize, RecvError> {
        self.end.get().recv_into(into)
    }

    /// As [`Queue::try_recv_into`](crate::Queue::try_recv_into).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().try_recv_into(&mut Vec::new()), Ok(2));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_recv_into(&self, into: &mut Vec<T>) -> Result<usize, TryRecvError> {
        self.end.get().try_recv_into(into)
    }

    /// As [`Queue::recv_into_timeout`](crate::Queue::recv_into_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().recv_into_timeout(&mut Vec::new(), std::time::Duration::ZERO), Ok(2));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_into_timeout(
        &self,
        into: &mut Vec<T>,
        timeout: Duration,
    ) -> Result<usize, RecvTimeoutError> {
        self.end.get().recv_into_timeout(into, timeout)
    }

    /// As [`Queue::recv_into_deadline`](crate::Queue::recv_into_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(64)?;
    /// queue.send(&[1, 2]).unwrap();
    /// assert_eq!(queue.receiver().recv_into_deadline(&mut Vec::new(), std::time::Instant::now()), Ok(2));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_into_deadline(
        &self,
        into: &mut Vec<T>,
        deadline: Instant,
    ) -> Result<usize, RecvTimeoutError> {
        self.end.get().recv_into_deadline(into, deadline)
    }
}
