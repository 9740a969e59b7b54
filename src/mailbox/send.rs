//! Sending.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Mailbox, buffers, in_flight};
use crate::queue::{SendError, SendTimeoutError, TrySendError};
use crate::raw::queue::send::NotSent;
use crate::sys::clock::Deadline;
use crate::transfer::Transfer;

impl<T: Transfer> Mailbox<T> {
    /// Sends a message, waiting for room.
    ///
    /// When it returns, the next [`try_recv`](Mailbox::try_recv) of any process finds the message, also if
    /// this process ends. A message that fits the capacity takes no system call unless somebody sleeps or
    /// there is no room. A longer one takes memory of its own, and waits for that too.
    ///
    /// # Errors
    /// [`SendError::Closed`] with the message.
    ///
    /// # Panics
    /// When the mailbox's words were overwritten by something else than this crate; and when the message
    /// holds what crosses to no process but a child that is being spawned (a file, a
    /// socket), values within values beyond a depth of 256, or more bytes than the machine has memory; and
    /// when a message that is longer than the capacity cannot be written beside it for another reason than
    /// a lack of memory, such as a limit on the length of files (`ulimit -f`).
    ///
    /// # If a process dies
    /// In the middle of `send`: the message was sent or not, and stands in nobody's way; memory that was
    /// taken for it is given back.
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// mailbox.send("hello".to_owned()).unwrap();
    /// assert_eq!(mailbox.recv().unwrap(), "hello");
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_until(message, Deadline::Never).map_err(|(_, message)| SendError::Closed(message))
    }

    /// Sends a message if there is room right now.
    ///
    /// # Errors
    /// [`TrySendError::Full`] or [`TrySendError::Closed`], with the message.
    ///
    /// # Panics
    /// As [`send`](Mailbox::send).
    ///
    /// # If a process dies
    /// As [`send`](Mailbox::send).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Mailbox, TrySendError};
    /// let mailbox = Mailbox::<u64>::new(8)?;
    /// assert_eq!(mailbox.try_send(1), Ok(()));
    /// assert_eq!(mailbox.try_send(2), Err(TrySendError::Full(2)));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.send_until(message, Deadline::Now).map_err(|(reason, message)| match reason {
            NotSent::Full => TrySendError::Full(message),
            NotSent::Closed => TrySendError::Closed(message),
        })
    }

    /// Sends a message, waiting for room at most this long.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] or [`SendTimeoutError::Closed`], with the message.
    ///
    /// # Panics
    /// As [`send`](Mailbox::send).
    ///
    /// # If a process dies
    /// As [`send`](Mailbox::send).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let mailbox = commonhold::Mailbox::<u64>::new(8)?;
    /// assert!(mailbox.send_timeout(1, Duration::from_millis(1)).is_ok());
    /// assert!(mailbox.send_timeout(2, Duration::from_millis(1)).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, Deadline::after(timeout)).map_err(timed)
    }

    /// Sends a message, waiting for room until this instant at most.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] or [`SendTimeoutError::Closed`], with the message.
    ///
    /// # Panics
    /// As [`send`](Mailbox::send).
    ///
    /// # If a process dies
    /// As [`send`](Mailbox::send).
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<u64>::new(8)?;
    /// assert!(mailbox.send_deadline(1, std::time::Instant::now()).is_ok());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, Deadline::At(deadline)).map_err(timed)
    }

    #[inline]
    fn send_until(&self, message: T, deadline: Deadline) -> Result<(), (NotSent, T)> {
        let sent = buffers::with_packer(|packer| {
            if let Err(refused) = message.pack(packer) {
                panic!("a message cannot cross: {refused}");
            }
            let carried = packer.take_carried();
            let (bytes, refers) = (packer.bytes(), !carried.is_empty());
            let number = self.handle.send(&self.handle, &self.send_end, bytes, refers, deadline)?;
            if refers {
                in_flight::keep(self, number, carried);
            }
            Ok(())
        });
        match sent {
            Ok(()) => {
                message.sent();
                Ok(())
            }
            Err(reason) => Err((reason, message)),
        }
    }
}

fn timed<T>((reason, message): (NotSent, T)) -> SendTimeoutError<T> {
    match reason {
        NotSent::Full => SendTimeoutError::Timeout(message),
        NotSent::Closed => SendTimeoutError::Closed(message),
    }
}
