//! The ring: positions claimed through two index words that say who moved them.
//!
//! ```text
//! slot, lap l:
//!   E(l) ── claimed: tail (l,t)→next ──▶ E(l), in use ── commit: store F(l) ──▶ F(l)
//!              next claimant finds it unfinished │                  ▲
//!                            └──────────▶ W(l,t) ┴── commit ────────┘
//!                                            │ t dead: CAS
//!                                            ▼
//!                                         W(l,0) abandoned ── head passed it: CAS ──▶ E(l+1)
//!   F(l) ── claimed: head (l,t)→next ──▶ F(l), in use ── release: store E(l+1) ──▶ E(l+1)
//!              next claimant finds it unfinished │                  ▲
//!                            └──────────▶ R(l,t) ┴── release ───────┘
//!                                            │ t dead: CAS, adopted by me
//!                                            └──────────▶ R(l,me) ── release ──▶ E(l+1)
//! tail, head: (p, t): p is the next position to claim, t claimed the one before it
//! tail also:  (p, CLOSED): nothing is claimed any more
//! ```
//!
//! A claim and its owner are one CAS of an index word. Position p is attributed by the index word
//! while p is the newest claim, and by its slot from before the index word moves on: who claims p+1
//! *records* p in its slot first, if it is unfinished. Only the endpoint that finished p itself may
//! skip that look, and knows so by position (a tag stands for all threads of a process). What
//! follows a claim is plain stores by its owner; nobody takes anything from the living.
//!
//! **A process dies here.** Before the CAS: nothing happened. Between CAS and commit: the message
//! was never sent; whoever meets the slot makes it W(l,0), and it is passed over. Between head's CAS
//! and the release: the message was never received; [`adopt_newest`](Ring::adopt_newest) finds the
//! newest such claim, [`adopt_orphan`](Ring::adopt_orphan) the recorded ones. In recovery: each of
//! its steps is one CAS from an exact word, which leaves a state that the next one goes on from.
//!
//! **Paused for a minute.** Before its CAS it holds nothing, and the CAS fails if anything moved.
//! After it, its slot stays its own: producers a lap behind it find the ring full, consumers that
//! reach an unfinished message find nothing. That is why leases and reservations do not live here.
//!
//! **Ten threads here.** One wins each CAS. They may share a tag and an endpoint: no step asks
//! "is this mine", except the endpoint's `finished`, which names a position that *is* finished.
//!
//! **Fork here.** A claim belongs to the parent's tag; the child has no thread inside these functions
//! unless it forked in a signal handler, and then acts under a tag of its own.
//!
//! **An end that is alone** on its side is granted the side, and claims by plain stores ([`bias`](super::bias)).
//! Where its index word is looked at for a hint, what its owner claimed counts in its place
//! (`look`); who is about to change it, or to act on whom it names, ends the bias first (`settle`).
//!
//! **Closing** is a claim of everything that is left: it records the unfinished predecessor, then
//! CASes (p,t) to (p,CLOSED). Every send that succeeds claimed before that CAS, and no later one
//! can, so "closed, and nothing there" is final. The reserved tag loses the attribution of p-1, which is
//! therefore in its slot already: either that is F, or W(l,t), recorded before. So
//! * a consumer's "E(l), and the claimant of l in tail is dead" never has to ask about CLOSED: an
//!   unfinished claim before it was recorded, and CLOSED counts as living;
//! * producers, their full detection and the case of capacity 1 see CLOSED first, and stop;
//! * a closer that dies after recording did what any claimant does; one that is paused there finds
//!   tail moved, and looks again; of two, one closes and the other finds it closed;
//! * abandoned slots are skipped by consumers alone from then on, which is all that is needed, as
//!   nobody waits for room.
//!
//! **Tags of the dead may turn into [`Tag::GONE`]** anywhere, at any time (the segment does that before
//! it gives a row's generation out again). A CAS of an index word may thus fail without its
//! position having moved: [`skip`](Ring::skip) has to tell these apart, everything else starts again.

