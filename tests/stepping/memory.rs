//! The bytes that processes share, as they are watched for changes.

use memmap2::{Mmap, MmapOptions};
use nix::unistd::Pid;
use std::fs::{File, read_dir, read_link};
use std::path::Path;

use crate::case::directory;

/// Of each file without a name so much is looked at: long messages lie behind it.
const MOST: u64 = 128 << 10;

pub struct Memory(Vec<(Mmap, Vec<u8>)>);

impl Memory {
    /// Of all segments that this process has: named, nameless, and those of the controls.
    pub fn of(pid: Pid) -> Memory {
        let fds = read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").flatten();
        let mut all: Vec<_> = fds.filter_map(|fd| Some((read_link(fd.path()).ok()?, fd))).collect();
        // Of several descriptors of a file one will do.
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.dedup_by(|one, other| one.0 == other.0 && !is_nameless(&one.0));
        all.retain(|(file, _)| file.starts_with(directory()) || is_nameless(file));
        let bytes = all.iter().filter_map(|(_, fd)| map(&fd.path()));
        Memory(bytes.map(|map| (map.to_vec(), map)).map(|(copy, map)| (map, copy)).collect())
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

fn is_nameless(file: &Path) -> bool {
    let name = file.to_string_lossy();
    name.starts_with("/memfd:commonhold") || name.starts_with("/dev/shm/shmem_")
}

fn map(path: &Path) -> Option<Mmap> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len().min(MOST);
    // SAFETY: nobody truncates it; its bytes are only compared with each other, and a wrong answer would
    // cost a death at a place of less interest.
    unsafe { MmapOptions::new().len(bytes as usize).map(&file) }.ok()
}
