//! The bytes that processes share, as they are watched for changes.

use memmap2::{Mmap, MmapOptions};
use nix::unistd::Pid;
use std::fs::{File, read_dir, read_link};

use crate::case::Ground;

/// Of each file without a name so much is looked at: long messages lie behind it.
const MOST: u64 = 128 << 10;

pub struct Memory(Vec<(Mmap, Vec<u8>)>);

impl Memory {
    /// The ground's segment, and those without a name that this process has.
    pub fn of(pid: Pid, ground: &Ground) -> Memory {
        let fds = read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").flatten();
        let nameless = fds.filter(|fd| {
            read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("/memfd:common"))
        });
        let nameless = nameless.filter_map(|fd| {
            let file = File::open(fd.path()).ok()?;
            let bytes = file.metadata().ok()?.len().min(MOST);
            // SAFETY: as of a ground's memory; and such a file is sealed against shrinking.
            unsafe { MmapOptions::new().len(bytes as usize).map(&file) }.ok()
        });
        let all = std::iter::once(ground.memory()).chain(nameless);
        Memory(all.map(|map| (map.to_vec(), map)).map(|(copy, map)| (map, copy)).collect())
    }

    /// Whether anything is different from what it was at the last look.
    pub fn has_changed(&mut self) -> bool {
        let mut changed = false;
        for (now, before) in &mut self.0 {
            if now[..] != before[..] {
                before.copy_from_slice(now);
                changed = true;
            }
        }
        changed
    }
}