use super::bias::Side;
use super::claim::{Claim, Head, How, Own, Seen, Tail};
use super::progress::Progress;
use super::words::{CLOSED, Index, Shape, Slot};
use crate::raw::eventcount::{Eventcount, Moment};
use crate::raw::hook::point;
use crate::raw::sync::{AtomicU64, Ordering, fence};
use crate::segment::{Look, Peers, Tag};

// Ordering:
// [Q1] commit: store(F, Release) ↔ claim_head: load(slot, Acquire)   the payload is visible to its reader
// [Q2] release: store(E, Release) ↔ claim_tail: load(slot, Acquire)  it was read before it is overwritten
// [Q3] claims: CAS(index, AcqRel) ↔ load(index, Acquire), also of failed claims: who sees a position
//      claimed sees its predecessor recorded, and the slot as its claimant saw it
// [Q4] recovery: CAS(slot, AcqRel) ↔ load(slot, Acquire)   what was taken over is seen as it was left
// [Q5] record: load(slot, Relaxed) is only a hint; the CAS decides, and [Q3] publishes it
// [Q6] finished: store(position + 1, Release) after [Q1] or [Q2] ↔ load(Acquire) by a thread that shares
//      the endpoint and skips the record: the predecessor is finished for whoever sees its claim
// [Q7] passing on a wake: the claim, fence(SeqCst), a look at what follows ↔ [Q1] or [Q2], and the
//      publisher's fence: either it is seen, or its own wake found somebody who looks after this claim
// [Q8] a lease comes back: returned += 1, fence(SeqCst), load(head) ↔ a bias is granted: CAS(head),
//      fence(SeqCst), load(returned)   the bias is revoked, or its owner sees what came back

// [T1] a tag is copied: CAS(to), fence(SeqCst), load(from) ↔ it is cleared: CAS(from), fence(SeqCst), load(to)
//      one of the two sees the other, and no tag of the dead is left

/// Where the words of a ring lie.
pub(crate) trait Words {
    fn tail(&self) -> Side<'_>;
    fn head(&self) -> Side<'_>;
    /// The word of a slot, by an index below the capacity.
    fn slot(&self, index: usize) -> &AtomicU64;
    /// Published when a slot becomes free.
    fn space(&self) -> &Eventcount;
}

/// Who does something to a queue, and how closely it looks at who is in its way.
pub(crate) struct Actor<'a, P> {
    pub(crate) peers: &'a P,
    pub(crate) me: Tag,
    pub(crate) look: Look,
}

impl<'a, P: Peers> Actor<'a, P> {
    #[inline]
    pub(crate) fn new(peers: &'a P) -> Self {
        Actor { peers, me: peers.me(), look: Look::Quick }
    }

    /// The same, looking as closely as is due at this moment of a wait.
    pub(crate) fn at(&self, moment: Moment) -> Self {
        let look = match moment {
            Moment::Awake => self.look,
            Moment::Napped(look) => look,
        };
        Actor { peers: self.peers, me: self.me, look }
    }

    pub(crate) fn finds_dead(&self, tag: Tag) -> bool {
        tag.is_nobody() || self.peers.is_dead(tag, self.look)
    }

    /// CASes `word` from a claim of the dead `tag`. True: done.
    pub(crate) fn take_over(&self, tag: Tag, word: &AtomicU64, from: u64, to: u64) -> bool {
        let cas = || cas(word, from, to);
        if tag.is_participant() { self.peers.take_over(tag, cas) == Some(true) } else { cas() }
    }
}

/// A strong CAS of a slow path.
pub(crate) fn cas(word: &AtomicU64, from: u64, to: u64) -> bool {
    word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok() // [Q3] [Q4]
}

/// Why no position could be claimed to send at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoRoom {
    Full,
    Closed,
}

/// The protocol over the words of a ring.
pub(crate) struct Ring<W> {
    pub(crate) words: W,
    pub(crate) shape: Shape,
}

impl<W: Words> Ring<W> {
    #[inline]
    pub(super) fn slot(&self, position: u64) -> &AtomicU64 {
        self.words.slot(self.shape.index(position))
    }

