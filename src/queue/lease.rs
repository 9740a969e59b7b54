//! A message that is worked on before it is received: it comes back unless it is done.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant};

use super::Queue;
use super::errors::{RecvError, RecvTimeoutError, TryRecvError};
use crate::raw::queue::guard::Leased;
use crate::raw::queue::look::NotReceived;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

impl<T: Shared> Queue<T> {
    /// Leases the next message, waiting for one: it is this process's until it is
    /// [`done`](Lease::done), and the next receiver's if the lease is dropped or its process dies before.
    ///
    /// The message is read in place: one over 64 bytes is not copied at all. Leases stall nobody,
    /// however long they are held. There are as many as the capacity, and more; who holds all of them
    /// and leases another waits for itself.
    ///
    /// # Errors
    /// [`RecvError::Closed`] when the queue is closed and nothing is left, nor leased by anybody; see
    /// [closing](Queue#closing).
    ///
    /// # Panics
    /// When the message's bytes are no `T`: it was overwritten by something else than this crate. It is
    /// gone then.
    ///
    /// # If a process dies
    /// While it leases, or holds a lease: the next receiver gets the message, by lease or by copy.
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// jobs.send(7).unwrap();
    /// drop(jobs.lease().unwrap()); // not done: it comes back
    /// let job = jobs.lease().unwrap();
    /// assert_eq!((*job, job.deliveries()), (7, 2));
    /// job.done();
    /// assert!(jobs.try_lease().is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline(always)]
    pub fn lease(&self) -> Result<Lease<'_, T>, RecvError> {
        self.lease_until(Deadline::Never).map_err(RecvError::from)
    }

    /// Leases the next message if there is one right now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`], also where as many messages are leased as can be;
    /// [`TryRecvError::Closed`].
    ///
    /// # Panics
    /// As [`lease`](Queue::lease).
    ///
    /// # If a process dies
    /// As [`lease`](Queue::lease).
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// assert!(jobs.try_lease().is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline(always)]
    pub fn try_lease(&self) -> Result<Lease<'_, T>, TryRecvError> {
        self.lease_until(Deadline::Now).map_err(TryRecvError::from)
    }

    /// Leases the next message, waiting for one at most this long.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] or [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`lease`](Queue::lease).
    ///
    /// # If a process dies
    /// As [`lease`](Queue::lease).
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// assert!(jobs.lease_timeout(std::time::Duration::from_millis(1)).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<'_, T>, RecvTimeoutError> {
        self.lease_until(Deadline::after(timeout)).map_err(RecvTimeoutError::from)
    }

    /// Leases the next message, waiting for one until this instant at most.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] or [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`lease`](Queue::lease).
    ///
    /// # If a process dies
    /// As [`lease`](Queue::lease).
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// assert!(jobs.lease_deadline(std::time::Instant::now()).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn lease_deadline(&self, deadline: Instant) -> Result<Lease<'_, T>, RecvTimeoutError> {
        self.lease_until(Deadline::At(deadline)).map_err(RecvTimeoutError::from)
    }

    #[inline(always)]
    fn lease_until(&self, deadline: Deadline) -> Result<Lease<'_, T>, NotReceived> {
        Leased::take(&self.handle, &self.recv_end, deadline).map(|message| Lease { message })
    }
}

/// A message that this process works on. Made by [`Queue::lease`].
///
/// Dropped without [`done`](Lease::done), or when its process dies, it is delivered again, to the next
/// receiver. A leaked one comes back when its process ends, or drops its last handle to the segment. One that a child inherited by fork is
/// inert: dropping it, or being done with it, does nothing.
///
/// # Panics
/// Reading one that was inherited by fork.
///
/// # Examples
/// ```
/// let jobs = commonhold::Queue::<[u8; 4096]>::new(4)?;
/// jobs.send([7; 4096]).unwrap();
/// let page = jobs.lease().unwrap();
/// assert!(page.iter().all(|byte| *byte == 7));
/// page.done();
/// # Ok::<(), commonhold::Error>(())
/// ```
#[must_use = "a lease that is dropped gives its message back"]
pub struct Lease<'a, T: Shared> {
    message: Leased<'a, T>,
}

impl<T: Shared> Lease<'_, T> {
    /// The message is done with, and will not be delivered again.
    ///
    /// # If a process dies
    /// In the middle: it is done, or comes back.
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// jobs.send(7).unwrap();
    /// jobs.lease().unwrap().done();
    /// jobs.wait_done();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "task_done")]
    #[inline(always)]
    pub fn done(self) {
        self.message.done();
    }

    /// How often the message was delivered by lease, this time included; at least, as one that was
    /// lost by a `recv` that died, or at the very moment of leasing, starts again at 1.
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// jobs.send(7).unwrap();
    /// assert_eq!(jobs.lease().unwrap().deliveries(), 1);
    /// assert_eq!(jobs.lease().unwrap().deliveries(), 2);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn deliveries(&self) -> u32 {
        self.message.deliveries()
    }
}

impl<T: Shared> Deref for Lease<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T: Shared> fmt::Debug for Lease<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease(..)")
    }
}
