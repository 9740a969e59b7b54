//! The owner's books of the slabs: which block is whose, and which are free.
//!
//! Nothing of this is shared: workers are told where a block is by the job that it belongs to. So a
//! worker's death leaves nothing here to repair.

use super::layout::SLABS;
use super::slab::RawSlab;
use crate::segment::handle::Handle;

/// The smallest block: 2^8 bytes.
const SMALLEST: u32 = 8;
/// Blocks of up to 2^22 bytes are kept; a larger one has a slab of its own, which goes with it.
const LARGEST: u32 = 22;
/// A slab larger than this is one block.
pub(super) const LARGEST_SHARED: usize = 1 << LARGEST;
/// The first slab; each further one is twice as large, up to the largest block.
const FIRST_SLAB: usize = 256 << 10;

/// Some bytes of a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    pub(super) slab: usize,
    pub(super) at: usize,
    pub(super) len: usize,
}

impl Block {
    fn is_whole_slab(self) -> bool {
        self.len > LARGEST_SHARED
    }
}

struct Slab {
    raw: Handle<RawSlab>,
    len: usize,
    /// Everything from here on was never given out.
    fresh: usize,
}

/// The slabs of a pool.
pub(crate) struct Heap {
    slabs: Vec<Option<Slab>>,
    free: [Vec<Block>; (LARGEST - SMALLEST + 1) as usize],
    next_slab: usize,
}

impl Heap {
    pub(crate) fn new() -> Heap {
        Heap { slabs: Vec::new(), free: Default::default(), next_slab: FIRST_SLAB }
    }

    /// A block of at least `len` bytes. `publish` tells workers of a new slab. `Err`: why there is none.
    pub(crate) fn take(
        &mut self,
        len: usize,
        publish: impl FnOnce(usize, &Handle<RawSlab>) -> Result<(), String>,
    ) -> Result<Block, String> {
        let class = len.max(1).next_power_of_two().ilog2().max(SMALLEST);
        if len > LARGEST_SHARED {
            let len = len.next_multiple_of(64);
            let slab = self.add_slab(len, publish)?;
            return Ok(Block { slab, at: 0, len });
        }
        let size = 1 << class;
        if let Some(block) = self.free[(class - SMALLEST) as usize].pop() {
            return Ok(block);
        }
        if let Some(block) = self.carve(size) {
            return Ok(block);
        }
        self.add_slab(self.next_slab.max(size), publish)?;
        self.next_slab = (self.next_slab * 2).min(LARGEST_SHARED);
        self.carve(size).ok_or_else(|| "no slab has room".to_owned())
    }

    /// Takes back a block that no job has any more.
    pub(crate) fn give_back(&mut self, block: Block) {
        if block.is_whole_slab() {
            self.slabs[block.slab] = None;
            return;
        }
        self.free[(block.len.ilog2() - SMALLEST) as usize].push(block);
    }

    pub(super) fn slab(&self, block: Block) -> &Handle<RawSlab> {
        &self.slabs[block.slab].as_ref().expect("a block's slab is there as long as the block").raw
    }

    /// A block out of what was never given out.
    fn carve(&mut self, size: usize) -> Option<Block> {
        let shared = |slab: &Slab| slab.len <= LARGEST_SHARED && slab.len - slab.fresh >= size;
        self.slabs.iter_mut().enumerate().find_map(|(number, slab)| {
            let slab = slab.as_mut().filter(|slab| shared(slab))?;
            let at = slab.fresh;
            slab.fresh += size;
            Some(Block { slab: number, at, len: size })
        })
    }

    fn add_slab(
        &mut self,
        len: usize,
        publish: impl FnOnce(usize, &Handle<RawSlab>) -> Result<(), String>,
    ) -> Result<usize, String> {
        let number = match self.slabs.iter().position(Option::is_none) {
            Some(number) => number,
            None if self.slabs.len() < SLABS => {
                self.slabs.push(None);
                self.slabs.len() - 1
            }
            None => return Err(format!("{SLABS} large values are on their way already")),
        };
        let raw = Handle::<RawSlab>::new(len).map_err(|error| error.to_string())?;
        publish(number, &raw)?;
        self.slabs[number] = Some(Slab { raw, len, fresh: 0 });
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(heap: &mut Heap, len: usize) -> Block {
        heap.take(len, |_, _| Ok(())).unwrap()
    }

    #[test]
    fn blocks_do_not_overlap_and_are_used_again() {
        let mut heap = Heap::new();
        let mut blocks: Vec<Block> = [1, 255, 256, 257, 5000, 300_000, 1 << 22, 100, (1 << 22) + 1]
            .into_iter()
            .map(|len| {
                let block = take(&mut heap, len);
                assert!(block.len >= len);
                block
            })
            .collect();
        blocks.sort_by_key(|block| (block.slab, block.at));
        for pair in blocks.windows(2) {
            assert!(pair[0].slab != pair[1].slab || pair[0].at + pair[0].len <= pair[1].at);
        }
        let slabs = heap.slabs.iter().flatten().count();
        for _ in 0..1000 {
            for block in std::mem::take(&mut blocks) {
                heap.give_back(block);
            }
            blocks = [1, 255, 256, 257, 5000, 300_000, 1 << 22, 100, (1 << 22) + 1]
                .map(|len| take(&mut heap, len))
                .into();
        }
        assert_eq!(heap.slabs.iter().flatten().count(), slabs);
    }

    #[test]
    fn more_large_values_than_slabs_are_refused() {
        let mut heap = Heap::new();
        // Many of the largest would be reserved: these are told of, and not kept.
        let refused = heap.take(1 << 23, |_, _| Err("not now".to_owned()));
        assert_eq!(refused, Err("not now".to_owned()));
        assert!(heap.slabs.iter().all(Option::is_none));
    }
}
