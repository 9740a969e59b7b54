//! A connection between a process and its child, that a dead end closes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::{Errno, Result, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};

/// One end of it.
#[derive(Debug)]
pub(crate) struct Line(OwnedFd);

/// What came of an attempt that does not wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moved {
    Bytes(usize),
    /// Not now.
    Nothing,
    /// The other end is gone.
    Closed,
}

impl Line {
    /// Both ends; no other process gets them that is not given one.
    pub(crate) fn pair() -> Result<(Line, Line)> {
        let (here, there) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((Line(here), Line(there)))
    }

    pub(crate) fn from_inherited(end: OwnedFd) -> Line {
        Line(end)
    }

    pub(crate) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// What tells this socket from every other.
    pub(crate) fn inode(&self) -> Result<u64> {
        Ok(rustix::fs::fstat(&self.0)?.st_ino)
    }

    /// Sends as much as there is room for, now.
    pub(crate) fn send_now(&self, bytes: &[u8]) -> Result<Moved> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        moved(retry_on_intr(|| send(&self.0, bytes, flags)))
    }

    /// Receives what there is, now.
    pub(crate) fn recv_now(&self, into: &mut [u8]) -> Result<Moved> {
        match retry_on_intr(|| recv(&self.0, &mut *into, RecvFlags::DONTWAIT)) {
            Ok((0, _)) => Ok(Moved::Closed),
            received => moved(received.map(|(bytes, _)| bytes)),
        }
    }

    /// Receives as many bytes as asked, waiting for them. False: the other end is gone.
    pub(crate) fn recv_all(&self, into: &mut [u8]) -> bool {
        let mut done = 0;
        while done < into.len() {
            match retry_on_intr(|| recv(&self.0, &mut into[done..], RecvFlags::empty())) {
                Ok((0, _)) | Err(_) => return false,
                Ok((received, _)) => done += received,
            }
        }
        true
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn moved(result: Result<usize>) -> Result<Moved> {
    match result {
        Ok(bytes) => Ok(Moved::Bytes(bytes)),
        Err(Errno::AGAIN) => Ok(Moved::Nothing),
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(Moved::Closed),
        Err(error) => Err(error),
    }
}
