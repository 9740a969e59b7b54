//! Why a slice was not sent: one small enum for each form of the verb.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;

use crate::raw::queue::send::NotSent;

/// `send` of a slice failed.
///
/// # Examples
/// ```
/// use commonhold::{Queue, SendSliceError};
/// let queue = Queue::<[u8]>::new(16)?;
/// assert_eq!(queue.send(&[0; 17]), Err(SendSliceError::TooLarge));
/// queue.close();
/// assert_eq!(queue.send(&[0]), Err(SendSliceError::Closed));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendSliceError {
    /// It is longer than the queue's capacity.
    TooLarge,
    /// The queue is closed.
    Closed,
}

/// `try_send` of a slice failed.
///
/// # Examples
/// ```
/// use commonhold::{Queue, TrySendSliceError};
/// let queue = Queue::<[u8]>::new(16)?;
/// queue.try_send(&[1; 16]).unwrap();
/// assert_eq!(queue.try_send(&[2; 16]), Err(TrySendSliceError::Full));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrySendSliceError {
    /// It is longer than the queue's capacity.
    TooLarge,
    /// There is no room right now.
    Full,
    /// The queue is closed.
    Closed,
}

/// `send_timeout` or `send_deadline` of a slice failed.
///
/// # Examples
/// ```
/// use commonhold::{Queue, SendSliceTimeoutError};
/// use std::time::Duration;
/// let queue = Queue::<[u8]>::new(16)?;
/// queue.send(&[1; 16]).unwrap();
/// let late = queue.send_timeout(&[2; 16], Duration::from_millis(1));
/// assert_eq!(late, Err(SendSliceTimeoutError::Timeout));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendSliceTimeoutError {
    /// It is longer than the queue's capacity.
    TooLarge,
    /// There was no room in time.
    Timeout,
    /// The queue is closed.
    Closed,
}

/// Why a slice was not sent, by whichever form.
#[derive(Clone, Copy)]
pub(super) enum NotSentSlice {
    TooLarge,
    Full,
    Closed,
}

impl From<NotSent> for NotSentSlice {
    fn from(reason: NotSent) -> NotSentSlice {
        match reason {
            NotSent::Full => NotSentSlice::Full,
            NotSent::Closed => NotSentSlice::Closed,
        }
    }
}

impl From<NotSentSlice> for SendSliceError {
    fn from(reason: NotSentSlice) -> SendSliceError {
        match reason {
            NotSentSlice::TooLarge => SendSliceError::TooLarge,
            // Who waits without a deadline is told nothing but that the queue is closed.
            NotSentSlice::Full | NotSentSlice::Closed => SendSliceError::Closed,
        }
    }
}

impl From<NotSentSlice> for TrySendSliceError {
    fn from(reason: NotSentSlice) -> TrySendSliceError {
        match reason {
            NotSentSlice::TooLarge => TrySendSliceError::TooLarge,
            NotSentSlice::Full => TrySendSliceError::Full,
            NotSentSlice::Closed => TrySendSliceError::Closed,
        }
    }
}

impl From<NotSentSlice> for SendSliceTimeoutError {
    fn from(reason: NotSentSlice) -> SendSliceTimeoutError {
        match reason {
            NotSentSlice::TooLarge => SendSliceTimeoutError::TooLarge,
            NotSentSlice::Full => SendSliceTimeoutError::Timeout,
            NotSentSlice::Closed => SendSliceTimeoutError::Closed,
        }
    }
}

const TOO_LARGE: &str = "send a slice that is longer than the queue's capacity";
const CLOSED: &str = "send a slice to a closed queue";

impl fmt::Display for SendSliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendSliceError::TooLarge => TOO_LARGE,
            SendSliceError::Closed => CLOSED,
        })
    }
}

impl fmt::Display for TrySendSliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendSliceError::TooLarge => TOO_LARGE,
            TrySendSliceError::Full => "send a slice to a full queue",
            TrySendSliceError::Closed => CLOSED,
        })
    }
}

impl fmt::Display for SendSliceTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendSliceTimeoutError::TooLarge => TOO_LARGE,
            SendSliceTimeoutError::Timeout => {
                "send a slice to a queue that stayed full until the timeout"
            }
            SendSliceTimeoutError::Closed => CLOSED,
        })
    }
}

impl Error for SendSliceError {}
impl Error for TrySendSliceError {}
impl Error for SendSliceTimeoutError {}
