//! The cells: where messages lie that are leased, or large, beside the ring.
//!
//! A slot that is held blocks the ring one lap later. What may take long therefore happens in cells.
//!
//! ```text
//! small messages lie in their slots:        large ones in cells only, the slots carry numbers:
//!
//!   FREE ◀────────── put ──────────┐          FREE ◀─────────────── put ──────────────┐
//!    │ get: CAS                    │           │ get: CAS                             │
//!    ▼                             │           ▼                                      │
//!   OWNED(me)                      │          OWNED(me) ── reserve: filled in place   │
//!    │ head claimed, copied        │           │ tail claimed                         │
//!    ▼                             │           ▼                                      │
//!   TAKING(me,p)                   │          QUEUED(me,p), then the slot: F          │
//!    │ slot released: the commit   │           │ head claimed                         │
//!    ▼                             │           ▼                                      │
//!   LEASED(me) ── done ────────────┤          TAKING(me,p), then the slot: E(l+1)     │
//!    │ given back                  │           ▼                                      │
//!    ▼                             │          LEASED(me) ── done ─────────────────────┘
//!   LEASED(0), like LEASED(dead):  │             ⋮ as on the left
//!    CAS to LEASED(me), delivered again
//! ```
//!
//! A message that is both in a slot and in a cell belongs to the slot until that is released.
//! `in_ring(p)`: the slot of p is F or R of p's lap.
//!
//! | found, holder dead | slot of p | what it is | who does what |
//! |---|---|---|---|
//! | OWNED | | nothing yet | anybody: FREE |
//! | QUEUED(p) | in the ring | a committed message | nothing |
//! | QUEUED(p) | not | never committed | anybody: FREE |
//! | TAKING(p) | in the ring | a copy (small), or the message of an orphan (large) | anybody: FREE, or nothing |
//! | TAKING(p) | not | a lease | receivers: LEASED(me) |
//! | LEASED | | a lease | receivers: LEASED(me) |
//!
//! The order of looks is word, liveness, slot, then the CAS from the word: the dead do not change
//! a slot any more, so what was true between liveness and CAS stays true. Who adopts a position
//! from the ring *sweeps* first (small messages): a dead consumer's TAKING(p) becomes FREE before the slot is
//! released, else the table would take the copy for a lease, and deliver it twice.
//!
//! **A process dies here**: the table. In recovery: each step is one CAS; a lease taken over from the
//! dead is LEASED(dead) again. **Paused for a minute**: it keeps its cell, nobody waits for it who finds
//! another. **Ten threads here**: a cell is one CAS; a claimed one has one owner. **Fork here**: a copy of
//! a lease in a child carries its parent's tag and is inert.
//!
//! Nobody waits for a cell while holding a position, nor for a message while holding a cell: either
//! would let the dead, or each other, block the living.

use super::ring::Actor;
use super::words::{Cell, Shape};
use crate::raw::hook::point;
use crate::raw::sync::{AtomicU64, Ordering};
use crate::segment::{Peers, Tag};

// Ordering:
// [C1] put: store(FREE, Release) ↔ get: CAS(AcqRel)   the old payload was read before it is overwritten
// [C2] taking: store(TAKING, Release), then [Q2] ↔ recovery: load(cell, Acquire), then load(slot, Acquire):
//      who sees the slot released sees the cell TAKING or later, with its payload
// [C3] queued: store(QUEUED, Release), then [Q1]   the number in a slot leads to a cell that says QUEUED
// [C4] given back: store(LEASED(0), Release) ↔ recovery: load(cell, Acquire), CAS(AcqRel)

/// Where the words of the cells lie, and those of the ring beside them.
pub(crate) trait CellWords {
    /// The word of a cell, by a number below [`count`](CellWords::count).
    fn cell(&self, number: usize) -> &AtomicU64;
    fn count(&self) -> usize;
    /// The word of the slot of a position.
    fn slot_of(&self, position: u64) -> &AtomicU64;
    fn shape(&self) -> Shape;
    /// Whether messages lie in cells only.
    fn large(&self) -> bool;
}

/// The protocol over the words of the cells.
pub(crate) struct Cells<W> {
    pub(crate) words: W,
}

impl<W: CellWords> Cells<W> {
    /// Takes this cell, if it is free.
    #[inline]
    pub(crate) fn take(&self, me: Tag, number: usize) -> bool {
        let (word, owned) = (self.words.cell(number), Cell::Owned(me).word());
        // Looked at before the CAS, which would take the cache line from its user.
        word.load(Ordering::Relaxed) == 0
            && word.compare_exchange(0, owned, Ordering::AcqRel, Ordering::Relaxed).is_ok() // [C1]
    }

    /// Takes a free cell, looking from number `start` on.
    pub(crate) fn get(&self, me: Tag, start: usize) -> Option<usize> {
        let count = self.words.count();
        let start = if start < count { start } else { 0 };
        (start..count).chain(0..start).find(|&number| self.take(me, number))
    }

