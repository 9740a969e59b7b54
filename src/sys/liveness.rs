//! Whether a process is gone for ever: the kernel's word, never the clock's.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, test_kill_process, waitid,
};

use super::per_process::PerProcess;

/// A file as the kernel tells it apart, to recognise its mappings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// True when the process that had `pid` and started at `start` has ended. Zombies have ended;
/// stopped processes have not. A `start` of 0 is unknown and is not compared.
///
/// Asks by `pidfd_open` and `poll`, then reads `/proc/<pid>/stat`: some microseconds. Where no descriptor is
/// left, a zombie that is not this process's child is taken for alive, until there is one or it is reaped.
pub(crate) fn is_dead(pid: u32, start: u32) -> bool {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return true; // no process can have this number
    };
    let ended = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(pidfd) => {
            let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            matches!(poll(&mut fds, Some(&now)), Ok(ready) if ready > 0)
        }
        // The number is unused, or was given to a thread of another process.
        Err(Errno::SRCH | Errno::NOENT | Errno::INVAL) => true,
        // No descriptor to be had, or the call is denied.
        Err(_) => test_kill_process(process) == Err(Errno::SRCH) || is_zombie(process),
    };
    ended
        || (start != 0 && start_time(pid).is_some_and(|now| now != start) && start_times_are_true())
}

/// False once this process has moved to another time namespace, where it sees every start time shifted.
fn start_times_are_true() -> bool {
    ask_start_time(std::process::id()) == own_start_time()
}

/// True when the process is known not to map `file`: an `exec` replaced the program that did.
/// Reads `/proc/<pid>/maps`; one that may not be read says nothing.
pub(crate) fn has_left(pid: u32, file: FileId) -> bool {
    // A file system whose mappings are listed under another device would make everybody look gone.
    maps(pid, file, 0..0) == Some(false) && maps(std::process::id(), file, 0..0) == Some(true)
}

/// Whether this process maps `file` outside of these addresses, as far as can be seen.
pub(crate) fn is_mapped_beside(file: FileId, known: Range<usize>) -> bool {
    maps(std::process::id(), file, known) != Some(false)
}

/// When the process started, in ticks since boot, of which the low 32 bits tell two of the same number apart:
/// they come round in more than a year. `None` when it has ended or cannot be seen.
pub(crate) fn start_time(pid: u32) -> Option<u32> {
    ask_start_time(pid).ok().flatten()
}

/// As [`start_time`]; an error where this process has nothing to ask with: no descriptor, no memory.
fn ask_start_time(pid: u32) -> rustix::io::Result<Option<u32>> {
    match stat(pid) {
        Ok(stat) => Ok(field::<u64>(&stat, START).map(|ticks| ticks as u32)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(lacking @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => Err(lacking),
            _ => Ok(None),
        },
    }
}

/// When this process started; asked once. An error as of [`ask_start_time`].
pub(crate) fn own_start_time() -> rustix::io::Result<Option<u32>> {
    own_identity().map(|(_, start)| start)
}

/// This process's number, and when it started; asked once. An error as of [`ask_start_time`].
pub(crate) fn own_identity() -> rustix::io::Result<(u32, Option<u32>)> {
    static IDENTITY: PerProcess<(u32, Option<u32>)> = PerProcess::new();
    let ask = || {
        let me = std::process::id();
        Ok((me, ask_start_time(me)?))
    };
    IDENTITY.get_or(ask).copied()
}

const STATE: usize = 3;
const THREADS: usize = 20;
const START: usize = 22;

/// What `/proc/<pid>/stat` says, up to well behind the fields that are looked for here.
fn stat(pid: u32) -> io::Result<String> {
    // One read, which the kernel answers as a whole.
    let mut stat = [0; 1024];
    let length = File::open(format!("/proc/{pid}/stat"))?.read(&mut stat)?;
    Ok(String::from_utf8_lossy(&stat[..length]).into_owned())
}

/// A field of `/proc/<pid>/stat`, as its manual counts them from 1. The second is a name in parentheses,
/// which may itself hold anything.
fn field<T: FromStr>(stat: &str, number: usize) -> Option<T> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number.checked_sub(STATE)?)?.parse().ok()
}

/// Whether a process that still has its number has ended, as far as can be seen without a descriptor of it.
fn is_zombie(process: Pid) -> bool {
    // A child of this process: that takes no descriptor at all.
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if let Ok(Some(_)) = waitid(WaitId::Pid(process), look) {
        return true;
    }
    // One whose first thread has ended looks the same while others live.
    stat(process.as_raw_nonzero().get().unsigned_abs()).is_ok_and(|stat| {
        let state = field::<char>(&stat, STATE);
        matches!(state, Some('Z' | 'X')) && field::<u32>(&stat, THREADS).is_none_or(|n| n <= 1)
    })
}

/// Whether the process maps the file, not counting what lies within `known`.
fn maps(pid: u32, file: FileId, known: Range<usize>) -> Option<bool> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    if maps.is_empty() {
        return None; // it is ending, or between two programs
    }
    let device = format!("{:02x}:{:02x}", major(file.device), minor(file.device));
    let inode = file.inode.to_string();
    Some(maps.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let start = fields.next().and_then(|range| range.split('-').next());
        let is_known = |start| usize::from_str_radix(start, 16).is_ok_and(|at| known.contains(&at));
        let mut fields = fields.skip(2);
        fields.next() == Some(device.as_str())
            && fields.next() == Some(inode.as_str())
            && !start.is_some_and(is_known)
    }))
}

/// The numbers of all processes that `/proc` shows.
pub(crate) fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// A descriptor of the process that leads to this file, if it has one and may be looked at.
pub(crate) fn descriptor_of(pid: u32, file: FileId) -> Option<i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    entries.filter_map(std::result::Result::ok).find_map(|entry| {
        let stat = fs::metadata(entry.path()).ok()?; // of what it leads to
        let is_it = FileId { device: stat.dev(), inode: stat.ino() } == file;
        is_it.then(|| entry.file_name().to_str()?.parse().ok()).flatten()
    })
}

fn major(device: u64) -> u32 {
    rustix::fs::major(device)
}

fn minor(device: u64) -> u32 {
    rustix::fs::minor(device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn this_process_is_alive_and_another_start_time_is_another_process() {
        let me = std::process::id();
        let start = start_time(me).unwrap();
        assert!(!is_dead(me, start));
        assert!(!is_dead(me, 0));
        assert!(is_dead(me, start + 1));
    }

    #[test]
    fn a_zombie_is_dead() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        let ended = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !is_dead(pid, 0) {
            assert!(std::time::Instant::now() < ended, "never seen as dead");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_dead(pid, 0));
    }

    #[test]
    fn numbers_no_process_has_are_dead() {
        for pid in [0, u32::MAX, i32::MAX as u32] {
            assert!(is_dead(pid, 0), "{pid}");
        }
    }
}
