//! Why a message was not sent or received: one small enum for each form of the two verbs.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;

use crate::raw::queue::look::NotReceived;
use crate::raw::queue::send::NotSent;

/// `send` failed; the message comes back.
///
/// # Examples
/// ```
/// use commonhold::{Queue, SendError};
/// let queue = Queue::<u64>::new(2)?;
/// queue.close();
/// assert_eq!(queue.send(7), Err(SendError::Closed(7)));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<T> {
    /// The queue is closed.
    Closed(T),
}

/// `try_send` failed; the message comes back.
///
/// # Examples
/// ```
/// use commonhold::{Queue, TrySendError};
/// let queue = Queue::<u64>::new(1)?;
/// queue.send(1).unwrap();
/// assert_eq!(queue.try_send(2), Err(TrySendError::Full(2)));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room right now.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

/// `send_timeout` or `send_deadline` failed; the message comes back.
///
/// # Examples
/// ```
/// use commonhold::{Queue, SendTimeoutError};
/// use std::time::Duration;
/// let queue = Queue::<u64>::new(1)?;
/// queue.send(1).unwrap();
/// let late = queue.send_timeout(2, Duration::from_millis(1));
/// assert_eq!(late, Err(SendTimeoutError::Timeout(2)));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// There was no room in time.
    Timeout(T),
    /// The queue is closed.
    Closed(T),
}

/// `recv` failed.
///
/// # Examples
/// ```
/// use commonhold::{Queue, RecvError};
/// let queue = Queue::<u64>::new(1)?;
/// queue.close();
/// assert_eq!(queue.recv(), Err(RecvError::Closed));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecvError {
    /// The queue is closed, and everything that was sent was received.
    Closed,
}

/// `try_recv` failed.
///
/// # Examples
/// ```
/// use commonhold::{Queue, TryRecvError};
/// let queue = Queue::<u64>::new(1)?;
/// assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryRecvError {
    /// There is nothing right now.
    Empty,
    /// The queue is closed, and everything that was sent was received.
    Closed,
}

/// `recv_timeout` or `recv_deadline` failed.
///
/// # Examples
/// ```
/// use commonhold::{Queue, RecvTimeoutError};
/// use std::time::Duration;
/// let queue = Queue::<u64>::new(1)?;
/// let late = queue.recv_timeout(Duration::from_millis(1));
/// assert_eq!(late, Err(RecvTimeoutError::Timeout));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecvTimeoutError {
    /// Nothing came in time.
    Timeout,
    /// The queue is closed, and everything that was sent was received.
    Closed,
}

impl<T> SendError<T> {
    /// The message that was not sent.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::SendError::Closed(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        let SendError::Closed(message) = self;
        message
    }
}

impl<T> TrySendError<T> {
    /// The message that was not sent.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::TrySendError::Full(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(message) | TrySendError::Closed(message) => message,
        }
    }
}

impl<T> SendTimeoutError<T> {
    /// The message that was not sent.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::SendTimeoutError::Timeout(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::Timeout(message) | SendTimeoutError::Closed(message) => message,
        }
    }
}

/// Who waits without a deadline is told nothing but that the queue is closed.
pub(super) fn send_error<T>(message: T) -> SendError<T> {
    SendError::Closed(message)
}

pub(super) fn try_send_error<T>(reason: NotSent, message: T) -> TrySendError<T> {
    match reason {
        NotSent::Full => TrySendError::Full(message),
        NotSent::Closed => TrySendError::Closed(message),
    }
}

pub(super) fn send_timeout_error<T>(reason: NotSent, message: T) -> SendTimeoutError<T> {
    match reason {
        NotSent::Full => SendTimeoutError::Timeout(message),
        NotSent::Closed => SendTimeoutError::Closed(message),
    }
}

impl From<NotReceived> for RecvError {
    fn from(_: NotReceived) -> RecvError {
        RecvError::Closed
    }
}

impl From<NotReceived> for TryRecvError {
    fn from(reason: NotReceived) -> TryRecvError {
        match reason {
            NotReceived::Empty => TryRecvError::Empty,
            NotReceived::Closed => TryRecvError::Closed,
        }
    }
}

impl From<NotReceived> for RecvTimeoutError {
    fn from(reason: NotReceived) -> RecvTimeoutError {
        match reason {
            NotReceived::Empty => RecvTimeoutError::Timeout,
            NotReceived::Closed => RecvTimeoutError::Closed,
        }
    }
}

/// Text of an error, and a `Debug` that asks nothing of the message.
macro_rules! send_error_text {
    ($name:ident { $($case:ident => $text:literal),+ }) => {
        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$case(_) => $text),+ })
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$case(_) => concat!(stringify!($case), "(..)")),+ })
            }
        }

        impl<T> Error for $name<T> {}
    };
}

send_error_text!(SendError { Closed => "send to a closed queue" });
send_error_text!(TrySendError {
    Full => "send to a full queue",
    Closed => "send to a closed queue"
});
send_error_text!(SendTimeoutError {
    Timeout => "send to a queue that stayed full until the timeout",
    Closed => "send to a closed queue"
});

macro_rules! recv_error_text {
    ($name:ident { $($case:ident => $text:literal),+ }) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$case => $text),+ })
            }
        }

        impl Error for $name {}
    };
}

recv_error_text!(RecvError { Closed => "receive from a closed and drained queue" });
recv_error_text!(TryRecvError {
    Empty => "receive from an empty queue",
    Closed => "receive from a closed and drained queue"
});
recv_error_text!(RecvTimeoutError {
    Timeout => "receive from a queue that stayed empty until the timeout",
    Closed => "receive from a closed and drained queue"
});