    /// Claims the next position to send at.
    #[inline]
    pub(crate) fn claim_tail<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        progress: &Progress,
    ) -> Result<Claim, NoRoom> {
        loop {
            match self.claim_free_tail(actor, progress) {
                Ok(claim) => return Ok(claim),
                Err(seen) => self.make_room(actor, seen)?,
            }
        }
    }

    /// Claims the next position to send at, if its slot is free; asks about nobody.
    #[inline]
    pub(crate) fn claim_free_tail<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        progress: &Progress,
    ) -> Result<Claim, Seen> {
        self.claim::<Tail, P>(actor, progress)
    }

    /// The same for the side's owner alone.
    ///
    /// # Errors
    /// As [`claim_as_owner`](Ring::claim_as_owner).
    #[inline(always)]
    pub(crate) fn claim_own_tail(
        &self,
        me: Tag,
        progress: &Progress,
    ) -> Result<Own<'_>, Option<u64>> {
        self.claim_as_owner::<Tail>(me, progress)
    }

    /// Tells an end that it finished a position of its own.
    #[inline(always)]
    pub(crate) fn finish(&self, progress: &Progress, claim: Claim) {
        match claim.how {
            How::AmongOthers => progress.finish(claim.position),
            How::Owner | How::NewOwner | How::Adopted => {}
        }
    }

    /// Ends a bias of the receivers' side: what came back is to be looked at before the next message.
    pub(crate) fn interrupt_receiver(&self) {
        self.words.head().settle();
    }

    /// The ends go: what they had beside the ring is free.
    pub(crate) fn leave(&self, me: Tag, sends: &Progress, receives: &Progress) {
        self.words.tail().leave(me, sends);
        self.words.head().leave(me, receives);
    }

    /// Commits a message: from here on it was sent.
    #[inline]
    pub(crate) fn commit(&self, position: u64) {
        point!("queue.send.before_commit");
        self.slot(position).store(self.shape.full(position), Ordering::Release); // [Q1]
        point!("queue.send.committed");
    }

    /// The same by the owner.
    #[inline(always)]
    pub(crate) fn commit_own(&self, own: Own<'_>) {
        point!("queue.send.before_commit");
        own.slot.store(Shape::filled(own.word), Ordering::Release); // [Q1]
        point!("queue.send.committed");
    }

    /// Claims the next message.
    #[inline]
    pub(crate) fn claim_head<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        progress: &Progress,
    ) -> Option<Claim> {
        loop {
            let seen = match self.claim_full_head(actor, progress) {
                Ok(claim) => return Some(claim),
                Err(seen) => seen,
            };
            match self.find_message(actor, seen) {
                Found::Moved => {}
                Found::Adopted(position) => return Some(Claim::adopted(position)),
                Found::Nothing => return None,
            }
        }
    }

    /// Claims the next message, if it lies at the head; asks about nobody.
    #[inline]
    pub(crate) fn claim_full_head<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        progress: &Progress,
    ) -> Result<Claim, Seen> {
        self.claim::<Head, P>(actor, progress)
    }

    /// The same for the side's owner alone.
    ///
    /// # Errors
    /// As [`claim_as_owner`](Ring::claim_as_owner).
    #[inline(always)]
    pub(crate) fn claim_own_head(
        &self,
        me: Tag,
        progress: &Progress,
    ) -> Result<Own<'_>, Option<u64>> {
        self.claim_as_owner::<Head>(me, progress)
    }

    /// Releases a claimed message's slot: from here on it was received.
    #[inline]
    pub(crate) fn release(&self, position: u64) {
        point!("queue.recv.before_release");
        let empty = self.shape.emptied(self.shape.full(position));
        self.slot(position).store(empty, Ordering::Release); // [Q2]
        point!("queue.recv.released");
    }

    /// The same by the owner.
    #[inline(always)]
    pub(crate) fn release_own(&self, own: Own<'_>) {
        point!("queue.recv.before_release");
        own.slot.store(self.shape.emptied(own.word), Ordering::Release); // [Q2]
        point!("queue.recv.released");
    }

    /// Lets no further position be claimed. False: it was closed already.
    pub(crate) fn close(&self) -> bool {
        let tail = self.words.tail();
        loop {
            let word = tail.settle();
            let Index { position, tag } = Index::of(word);
            if tag == CLOSED {
                return false;
            }
            self.record_sender(word);
            point!("queue.close.recorded");
            if cas(&tail.line.index, word, Index::word(position, CLOSED)) {
                point!("queue.closed");
                return true;
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        Index::of(self.words.tail().look()).tag == CLOSED
    }

    /// How many positions were claimed to send at, and not yet to receive from.
    pub(crate) fn len(&self) -> u64 {
        // Head first: it never overtakes tail, so the distance may be too long but never negative.
        let head = Index::of(self.words.head().look()).position;
        let tail = Index::of(self.words.tail().look()).position;
        Shape::distance(head, tail).min(self.shape.capacity())
    }

    pub(crate) fn head_position(&self) -> u64 {
        Index::of(self.words.head().look()).position
    }

    /// A look without a claim: whether a message is at the head.
    #[inline]
    pub(crate) fn head_is_full(&self) -> bool {
        let position = self.head_position();
        self.slot(position).load(Ordering::Relaxed) == self.shape.full(position)
    }

    /// A look without a claim: whether a message, or something to pass over, is at the head.
    pub(crate) fn head_stirs(&self) -> bool {
        let position = self.head_position();
        self.slot(position).load(Ordering::Relaxed) != self.shape.empty(position)
    }

    /// A look without a claim: whether there is room at the tail, or it is closed.
    #[inline]
    pub(crate) fn tail_has_room(&self) -> bool {
        let Index { position, tag } = Index::of(self.words.tail().look());
        tag == CLOSED || self.slot(position).load(Ordering::Relaxed) == self.shape.empty(position)
    }

    /// Writes the claimant of the position before `word`'s into its slot, if it is not committed yet.
    #[inline]
    pub(super) fn record_sender(&self, word: u64) {
        let Index { position, tag } = Index::of(word);
        let before = self.shape.prev(position);
        let slot = self.slot(before);
        let (from, to) = (self.shape.empty(before), self.shape.writing(before, tag));
        if !tag.is_nobody() && slot.load(Ordering::Relaxed) == from {
            self.record(&self.words.tail().line.index, word, slot, from, to); // [Q5]
        }
    }

    /// Writes the claimant of the position before `word`'s into its slot, if it is not released yet.
    #[inline]
    pub(super) fn record_receiver(&self, word: u64) {
        let Index { position, tag } = Index::of(word);
        let before = self.shape.prev(position);
        let slot = self.slot(before);
        let (from, to) = (self.shape.full(before), self.shape.reading(before, tag));
        if !tag.is_nobody() && slot.load(Ordering::Relaxed) == from {
            self.record(&self.words.head().line.index, word, slot, from, to); // [Q5]
        }
    }

    #[cold]
    #[inline(never)]
    fn record(&self, index: &AtomicU64, word: u64, slot: &AtomicU64, from: u64, to: u64) {
        point!("queue.before_record");
        if !cas(slot, from, to) {
            return;
        }
        // The index word may have lost its tag meanwhile, and the tag may soon be another's.
        fence(Ordering::SeqCst); // [T1]
        let now = index.load(Ordering::Acquire); // [Q3]
        let (then, now) = (Index::of(word), Index::of(now));
        if now.position == then.position && now.tag == Tag::GONE && then.tag != Tag::GONE {
            let Slot { lap, phase, .. } = Slot::of(to);
            cas(slot, to, Slot::word(lap, Tag::GONE, phase));
        }
    }
}

/// What a consumer that found no message at the head did about it.
pub(super) enum Found {
    /// Something changed: look again.
    Moved,
    /// Took a message over from a dead consumer.
    Adopted(u64),
    /// Nothing is there, or a living producer is still writing it.
    Nothing,
}
