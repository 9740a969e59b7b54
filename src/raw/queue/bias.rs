//! The bias: one end of a side claims by plain stores, as long as it is alone there.
//!
//! A claim by CAS takes as long as all the rest of a message. So who claimed a while without another
//! in between is granted the side (tail or head): its index word then says *biased*, and names a
//! **seat** beside the ring, in whose `claimed` word the owner keeps what the index word would say.
//!
//! ```text
//! index:  (p+1, me) ── granted: CAS ──▶ (q, BIASED(s)) ── revoked: CAS ──▶ (q, REVOKING(s))
//!    ▲      by who just claimed p = q-1                       by anybody            │
//!    └──────────────────── decided: CAS to (d, owner's tag), by anybody ────────────┘
//! seat s: owner    who may use it: a tag
//!         claimed  (p+1, owner's tag): p is the newest position that the owner claimed, or is about to
//!         decided  (q, OPEN) ── CAS, once ──▶ (d, DECIDED)    what the bias granted at q came to
//!
//! owner:    p = claimed's position; claimed.store((p+1, me)); light fence;
//!           index is (q, BIASED(s)) still? p is claimed
//! revoker:  index.CAS(BIASED → REVOKING); heavy fence; d = claimed's position;
//!           decided.CAS((q, OPEN) → (d, DECIDED)), or what another decided; index.CAS(REVOKING → (d, tag))
//! the owner finds it revoked:  decided.CAS((q, OPEN) → (p+1, DECIDED)), or what another decided;
//!           index.CAS(REVOKING → (d, me)); d == p+1? p is claimed : it is not, and claims by CAS
//! ```
//!
//! The fence is that of the eventcount (see `sys::membarrier`): either the owner's look at the index
//! comes after the revoker's CAS, or the revoker sees the owner's claim. So a position that an owner
//! began without finding the bias revoked is below d. One that it was about to begin when it found it
//! revoked may be either, and `decided` says which, to everybody, for as long as the owner may ask: a
//! seat is not used again before its owner knows that its bias is over. After that all is as if the
//! owner had claimed every position below d by CAS: it finished those below d-1, and d-1 is
//! attributed to it by the index word. (After biased locks, and the asymmetric Dekker protocol of Dice et
//! al.)
//!
//! **A process dies here.** The owner, before `claimed`: nothing happened; after it: d-1 was claimed by
//! the dead, and never committed. A revoker: the next one finds REVOKING and goes on; every step of it
//! is one CAS from a word that comes only once, because q does: only who claimed q-1 by CAS can be
//! granted a bias at q, and tries once. Between seat and grant: the seat is of the dead, and whoever
//! takes it over revokes what the index may still say of it.
//!
//! **Paused for a minute.** An owner keeps nobody waiting: what it was about to claim is decided for it.
//! Its late `claimed` falls on a seat that is still its own. A late revoker's CAS fail.
//!
//! **Ten threads here.** A bias belongs to a thread. Others that share the end claim by CAS, and end
//! it. (No operation may be called by a handler of a signal that came in the middle of another.)
//!
//! **Fork here.** The child's tag is another: it does not act as the owner, and the seat is not its own. Its
//! copy of the end may name a seat that another end of the child's has by now; so the end's own tag counts
//! (`Progress::held`), not that of the seat.
//!
//! **Who looks** takes the newest word of `claimed` for a claim, which it may not be yet. Whoever does something
//! about it settles first, and finds whether it still is so.

use super::progress::{ALONE, Held, Progress};
use super::ring::{Actor, cas};
use super::words::{Index, Shape};
use crate::raw::hook::point;
use crate::raw::sync::{
    AtomicU32, AtomicU64, Ordering, bias_pays, fence, heavy_fence, light_fence,
};
use crate::segment::{Peers, Tag};

// Ordering:
// [B1] claimed.store(Release) ↔ load(Acquire)   all positions before it are finished
// [B2] claimed.store, light_fence, load(index) ↔ CAS(index), heavy_fence, load(claimed)
//      one of the two sees the other
// [B4] decided: CAS(AcqRel)   one decision, and who learns of it sees what led to it
// [B5] owner.store(0, Release) ↔ CAS(owner, AcqRel)   the seat is at rest
// [T1] of the ring
// [P1] bar: a hint

/// Ends of one side that can have a seat at a time.
pub(crate) const SEATS: usize = if cfg!(loom) { 2 } else { 16 };

/// A bias that did not last for so many claims was not worth its end.
const WORTH: u64 = 4096;
/// Claims that an end has to make alone at most, where it never is worth it.
const HIGHEST_BAR: u32 = 1 << 14;

/// Nanoseconds from claim to claim from which on a bias is not worth it: a receiver that works long on each
/// message is to look after the dead, and at what comes back, before each.
const SLOW: u64 = if cfg!(any(test, loom)) { 1 << 62 } else { 100_000 };

const BIASED: u32 = 1;
const REVOKING: u32 = 0;
/// Where the tag stands in an index word, in the words of `decided`.
const OPEN: u64 = 0;
const DECIDED: u64 = 1;
const POSITION_SHIFT: u32 = crate::segment::tag::TAG_BITS;

