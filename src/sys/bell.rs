//! A descriptor by which one thread wakes another that polls.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Result, read, write};

/// Readable from when it rings until it is silenced.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> Result<Bell> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Bell)
    }

    pub(crate) fn ring(&self) {
        let _ = write(&self.0, &1_u64.to_ne_bytes()); // full: it rings already
    }

    pub(crate) fn silence(&self) {
        let _ = read(&self.0, &mut [0; 8]); // empty: it did not ring
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
