//! The bits of the queue's words, and the arithmetic of its positions.
//!
//! A *position* numbers the messages of a queue in the order of their claims. It counts up to
//! 2^40 and starts again; its low bits are the index of its slot, the others its *lap*.
//!
//! | word | bits | meaning |
//! |---|---|---|
//! | index (`tail`, `head`) | 24–63 | the next position to claim |
//! | | 0–23 | who claimed the one before it; 0 nobody; in `tail` also [`CLOSED`] |
//! | slot | 26–63 | lap; its low 38 bits, in a ring of less than four slots |
//! | | 2–25 | tag; of WRITING and READING only |
//! | | 0–1 | phase: 0 EMPTY, 1 WRITING, 2 FULL, 3 READING |
//! | cell | 27–63 | the low 37 bits of a position; of QUEUED and TAKING only |
//! | | 3–26 | tag |
//! | | 0–2 | state: 0 FREE, 1 OWNED, 2 QUEUED, 3 TAKING, 4 LEASED |
//!
//! Zero bytes are a new queue: slots EMPTY in lap 0, both indices at position 0, cells FREE.

use crate::segment::Tag;
use crate::segment::tag::TAG_BITS;

/// Stands in `tail` for the tag of a claimant, once no position will ever be claimed again.
pub(crate) const CLOSED: Tag = Tag::POISONED;

const POSITION_MASK: u64 = (1 << (64 - TAG_BITS)) - 1;
const LAP_SHIFT: u32 = TAG_BITS + 2;
const TAG_SHIFT: u32 = 2;
const CELL_TAG_SHIFT: u32 = 3;
const CELL_POSITION_SHIFT: u32 = TAG_BITS + 3;
const CELL_POSITION_BITS: u32 = 64 - CELL_POSITION_SHIFT;

/// Where tags start in the words, for whoever looks for those of the dead.
pub(crate) const SLOT_TAG_AT: u8 = TAG_SHIFT as u8;
pub(crate) const CELL_TAG_AT: u8 = CELL_TAG_SHIFT as u8;

/// The last position before they start again.
#[cfg(test)]
pub(crate) const LAST: u64 = POSITION_MASK;

/// Slots a ring can have at most: laps keep at least eight bits.
pub(crate) const MAX_CAPACITY: u64 = 1 << 32;

/// What a slot is used for right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Empty = 0,
    Writing = 1,
    Full = 2,
    Reading = 3,
}

/// Tag and position of an index word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Index {
    pub(crate) position: u64,
    pub(crate) tag: Tag,
}

impl Index {
    #[inline]
    pub(crate) const fn of(word: u64) -> Index {
        Index { position: word >> TAG_BITS, tag: Tag::from_bits(word as u32) }
    }

    #[inline]
    pub(crate) const fn word(position: u64, tag: Tag) -> u64 {
        position << TAG_BITS | tag.bits() as u64
    }

    /// The word of the next position, and the same tag.
    #[inline(always)]
    pub(crate) const fn word_after(word: u64) -> u64 {
        word.wrapping_add(1 << TAG_BITS)
    }
}

/// A slot word taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) lap: u64,
    pub(crate) tag: Tag,
    pub(crate) phase: Phase,
}

impl Slot {
    #[inline]
    pub(crate) const fn of(word: u64) -> Slot {
        let phase = match word & 3 {
            0 => Phase::Empty,
            1 => Phase::Writing,
            2 => Phase::Full,
            _ => Phase::Reading,
        };
        Slot { lap: word >> LAP_SHIFT, tag: Tag::from_bits((word >> TAG_SHIFT) as u32), phase }
    }

    #[inline]
    pub(crate) const fn word(lap: u64, tag: Tag, phase: Phase) -> u64 {
        lap << LAP_SHIFT | (tag.bits() as u64) << TAG_SHIFT | phase as u64
    }
}

/// What a cell is used for right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cell {
    Free,
    Owned(Tag),
    Queued(Tag, u64),
    Taking(Tag, u64),
    Leased(Tag),
}

