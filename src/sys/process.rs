//! What the kernel says of this process: its number, its users, its namespaces.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::io::Errno;
use rustix::process::{
    Signal, getegid, geteuid, getgroups, getppid, set_parent_process_death_signal,
};

use super::per_process::PerProcess;

/// The namespaces in which process numbers and start times mean something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Namespaces {
    pub(crate) pid: u64,
    pub(crate) time: u64,
}

/// This process's own; 0 where the kernel has no such namespace or `/proc` does not show it. Asked once: a
/// process keeps its PID namespace for life; in another time namespace, it goes on with the start times of this one.
pub(crate) fn namespaces() -> Namespaces {
    note_namespaces(|| Namespaces::shown_at("/proc/self/ns/pid", "/proc/self/ns/time"))
}

/// Those in which the calling thread's children will be: others, after some calls of `unshare` and `setns`.
pub(crate) fn namespaces_of_children() -> Namespaces {
    Namespaces::shown_at(
        "/proc/thread-self/ns/pid_for_children",
        "/proc/thread-self/ns/time_for_children",
    )
}

/// Tells a process its own namespaces, as its parent knows them, before it has looked.
pub(crate) fn note_own_namespaces(told: Namespaces) {
    note_namespaces(|| told);
}

fn note_namespaces(look: impl FnOnce() -> Namespaces) -> Namespaces {
    static NAMESPACES: PerProcess<Namespaces> = PerProcess::new();
    let shown = |found: &Namespaces| found.pid != 0; // else the next one looks again
    let found = NAMESPACES.get_or(|| Some(look()).filter(shown).ok_or(Errno::NOENT));
    found.copied().unwrap_or(Namespaces { pid: 0, time: 0 })
}

impl Namespaces {
    fn shown_at(pid: &str, time: &str) -> Namespaces {
        let inode = |path: &str| fs::metadata(path).map_or(0, |metadata| metadata.ino());
        Namespaces { pid: inode(pid), time: inode(time) }
    }
}

/// The effective user, who owns what this process makes.
pub(crate) fn user() -> u32 {
    geteuid().as_raw()
}

/// Whether this process acts for the group.
pub(crate) fn is_in_group(group: u32) -> bool {
    getegid().as_raw() == group
        || getgroups().is_ok_and(|groups| groups.iter().any(|other| other.as_raw() == group))
}

/// How many CPUs of this machine run, whoever may use them; 1 where `/sys` does not tell.
pub(crate) fn online_cpus() -> usize {
    // Ranges and numbers: 0-3,8
    let list = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        Some(last.saturating_sub(first) + 1)
    };
    list.trim().split(',').filter_map(count).sum::<usize>().max(1)
}

/// Has the kernel kill this process when the thread that started it ends, which is one of `parent`
/// that ends with it. False: the parent has ended already.
pub(crate) fn die_with(parent: u32) -> bool {
    let _ = set_parent_process_death_signal(Some(Signal::KILL)); // fails for no signal
    is_child_of(parent)
}

/// As [`is_child_of`], as far as can be seen: a parent in another namespace cannot.
pub(crate) fn may_be_child_of(parent: u32) -> bool {
    getppid().is_none() || is_child_of(parent)
}

/// Whether the process that started this one is that one, and lives.
fn is_child_of(parent: u32) -> bool {
    getppid().is_some_and(|now| now.as_raw_nonzero().get() as u32 == parent)
}

/// Names this thread, and so a process with no other: the first 15 bytes.
pub(crate) fn set_thread_name(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// The page size of this machine.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}
