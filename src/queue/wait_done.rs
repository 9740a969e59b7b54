//! Waiting until everything that was sent is done.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::Queue;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

impl<T: Shared> Queue<T> {
    /// Waits until every message that was sent was received, and every lease is done. Returns at
    /// once when nothing was sent.
    ///
    /// A message received by copy is done; a leased one is when [`Lease::done`](crate::Lease::done) says so. Someone
    /// has to receive: a message of a worker that died is waited for until another worker did it.
    ///
    /// # If a process dies
    /// What it was sending was not sent, what it was working on comes back and is waited for.
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// jobs.send(1).unwrap();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| jobs.lease().unwrap().done());
    ///     jobs.wait_done();
    /// });
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "join")]
    pub fn wait_done(&self) {
        self.wait_done_until(Deadline::Never);
    }

    /// As [`wait_done`](Queue::wait_done), for at most this long; false when that was too short.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// assert!(jobs.wait_done_timeout(Duration::ZERO));
    /// jobs.send(1).unwrap();
    /// assert!(!jobs.wait_done_timeout(Duration::from_millis(1)));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn wait_done_timeout(&self, timeout: Duration) -> bool {
        self.wait_done_until(Deadline::after(timeout))
    }

    /// As [`wait_done`](Queue::wait_done), until this instant at most; false when that came first.
    ///
    /// # Examples
    /// ```
    /// let jobs = commonhold::Queue::<u64>::new(4)?;
    /// assert!(jobs.wait_done_deadline(std::time::Instant::now()));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn wait_done_deadline(&self, deadline: Instant) -> bool {
        self.wait_done_until(Deadline::At(deadline))
    }

    fn wait_done_until(&self, deadline: Deadline) -> bool {
        self.handle.wait_done(&self.handle, deadline)
    }
}
