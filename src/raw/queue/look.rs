//! What a receiver looks at before it finds nothing: the ring, the cells, the dead, and the end.

use std::ops::Range;

use super::RawMessages;
use super::claim::{Claim, How};
use super::layout::{Me, RawQueue};
use super::local::RecvEnd;
use crate::raw::eventcount::{Eventcount, Moment};
use crate::raw::sync::{Ordering, fence};
use crate::shared::Shared;
use crate::sys::clock::{Deadline, now_nanos};

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotReceived {
    /// Nothing came until the deadline.
    Empty,
    Closed,
}

/// A message that is the caller's.
pub(super) enum Taken {
    Slot(Claim),
    /// A small message in its slot, and a cell to move it to.
    SlotFor(Claim, usize),
    /// A leased one, that was leased before or is large.
    Cell(usize),
}

/// Which slots to look at for what dead consumers left there.
pub(super) struct Scan {
    slots: Range<usize>,
    /// What stirred before it began, if it will have looked at everything by its end.
    stir: Option<u32>,
}

/// One attempt to take a message from the ring, after such a scan of it.
pub(super) type Take<'t, T> = dyn Fn(&Me<'_, T>, Option<Scan>) -> Option<Taken> + 't;

/// How often a busy receiver looks after the dead, in nanoseconds.
const BUSY_LOOK: u64 = 64_000_000;
/// An idle one looks this long after its last look at the earliest,
const IDLE_LOOK: u64 = 64_000;
/// and this much longer for each slot: a look takes 1 ns for each, or less.
const IDLE_LOOK_SLOT: u64 = 64;
/// Slots that are looked at each time, in a ring of more.
const LOOK_SLOTS: usize = 1 << 18;

/// Wakes another sleeper if there is more. For who slept, and is about to go on.
///
/// Positions are finished out of order: who is woken for a later one finds nothing while an earlier
/// one is in use, and two wakes may have gone to who now takes the earlier one.
#[cold]
pub(super) fn pass_on(sleepers: &Eventcount, more: impl Fn() -> bool) {
    fence(Ordering::SeqCst); // [Q7]
    if more() {
        sleepers.publish();
    }
}

impl<T: Shared> RawQueue<T> {
    pub(super) fn wait_for(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        deadline: Deadline,
        take: &Take<'_, T>,
    ) -> Result<Taken, NotReceived> {
        self.wait_or(actor, end, deadline, take, &|| false).unwrap_or(Err(NotReceived::Empty))
    }

    /// Waits until something can be taken. `None`: the deadline passed, or `give_up` said so.
    pub(super) fn wait_or(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        deadline: Deadline,
        take: &Take<'_, T>,
        give_up: &dyn Fn() -> bool,
    ) -> Option<Result<Taken, NotReceived>> {
        if matches!(deadline, Deadline::Now) {
            let found = self.look(actor, end, take);
            // Who was found dead on the way to the head may have left what only a scan finds.
            let again = found.is_none() && self.has_stirred(end);
            return if again { self.look(actor, end, take) } else { found };
        }
        if !self.has_stirred(end) {
            let ready = || self.ring.head_is_full() || self.has_stirred(end);
            let came = end.spin.until(now_nanos(), ready);
            // What came meanwhile it takes before it looks after the dead: that takes so long that the
            // senders would fill a short ring, and go to sleep.
            if came
                && !self.has_stirred(end)
                && let Some(taken) = take(actor, None)
            {
                self.look_now_and_then(end);
                return Some(Ok(taken));
            }
        }
        let mut slept = false;
        let look = |moment: Moment| {
            slept |= moment != Moment::Awake;
            match self.look(&actor.at(moment), end, take) {
                None if give_up() => Some(None),
                None => None,
                found => Some(found),
            }
        };
        let found = self.header.items.wait(deadline, look).flatten();
        if slept {
            pass_on(&self.header.items, || self.ring.head_stirs());
        }
        found
    }

    /// Begins a wait.
    #[inline]
    pub(super) fn begin_wait(&self, end: &RecvEnd) {
        let run = end.progress.run(self.ring.head_position());
        end.spin.learn(run, self.ring.longest_pause());
    }

