//! New processes: this program once more, or a copy of this process; and what a new one inherits.

use std::env;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use nix::unistd::{ForkResult, fork};
use rustix::io::{FdFlags, Result, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};
use rustix::process::Pid;

/// The signals that a thread holds back.
#[derive(Clone, Copy)]
pub(crate) struct SignalMask(SigSet);

impl SignalMask {
    /// Those of the calling thread.
    pub(crate) fn here() -> SignalMask {
        SignalMask(SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty()))
    }

    /// Holds back all that can be.
    pub(crate) fn all() -> SignalMask {
        SignalMask(SigSet::all())
    }

    /// Makes it the calling thread's.
    pub(crate) fn apply(self) {
        let _ = self.0.thread_set_mask(); // fails for no set
    }
}

/// How to run this program once more.
pub(crate) struct Again<'a> {
    /// One more environment variable, that replaces one of this name.
    pub(crate) variable: (&'static str, String),
    /// The descriptor that the new process has as well, under the same number: the line to it.
    pub(crate) line: BorrowedFd<'a>,
    pub(crate) mask: SignalMask,
}

/// Runs this program once more, with the arguments of this process. No other new process gets the line: it
/// stays marked to be closed on `exec`, but for this one alone.
pub(crate) fn run_again(again: &Again<'_>) -> Result<Pid> {
    let mut actions = PosixSpawnFileActions::init().map_err(from_nix)?;
    // A number that is nobody else's; what is behind it does not matter.
    let aside = fcntl_dupfd_cloexec(again.line, 0)?;
    // Aside and back: the same descriptor at the same number, not closed on `exec`. (To copy it onto
    // itself would do that with a C library that is not too old.)
    let line = again.line.as_raw_fd();
    actions.add_dup2(line, aside.as_raw_fd()).map_err(from_nix)?;
    actions.add_dup2(aside.as_raw_fd(), line).map_err(from_nix)?;
    actions.add_close(aside.as_raw_fd()).map_err(from_nix)?;
    let mut attributes = PosixSpawnAttr::init().map_err(from_nix)?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK).map_err(from_nix)?;
    attributes.set_sigmask(&again.mask.0).map_err(from_nix)?;
    let (name, value) = &again.variable;
    let pid = posix_spawn(
        c"/proc/self/exe",
        &actions,
        &attributes,
        &arguments(),
        &environment(name, value),
    )
    .map_err(from_nix)?;
    Pid::from_raw(pid.as_raw()).ok_or(rustix::io::Errno::SRCH)
}

fn arguments() -> Vec<CString> {
    let own: Vec<CString> =
        env::args_os().filter_map(|argument| CString::new(argument.into_vec()).ok()).collect();
    if own.is_empty() { vec![c"/proc/self/exe".to_owned()] } else { own }
}

fn environment(name: &str, value: &str) -> Vec<CString> {
    let others = env::vars_os().filter(|(other, _)| other != OsStr::new(name));
    let entry = |name: &OsStr, value: &OsStr| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
    };
    let mut all: Vec<CString> = others.filter_map(|(name, value)| entry(&name, &value)).collect();
    all.extend(entry(name.as_ref(), value.as_ref()));
    all
}

/// Copies this process. The copy has one thread, which runs `child` and ends with the code
/// that it returns.
///
/// The caller made sure that no other thread holds anything that the child needs, or says in its
/// own contract who does.
pub(crate) fn copy_this_process(child: impl FnOnce() -> i32) -> Result<Pid> {
    // SAFETY: [FRK-1] whoever asked for a copy made sure that other threads hold nothing.
    match unsafe { fork() }.map_err(from_nix)? {
        ForkResult::Parent { child } => {
            Pid::from_raw(child.as_raw()).ok_or(rustix::io::Errno::SRCH)
        }
        ForkResult::Child => {
            let code = child();
            // SAFETY: [FRK-1] ends the copy, without what the original registered for its own end.
            unsafe { nix::libc::_exit(code) }
        }
    }
}

/// Takes over a descriptor that this process was started with, and marks it to be closed on `exec`.
/// `None` when it is not open. At most once for each number, before the program opened anything.
pub(crate) fn take_inherited(number: RawFd) -> Option<OwnedFd> {
    if number < 0 {
        return None;
    }
    // SAFETY: [FDS-1] only its flags are looked at, which fails if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = fcntl_getfd(borrowed).ok()?;
    fcntl_setfd(borrowed, flags | FdFlags::CLOEXEC).ok()?;
    debug_assert_eq!(borrowed.as_raw_fd(), number);
    // SAFETY: [FDS-1] it is open, was passed on to this process to be its own, and is taken once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Whether a descriptor this process was started with is the socket with this inode.
pub(crate) fn is_inherited_socket(number: RawFd, inode: u64) -> bool {
    if number < 0 {
        return false;
    }
    // SAFETY: [FDS-1] it is only looked at, which fails if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::fs::fstat(borrowed).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Socket
            && stat.st_ino == inode
    })
}

/// Has `function` run when this process ends by returning from `main` or by `exit`.
pub(crate) fn at_exit(function: extern "C" fn()) {
    // SAFETY: [FRK-2] the function is one of this program's, there for its whole life, and does not
    // unwind.
    let _ = unsafe { nix::libc::atexit(function) };
}

fn from_nix(error: nix::errno::Errno) -> rustix::io::Errno {
    rustix::io::Errno::from_raw_os_error(error as i32)
}
