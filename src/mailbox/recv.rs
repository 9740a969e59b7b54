//! Receiving.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Mailbox, buffers, in_flight};
use crate::queue::{RecvError, RecvTimeoutError, TryRecvError};
use crate::raw::bytering::recv::Receipt;
use crate::raw::queue::look::NotReceived;
use crate::sys::clock::Deadline;
use crate::transfer::{Refused, Transfer, Unpacker};

impl<T: Transfer> Mailbox<T> {
    /// Receives the next message, waiting for one.
    ///
    /// # Errors
    /// [`RecvError::Closed`] when the mailbox is closed and nothing is left.
    ///
    /// # Panics
    /// When what arrived is no `T`: its memory was overwritten by something else, or its sender has another
    /// type of that name; or when a handle in it stands for an object that nobody uses any more, as its
    /// sender has ended. The message is gone then.
    ///
    /// # If a process dies
    /// In the middle of `recv`: the message was received or not; if not, the next receiver gets it.
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// mailbox.send("hello".to_owned()).unwrap();
    /// assert_eq!(mailbox.recv().unwrap(), "hello");
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(Deadline::Never).map_err(RecvError::from)
    }

    /// Receives the next message if there is one right now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`], [`TryRecvError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Mailbox::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Mailbox::recv).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Mailbox, TryRecvError};
    /// let mailbox = Mailbox::<String>::new(4096)?;
    /// assert_eq!(mailbox.try_recv(), Err(TryRecvError::Empty));
    /// mailbox.close();
    /// assert_eq!(mailbox.try_recv(), Err(TryRecvError::Closed));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.recv_until(Deadline::Now).map_err(TryRecvError::from)
    }

    /// Receives the next message, waiting for one at most this long.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] or [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Mailbox::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Mailbox::recv).
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// assert!(mailbox.recv_timeout(std::time::Duration::from_millis(1)).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout)).map_err(RecvTimeoutError::from)
    }

    /// Receives the next message, waiting for one until this instant at most.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] or [`RecvTimeoutError::Closed`].
    ///
    /// # Panics
    /// As [`recv`](Mailbox::recv).
    ///
    /// # If a process dies
    /// As [`recv`](Mailbox::recv).
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// assert!(mailbox.recv_deadline(std::time::Instant::now()).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Deadline::At(deadline)).map_err(RecvTimeoutError::from)
    }

    #[inline]
    fn recv_until(&self, deadline: Deadline) -> Result<T, NotReceived> {
        let received = buffers::with_bytes(|bytes| {
            let (end, into) = (&self.recv_end, &mut *bytes);
            let mut receipt = Receipt { end, into, take: unpack::<T> };
            let taken = self.handle.recv(&self.handle, &mut receipt, deadline)?;
            Ok(match taken {
                None => unpack(bytes),
                Some(taken) => {
                    in_flight::let_go();
                    taken
                }
            })
        })?;
        match received {
            Ok(message) => Ok(message),
            Err(refused) => refuse(refused),
        }
    }
}

#[inline]
fn unpack<T: Transfer>(bytes: &[u8]) -> Result<T, Refused> {
    let mut from = Unpacker::new(bytes);
    let message = T::unpack(&mut from)?;
    from.finish()?;
    Ok(message)
}

#[cold]
#[inline(never)]
fn refuse(refused: Refused) -> ! {
    panic!("a message cannot be received: {refused}");
}