    /// One look at everything that there is to receive.
    fn look(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        take: &Take<'_, T>,
    ) -> Option<Result<Taken, NotReceived>> {
        let capacity = self.ring.shape.capacity() as usize;
        // Read before the scan: what stirs during it is due next time.
        let stir = self.stir();
        let stirred = stir != end.seen.load(Ordering::Relaxed); // [P1]
        let due = stirred || end.looked.due(self.pace());
        let scan = if due {
            if let Some(number) = self.scan_cells(actor, true) {
                return Some(Ok(Taken::Cell(number)));
            }
            let slots = if stirred { 0..capacity } else { self.next_slots(end) };
            Some(Scan { slots, stir: stirred.then_some(stir) })
        } else {
            None
        };
        if let Some(taken) = take(actor, scan) {
            return Some(Ok(taken));
        }
        if self.no_more_comes(actor, due) {
            // What was sent before that is visible now: look at everything once more.
            if let Some(number) = self.scan_cells(actor, true) {
                return Some(Ok(Taken::Cell(number)));
            }
            if let Some(taken) = take(actor, Some(Scan { slots: 0..capacity, stir: None })) {
                return Some(Ok(taken));
            }
            if self.is_settled() {
                // Others may have looked just before, and sleep.
                self.header.items.publish_to(u32::MAX);
                return Some(Err(NotReceived::Closed));
            }
        }
        self.header.drained.publish_if(|| self.ring.len() == 0);
        None
    }

    /// How long after its last look an idle receiver looks after the dead again.
    fn pace(&self) -> u64 {
        let slots = self.ring.shape.capacity().min(LOOK_SLOTS as u64);
        IDLE_LOOK + IDLE_LOOK_SLOT * slots
    }

    /// The part of a long ring whose turn it is.
    fn next_slots(&self, end: &RecvEnd) -> Range<usize> {
        let capacity = self.ring.shape.capacity() as usize;
        if capacity <= LOOK_SLOTS {
            return 0..capacity;
        }
        let start = end.cursor.fetch_add(LOOK_SLOTS as u64, Ordering::Relaxed) as usize % capacity; // [P1]
        start..(start + LOOK_SLOTS).min(capacity)
    }

    /// Moves when a lease came back, and when somebody was found dead.
    #[inline]
    fn stir(&self) -> u32 {
        let returned = self.header.returned.load(Ordering::Acquire); // [C4]
        returned.wrapping_add(self.deaths.load(Ordering::Acquire))
    }

    /// Whether something stirred that this end made no scan for.
    #[inline]
    pub(super) fn has_stirred(&self, end: &RecvEnd) -> bool {
        self.stir() != end.seen.load(Ordering::Relaxed) // [P1]
    }

    /// Under load, too, somebody has to look after the dead: makes the next receive do so.
    #[cold]
    #[inline(never)]
    pub(super) fn look_now_and_then(&self, end: &RecvEnd) {
        if end.looked.due(BUSY_LOOK) {
            end.seen.store(self.stir().wrapping_sub(1), Ordering::Relaxed); // [P1]
        }
        if self.has_stirred(end) {
            self.ring.interrupt_receiver();
        }
    }

    /// An owner of the head does not look at what stirs. Who may just have become it looks once more:
    /// who stirs tells it so afterwards.
    #[inline]
    pub(super) fn notice_what_stirred(&self, end: &RecvEnd, claim: Claim) {
        if claim.how == How::NewOwner {
            fence(Ordering::SeqCst); // [Q8]
            if self.has_stirred(end) {
                self.ring.interrupt_receiver();
            }
        }
    }

    /// Whether nobody will send any more, for the time being.
    fn no_more_comes(&self, actor: &Me<'_, T>, due: bool) -> bool {
        self.ring.is_closed()
            || ((due || self.header.senders.says_gone()) && self.senders().all_gone(actor))
    }

    /// One attempt to take a message from the ring, looking for orphans first.
    pub(super) fn take(
        &self,
        actor: &Me<'_, T>,
        end: &RecvEnd,
        scan: Option<Scan>,
    ) -> Option<Taken> {
        if let Some(Scan { slots, stir }) = scan {
            if let Some(position) = self.ring.adopt_orphan(actor, slots) {
                return Some(Taken::Slot(Claim::adopted(position)));
            }
            if let Some(stir) = stir {
                end.seen.store(stir, Ordering::Relaxed); // [P1]
            }
        }
        let claim = self.ring.claim_head(actor, &end.progress)?;
        self.notice_what_stirred(end, claim);
        Some(Taken::Slot(claim))
    }
}
