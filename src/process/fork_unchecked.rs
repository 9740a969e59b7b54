//! A child that is a copy of this process, whatever other threads do: the caller knows.
#![allow(unsafe_code, reason = "declares an unsafe function")]

use std::process::Termination;

use super::{Process, fork};
use crate::error::Error;

impl Process {
    /// As [`fork`](Process::fork), whatever other threads this process has.
    ///
    /// # Safety
    /// In the child, other threads do not exist, and what they held stays held for ever: `f`, and
    /// everything that it calls, must not need what another thread may hold or have half-changed at this
    /// moment. The C library sees to its allocator; of std and of other libraries nothing is promised.
    /// This crate's objects may be used.
    ///
    /// # Errors
    /// Failures of the system.
    ///
    /// # If a process dies
    /// As with [`fork`](Process::fork).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), commonhold::Error> {
    /// let event = commonhold::Event::new()?;
    /// let seen = event.clone();
    /// // SAFETY: no other thread of this program holds anything.
    /// let child = unsafe { commonhold::Process::fork_unchecked(move || seen.set()) }?;
    /// assert!(child.join()?.success() && event.is_set());
    /// # Ok(())
    /// # }
    /// ```
    pub unsafe fn fork_unchecked<F, R>(f: F) -> Result<Process, Error>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Termination,
    {
        fork::fork_with(f, false)
    }
}