impl Cell {
    /// A word that this crate never writes counts as free.
    pub(crate) const fn of(word: u64) -> Cell {
        let tag = Tag::from_bits((word >> CELL_TAG_SHIFT) as u32);
        let position = word >> CELL_POSITION_SHIFT;
        match word & 7 {
            1 => Cell::Owned(tag),
            2 => Cell::Queued(tag, position),
            3 => Cell::Taking(tag, position),
            4 => Cell::Leased(tag),
            _ => Cell::Free,
        }
    }

    #[inline]
    pub(crate) const fn word(self) -> u64 {
        let (state, tag, position) = match self {
            Cell::Free => return 0,
            Cell::Owned(tag) => (1, tag, 0),
            Cell::Queued(tag, position) => (2, tag, position),
            Cell::Taking(tag, position) => (3, tag, position),
            Cell::Leased(tag) => (4, tag, 0),
        };
        position << CELL_POSITION_SHIFT | (tag.bits() as u64) << CELL_TAG_SHIFT | state
    }
}

/// How positions map to laps and slots, for one capacity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    shift: u32,
    index_mask: u64,
    /// The bits of a lap, where a slot word has them.
    lap_mask: u64,
}

impl Shape {
    /// For a power of two of at most [`MAX_CAPACITY`].
    pub(crate) const fn new(capacity: u64) -> Option<Shape> {
        if !capacity.is_power_of_two() || capacity > MAX_CAPACITY {
            return None;
        }
        let shift = capacity.trailing_zeros();
        let lap_mask = (POSITION_MASK >> shift) << LAP_SHIFT;
        Some(Shape { shift, index_mask: capacity - 1, lap_mask })
    }

    #[inline]
    pub(crate) const fn capacity(self) -> u64 {
        self.index_mask + 1
    }

    #[inline]
    pub(crate) const fn index(self, position: u64) -> usize {
        (position & self.index_mask) as usize
    }

    /// The lap of a position, as a slot word has it.
    #[inline]
    pub(crate) const fn lap(self, position: u64) -> u64 {
        Slot::of(self.empty(position)).lap
    }

    #[inline]
    pub(crate) const fn next(self, position: u64) -> u64 {
        position.wrapping_add(1) & POSITION_MASK
    }

    #[inline]
    pub(crate) const fn prev(self, position: u64) -> u64 {
        position.wrapping_sub(1) & POSITION_MASK
    }

    /// The same slot one lap earlier.
    pub(crate) const fn a_lap_before(self, position: u64) -> u64 {
        position.wrapping_sub(self.capacity()) & POSITION_MASK
    }

    /// The same slot one lap later.
    #[cfg(test)]
    pub(crate) const fn a_lap_after(self, position: u64) -> u64 {
        position.wrapping_add(self.capacity()) & POSITION_MASK
    }

    #[cfg(test)]
    pub(crate) const fn advanced(self, position: u64, by: u64) -> u64 {
        position.wrapping_add(by) & POSITION_MASK
    }

    /// How many positions `from` has to go to reach `to`.
    pub(crate) const fn distance(from: u64, to: u64) -> u64 {
        to.wrapping_sub(from) & POSITION_MASK
    }

    /// The position of a slot in a lap as its word tells it: enough of it to release it by.
    pub(crate) const fn position(self, lap: u64, index: usize) -> u64 {
        (lap << self.shift | index as u64) & POSITION_MASK
    }

    #[inline]
    pub(crate) const fn empty(self, position: u64) -> u64 {
        Slot::word(position >> self.shift, Tag::NOBODY, Phase::Empty)
    }

    #[inline]
    pub(crate) const fn full(self, position: u64) -> u64 {
        Slot::word(position >> self.shift, Tag::NOBODY, Phase::Full)
    }

    /// FULL in the lap of this EMPTY.
    #[inline(always)]
    pub(crate) const fn filled(empty: u64) -> u64 {
        empty | Phase::Full as u64
    }

