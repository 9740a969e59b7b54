//! Items pulled from their iterator and packed, chunk by chunk, before they are handed over.
#![forbid(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::call::Chunk;
use super::error::TaskError;
use crate::transfer::{Carried, Packer, Transfer};

/// A chunk takes no more items once its arguments take so many bytes.
const FULL: usize = 1 << 20;

/// Items of one size are packed so many bytes at a time.
const STEP: usize = 4096;

/// How many items go into a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sizes {
    /// So many.
    Fixed(usize),
    /// More with every chunk: nobody knows how many items there are.
    Growing { next: usize },
    /// One by one, as far as anybody can tell: as many as are done in no time.
    Bundled { size: usize },
}

impl Sizes {
    /// About four chunks for each worker.
    pub(super) fn shared_by(workers: usize, hint: (usize, Option<usize>)) -> Sizes {
        match hint {
            (low, Some(high)) if low == high => {
                Sizes::Fixed(low.div_ceil(4 * workers.max(1)).max(1))
            }
            _ => Sizes::Growing { next: 8 },
        }
    }

    fn next(&mut self) -> usize {
        match self {
            Sizes::Fixed(size) | Sizes::Bundled { size } => *size,
            Sizes::Growing { next } => {
                let size = *next / 8;
                *next = (*next + *next / 8).min(8 * 1024);
                size.max(1)
            }
        }
    }
}

/// A packed chunk, or one item that cannot be.
pub(super) struct Packed {
    first: usize,
    items: u32,
    bytes: std::ops::Range<usize>,
    ends: std::ops::Range<usize>,
    carried: Carried,
    refused: Option<TaskError>,
}

/// Packed chunks.
pub(super) struct Stage {
    packer: Packer,
    ends: Vec<u32>,
    chunks: std::collections::VecDeque<Packed>,
    sizes: Sizes,
    next: usize,
    /// What the iterator panicked with.
    pub(super) panic: Option<Box<dyn Any + Send>>,
}