/// Where an owner keeps its claims. Zero bytes are a free one.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub(crate) struct Seat {
    pub(in crate::raw) owner: AtomicU64,
    pub(in crate::raw) claimed: AtomicU64,
    decided: AtomicU64,
}

#[cfg(test)]
impl Seat {
    /// Writes what this crate never does.
    pub(super) fn overwrite(&self, with: u64) {
        for word in [&self.owner, &self.claimed, &self.decided] {
            word.store(with, Ordering::Relaxed);
        }
    }
}

/// An index word, with two cache lines of its own.
#[repr(C, align(128))]
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) index: AtomicU64,
    /// How many claims in a row it takes to be granted the bias.
    bar: AtomicU32,
}

impl Line {
    /// One whose index word is this.
    #[cfg(any(test, loom))]
    pub(crate) fn at(word: u64) -> Line {
        Line { index: AtomicU64::new(word), ..Line::default() }
    }

    /// Forgets how short the last biases were.
    #[cfg(test)]
    pub(super) fn lower_bar(&self) {
        self.bar.store(0, Ordering::Relaxed); // [P1]
    }
}

/// One side of a ring: what leads to the next position to send at, or to receive from.
#[derive(Clone, Copy)]
pub(crate) struct Side<'r> {
    pub(crate) line: &'r Line,
    pub(crate) seats: &'r [Seat; SEATS],
}

impl<'r> Side<'r> {
    /// The seat that a word of the index leads to, if it is biased.
    #[inline(always)]
    fn seat_of(self, word: u64) -> Option<(usize, &'r Seat)> {
        let (number, _) = Index::of(word).tag.as_reserved()?;
        let number = number as usize;
        Some((number, self.seats.get(number)?))
    }

    #[inline(always)]
    pub(super) fn is_biased(self, word: u64) -> bool {
        self.seat_of(word).is_some()
    }

    /// What a word of the index comes to.
    #[inline(always)]
    pub(super) fn meaning(self, word: u64) -> u64 {
        match self.seat_of(word) {
            None => word,
            Some((_, seat)) => seat.claimed.load(Ordering::Acquire), // [B1]
        }
    }

    /// The index word, or what its owner has in its place: a look without a claim. The owner's last claim may
    /// not be made after all, and with it what comes after was not reached.
    #[inline(always)]
    pub(super) fn look(self) -> u64 {
        self.meaning(self.line.index.load(Ordering::Acquire)) // [Q3]
    }

