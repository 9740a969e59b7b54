//! What the dead left in the ring: abandoned positions, and orphans.

use super::claim::Seen;
use super::ring::{Actor, Found, NoRoom, Ring, Words, cas};
use super::words::{CLOSED, Index, Phase, Shape, Slot};
use crate::raw::hook::point;
use crate::raw::sync::{Ordering, spin_loop};
use crate::segment::{Peers, Tag};

/// How often to look again at a message that is claimed but not committed, before asking the kernel
/// whether its producer lives: about the time that a living one takes.
const GRACE: u32 = if cfg!(loom) { 0 } else { 16 };

impl<W: Words> Ring<W> {
    /// Sees to it that the slot at tail is free, without claiming it.
    pub(crate) fn find_room<P: Peers>(&self, actor: &Actor<'_, P>) -> Result<(), NoRoom> {
        loop {
            let word = self.words.tail().look();
            let Index { position, tag } = Index::of(word);
            let slot = self.slot(position).load(Ordering::Acquire); // [Q2]
            if slot == self.shape.empty(position) && tag != CLOSED {
                return Ok(());
            }
            self.make_room(actor, Seen { word, slot })?;
        }
    }

    /// Deals with what keeps the slot at tail from being claimed. `Ok`: look again.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        seen: Seen,
    ) -> Result<(), NoRoom> {
        let Seen { word, slot: found } = seen;
        let Index { position, tag } = Index::of(word);
        if tag == CLOSED {
            return Err(NoRoom::Closed);
        }
        let tail = self.words.tail();
        if tail.look() != word {
            return Ok(());
        }
        let before = self.shape.a_lap_before(position);
        let slot = Slot::of(found);
        if slot.lap != self.shape.lap(before) {
            return Err(NoRoom::Full); // overwritten by something else: do not spin on it
        }
        match slot.phase {
            Phase::Writing if slot.tag.is_nobody() => {
                if !self.skip(actor, before) {
                    return Err(NoRoom::Full); // overwritten, too
                }
            }
            Phase::Writing if actor.finds_dead(slot.tag) => {
                self.abandon(actor, slot.tag, before, found);
            }
            // Capacity 1: the predecessor is this very slot, and only tail knows its claimant.
            Phase::Empty
                if self.shape.capacity() == 1 && !tag.is_nobody() && actor.finds_dead(tag) =>
            {
                // Who was about to claim under the bias may not have.
                if tail.settle() == word {
                    self.abandon(actor, tag, before, found);
                }
            }
            // Orphans are the consumers' business.
            _ => return Err(NoRoom::Full),
        }
        Ok(())
    }

    /// Makes a position abandoned that the dead `tag` claimed, and never committed.
    fn abandon<P: Peers>(&self, actor: &Actor<'_, P>, tag: Tag, position: u64, from: u64) {
        let abandoned = self.shape.writing(position, Tag::NOBODY);
        if actor.take_over(tag, self.slot(position), from, abandoned) {
            point!("queue.abandoned");
        }
    }

    /// Deals with a head at which no message lies.
    #[cold]
    pub(super) fn find_message<P: Peers>(&self, actor: &Actor<'_, P>, seen: Seen) -> Found {
        let Seen { word, slot: found } = seen;
        let position = Index::of(word).position;
        let slot = Slot::of(found);
        if slot.lap == self.shape.lap(position) {
            match slot.phase {
                Phase::Writing if slot.tag.is_nobody() => {
                    self.skip(actor, position);
                    return Found::Moved;
                }
                Phase::Writing | Phase::Empty => {
                    if self.claimant_died(actor, position, found) {
                        return Found::Moved;
                    }
                }
                Phase::Full | Phase::Reading => {}
            }
        }
        if self.words.head().look() != word {
            return Found::Moved;
        }
        match self.adopt_newest(actor) {
            Some(position) => Found::Adopted(position),
            None if self.words.head().look() != word => Found::Moved,
            None => Found::Nothing,
        }
    }

    /// Looks after the producer of a position that is not committed. True: look again.
    fn claimant_died<P: Peers>(&self, actor: &Actor<'_, P>, position: u64, found: u64) -> bool {
        let recorded = Slot::of(found);
        let tail = self.words.tail();
        let (word, claimant) = match recorded.phase {
            Phase::Writing => (None, recorded.tag),
            _ => {
                let word = tail.look();
                let newest = Index::of(word);
                if newest.position != self.shape.next(position) || newest.tag.is_nobody() {
                    return false; // not claimed, or a later claimant recorded it: seen next time
                }
                (Some(word), newest.tag)
            }
        };
        for _ in 0..GRACE {
            if self.slot(position).load(Ordering::Relaxed) != found {
                return true;
            }
            spin_loop();
        }
        if !actor.finds_dead(claimant) {
            return false;
        }
        // Who was about to claim under the bias may not have.
        if word.is_none_or(|word| tail.settle() == word) {
            self.abandon(actor, claimant, position, found);
        }
        true
    }

    /// Moves head past an abandoned position and frees its slot. Anybody may; a slot is freed only after
    /// head passed it, else it would be claimed for a lap that head has not reached. False: it has not, as
    /// a claim that was seen was not made after all. The bias that it was seen through is over.
    pub(super) fn skip<P: Peers>(&self, actor: &Actor<'_, P>, position: u64) -> bool {
        let head = self.words.head();
        loop {
            let word = head.settle();
            let at = Index::of(word).position;
            if at != position {
                let ahead = Shape::distance(at, position);
                if ahead <= self.shape.capacity() {
                    return false;
                }
                break;
            }
            self.record_receiver(word);
            point!("queue.skip.before_head");
            if cas(&head.line.index, word, Index::word(self.shape.next(position), actor.me)) {
                break;
            }
        }
        point!("queue.skip.before_free");
        let free = self.shape.emptied(self.shape.full(position));
        cas(self.slot(position), self.shape.writing(position, Tag::NOBODY), free);
        self.words.space().publish();
        true
    }

    /// Takes over the newest message that a consumer claimed, if that one died with it.
    pub(super) fn adopt_newest<P: Peers>(&self, actor: &Actor<'_, P>) -> Option<u64> {
        let head = self.words.head();
        let word = head.look();
        let Index { position, tag } = Index::of(word);
        let before = self.shape.prev(position);
        let (slot, full) = (self.slot(before), self.shape.full(before));
        let held = !tag.is_nobody() && slot.load(Ordering::Acquire) == full; // [Q4]
        // Who was about to claim under the bias may not have, but then it holds nothing else either.
        if !held || !actor.finds_dead(tag) || head.settle() != word {
            return None;
        }
        point!("queue.adopt.before_newest");
        let mine = self.shape.reading(before, actor.me);
        if !actor.take_over(tag, slot, full, mine) {
            return None;
        }
        point!("queue.adopted");
        Some(before)
    }

    /// Takes over a message that a dead consumer held while others went on, from `slots` on.
    /// Its system calls are one for each other tag it meets in a row; its time is that of a walk over
    /// the slots.
    #[cold]
    pub(crate) fn adopt_orphan<P: Peers>(
        &self,
        actor: &Actor<'_, P>,
        slots: std::ops::Range<usize>,
    ) -> Option<u64> {
        let mut living = actor.me;
        for index in slots {
            let word = self.words.slot(index);
            let found = word.load(Ordering::Acquire); // [Q4]
            let Slot { lap, tag, phase } = Slot::of(found);
            if phase != Phase::Reading || tag == living {
                continue;
            }
            if !actor.finds_dead(tag) {
                living = tag;
                continue;
            }
            point!("queue.adopt.before_orphan");
            let mine = Slot::word(lap, actor.me, Phase::Reading);
            if actor.take_over(tag, word, found, mine) {
                point!("queue.adopted");
                return Some(self.shape.position(lap, index));
            }
        }
        None
    }

    /// Moves head past every abandoned position it stands at, without taking a message.
    #[cold]
    pub(crate) fn pass_abandoned<P: Peers>(&self, actor: &Actor<'_, P>) {
        loop {
            let position = Index::of(self.words.head().look()).position;
            let found = self.slot(position).load(Ordering::Acquire); // [Q4]
            let Slot { lap, tag, phase } = Slot::of(found);
            if lap != self.shape.lap(position) {
                return;
            }
            match phase {
                Phase::Writing if tag.is_nobody() => {
                    self.skip(actor, position);
                }
                Phase::Writing | Phase::Empty if self.claimant_died(actor, position, found) => {}
                _ => return,
            }
        }
    }

    /// Where tail stands, if every position before it was received: none is committed and waiting,
    /// claimed by anybody, or left by the dead.
    pub(crate) fn drained_at(&self) -> Option<u64> {
        let tail = self.tail_position();
        let head = Index::of(self.words.head().look()).position;
        // Behind head an abandoned slot may not be freed yet: it holds no message.
        let none_held = || {
            (0..self.shape.capacity()).all(|position| {
                let slot = self.slot(position).load(Ordering::Acquire); // [Q2]
                matches!(Slot::of(slot).phase, Phase::Empty | Phase::Writing)
            })
        };
        (head == tail && none_held()).then_some(tail)
    }

    pub(crate) fn tail_position(&self) -> u64 {
        Index::of(self.words.tail().look()).position
    }
}
