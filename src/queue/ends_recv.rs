//! The verbs of a [`Receiver`].
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::errors::{RecvError, RecvTimeoutError, TryRecvError};
use super::{Iter, Lease, Receiver};
use crate::shared::Shared;

impl<T: Shared> Receiver<T> {
    /// As [`Queue::recv`](crate::Queue::recv).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// assert_eq!(receiver.recv(), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.end.get().recv()
    }

    /// As [`Queue::try_recv`](crate::Queue::try_recv).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.end.get().try_recv()
    }

    /// As [`Queue::recv_timeout`](crate::Queue::recv_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// assert_eq!(receiver.recv_timeout(std::time::Duration::ZERO), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.end.get().recv_timeout(timeout)
    }

    /// As [`Queue::recv_deadline`](crate::Queue::recv_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// assert_eq!(receiver.recv_deadline(std::time::Instant::now()), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.end.get().recv_deadline(deadline)
    }

    /// As [`Queue::recv_many`](crate::Queue::recv_many).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// assert_eq!(receiver.recv_many(&mut Vec::new(), 9), Ok(1));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_many(&self, messages: &mut Vec<T>, max: usize) -> Result<usize, RecvError> {
        self.end.get().recv_many(messages, max)
    }

    /// As [`Queue::lease`](crate::Queue::lease).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// receiver.lease().unwrap().done();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn lease(&self) -> Result<Lease<'_, T>, RecvError> {
        self.end.get().lease()
    }

    /// As [`Queue::try_lease`](crate::Queue::try_lease).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// receiver.try_lease().unwrap().done();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_lease(&self) -> Result<Lease<'_, T>, TryRecvError> {
        self.end.get().try_lease()
    }

    /// As [`Queue::lease_timeout`](crate::Queue::lease_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// receiver.lease_timeout(std::time::Duration::ZERO).unwrap().done();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<'_, T>, RecvTimeoutError> {
        self.end.get().lease_timeout(timeout)
    }

    /// As [`Queue::lease_deadline`](crate::Queue::lease_deadline).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// receiver.lease_deadline(std::time::Instant::now()).unwrap().done();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn lease_deadline(&self, deadline: Instant) -> Result<Lease<'_, T>, RecvTimeoutError> {
        self.end.get().lease_deadline(deadline)
    }

    /// As [`Queue::iter`](crate::Queue::iter).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let receiver = queue.receiver();
    /// queue.send(7).unwrap();
    /// queue.close();
    /// assert_eq!(receiver.iter().collect::<Vec<u64>>(), [7]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        self.end.get().iter()
    }
}

impl<'a, T: Shared> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