    /// Gives a cell of this process back for others to use.
    #[inline]
    pub(crate) fn put(&self, number: usize) {
        point!("queue.cell.before_put");
        self.words.cell(number).store(Cell::Free.word(), Ordering::Release); // [C1]
    }

    /// The message in the cell is being sent at this position.
    #[inline]
    pub(crate) fn queue(&self, me: Tag, number: usize, position: u64) {
        point!("queue.cell.before_queued");
        let queued = Cell::Queued(me, self.words.shape().kept(position));
        self.words.cell(number).store(queued.word(), Ordering::Release); // [C3]
        point!("queue.cell.queued");
    }

    /// The message of this position is in the cell, and will be the cell's once the slot is released.
    #[inline]
    pub(crate) fn taking(&self, me: Tag, number: usize, position: u64) {
        point!("queue.cell.before_taking");
        let taking = Cell::Taking(me, self.words.shape().kept(position));
        self.words.cell(number).store(taking.word(), Ordering::Release); // [C2]
        point!("queue.cell.taking");
    }

    /// The slot is released: the lease stands on its own.
    #[inline]
    pub(crate) fn lease(&self, me: Tag, number: usize) {
        point!("queue.cell.before_leased");
        self.words.cell(number).store(Cell::Leased(me).word(), Ordering::Release); // [C2]
        point!("queue.cell.leased");
    }

    /// Leaves a leased message for the next receiver.
    pub(crate) fn give_back(&self, number: usize) {
        point!("queue.cell.before_give_back");
        self.words.cell(number).store(Cell::Leased(Tag::NOBODY).word(), Ordering::Release); // [C4]
        point!("queue.cell.given_back");
    }

    /// Frees the copies that dead consumers of this position had begun. For who adopted it, of
    /// small messages, before its slot is released.
    #[cold]
    pub(crate) fn sweep<P: Peers>(&self, actor: &Actor<'_, P>, position: u64) {
        let kept = self.words.shape().kept(position);
        for number in 0..self.words.count() {
            let word = self.words.cell(number);
            let found = word.load(Ordering::Acquire); // [C2]
            match Cell::of(found) {
                Cell::Taking(tag, of) if of == kept && actor.finds_dead(tag) => {
                    actor.take_over(tag, word, found, Cell::Free.word());
                    point!("queue.cell.swept");
                }
                _ => {}
            }
        }
    }

    /// Frees what the dead left in cells; with `receive`, takes over the first message among it.
    /// Returns how many it freed, and the number of the cell that is the caller's lease now.
    #[cold]
    pub(crate) fn scan<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        receive: bool,
    ) -> (u32, Option<usize>) {
        let mut living = actor.me;
        let mut freed = 0;
        for number in 0..self.words.count() {
            let word = self.words.cell(number);
            let found = word.load(Ordering::Acquire); // [C2] [C4]
            let cell = Cell::of(found);
            let tag = match cell {
                Cell::Free => continue,
                Cell::Owned(tag)
                | Cell::Queued(tag, _)
                | Cell::Taking(tag, _)
                | Cell::Leased(tag) => tag,
            };
            if tag == living {
                continue;
            }
            if !actor.finds_dead(tag) {
                living = tag;
                continue;
            }
            match self.remains(cell) {
                Remains::Nothing => {
                    point!("queue.cell.before_free");
                    freed += u32::from(actor.take_over(tag, word, found, Cell::Free.word()));
                }
                Remains::Message if receive => {
                    point!("queue.cell.before_adopt");
                    if actor.take_over(tag, word, found, Cell::Leased(actor.me).word()) {
                        point!("queue.cell.adopted");
                        return (freed, Some(number));
                    }
                }
                Remains::Message | Remains::OfTheRing => {}
            }
        }
        (freed, None)
    }

    /// What a dead participant's cell is. Its liveness was asked before: see the module's table.
    fn remains(&self, cell: Cell) -> Remains {
        match cell {
            Cell::Free | Cell::Owned(_) => Remains::Nothing,
            Cell::Queued(_, kept) if self.in_ring(kept) => Remains::OfTheRing,
            Cell::Queued(..) => Remains::Nothing,
            Cell::Taking(_, kept) if !self.in_ring(kept) => Remains::Message,
            Cell::Taking(..) if self.words.large() => Remains::OfTheRing,
            Cell::Taking(..) => Remains::Nothing,
            Cell::Leased(_) => Remains::Message,
        }
    }

    fn in_ring(&self, kept: u64) -> bool {
        let slot = self.words.slot_of(kept).load(Ordering::Acquire); // [C2]
        self.words.shape().in_ring(kept, slot)
    }

    /// Whether no cell holds a message of its own. A QUEUED one is the ring's.
    pub(crate) fn none_leased(&self) -> bool {
        (0..self.words.count()).all(|number| {
            let word = self.words.cell(number).load(Ordering::Acquire); // [C2]
            !matches!(Cell::of(word), Cell::Taking(..) | Cell::Leased(_))
        })
    }
}

/// What the dead left in a cell.
enum Remains {
    Nothing,
    /// Still in the ring, or again: who receives it there minds the cell.
    OfTheRing,
    Message,
}
