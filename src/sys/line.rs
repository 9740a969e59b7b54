//! A connection between a process and its child, that a dead end closes.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::{Errno, Result, fcntl_dupfd_cloexec, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recv, recvmsg, send,
    sendmsg, shutdown, socketpair,
};

use super::child::wait_for;
use super::clock::{Deadline, LONGEST_NAP, sleep};

/// How many descriptors go with one byte at most; the kernel takes 253.
pub(crate) const PARCEL: usize = 200;
/// Room for what says which they are.
const ROOM: usize = rustix::cmsg_space!(ScmRights(PARCEL));

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
        moved(retry_on_intr(|| send(&self.0, bytes, NOW)))
    }

    /// As [`send_now`](Line::send_now); with the first byte go these descriptors, at most [`PARCEL`], which
    /// the caller keeps open meanwhile.
    pub(crate) fn send_with_now(&self, bytes: &[u8], descriptors: &[RawFd]) -> Result<Moved> {
        if descriptors.is_empty() {
            return self.send_now(bytes);
        }
        // SAFETY: [FDS-2] the caller keeps them open.
        let borrow = |number: &RawFd| unsafe { BorrowedFd::borrow_raw(*number) };
        let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(borrow).collect();
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut with = SendAncillaryBuffer::new(&mut room);
        if !with.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(Errno::INVAL); // more than a parcel
        }
        let bytes = [IoSlice::new(bytes)];
        match moved(retry_on_intr(|| sendmsg(&self.0, &bytes, &mut with, NOW))) {
            Err(Errno::TOOMANYREFS) => {
                // Of all that this user has sent, others are to be received first.
                sleep(LONGEST_NAP / 64);
                Ok(Moved::Nothing)
            }
            sent => sent,
        }
    }

    /// Ends it in both directions, whoever else has an end of it open.
    pub(crate) fn hang_up(&self) {
        let _ = shutdown(&self.0, Shutdown::Both); // fails where the other end is gone
    }

    /// Receives what there is, now.
    pub(crate) fn recv_now(&self, into: &mut [u8]) -> Result<Moved> {
        match retry_on_intr(|| recv(&self.0, &mut *into, RecvFlags::DONTWAIT)) {
            Ok((0, _)) => Ok(Moved::Closed),
            received => moved(received.map(|(bytes, _)| bytes)),
        }
    }

    /// Receives as many bytes as asked, waiting for them as long as somebody `is_there`. False: nobody is, or
    /// the other end is gone.
    pub(crate) fn recv_all(&self, into: &mut [u8], is_there: impl Fn() -> bool) -> bool {
        let mut done = 0;
        while done < into.len() {
            match self.recv_now(&mut into[done..]) {
                Ok(Moved::Bytes(received)) => done += received,
                Ok(Moved::Nothing) if self.naps(&is_there) => {}
                _ => return false,
            }
        }
        true
    }

    /// As [`recv_all`](Line::recv_all), a byte, and the descriptors that come with it: fewer than were sent, where
    /// more cannot be open.
    pub(crate) fn recv_parcel(&self, is_there: impl Fn() -> bool) -> Option<(u8, Vec<OwnedFd>)> {
        let mut byte = [0];
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut with = RecvAncillaryBuffer::new(&mut room);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        loop {
            let mut into = [IoSliceMut::new(&mut byte)];
            match retry_on_intr(|| recvmsg(&self.0, &mut into, &mut with, flags)) {
                Ok(received) if received.bytes == 1 => break,
                Err(Errno::AGAIN) if self.naps(&is_there) => {}
                _ => return None,
            }
        }
        let came = with.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        });
        let came = came.filter_map(|descriptor| away_from_streams(descriptor).ok()).collect();
        Some((byte[0], came))
    }

    /// Waits until there is something to receive, or for a nap. False: nobody is there to send.
    fn naps(&self, is_there: impl Fn() -> bool) -> bool {
        // Before the look: who was there may have sent it and gone.
        let was_there = is_there();
        wait_for(&[(self.as_fd(), false)], Deadline::after(LONGEST_NAP))
            .is_ok_and(|came| came || was_there)
    }
}

/// The same under a number that is no standard stream's: of those some may be free.
fn away_from_streams(descriptor: OwnedFd) -> Result<OwnedFd> {
    const FIRST_FREE: RawFd = 3;
    match descriptor.as_raw_fd() {
        FIRST_FREE.. => Ok(descriptor),
        _ => fcntl_dupfd_cloexec(descriptor, FIRST_FREE),
    }
}

const NOW: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);

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
