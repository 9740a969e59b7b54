//! The endpoints of a queue: how many senders or receivers each participant has, and whether any lives.
//!
//! Each participant row has a count of senders and one of receivers (see `row_count`), that belong to a
//! generation of the row: a dead participant's are nothing.
//! Only the row's own process changes its word. It dies here: its count goes with it, as the row says
//! dead. Paused: it keeps its endpoints. A forked child counts in its own row.
//!
//! `gone` is a hint for fast paths, of bit 0 (all that were are gone) and a sequence. It is set by
//! whoever finds nobody, cleared by whoever enters, and believed only after a look at the rows; the sequence
//! keeps a late clearing from undoing a newer setting.

use super::ring::Actor;
use crate::raw::hook::point;
use crate::raw::row_count::RowCount;
use crate::raw::sync::{AtomicU32, Ordering};
use crate::segment::{Peers, Tag};

// Ordering:
// [N1] leave: RMW(row, AcqRel) ↔ any_living: load(row, Acquire)   who finds an endpoint gone sees all it sent
// [N2] enter: RMW(row), then RMW(ever), then RMW(gone), all AcqRel ↔ loads(Acquire): a hint that says "gone"
//      for long was set after the last entry, or is looked into
// [N3] enter: RMW(row), then RMW(gone) ↔ look: load(gone), loads(rows), load(gone), all Acquire: where it did not
//      move, nobody's entry ended while the rows were looked at, and a row that was empty is so at the end

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
    pub(crate) rows: &'a [RowCount],
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
    /// Counts one more endpoint of `me`. False: too many to count, a million.
    pub(crate) fn enter(&self, me: Tag) -> bool {
        let row = self.rows.get(me.row() as usize);
        let counted = row.is_some_and(|row| row.add(me, Ordering::AcqRel)); // [N1]
        if counted {
            self.hint.ever.fetch_or(1, Ordering::AcqRel); // [N2]
            self.hint.clear_gone();
        }
        counted
    }

    /// Counts one less. True: it was the last one, of all.
    pub(crate) fn leave<P: Peers>(&self, actor: &Actor<'_, P>) -> bool {
        if let Some(row) = self.rows.get(actor.me.row() as usize) {
            row.subtract(actor.me, Ordering::AcqRel); // [N1]
        }
        let (_, gone) = self.look(actor);
        if gone {
            self.hint.set_gone();
        }
        gone
    }

    /// Whether there were endpoints, and all of them are dropped or dead. One system call for the
    /// first participant that has any, and for each dead one before it.
    #[cold]
    pub(crate) fn all_gone<P: Peers>(&self, actor: &Actor<'_, P>) -> bool {
        if !self.hint.ever() {
            return false;
        }
        let (hint, gone) = self.look(actor);
        if gone != (hint & GONE != 0) {
            let now = hint.wrapping_add(2) & !GONE | u32::from(gone);
            let _ = self.hint.gone.compare_exchange(hint, now, Ordering::AcqRel, Ordering::Acquire);
        }
        gone
    }

    /// Whether nobody was there at one moment, and the hint of then. The rows are looked at one after the
    /// other, so one may enter in a row behind, and the last one leave from a row before; but who has
    /// entered has moved the hint.
    fn look<P: Peers>(&self, actor: &Actor<'_, P>) -> (u32, bool) {
        let mut hint = self.hint.gone.load(Ordering::Acquire); // [N3]
        loop {
            let gone = !self.any_living(actor);
            let now = self.hint.gone.load(Ordering::Acquire); // [N3]
            if !gone || now == hint {
                return (hint, gone);
            }
            hint = now;
        }
    }

    fn any_living<P: Peers>(&self, actor: &Actor<'_, P>) -> bool {
        self.rows.iter().enumerate().any(|(row, count)| {
            let owner = count.owner(row, Ordering::Acquire); // [N1]
            point!("queue.ends.looked");
            owner.is_some_and(|(tag, _)| tag == actor.me || !actor.finds_dead(tag))
        })
    }
}
