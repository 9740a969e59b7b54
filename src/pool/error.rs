//! Why a task has no result.
#![forbid(unsafe_code)]

use std::fmt;

use crate::process::ExitStatus;

/// Why a task has no result.
///
/// # Examples
/// ```
/// use commonhold::{Pool, TaskError};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let pool = Pool::new(1)?;
///     let error = pool.apply(|n: u32| 7 / n, 0).unwrap_err();
///     let TaskError::Panicked { message, location } = error else { panic!("{error}") };
///     assert_eq!(message, "attempt to divide by zero");
///     assert!(location.contains(".rs:"));
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// The function panicked. Its worker lives on.
    Panicked {
        /// What it panicked with.
        message: String,
        /// File, line and column.
        location: String,
    },
    /// The worker that ran the task ended in the middle of it: by a signal, for want of memory, by
    /// `exit`.
    WorkerDied {
        /// The worker's process.
        pid: u32,
        /// How it ended.
        status: ExitStatus,
    },
    /// It was not ready in time. It goes on, and its result can still be had.
    Timeout,
    /// The pool was closed before the task was handed to it.
    Closed,
    /// The pool was terminated before the task was done.
    Terminated,
    /// Its result was handed out before.
    Taken,
    /// The pool has no workers, because their initializer failed.
    Initializer {
        /// What the initializer panicked with, or how it ended.
        message: String,
    },
    /// Its arguments or its result cannot cross to another process.
    Refused {
        /// Why.
        reason: String,
    },
}

impl TaskError {
    pub(super) fn refused(reason: impl Into<String>) -> TaskError {
        TaskError::Refused { reason: reason.into() }
    }
}

/// What becomes of a task whose traces in the pool's memory are gone.
pub(super) fn overwritten() -> TaskError {
    TaskError::refused("the pool's memory was overwritten")
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Panicked { message, location } => {
                write!(f, "the task panicked at {location}: {message}")
            }
            TaskError::WorkerDied { pid, status } => {
                write!(f, "worker {pid} ended in the middle of the task: {status}")
            }
            TaskError::Timeout => f.write_str("the task was not done in time"),
            TaskError::Closed => f.write_str("the pool is closed"),
            TaskError::Terminated => f.write_str("the pool was terminated"),
            TaskError::Taken => f.write_str("the task's result was taken before"),
            TaskError::Initializer { message } => {
                write!(f, "the pool's workers cannot start: {message}")
            }
            TaskError::Refused { reason } => {
                write!(f, "what the task takes or returns cannot cross: {reason}")
            }
        }
    }
}

impl std::error::Error for TaskError {}

/// Why a `map` has no results: the first of its items that failed.
///
/// # Examples
/// ```
/// use commonhold::{Pool, TaskError};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     commonhold::init();
///     let pool = Pool::new(2)?;
///     let error = pool.map(|n: u32| 100 / n, [5, 0, 10]).unwrap_err();
///     assert_eq!(error.index, 1);
///     assert!(matches!(error.error, TaskError::Panicked { .. }));
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapError {
    /// Which item failed.
    pub index: usize,
    /// Why.
    pub error: TaskError,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {}: {}", self.index, self.error)
    }
}

impl std::error::Error for MapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
