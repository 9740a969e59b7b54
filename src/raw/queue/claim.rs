//! Claiming a position, on either side of the ring: as its owner, or by CAS among others.

use super::bias::Side;
use super::progress::{Held, Progress};
use super::ring::{Actor, Ring, Words};
use super::words::{CLOSED, Index, Shape};
use crate::raw::hook::point;
use crate::raw::sync::{AtomicU64, Ordering};
use crate::segment::{Peers, Tag};

// Ordering: [Q1] [Q2] [Q3] of the ring.

/// A position that is the caller's to send at, or to receive from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim {
    pub(crate) position: u64,
    pub(crate) how: How,
}

/// How a position became somebody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// Claimed through the index word.
    AmongOthers,
    /// Claimed as the owner of the bias.
    Owner,
    /// Claimed through the index word, by who then became the owner.
    NewOwner,
    /// Taken over from a dead consumer, which may have begun to move it into a cell.
    Adopted,
}

impl Claim {
    #[inline(always)]
    pub(crate) fn among_others(position: u64) -> Claim {
        Claim { position, how: How::AmongOthers }
    }

    #[inline(always)]
    pub(crate) fn adopted(position: u64) -> Claim {
        Claim { position, how: How::Adopted }
    }
}

/// A position that the owner of a side claimed.
#[derive(Clone, Copy)]
pub(crate) struct Own<'r> {
    pub(crate) position: u64,
    pub(crate) slot: &'r AtomicU64,
    /// The slot's word, until the position is finished.
    pub(super) word: u64,
}

/// The owner of a side, in the middle of a run of claims.
///
/// Nobody else changes what its next position is, so that is known here from one claim to the next.
pub(crate) struct Tenure<'r> {
    side: Side<'r>,
    held: Held,
    /// What the seat says: the word of the next position.
    next: u64,
}

/// What stood in the way of a claim: what the index word came to, and the slot word it led to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(super) word: u64,
    pub(super) slot: u64,
}

/// One of the two sides, as a claim sees it.
pub(super) trait Edge {
    /// Where its index word lies.
    fn side<W: Words>(words: &W) -> Side<'_>;

    /// The word of a slot whose position may be claimed.
    fn ready(shape: Shape, position: u64) -> u64;

    /// Writes the claimant of the position before `word`'s into its slot, if it is not finished yet.
    fn record<W: Words>(ring: &Ring<W>, word: u64);

    fn before_claim();
    fn claimed();
}

pub(super) struct Tail;
pub(super) struct Head;

impl Edge for Tail {
    #[inline(always)]
    fn side<W: Words>(words: &W) -> Side<'_> {
        words.tail()
    }

    #[inline(always)]
    fn ready(shape: Shape, position: u64) -> u64 {
        shape.empty(position)
    }

    #[inline(always)]
    fn record<W: Words>(ring: &Ring<W>, word: u64) {
        ring.record_sender(word);
    }

    #[inline(always)]
    fn before_claim() {
        point!("queue.send.before_claim");
    }

    #[inline(always)]
    fn claimed() {
        point!("queue.send.claimed");
    }
}

impl Edge for Head {
    #[inline(always)]
    fn side<W: Words>(words: &W) -> Side<'_> {
        words.head()
    }

    #[inline(always)]
    fn ready(shape: Shape, position: u64) -> u64 {
        shape.full(position)
    }

    #[inline(always)]
    fn record<W: Words>(ring: &Ring<W>, word: u64) {
        ring.record_receiver(word);
    }

    #[inline(always)]
    fn before_claim() {
        point!("queue.recv.before_claim");
    }

    #[inline(always)]
    fn claimed() {
        point!("queue.recv.claimed");
    }
}