impl Stage {
    pub(super) fn new(sizes: Sizes) -> Stage {
        Stage {
            packer: Packer::new(),
            ends: Vec::new(),
            chunks: std::collections::VecDeque::new(),
            sizes,
            next: 0,
            panic: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of the chunks that are here.
    pub(super) fn bytes(&self) -> usize {
        if self.chunks.is_empty() { 0 } else { self.packer.bytes().len() }
    }

    /// How many items go into the next chunk.
    pub(super) fn size(&self) -> usize {
        match self.sizes {
            Sizes::Fixed(size) | Sizes::Bundled { size } => size,
            Sizes::Growing { next } => (next / 8).max(1),
        }
    }

    /// How many items there were so far.
    pub(super) fn count(&self) -> usize {
        self.next
    }

    /// How many items go into a chunk that is to look like none. Nothing, where that was said.
    pub(super) fn bundle(&mut self, items: usize) {
        if let Sizes::Bundled { size } = &mut self.sizes {
            *size = items;
        }
    }

    /// How many items go into the next chunk, where that may change.
    pub(super) fn bundled(&self) -> Option<usize> {
        match self.sizes {
            Sizes::Bundled { size } => Some(size),
            Sizes::Fixed(_) | Sizes::Growing { .. } => None,
        }
    }

    /// Packs the next chunk. False: there are no more items, and `items` is gone.
    pub(super) fn pull<I>(&mut self, items: &mut Option<I>) -> bool
    where
        I: Iterator,
        I::Item: Transfer,
    {
        let Some(iterator) = items else { return false };
        if self.chunks.is_empty() {
            self.packer.clear();
            self.ends.clear();
        }
        let pulled = catch_unwind(AssertUnwindSafe(|| self.pull_chunk(iterator)));
        let more = pulled.unwrap_or_else(|panic| {
            self.panic = Some(panic);
            false
        });
        if !more {
            *items = None;
        }
        more
    }

    fn pull_chunk<I>(&mut self, items: &mut I) -> bool
    where
        I: Iterator,
        I::Item: Transfer,
    {
        let wanted = self.sizes.next();
        if let Some(size) = I::Item::SIZE {
            return self.pull_row(items, wanted, size);
        }
        let (start, first_end) = (self.packer.bytes().len(), self.ends.len());
        // A panic of the iterator leaves what came before it a chunk of its own.
        let mut chunk = Pull { stage: self, start, first_end, uniform: true };
        for _ in 0..wanted {
            let Some(item) = items.next() else { return false };
            let before = chunk.stage.packer.bytes().len();
            if let Err(why) = item.pack(&mut chunk.stage.packer) {
                let reason = why.reason().to_owned();
                chunk.refuse(before, reason);
                return true;
            }
            chunk.add(before);
            item.sent();
            let stage = &chunk.stage;
            // What refers to something is not taken back, so nothing comes after it.
            let alone = stage.packer.carries() && stage.bundled().is_some();
            if alone || stage.packer.bytes().len() - start >= FULL {
                break;
            }
        }
        true
    }

    /// Packs items of one size, and no more once they are a full chunk.
    fn pull_row<I>(&mut self, items: &mut I, wanted: usize, size: usize) -> bool
    where
        I: Iterator,
        I::Item: Transfer,
    {
        let mut left = wanted.min(FULL.div_ceil(size.max(1)));
        let mut row = Row { start: self.packer.bytes().len(), stage: self, size, items: 0 };
        while left > 0 {
            let step = left.min(STEP / size.max(1)).max(1);
            if !row.pull(items, step) {
                return false;
            }
            left -= step;
        }
        true
    }

    /// The first chunk, to be handed over; [`pop`](Stage::pop) comes after it.
    pub(super) fn first(&self) -> Option<(Chunk<'_>, Option<&TaskError>)> {
        let packed = self.chunks.front()?;
        let chunk = Chunk {
            first: packed.first,
            items: packed.items,
            args: &self.packer.bytes()[packed.bytes.clone()],
            ends: &self.ends[packed.ends.clone()],
        };
        Some((chunk, packed.refused.as_ref()))
    }

    /// What the first chunk refers to.
    pub(super) fn take_carried(&mut self) -> Carried {
        self.chunks
            .front_mut()
            .map(|packed| std::mem::take(&mut packed.carried))
            .unwrap_or_default()
    }

    pub(super) fn pop(&mut self) {
        self.chunks.pop_front();
    }

    fn push(&mut self, packed: Packed) {
        self.next += packed.items as usize;
        self.chunks.push_back(packed);
    }
}

/// A chunk that is being packed. It is added when this is dropped.
struct Pull<'s> {
    stage: &'s mut Stage,
    start: usize,
    first_end: usize,
    uniform: bool,
}

impl Pull<'_> {
    /// An item was packed, from `before` on.
    #[inline]
    fn add(&mut self, before: usize) {
        let end = self.stage.packer.bytes().len() - self.start;
        let items = self.stage.ends.len() - self.first_end;
        let first = self.stage.ends.get(self.first_end).map_or(end, |end| *end as usize);
        self.uniform &= end + self.start - before == first && end == (items + 1) * first;
        self.stage.ends.push(end as u32);
    }

    /// An item could not be packed: what came before it is a chunk, and so is it.
    fn refuse(&mut self, before: usize, reason: String) {
        self.close(before);
        let first = self.stage.next;
        let refused = Some(TaskError::Refused { reason });
        drop(self.stage.packer.take_carried());
        let carried = Carried::default();
        self.stage.push(Packed { first, items: 1, bytes: 0..0, ends: 0..0, carried, refused });
    }

    fn close(&mut self, end: usize) {
        let items = self.stage.ends.len() - self.first_end;
        if items == 0 {
            return;
        }
        let ends = if self.uniform { 0..0 } else { self.first_end..self.stage.ends.len() };
        let packed = Packed {
            first: self.stage.next,
            items: items as u32,
            bytes: self.start..end,
            ends,
            carried: self.stage.packer.take_carried(),
            refused: None,
        };
        self.first_end = self.stage.ends.len();
        self.stage.push(packed);
    }
}

impl Drop for Pull<'_> {
    fn drop(&mut self) {
        // What was packed whole; a panic in the middle of an item leaves a part of it behind.
        let packed = self.stage.ends[self.first_end..].last().map_or(0, |end| *end as usize);
        self.close(self.start + packed);
    }
}

/// A chunk of items of one size that is being packed. It is added when this is dropped.
struct Row<'s> {
    stage: &'s mut Stage,
    start: usize,
    size: usize,
    items: usize,
}

