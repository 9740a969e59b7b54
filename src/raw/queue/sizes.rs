//! How large the parts of a queue are, as far as that depends on the type of its messages.

use std::marker::PhantomData;

use crate::segment::layout::TooLarge;

/// Messages of up to this size lie in the slots.
const SMALL: usize = 64;
/// What the cells of large messages may take beside those that the capacity needs.
const SPARE_BYTES: usize = 16 << 20;
const FEWEST_SPARE: usize = 4;
/// Of the second cache of a core.
const WARM_BYTES: usize = 1 << 20;
/// Words of a cache line.
const LINE_WORDS: usize = 8;

/// What depends on the message type alone.
pub(crate) struct Sizes<T>(PhantomData<T>);

impl<T> Sizes<T> {
    pub(super) const LARGE: bool = size_of::<T>() > SMALL;

    /// Words from one slot to the next: a slot crosses no more cache lines than it must. One of large
    /// messages has a line of its own, which a cell's word shares.
    pub(super) const SLOT_WORDS: usize = {
        let words = 1 + size_of::<T>().div_ceil(8);
        if Self::LARGE {
            LINE_WORDS
        } else if words <= LINE_WORDS {
            words.next_power_of_two()
        } else {
            words
        }
    };

    /// Words from one cell's word to the next. That of a large message stands behind a slot and its number:
    /// as a rule it is the message of this slot, and both move from core to core in one line.
    pub(super) const CELL_WORDS: usize = if Self::LARGE { Self::SLOT_WORDS } else { 1 };
    pub(super) const CELL_IN_SLOT: usize = 2;

    /// Slots that share a cache line, or one.
    pub(super) const SLOTS_A_LINE: u64 =
        if Self::SLOT_WORDS < LINE_WORDS { (LINE_WORDS / Self::SLOT_WORDS) as u64 } else { 1 };

    /// How many slots ahead to prefetch: what one side does in the time of a cache miss. Of large messages
    /// the next: each has work to do on this one first.
    pub(super) const AHEAD: u64 = if Self::LARGE { 1 } else { 16 };
    /// Slots of the shortest ring in which that one is not in use, as a rule.
    pub(super) const MIN_PREFETCHED: u64 = Self::AHEAD * 4;

    /// Cells that a sender of large messages goes round in while they suffice, a power of two: enough
    /// of them that their cache lines come back before they are needed, and few enough that their payloads
    /// stay in the cache.
    pub(super) const ROUND: usize = {
        let few = WARM_BYTES / if Self::CELL_BYTES == 0 { 1 } else { Self::CELL_BYTES };
        if few < 32 { 16 } else { 32 }
    };

    /// Bytes from one cell's payload to the next; a multiple of the alignment.
    pub(super) const CELL_BYTES: usize = {
        let align = if Self::LARGE && align_of::<T>() < 64 { 64 } else { align_of::<T>() };
        size_of::<T>().next_multiple_of(align)
    };
    pub(super) const CELL_ALIGN: usize =
        { if Self::LARGE && align_of::<T>() < 64 { 64 } else { align_of::<T>() } };

    /// Cells beside `capacity`: one for each participant; of large messages as many of these as
    /// 16 MiB hold, but four at least, so that a queue of large messages does not take the memory of
    /// hundreds more than were asked for.
    pub(super) fn cells(capacity: usize, rows: usize) -> Result<usize, TooLarge> {
        let spare = if Self::LARGE {
            (SPARE_BYTES / size_of::<T>()).clamp(FEWEST_SPARE, rows.max(FEWEST_SPARE))
        } else {
            rows
        };
        capacity.checked_add(spare).ok_or(TooLarge)
    }
}
