//! The bits of the byte ring's words, and the arithmetic of its positions.
//!
//! A ring is a row of *units* of 8 bytes. A record is a header of one unit and its payload, padded to
//! units; it begins where the one before it ended, and goes on at the start of the row where that ends.
//!
//! | word | bits | meaning |
//! |---|---|---|
//! | index (`tail`, `head`) | 0–30 | position in units: 0 up to twice the capacity, so that full and empty differ |
//! | | 31 | zero |
//! | | 32–63 | records that were sent (`tail`) or received (`head`), modulo 2^32 |
//! | header | 0–47 | payload in bytes |
//! | | 48 | the payload says where in the annex the message lies |
//! | | 49 | the message refers to something that its sender keeps until it was received |
//! | | 50–63 | zero |
//!
//! Zero bytes are an empty ring.

/// Bytes of a unit.
pub(crate) const UNIT: usize = 8;
/// Units a ring can have at most: 8 GiB.
pub(crate) const MAX_UNITS: u64 = 1 << 30;

const POSITION: u64 = (1 << 31) - 1;
const COUNT_SHIFT: u32 = 32;
const LENGTH: u64 = (1 << 48) - 1;
const ANNEXED: u64 = 1 << 48;
const REFERS: u64 = 1 << 49;

/// An index word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Index {
    pub(crate) position: u32,
    pub(crate) count: u32,
}

impl Index {
    #[inline]
    pub(crate) fn of(word: u64) -> Index {
        Index { position: (word & POSITION) as u32, count: (word >> COUNT_SHIFT) as u32 }
    }

    #[inline]
    pub(crate) fn word(self) -> u64 {
        u64::from(self.count) << COUNT_SHIFT | u64::from(self.position)
    }
}

/// How many units a ring has, and what follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Extent(u32);

impl Extent {
    /// `None` for a ring that cannot be.
    pub(crate) fn new(units: u64) -> Option<Extent> {
        (2..=MAX_UNITS).contains(&units).then_some(Extent(units as u32))
    }

    #[inline]
    pub(crate) fn units(self) -> u32 {
        self.0
    }

    /// The longest payload, in bytes, that fits an empty ring.
    #[inline]
    pub(crate) fn longest(self) -> usize {
        (self.0 as usize - 1) * UNIT
    }

    /// The unit at this position; 0 for one that cannot be, as it was overwritten.
    #[inline]
    pub(crate) fn index(self, position: u32) -> u32 {
        let index = if position >= self.0 { position - self.0 } else { position };
        if index < self.0 { index } else { 0 }
    }

    /// The position so many units on.
    #[inline]
    pub(crate) fn after(self, position: u32, units: u32) -> u32 {
        let next = u64::from(position) + u64::from(units);
        let round = 2 * u64::from(self.0);
        (if next >= round { next - round } else { next }) as u32
    }

    /// How many units of the ring are in use; `None` where no ring can be so.
    #[inline]
    pub(crate) fn used(self, head: u32, tail: u32) -> Option<u32> {
        let round = 2 * self.0;
        if head >= round || tail >= round {
            return None;
        }
        let used = if tail >= head { tail - head } else { tail + round - head };
        (used <= self.0).then_some(used)
    }
}

/// A header word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// Of the payload, in bytes.
    pub(crate) length: usize,
    /// The payload says where in the annex the message lies.
    pub(crate) annexed: bool,
    /// Its sender keeps something alive until it was received.
    pub(crate) refers: bool,
}

impl Record {
    #[inline]
    pub(crate) fn of(word: u64) -> Record {
        Record {
            length: (word & LENGTH) as usize,
            annexed: word & ANNEXED != 0,
            refers: word & REFERS != 0,
        }
    }

    #[inline]
    pub(crate) fn word(self) -> u64 {
        let flag = |set: bool, bit: u64| if set { bit } else { 0 };
        self.length as u64 | flag(self.annexed, ANNEXED) | flag(self.refers, REFERS)
    }

    /// Units with the header; as many as there can be where the length is beyond all bounds.
    #[inline]
    pub(crate) fn units(self) -> u32 {
        u32::try_from(1 + self.length.div_ceil(UNIT)).unwrap_or(u32::MAX)
    }
}