    /// Ends the bias, if there is one: the index word as it is for everybody.
    #[inline]
    pub(super) fn settle(self) -> u64 {
        loop {
            let word = self.line.index.load(Ordering::Acquire); // [Q3]
            match self.seat_of(word) {
                None => return word,
                Some((number, seat)) => self.revoke(word, number, seat),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn revoke(self, word: u64, number: usize, seat: &Seat) {
        let granted = Index::of(word).position;
        let revoking = Index::word(granted, Tag::reserved(number as u32, REVOKING));
        if word != revoking {
            if !cas(&self.line.index, word, revoking) {
                return;
            }
            point!("queue.bias.revoking");
        }
        heavy_fence(); // [B2]
        let Index { position, tag } = Index::of(seat.claimed.load(Ordering::Acquire)); // [B1]
        point!("queue.bias.before_decision");
        self.close(granted, (number, seat), decide(seat, granted, position), tag);
    }

    /// Says in the index word what was decided.
    fn close(self, granted: u64, (number, seat): (usize, &Seat), decided: u64, tag: Tag) {
        point!("queue.bias.decided");
        // Of a seat that was overwritten, nothing but that may come.
        let tag = if tag.is_participant() || tag == Tag::GONE { tag } else { Tag::NOBODY };
        let revoking = Index::word(granted, Tag::reserved(number as u32, REVOKING));
        let settled = Index::word(decided, tag);
        if cas(&self.line.index, revoking, settled) {
            // The seat may have lost its owner's tag meanwhile, and the tag may soon be another's.
            fence(Ordering::SeqCst); // [T1]
            let now = Index::of(seat.claimed.load(Ordering::Acquire)).tag; // [B1]
            if now == Tag::GONE && tag != Tag::GONE {
                cas(&self.line.index, settled, Index::word(decided, Tag::GONE));
            }
            let bar = self.line.bar.load(Ordering::Relaxed).clamp(ALONE, HIGHEST_BAR); // [P1]
            let short = Shape::distance(granted, decided) < WORTH;
            let bar = if short { (bar * 4).min(HIGHEST_BAR) } else { bar / 2 };
            self.line.bar.store(bar, Ordering::Relaxed); // [P1]
            point!("queue.bias.revoked");
        }
    }

    /// The word of the owner's next position.
    #[inline(always)]
    pub(super) fn next_of_owner(self, held: Held) -> u64 {
        self.seats[held.seat % SEATS].claimed.load(Ordering::Relaxed) // [B1]
    }

    /// Claims the owner's `next` position.
    ///
    /// # Errors
    /// The bias is over. True: the position was claimed all the same.
    #[inline(always)]
    pub(super) fn claim(self, progress: &Progress, held: Held, next: u64) -> Result<(), bool> {
        let claimed = Index::word_after(next);
        self.seats[held.seat % SEATS].claimed.store(claimed, Ordering::Release); // [B1]
        point!("queue.bias.before_look");
        light_fence(); // [B2]
        match self.line.index.load(Ordering::Acquire) == held.word {
            true => Ok(()),
            false => Err(self.claim_after_all(claimed, progress, held)),
        }
    }

    /// The owner found its bias revoked when it was about to claim. True: it did claim.
    #[cold]
    #[inline(never)]
    fn claim_after_all(self, claimed: u64, progress: &Progress, held: Held) -> bool {
        let Index { position, tag } = Index::of(claimed);
        let (granted, number) = (Index::of(held.word).position, held.seat % SEATS);
        point!("queue.bias.lost");
        let seat = &self.seats[number];
        let decided = decide(seat, granted, position);
        self.close(granted, (number, seat), decided, tag);
        progress.forget();
        decided == position
    }

    /// Whether the owner's slot is not ready because the bias is over. It then knows.
    #[cold]
    pub(super) fn is_over(self, progress: &Progress, held: Held) -> bool {
        let over = self.line.index.load(Ordering::Acquire) != held.word; // [Q3]
        if over {
            progress.forget();
        }
        over
    }

    /// Asks for the bias, for who just claimed the position before `next` by CAS, and has claimed for a
    /// while without another in between. True: the claim is the owner's first.
    #[cold]
    #[inline(never)]
    pub(super) fn ask<P: Peers>(
        self,
        actor: &Actor<'_, P>,
        progress: &Progress,
        next: u64,
    ) -> bool {
        let bar = self.line.bar.load(Ordering::Relaxed).clamp(ALONE, HIGHEST_BAR); // [P1]
        if !progress.was_alone_for(bar) {
            return false;
        }
        progress.count_anew(false);
        if progress.asked_before() / u64::from(bar) > SLOW {
            return false;
        }
        if !bias_pays() || !progress.may_ask(actor.me) {
            return false;
        }
        let granted = self.grant(actor, progress, next);
        if !granted {
            progress.forget();
        }
        granted
    }

    fn grant<P: Peers>(self, actor: &Actor<'_, P>, progress: &Progress, next: u64) -> bool {
        let Some(number) = progress.seat(actor.me).or_else(|| self.sit(actor, progress)) else {
            progress.count_anew(true);
            return false;
        };
        let Some(seat) = self.seats.get(number) else { return false };
        // Whoever looks at these found the seat in the index word.
        seat.decided.store(next << POSITION_SHIFT | OPEN, Ordering::Relaxed);
        let claimed = Index::word(next, actor.me);
        seat.claimed.store(claimed, Ordering::Relaxed);
        let biased = Index::word(next, Tag::reserved(number as u32, BIASED));
        point!("queue.bias.before_grant");
        if !cas(&self.line.index, claimed, biased) {
            return false;
        }
        progress.hold(biased);
        point!("queue.bias.granted");
        true
    }

    /// Takes a seat that is free, or a dead one's.
    fn sit<P: Peers>(self, actor: &Actor<'_, P>, progress: &Progress) -> Option<usize> {
        let mine = u64::from(actor.me.bits());
        let take = |seat: &Seat, of_the_dead: bool| {
            let word = seat.owner.load(Ordering::Acquire); // [B5]
            let owner = Tag::from_bits(word as u32);
            match (owner.is_nobody(), of_the_dead) {
                (true, false) => cas(&seat.owner, word, mine),
                (false, true) if actor.finds_dead(owner) => {
                    actor.take_over(owner, &seat.owner, word, mine)
                }
                _ => false,
            }
        };
        let find = |of_the_dead| self.seats.iter().position(|seat| take(seat, of_the_dead));
        let number = find(false).or_else(|| find(true))?;
        point!("queue.bias.seated");
        // Who died may have left the index to it.
        let word = self.line.index.load(Ordering::Acquire); // [Q3]
        if self.seat_of(word).is_some_and(|(named, _)| named == number) {
            self.settle();
        }
        progress.sit(actor.me, number);
        Some(number)
    }

    /// The end goes: gives its seat back.
    pub(super) fn leave(self, me: Tag, progress: &Progress) {
        let Some(seat) = progress.seat(me).and_then(|number| self.seats.get(number)) else {
            return;
        };
        let word = self.line.index.load(Ordering::Acquire); // [Q3]
        if self.seat_of(word).is_some_and(|(_, named)| std::ptr::eq(named, seat)) {
            self.settle();
        }
        seat.owner.store(0, Ordering::Release); // [B5]
    }
}

/// Decides what the bias granted at `granted` came to, unless that is decided.
fn decide(seat: &Seat, granted: u64, position: u64) -> u64 {
    let open = granted << POSITION_SHIFT | OPEN;
    let decided = position << POSITION_SHIFT | DECIDED;
    // [B4]
    match seat.decided.compare_exchange(open, decided, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => position,
        Err(before) => before >> POSITION_SHIFT,
    }
}