impl Row<'_> {
    /// Packs so many. False: there were fewer.
    #[inline]
    fn pull<I>(&mut self, items: &mut I, count: usize) -> bool
    where
        I: Iterator,
        I::Item: Transfer,
    {
        let mut left = self.stage.packer.extend(count * self.size);
        for _ in 0..count {
            let Some(item) = items.next() else { return false };
            let (place, rest) = left.split_at_mut(self.size);
            item.put(place);
            self.items += 1;
            left = rest;
        }
        true
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        let Row { start, size, items, .. } = *self;
        let bytes = start..start + items * size;
        self.stage.packer.truncate(bytes.end);
        if items > 0 {
            let (first, carried) = (self.stage.next, Carried::default());
            let items = items as u32;
            self.stage.push(Packed { first, items, bytes, ends: 0..0, carried, refused: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks<T: Transfer>(sizes: Sizes, items: impl IntoIterator<Item = T>) -> Vec<(u32, usize)> {
        let mut stage = Stage::new(sizes);
        let mut items = Some(items.into_iter());
        while stage.pull(&mut items) {}
        let mut seen = Vec::new();
        while let Some((chunk, _)) = stage.first() {
            assert_eq!(chunk.first, seen.iter().map(|(items, _)| *items as usize).sum::<usize>());
            assert!(chunk.ends.is_empty() || chunk.ends.len() == chunk.items as usize);
            seen.push((chunk.items, chunk.ends.len()));
            stage.pop();
        }
        seen
    }

    #[test]
    fn items_of_one_length_need_no_table() {
        assert_eq!(chunks(Sizes::Fixed(3), 0..7_u64), [(3, 0), (3, 0), (1, 0)]);
        let texts = ["a", "b", "cc", "d", "e"].map(str::to_owned);
        assert_eq!(chunks(Sizes::Fixed(2), texts), [(2, 0), (2, 2), (1, 0)]);
        assert_eq!(chunks(Sizes::Fixed(4), [(), ()]), [(2, 0)]);
    }

    #[test]
    fn a_large_chunk_ends_early_and_unknown_numbers_begin_small() {
        let large = || vec![0_u8; FULL];
        assert_eq!(chunks(Sizes::Fixed(3), [large(), large()]), [(1, 0), (1, 0)]);
        let sizes = Sizes::shared_by(2, (0, None));
        let seen = chunks(sizes, 0..1000_u32);
        assert!(seen[0].0 == 1 && seen.last().unwrap().0 > 1, "{seen:?}");
        assert!(matches!(Sizes::shared_by(2, (100, Some(100))), Sizes::Fixed(13)));
        assert!(matches!(Sizes::shared_by(2, (0, Some(0))), Sizes::Fixed(1)));
    }

    #[test]
    fn what_came_before_a_panic_is_packed() {
        let mut stage = Stage::new(Sizes::Fixed(10));
        let mut items = Some((0..5_u8).map(|n| if n == 3 { panic!("no more") } else { n }));
        assert!(!stage.pull(&mut items));
        assert!(items.is_none() && stage.panic.is_some());
        assert_eq!(stage.first().unwrap().0.args, [0, 1, 2]);
    }

    #[test]
    fn a_refused_item_is_a_chunk_of_its_own() {
        struct Odd(u8);
        impl Transfer for Odd {
            fn pack(&self, to: &mut Packer) -> Result<(), crate::transfer::Refused> {
                to.push(&[self.0]);
                if self.0 == 2 {
                    return Err(crate::transfer::Refused::new("even"));
                }
                Ok(())
            }
            fn unpack(
                _: &mut crate::transfer::Unpacker<'_>,
            ) -> Result<Odd, crate::transfer::Refused> {
                Ok(Odd(0))
            }
        }
        let mut stage = Stage::new(Sizes::Fixed(10));
        let mut items = Some([1, 1, 2, 3].map(Odd).into_iter());
        while stage.pull(&mut items) {}
        let mut seen = Vec::new();
        while let Some((chunk, refused)) = stage.first() {
            seen.push((chunk.items, chunk.args.to_vec(), refused.is_some()));
            stage.pop();
        }
        let expected = [(2, vec![1, 1], false), (1, vec![], true), (1, vec![3], false)];
        assert_eq!(seen, expected);
    }
}
