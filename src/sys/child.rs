//! Child processes, each by a descriptor of its own: waited for, signalled, and reaped once.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, Result, retry_on_intr};
pub(crate) use rustix::process::{Pid, Signal};
use rustix::process::{
    PidfdFlags, WaitId, WaitIdOptions, WaitOptions, kill_process, pidfd_open, pidfd_send_signal,
    waitid, waitpid,
};

use super::clock::Deadline;

/// How a process ended: it exited with this code, or a signal ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Exited(i32),
    Signalled(i32),
}

/// The descriptor of a child; readable once the child has ended.
pub(crate) fn open(pid: Pid) -> Result<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty())
}

/// Whether the process has ended. Zombies have.
pub(crate) fn has_ended(pidfd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut fds, Some(&now)), Ok(ready) if ready > 0)
}

/// Waits until one of these can be read from, has something wrong with it, or can be written to where
/// that is asked. False: not before the deadline.
pub(crate) fn wait_for(fds: &[(BorrowedFd<'_>, bool)], deadline: Deadline) -> Result<bool> {
    /// A day. Longer ones are waited for day by day.
    const LONGEST: Duration = Duration::from_secs(86_400);
    loop {
        let mut polled: Vec<PollFd<'_>> = fds
            .iter()
            .map(|(fd, writable)| {
                let flags = if *writable { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
                PollFd::from_borrowed_fd(*fd, flags)
            })
            .collect();
        let left = deadline.left().unwrap_or(Duration::ZERO).min(LONGEST);
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) if deadline.left().is_none() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}

/// How a child of this process ended, which is to be reaped; `None` while it has not. `CHILD` when it is no
/// child of this process, or another part of the program has waited for it.
pub(crate) fn ending_of(pidfd: BorrowedFd<'_>) -> Result<Option<Ending>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let ended = retry_on_intr(|| waitid(WaitId::PidFd(pidfd), options))?;
    Ok(ended.and_then(|status| {
        let exited = status.exit_status().map(Ending::Exited);
        exited.or_else(|| status.terminating_signal().map(Ending::Signalled))
    }))
}

/// Lets go of a child that has ended: its number may be another's from now on.
pub(crate) fn reap(pidfd: BorrowedFd<'_>) -> Result<()> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    retry_on_intr(|| waitid(WaitId::PidFd(pidfd), options)).map(drop)
}

/// Kills a child that nobody is going to wait for, and waits for it.
pub(crate) fn abandon(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
    let _ = retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()));
}

/// Sends a signal; that the process has ended already is fine.
pub(crate) fn signal(pidfd: impl AsFd, signal: Signal) -> Result<()> {
    match pidfd_send_signal(pidfd, signal) {
        Err(Errno::SRCH) => Ok(()),
        sent => sent,
    }
}
