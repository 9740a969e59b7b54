//! What a pool has in common with its workers: jobs, and the slabs that arguments and results lie in.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;

use crate::dice::Dice;
use crate::memory::Memory;
use crate::mutation::{self, Map};

/// The bytes of a pool, and where they change.
pub struct Board {
    memory: Memory,
    map: Map,
}

impl Board {
    /// Of the pool that was made since `before`: as it is, and where it changes whenever `use_it` runs.
    pub fn of_pool(before: &HashSet<PathBuf>, use_it: impl Fn()) -> Board {
        use_it(); // for the first time: slabs are made
        let new: Vec<PathBuf> = memories().difference(before).cloned().collect();
        let [board] = &new[..] else { panic!("one memory of a new pool: {new:?}") };
        let file = File::options().read(true).write(true).open(board);
        let mut memory = Memory::in_use(file.expect("the pool's memory"));
        let first = memory.image.clone();
        use_it();
        memory.snapshot();
        let map = memory.map(&first);
        Board { memory, map }
    }

    pub fn mutate(&mut self, dice: &mut Dice<'_>) {
        let Board { memory, map } = self;
        memory.change(|bytes| mutation::mutate(bytes, map, dice));
    }
}

/// All memory without a name that this process has open.
pub fn memories() -> HashSet<PathBuf> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    let is_ours = |path: &PathBuf| {
        let link = std::fs::read_link(path).unwrap_or_default();
        link.to_string_lossy().starts_with("/memfd:commonhold")
    };
    entries.map(|entry| entry.path()).filter(is_ours).collect()
}
