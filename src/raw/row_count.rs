//! A count for each participant row, that belongs to one generation of the row.
//!
//! | bits | meaning |
//! |---|---|
//! | 20–31 | generation of the row |
//! | 0–19 | count |
//!
//! A count of another generation is nobody's: it counts as 0 and is overwritten by the row's next
//! participant.

use super::sync::{AtomicU32, Ordering};
use crate::segment::Tag;
use crate::segment::tag::GENERATIONS;

const COUNT_BITS: u32 = 20;
const COUNT: u32 = (1 << COUNT_BITS) - 1;

/// One row's count. Zero bytes count nothing.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct RowCount(AtomicU32);

impl RowCount {
    /// Counts one more for `me`. False when the count is full: 1,048,575.
    #[inline]
    pub(crate) fn add(&self, me: Tag, order: Ordering) -> bool {
        self.step(me, order, |count| (count < COUNT).then_some(count + 1)).is_some()
    }

    /// Whether `me` can count no more.
    pub(crate) fn is_full(&self, me: Tag) -> bool {
        count_of(self.0.load(Ordering::Relaxed), me) == COUNT
    }

    /// Counts one less for `me`; what is left. `None` when there was none.
    #[inline]
    pub(crate) fn subtract(&self, me: Tag, order: Ordering) -> Option<u32> {
        self.step(me, order, |count| count.checked_sub(1))
    }

    fn step(&self, me: Tag, order: Ordering, step: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let count = step(count_of(word, me))?;
            let next = me.generation() << COUNT_BITS | count;
            match self.0.compare_exchange(word, next, order, Ordering::Relaxed) {
                Ok(_) => return Some(count),
                Err(now) => word = now,
            }
        }
    }

    /// As [`add`](Self::add), where the caller holds a lock under which alone this count changes.
    #[inline]
    pub(crate) fn add_locked(&self, me: Tag) -> bool {
        self.step_locked(me, |count| (count < COUNT).then_some(count + 1)).is_some()
    }

    /// As [`subtract`](Self::subtract), where the caller holds a lock under which alone this count
    /// changes.
    #[inline]
    pub(crate) fn subtract_locked(&self, me: Tag) -> Option<u32> {
        self.step_locked(me, |count| count.checked_sub(1))
    }

    #[inline]
    fn step_locked(&self, me: Tag, step: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let count = step(count_of(self.0.load(Ordering::Relaxed), me))?;
        self.0.store(me.generation() << COUNT_BITS | count, Ordering::Relaxed);
        Some(count)
    }

    /// Whose count this is and how much, if it is any: the tag of the participant in `row` when the
    /// count was made.
    pub(crate) fn owner(&self, row: usize, order: Ordering) -> Option<(Tag, u32)> {
        let word = self.0.load(order);
        let (generation, count) = (word >> COUNT_BITS, word & COUNT);
        // No participant has the generations that are left over: then something else wrote this.
        let is_ones = count != 0 && generation < GENERATIONS;
        is_ones.then(|| (Tag::new(row as u32, generation), count))
    }

    /// Forgets what `dead` counted, and nothing else.
    pub(crate) fn forget(&self, dead: Tag, count: u32) -> bool {
        let word = dead.generation() << COUNT_BITS | count;
        self.0.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

fn count_of(word: u32, me: Tag) -> u32 {
    if word >> COUNT_BITS == me.generation() { word & COUNT } else { 0 }
}
