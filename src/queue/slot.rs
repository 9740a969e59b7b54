//! A message that is built in place before it is sent.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use bytemuck::Pod;

use super::Queue;
use super::errors::{
    SendError, SendTimeoutError, TrySendError, send_error, send_timeout_error, try_send_error,
};
use crate::raw::queue::guard::Reserved;
use crate::raw::queue::send::NotSent;
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

impl<T: Shared + Pod> Queue<T> {
    /// Takes a place to build a message in, waiting for one. What is in it at first is unspecified.
    ///
    /// The message takes its place in the order when it is [sent](Slot::send), and stalls nobody
    /// meanwhile. One over 64 bytes is built where its receiver will read it: there are some more
    /// such places than the capacity, and this waits while all are taken. A smaller one is built in the
    /// slot itself, for which there is always room.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    ///
    /// # If a process dies
    /// What it reserved and did not send was never sent, and is free again.
    ///
    /// # Examples
    /// ```
    /// let frames = commonhold::Queue::<[u8; 4096]>::new(4)?;
    /// let mut frame = frames.reserve().unwrap();
    /// frame.fill(7);
    /// frame.send().unwrap();
    /// assert_eq!(frames.recv(), Ok([7; 4096]));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline(always)]
    pub fn reserve(&self) -> Result<Slot<'_, T>, SendError<()>> {
        self.reserve_until(Deadline::Never).map_err(|_| send_error(()))
    }

    /// Takes a place to build a message in if there is one right now.
    ///
    /// # Errors
    /// [`TrySendError::Full`] where all places are taken; [`TrySendError::Closed`].
    ///
    /// # If a process dies
    /// As [`reserve`](Queue::reserve).
    ///
    /// # Examples
    /// ```
    /// let frames = commonhold::Queue::<[u8; 4096]>::new(4)?;
    /// assert!(frames.try_reserve().is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline(always)]
    pub fn try_reserve(&self) -> Result<Slot<'_, T>, TrySendError<()>> {
        self.reserve_until(Deadline::Now).map_err(|reason| try_send_error(reason, ()))
    }

    /// Takes a place to build a message in, waiting for one at most this long.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] or [`SendTimeoutError::Closed`].
    ///
    /// # If a process dies
    /// As [`reserve`](Queue::reserve).
    ///
    /// # Examples
    /// ```
    /// let frames = commonhold::Queue::<[u8; 4096]>::new(4)?;
    /// assert!(frames.reserve_timeout(std::time::Duration::from_millis(1)).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn reserve_timeout(&self, timeout: Duration) -> Result<Slot<'_, T>, SendTimeoutError<()>> {
        self.reserve_until(Deadline::after(timeout))
            .map_err(|reason| send_timeout_error(reason, ()))
    }

    /// Takes a place to build a message in, waiting for one until this instant at most.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] or [`SendTimeoutError::Closed`].
    ///
    /// # If a process dies
    /// As [`reserve`](Queue::reserve).
    ///
    /// # Examples
    /// ```
    /// let frames = commonhold::Queue::<[u8; 4096]>::new(4)?;
    /// assert!(frames.reserve_deadline(std::time::Instant::now()).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn reserve_deadline(&self, deadline: Instant) -> Result<Slot<'_, T>, SendTimeoutError<()>> {
        self.reserve_until(Deadline::At(deadline)).map_err(|reason| send_timeout_error(reason, ()))
    }

    #[inline(always)]
    fn reserve_until(&self, deadline: Deadline) -> Result<Slot<'_, T>, NotSent> {
        let place = if size_of::<T>() <= size_of::<Small>() {
            if self.handle.refuses(&self.handle) {
                return Err(NotSent::Closed);
            }
            Place::Here(Small([0; 64]), self.handle.me())
        } else {
            Place::InCell(Reserved::take(&self.handle, &self.send_end, deadline)?)
        };
        Ok(Slot { queue: self, place })
    }
}

/// A message that this process builds in place. Made by [`Queue::reserve`].
///
/// Dropped unsent, or when its process dies, it was never sent. One that a child inherited by fork is
/// inert.
///
/// # Panics
/// Using or sending one that was inherited by fork.
///
/// # Examples
/// ```
/// let queue = commonhold::Queue::<[u32; 2]>::new(4)?;
/// let mut pair = queue.reserve().unwrap();
/// *pair = [1, 2];
/// queue.send([0, 0]).unwrap(); // not stalled, and first in the order
/// pair.send().unwrap();
/// assert_eq!((queue.recv(), queue.recv()), (Ok([0, 0]), Ok([1, 2])));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[must_use = "a slot that is dropped was never sent"]
pub struct Slot<'a, T: Shared + Pod> {
    queue: &'a Queue<T>,
    place: Place<'a, T>,
}

enum Place<'a, T: Shared> {
    /// A small message, in memory of this process.
    Here(Small, Tag),
    InCell(Reserved<'a, T>),
}

/// Room and alignment for whatever has at most 64 bytes.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Small([u8; 64]);

impl<T: Shared + Pod> Slot<'_, T> {
    /// Sends the message, waiting for room.
    ///
    /// # Errors
    /// [`SendError::Closed`]; the message is gone.
    ///
    /// # If a process dies
    /// In the middle: the message was sent or not.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let mut message = queue.reserve().unwrap();
    /// *message = 7;
    /// message.send().unwrap();
    /// assert_eq!(queue.recv(), Ok(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline(always)]
    pub fn send(self) -> Result<(), SendError<()>> {
        let sent = match self.place {
            Place::Here(..) => return self.queue.send(*self).map_err(|_| send_error(())),
            Place::InCell(cell) => cell.send(&self.queue.send_end, Deadline::Never),
        };
        sent.map_err(|_| send_error(()))
    }
}

impl<T: Shared + Pod> Deref for Slot<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.place {
            Place::Here(small, tag) => {
                assert_mine(self.queue, *tag);
                bytemuck::from_bytes(&small.0[..size_of::<T>()])
            }
            Place::InCell(cell) => cell,
        }
    }
}

impl<T: Shared + Pod> DerefMut for Slot<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.place {
            Place::Here(small, tag) => {
                assert_mine(self.queue, *tag);
                bytemuck::from_bytes_mut(&mut small.0[..size_of::<T>()])
            }
            Place::InCell(cell) => cell,
        }
    }
}

fn assert_mine<T: Shared>(queue: &Queue<T>, tag: Tag) {
    assert!(queue.handle.me_if_registered() == tag, "a slot that was inherited by fork");
}

impl<T: Shared + Pod> fmt::Debug for Slot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot(..)")
    }
}