    /// EMPTY in the lap after that of this FULL.
    #[inline(always)]
    pub(crate) const fn emptied(self, full: u64) -> u64 {
        full.wrapping_add(1 << LAP_SHIFT) & self.lap_mask
    }

    pub(crate) const fn writing(self, position: u64, tag: Tag) -> u64 {
        Slot::word(position >> self.shift, tag, Phase::Writing)
    }

    pub(crate) const fn reading(self, position: u64, tag: Tag) -> u64 {
        Slot::word(position >> self.shift, tag, Phase::Reading)
    }

    /// As many bits of a position as a cell keeps.
    #[inline]
    pub(crate) const fn kept(self, position: u64) -> u64 {
        position & ((1 << CELL_POSITION_BITS) - 1)
    }

    /// Whether `word`, the slot of the position that a cell kept as `kept`, still counts it as
    /// sent and not received.
    pub(crate) const fn in_ring(self, kept: u64, word: u64) -> bool {
        let slot = Slot::of(word);
        let here = self.kept(self.position(slot.lap, self.index(kept)));
        here == kept && matches!(slot.phase, Phase::Full | Phase::Reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        let tag = Tag::new(4094, 4093);
        for (lap, phase) in [(0, Phase::Full), ((1 << (64 - LAP_SHIFT)) - 1, Phase::Reading)] {
            assert_eq!(Slot::of(Slot::word(lap, tag, phase)), Slot { lap, tag, phase });
        }
        assert_eq!(Index::of(Index::word(LAST, tag)), Index { position: LAST, tag });
        let kept = (1 << CELL_POSITION_BITS) - 1;
        for cell in [
            Cell::Free,
            Cell::Owned(tag),
            Cell::Queued(tag, kept),
            Cell::Taking(tag, 1),
            Cell::Leased(Tag::NOBODY),
        ] {
            assert_eq!(Cell::of(cell.word()), cell);
        }
    }

    #[test]
    fn positions_start_again_without_a_seam() {
        for capacity in [1, 2, 4, 1024, MAX_CAPACITY] {
            let shape = Shape::new(capacity).unwrap();
            assert_eq!((shape.next(LAST), shape.prev(0)), (0, LAST));
            assert_eq!(shape.a_lap_after(shape.a_lap_before(0)), 0);
            assert_eq!(Shape::distance(LAST, shape.next(0)), 2);
            for position in [0, 1, capacity - 1, capacity, LAST - 1, LAST] {
                let (lap, index) = (shape.lap(position), shape.index(position));
                let known = shape.position(lap, index);
                assert_eq!(shape.full(known), shape.full(position));
                let after = shape.empty(shape.a_lap_after(known));
                assert_eq!(after, shape.empty(shape.a_lap_after(position)));
                assert_ne!(after, shape.empty(position));
                assert_eq!(after, shape.emptied(shape.full(position)));
                assert_eq!(Shape::filled(shape.empty(position)), shape.full(position));
            }
        }
        assert_eq!(Shape::new(3), None);
        assert_eq!(Shape::new(0), None);
        assert_eq!(Shape::new(MAX_CAPACITY * 2), None);
    }

    #[test]
    fn a_cell_recognizes_its_position_in_the_ring() {
        for capacity in [1, 2, 1024] {
            let shape = Shape::new(capacity).unwrap();
            for position in [0, 5, LAST - 1, LAST] {
                let kept = shape.kept(position);
                let tag = Tag::new(3, 3);
                assert!(shape.in_ring(kept, shape.full(position)));
                assert!(shape.in_ring(kept, shape.reading(position, tag)));
                assert!(!shape.in_ring(kept, shape.empty(position)));
                assert!(!shape.in_ring(kept, shape.writing(position, tag)));
                assert!(!shape.in_ring(kept, shape.full(shape.a_lap_after(position))));
                assert!(!shape.in_ring(kept, shape.empty(shape.a_lap_after(position))));
            }
        }
    }
}