impl<W: Words> Ring<W> {
    /// The side as its owner has it; `None` where that is not the caller.
    #[inline(always)]
    pub(super) fn tenure<E: Edge>(&self, me: Tag, progress: &Progress) -> Option<Tenure<'_>> {
        let (held, side) = (progress.held(me)?, E::side(&self.words));
        Some(Tenure { side, held, next: side.next_of_owner(held) })
    }

    /// Whether the caller owns the tail.
    #[inline(always)]
    pub(super) fn owns_tail(&self, me: Tag, progress: &Progress) -> bool {
        let index = &self.words.tail().line.index;
        progress.held(me).is_some_and(|held| index.load(Ordering::Acquire) == held.word) // [Q3]
    }

    /// A look at the owner's next position, without a claim: whether its slot is ready.
    #[inline(always)]
    pub(super) fn is_ready<E: Edge>(&self, tenure: &Tenure<'_>) -> bool {
        let position = Index::of(tenure.next).position;
        self.slot(position).load(Ordering::Relaxed) == E::ready(self.shape, position)
    }

    /// Claims the owner's next position, if its slot is ready.
    ///
    /// # Errors
    /// The position that was claimed all the same, where the bias turned out to be over. The run ends.
    #[inline(always)]
    pub(super) fn claim_in<E: Edge>(
        &self,
        tenure: &mut Tenure<'_>,
        progress: &Progress,
    ) -> Result<Own<'_>, Option<u64>> {
        let Tenure { side, held, next } = *tenure;
        let position = Index::of(next).position;
        let (slot, word) = (self.slot(position), E::ready(self.shape, position));
        // Ready in the lap of a position that is not claimed yet: stays so until it is claimed.
        if slot.load(Ordering::Acquire) != word {
            return Err(None); // [Q1] [Q2]
        }
        E::before_claim();
        side.claim(progress, held, next).map_err(|after_all| after_all.then_some(position))?;
        E::claimed();
        tenure.next = Index::word_after(next);
        Ok(Own { position, slot, word })
    }

    /// Claims one position as the owner.
    ///
    /// # Errors
    /// As [`claim_in`](Ring::claim_in).
    #[inline(always)]
    pub(super) fn claim_as_owner<E: Edge>(
        &self,
        me: Tag,
        progress: &Progress,
    ) -> Result<Own<'_>, Option<u64>> {
        self.claim_in::<E>(&mut self.tenure::<E>(me, progress).ok_or(None)?, progress)
    }

    /// Claims the next position of a side, if its slot is ready; asks about nobody.
    pub(super) fn claim<E: Edge, P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        progress: &Progress,
    ) -> Result<Claim, Seen> {
        loop {
            match self.claim_as_owner::<E>(actor.me, progress) {
                Ok(Own { position, .. }) => return Ok(Claim { position, how: How::Owner }),
                Err(Some(position)) => return Ok(Claim::among_others(position)),
                Err(None) => {}
            }
            let Some(held) = progress.held(actor.me) else {
                return self.claim_by_cas::<E, P>(actor, progress);
            };
            let side = E::side(&self.words);
            let word = side.next_of_owner(held);
            let position = Index::of(word).position;
            let slot = self.slot(position).load(Ordering::Acquire); // [Q1] [Q2]
            if slot != E::ready(self.shape, position) && !side.is_over(progress, held) {
                return Err(Seen { word, slot });
            }
        }
    }

    #[inline]
    fn claim_by_cas<E: Edge, P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        progress: &Progress,
    ) -> Result<Claim, Seen> {
        let (shape, side) = (self.shape, E::side(&self.words));
        let index = &side.line.index;
        let finished = progress.finished();
        loop {
            let found = index.load(Ordering::Acquire); // [Q3]
            let word = side.meaning(found);
            let Index { position, tag } = Index::of(word);
            let slot = self.slot(position).load(Ordering::Acquire); // [Q1] [Q2]
            if slot != E::ready(shape, position) || tag == CLOSED {
                return Err(Seen { word, slot });
            }
            if side.is_biased(found) {
                side.settle();
                continue;
            }
            if finished != position {
                E::record(self, word);
            }
            E::before_claim();
            let next = shape.next(position);
            let claim = Index::word(next, actor.me);
            // [Q3]
            if index.compare_exchange(word, claim, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                E::claimed();
                let owner = progress.claimed(position, finished) && side.ask(actor, progress, next);
                return Ok(Claim {
                    position,
                    how: if owner { How::NewOwner } else { How::AmongOthers },
                });
            }
        }
    }
}
