//! The endpoints of a queue: how many senders or receivers each participant has, and whether any lives.
//!
//! Each participant row has a word for senders and one for receivers:
//!
//! | bits | meaning |
//! |---|---|
//! | 20–31 | the row's generation when the count was made |
//! | 0–19 | endpoints of that participant; all ones: too many to count, until it ends |
//!
//! A count of another generation belongs to a participant that is gone, and counts as nothing.
//! Only the row's own process changes its word. It dies here: its count goes with it, as the row says
//! dead. Paused: it keeps its endpoints. A forked child counts in its own row.
//!
//! `gone` is a hint for fast paths, of bit 0 (all that were are gone) and a sequence. It is set by
//! whoever finds nobody, cleared by whoever enters, and believed only after a look at the rows; the sequence
//! keeps a late clearing from undoing a newer setting.

use super::ring::Actor;
use crate::raw::sync::{AtomicU32, Ordering};
use crate::segment::tag::TAG_BITS;
use crate::segment::{Peers, Tag};

// Ordering:
// [N1] leave: RMW(row, AcqRel) ↔ any_living: load(row, Acquire)   who finds an endpoint gone sees all it sent
// [N2] enter: RMW(row), then RMW(ever), then RMW(gone), all AcqRel ↔ loads(Acquire): a hint that says "gone"
//      for long was set after the last entry, or is looked into
const COUNT_BITS: u32 = 20;
const COUNT_MASK: u32 = (1 << COUNT_BITS) - 1;
const GENERATION_BITS: u32 = TAG_BITS / 2;
const GONE: u32 = 1;

/// What all participants share about one kind of endpoint.
#[repr(C)]
pub(crate) struct Hint {
    gone: AtomicU32,
    /// Nonzero once there was any.
    ever: AtomicU32,
}

/// One kind of endpoint of a queue.
pub(crate) struct Endpoints<'a> {
    pub(crate) hint: &'a Hint,
    pub(crate) rows: &'a [AtomicU32],
}

impl Hint {
    /// Whether somebody found all endpoints gone, and nobody came since: to be looked into.
    #[inline]
    pub(crate) fn says_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) & GONE != 0 // [N2]
    }

    pub(crate) fn ever(&self) -> bool {
        self.ever.load(Ordering::Acquire) != 0 // [N2]
    }

    fn set_gone(&self) {
        self.change(|word| (word.wrapping_add(2)) | GONE);
    }

    fn clear_gone(&self) {
        self.change(|word| (word.wrapping_add(2)) & !GONE);
    }

    fn change(&self, to: impl Fn(u32) -> u32) {
        let _ = self.gone.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| Some(to(word))); // [N2]
    }
}

impl Endpoints<'_> {
    /// Counts one more endpoint of `me`.
    pub(crate) fn enter(&self, me: Tag) {
        self.count(me, |count| if count == COUNT_MASK { count } else { count + 1 });
        self.hint.ever.fetch_or(1, Ordering::AcqRel); // [N2]
        self.hint.clear_gone();
    }

    /// Counts one less. True: it was the last one, of all.
    pub(crate) fn leave<P: Peers>(&self, actor: &Actor<'_, P>) -> bool {
        self.count(actor.me, |count| match count {
            0 | COUNT_MASK => count,
            _ => count - 1,
        });
        if self.any_living(actor) {
            return false;
        }
        self.hint.set_gone();
        true
    }

    /// Whether there were endpoints, and all of them are dropped or dead. One system call for the
    /// first participant that has any, and for each dead one before it.
    #[cold]
    pub(crate) fn all_gone<P: Peers>(&self, actor: &Actor<'_, P>) -> bool {
        if !self.hint.ever() {
            return false;
        }
        let hint = self.hint.gone.load(Ordering::Acquire); // [N2]
        let gone = !self.any_living(actor);
        if gone != (hint & GONE != 0) {
            let now = hint.wrapping_add(2) & !GONE | u32::from(gone);
            let _ = self.hint.gone.compare_exchange(hint, now, Ordering::AcqRel, Ordering::Acquire);
        }
        gone
    }

    fn any_living<P: Peers>(&self, actor: &Actor<'_, P>) -> bool {
        self.rows.iter().enumerate().any(|(row, word)| {
            let word = word.load(Ordering::Acquire); // [N1]
            if word & COUNT_MASK == 0 {
                return false;
            }
            let tag = (row as u32 + 1) << GENERATION_BITS | word >> COUNT_BITS;
            let tag = Tag::from_bits(tag);
            tag == actor.me || (tag.is_participant() && !actor.finds_dead(tag))
        })
    }

    fn count(&self, me: Tag, change: impl Fn(u32) -> u32) {
        let Some(row) = self.rows.get(me.row() as usize) else {
            return; // no such row: memory was overwritten
        };
        let generation = me.generation() << COUNT_BITS;
        let _ = row.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
            let own = word & !COUNT_MASK == generation;
            let count = if own { word & COUNT_MASK } else { 0 };
            Some(generation | change(count)) // [N1]
        });
    }
}
