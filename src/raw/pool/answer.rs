//! The results of a job, as the owner reads them.

use super::memory::Memory;
use super::owner::SMALL;
use super::record::{self, Dense};

/// The results of a job that is done.
pub(crate) enum Answer {
    /// The value of its only item.
    Small([u8; SMALL], usize),
    /// The records of its items, one behind another.
    Records {
        records: InPlace,
        /// Their worker keeps alive what they refer to, until the cell is taken.
        handles: bool,
    },
}

/// Results where they are. Their cell is not taken as long as they are looked at.
pub(crate) struct InPlace {
    pub(super) memory: Memory,
    pub(super) len: usize,
    /// Those without a head.
    pub(crate) dense: Dense,
}

impl InPlace {
    /// All of their room; none, where the pool's memory was overwritten.
    #[inline]
    pub(crate) fn room(&self) -> &[u8] {
        self.memory.read(0, self.len).unwrap_or(&[])
    }

    /// The bytes of so many of them.
    pub(crate) fn bytes(&self, count: u32) -> &[u8] {
        let room = self.room();
        record::length(room, self.dense, count).and_then(|len| room.get(..len)).unwrap_or(&[])
    }
}
