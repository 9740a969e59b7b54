//! The identity a claim carries: a participant's row and that row's generation, in 24 bits.
//!
//! | value | meaning |
//! |---|---|
//! | 0 | nobody |
//! | (row + 1) << 12 \| generation | the participant in that row, in that generation |
//! | (n + 1) << 12 \| `0xFFE` or `0xFFF` | no participant's: for what a protocol says instead of one |
//! | `0xFF_FFFE` | of these, gone: a dead participant whose own tag may be given out again |
//! | `0xFF_FFFF` | of these, poisoned: a panic left the claim |

/// How many bits of a word a tag takes.
pub(crate) const TAG_BITS: u32 = 24;
const GENERATION_BITS: u32 = 12;
const TAG_MASK: u32 = (1 << TAG_BITS) - 1;

/// Rows a segment can have at most.
pub(crate) const MAX_ROWS: u32 = (1 << (TAG_BITS - GENERATION_BITS)) - 1;
/// From here on generations are kept for the reserved tags.
const RESERVED: u32 = (1 << GENERATION_BITS) - 2;
/// Generations before a row's tags repeat. A build for tests has as few as there are in four bits, so that
/// they come round all the time.
pub(crate) const GENERATIONS: u32 = if cfg!(commonhold_few_generations) { 14 } else { RESERVED };

/// Who holds a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag(u32);

impl Tag {
    pub(crate) const NOBODY: Tag = Tag(0);
    pub(crate) const GONE: Tag = Tag(TAG_MASK - 1);
    pub(crate) const POISONED: Tag = Tag(TAG_MASK);

    pub(crate) fn new(row: u32, generation: u32) -> Tag {
        debug_assert!(row < MAX_ROWS && generation < GENERATIONS);
        Tag((row + 1) << GENERATION_BITS | generation)
    }

    /// A tag that no participant has, of the kind 0 or 1.
    pub(crate) const fn reserved(number: u32, kind: u32) -> Tag {
        Tag((number + 1) << GENERATION_BITS | (RESERVED + kind))
    }

    /// The number and the kind of a [reserved](Tag::reserved) tag.
    #[inline(always)]
    pub(crate) const fn as_reserved(self) -> Option<(u32, u32)> {
        match self.generation() {
            RESERVED.. => Some((self.row(), self.generation() - RESERVED)),
            _ => None,
        }
    }

    /// Reads a tag from the low 24 bits of `bits`.
    #[inline]
    pub(crate) const fn from_bits(bits: u32) -> Tag {
        Tag(bits & TAG_MASK)
    }

    /// The tag that a word of its own holds.
    #[inline(always)]
    pub(crate) const fn alone(word: u32) -> Tag {
        Tag(word)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) const fn is_nobody(self) -> bool {
        self.0 == 0
    }

    /// True for a participant's tag, false for nobody and the reserved values.
    pub(crate) const fn is_participant(self) -> bool {
        self.0 != 0 && self.generation() < RESERVED
    }

    /// The row; meaningful for a participant's tag only.
    pub(crate) const fn row(self) -> u32 {
        (self.0 >> GENERATION_BITS).wrapping_sub(1)
    }

    pub(crate) const fn generation(self) -> u32 {
        self.0 & ((1 << GENERATION_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_round_trip_and_never_meet_the_reserved_values() {
        for row in [0, 1, 127, MAX_ROWS - 1] {
            for generation in [0, 1, GENERATIONS - 1] {
                let tag = Tag::new(row, generation);
                assert!(tag.is_participant());
                assert_eq!((tag.row(), tag.generation()), (row, generation));
                assert_eq!(Tag::from_bits(tag.bits()), tag);
            }
        }
        let kinds = [Tag::reserved(0, 0), Tag::reserved(15, 1)];
        for reserved in [Tag::NOBODY, Tag::GONE, Tag::POISONED].into_iter().chain(kinds) {
            assert!(!reserved.is_participant());
        }
        assert_eq!(Tag::reserved(15, 1).as_reserved(), Some((15, 1)));
        assert_eq!(Tag::new(15, GENERATIONS - 1).as_reserved(), None);
    }
}
