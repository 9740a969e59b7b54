//! What the kernel says of this process: its number, its users, its namespaces.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::{getegid, geteuid, getgroups};

/// The namespaces in which process numbers and start times mean something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Namespaces {
    pub(crate) pid: u64,
    pub(crate) time: u64,
}

/// This process's own; 0 where the kernel has no such namespace or `/proc` does not show it.
pub(crate) fn namespaces() -> Namespaces {
    let inode = |which: &str| {
        fs::metadata(format!("/proc/self/ns/{which}")).map_or(0, |metadata| metadata.ino())
    };
    Namespaces { pid: inode("pid"), time: inode("time") }
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

/// The page size of this machine.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}
