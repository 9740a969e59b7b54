//! Sending slices.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::slice_errors::NotSentSlice;
use super::{Queue, SendSliceError, SendSliceTimeoutError, TrySendSliceError};
use crate::raw::queue::RawMessages;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// Sending slices: of any length up to the capacity, which is in bytes.
impl<T: Shared> Queue<[T]> {
    /// Sends a slice, waiting for room.
    ///
    /// When it returns, the next [`try_recv`](Queue::try_recv) of any process finds it, also if this process
    /// ends. One copy, without a system call unless somebody sleeps or there is no room.
    ///
    /// # Errors
    /// [`SendSliceError::TooLarge`] if it has more bytes than the [`capacity`](Queue::capacity),
    /// [`SendSliceError::Closed`].
    ///
    /// # Panics
    /// When the queue's words were overwritten by something else than this crate; nothing was sent then.
    ///
    /// # If a process dies
    /// In the middle of `send`: it was sent or not, and stands in nobody's way. A process that is stopped
    /// there stops the other senders until it goes on, or ends.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(4096)?;
    /// queue.send(b"hello").unwrap();
    /// assert_eq!(queue.recv().unwrap(), b"hello");
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, message: &[T]) -> Result<(), SendSliceError> {
        self.send_slice(message, Deadline::Never).map_err(SendSliceError::from)
    }

    /// Sends a slice if there is room right now.
    ///
    /// # Errors
    /// [`TrySendSliceError::TooLarge`], [`TrySendSliceError::Full`], [`TrySendSliceError::Closed`].
    ///
    /// # Panics
    /// As [`send`](Queue::send).
    ///
    /// # If a process dies
    /// As [`send`](Queue::send).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(8)?;
    /// assert!(queue.try_send(&[1; 8]).is_ok());
    /// assert!(queue.try_send(&[2; 8]).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, message: &[T]) -> Result<(), TrySendSliceError> {
        self.send_slice(message, Deadline::Now).map_err(TrySendSliceError::from)
    }

    /// Sends a slice, waiting for room at most this long.
    ///
    /// # Errors
    /// [`SendSliceTimeoutError::TooLarge`], [`SendSliceTimeoutError::Timeout`],
    /// [`SendSliceTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`send`](Queue::send).
    ///
    /// # If a process dies
    /// As [`send`](Queue::send).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let queue = commonhold::Queue::<[u8]>::new(8)?;
    /// assert!(queue.send_timeout(&[1; 8], Duration::from_millis(1)).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_timeout(
        &self,
        message: &[T],
        timeout: Duration,
    ) -> Result<(), SendSliceTimeoutError> {
        self.send_slice(message, Deadline::after(timeout)).map_err(SendSliceTimeoutError::from)
    }

    /// Sends a slice, waiting for room until this instant at most.
    ///
    /// # Errors
    /// As [`send_timeout`](Queue::send_timeout).
    ///
    /// # Panics
    /// As [`send`](Queue::send).
    ///
    /// # If a process dies
    /// As [`send`](Queue::send).
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<[u8]>::new(8)?;
    /// assert!(queue.send_deadline(&[1; 8], std::time::Instant::now()).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_deadline(
        &self,
        message: &[T],
        deadline: Instant,
    ) -> Result<(), SendSliceTimeoutError> {
        self.send_slice(message, Deadline::At(deadline)).map_err(SendSliceTimeoutError::from)
    }

    #[inline]
    fn send_slice(&self, message: &[T], deadline: Deadline) -> Result<(), NotSentSlice> {
        const { assert!(size_of::<T>() > 0, "elements without a size") };
        if size_of_val(message) > self.handle.capacity() {
            return Err(NotSentSlice::TooLarge);
        }
        let bytes = bytemuck::cast_slice(message);
        self.handle.send(&self.handle, &self.send_end, bytes, false, deadline)?;
        Ok(())
    }
}
