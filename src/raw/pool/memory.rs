//! Where the bytes of a job lie: beside it, or in a slab.

use super::heap::Block;
use super::layout::{INLINE, RawPool, SlabName};
use super::slab::{self, RawSlab};
use crate::raw::sync::Ordering;
use crate::segment::handle::Handle;

const SLAB_SHIFT: u32 = 48;
const INLINE_SLAB: u64 = 0xFFFF;

/// A place, as it stands in shared memory: a slab's number (or "inline") and an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Location(pub(super) u64);

impl Location {
    pub(super) fn inline(at: usize) -> Location {
        Location(INLINE_SLAB << SLAB_SHIFT | at as u64)
    }

    pub(super) fn of(block: Block) -> Location {
        Location((block.slab as u64) << SLAB_SHIFT | block.at as u64)
    }

    pub(super) fn slab(self) -> Option<usize> {
        let slab = self.0 >> SLAB_SHIFT;
        (slab != INLINE_SLAB).then_some(slab as usize)
    }

    pub(super) fn offset(self) -> usize {
        (self.0 & ((1 << SLAB_SHIFT) - 1)) as usize
    }
}

/// Memory of a job that the caller holds, from a place on.
pub(super) enum Memory {
    /// Beside the cell of this number.
    Inline(Handle<RawPool>, usize, usize),
    InSlab(Handle<RawSlab>, usize),
}

impl Memory {
    #[inline]
    pub(super) fn read(&self, at: usize, len: usize) -> Option<&[u8]> {
        match self {
            Memory::Inline(pool, cell, from) => {
                slab::read(&pool.bodies.get(*cell)?.bytes, from.checked_add(at)?, len)
            }
            Memory::InSlab(slab, from) => slab.read(from.checked_add(at)?, len),
        }
    }

    /// Bytes to write to.
    pub(super) fn part_mut(&mut self, at: usize, len: usize) -> Option<&mut [u8]> {
        let place = match self {
            Memory::Inline(pool, cell, from) => {
                slab::place(&pool.bodies.get(*cell)?.bytes, from.checked_add(at)?, len)
            }
            Memory::InSlab(slab, from) => slab.place(from.checked_add(at)?, len),
        }?;
        // SAFETY: [HDR-2] the part lies within the memory; [CLM-1] the caller holds the job that it belongs
        // to, so nobody else accesses it, and this process does through `self`; any byte is a u8.
        Some(unsafe { std::slice::from_raw_parts_mut(place, len) })
    }

    /// False where there are no such bytes.
    #[inline]
    pub(super) fn write(&self, at: usize, bytes: &[u8]) -> bool {
        match self {
            Memory::Inline(pool, cell, from) => {
                let body = pool.bodies.get(*cell);
                body.is_some_and(|body| slab::write(&body.bytes, from.saturating_add(at), bytes))
            }
            Memory::InSlab(slab, from) => slab.write(from.saturating_add(at), bytes),
        }
    }
}

/// Bytes of a slab's name, or none that are one.
pub(super) fn name_of(slab: &SlabName) -> Option<Vec<u8>> {
    let len = slab.len.load(Ordering::Relaxed) as usize; // [J1] [J6]
    slab::read(&slab.bytes, 0, len).map(<[u8]>::to_vec)
}

/// Stores a slab's name, before any job is there that lies in it.
pub(super) fn set_name(slab: &SlabName, name: &[u8]) -> bool {
    slab.generation.fetch_add(1, Ordering::Relaxed);
    slab.len.store(name.len() as u32, Ordering::Relaxed); // [J1] [J6]
    slab::write(&slab.bytes, 0, name)
}

const _: () = assert!(INLINE < 1 << 16);
