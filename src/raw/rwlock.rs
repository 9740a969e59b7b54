//! The reader-writer claim: one writer by its tag, and a count of readers for each participant row.
//!
//! | bits of the word | meaning |
//! |---|---|
//! | 31 | somebody sleeps |
//! | 30 | draining: claimed, but readers may still be inside; nothing was written yet |
//! | 0–23 | the writer's tag; 0 none |
//!
//! ```text
//! read:   word free? count up in my row; word still free? inside : count down, wait
//! write:  CAS free → DRAINING|me; wait until no living reader is counted; CAS → me (writing)
//! dead:   DRAINING|dead: anybody makes it free or its own: nothing was written
//!         dead (writing): readers and writers are told OwnerDied; recover: CAS dead → me; a reader
//!         that is stopped while it looks at the word? GONE, and Held
//! ```
//!
//! Reader and writer each store (count, word) and then load the other's (word, counts), all four
//! sequentially consistent: at least one sees the other. A dead reader's count is found by the writer
//! that waits for it; a count of another generation is nobody's. Readers do not share a cache line.
//! A recoverer goes straight to writing, so that its own death is again an OwnerDied; readers that
//! count up meanwhile leave at once, unless they are stopped. An unlock that finds sleepers wakes them all.

use super::eventcount::{Eventcount, Moment};
use super::hook::point;
use super::lock::{Held, Refused};
use super::row_count::RowCount;
use super::sync::{AtomicU32, Ordering, futex_wait, futex_wake};
use crate::segment::mapped::InPlace;
use crate::segment::{Look, Peers, Tag};
use crate::sys::clock::{Deadline, Naps};

#[cfg(all(test, not(loom)))]
mod deaths;

// Ordering:
// [RW1] read: count += 1 (SeqCst), load(word, SeqCst) ↔ write: CAS(word, SeqCst), load(count, SeqCst)
//       a reader inside is seen by the writer, or the writer's claim by the reader
// [RW2] unlock of a writer: CAS(Release) ↔ read: load(word, SeqCst: Acquire)   the contents are visible
// [RW3] a reader's count −= 1 (Release) ↔ write: load(count, SeqCst: Acquire)   it read before the write

const SLEEPERS: u32 = 1 << 31;
const DRAINING: u32 = 1 << 30;

/// The writers' word, and where a writer waits for readers. Zero bytes are a free one.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RwWord {
    word: AtomicU32,
    drained: Eventcount,
}

/// Where in an [`RwWord`] its writers wait for readers.
pub(crate) const DRAINED_AT: usize = std::mem::offset_of!(RwWord, drained);

/// One participant's readers, on a cache line of their own.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct ReaderLine(RowCount);

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for RwWord {}
// SAFETY: [INP-1] an atomic and padding.
unsafe impl InPlace for ReaderLine {}

/// A reader-writer claim in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RwClaim<'m> {
    pub(crate) state: &'m RwWord,
    pub(crate) readers: &'m [ReaderLine],
}

impl RwClaim<'_> {
    /// Enters as a reader, under the tag that is returned.
    #[inline]
    pub(crate) fn read(self, peers: &impl Peers, deadline: Deadline) -> Result<Tag, Refused> {
        let me = peers.me();
        if Tag::from_bits(self.state.word.load(Ordering::Relaxed)).is_nobody() && self.enter(me) {
            return Ok(me);
        }
        self.read_contended(peers, me, deadline)
    }

    #[inline]
    fn enter(self, me: Tag) -> bool {
        point!("rwlock.entering");
        let mine = &self.readers[me.row() as usize].0;
        if !mine.add(me, Ordering::SeqCst) {
            return false;
        }
        point!("rwlock.counted");
        let word = self.state.word.load(Ordering::SeqCst); // [RW1] [RW2]
        if Tag::from_bits(word).is_nobody() {
            return true;
        }
        self.leave(me);
        false
    }

    /// Counts a reader down, and tells a writer that may wait for it.
    #[inline]
    fn leave(self, me: Tag) {
        if self.readers[me.row() as usize].0.subtract(me, Ordering::Release) == Some(0) {
            point!("rwlock.left");
            self.state.drained.publish(); // [RW3]
        }
    }

    #[cold]
    fn read_contended(
        self,
        peers: &impl Peers,
        me: Tag,
        deadline: Deadline,
    ) -> Result<Tag, Refused> {
        let mut naps = Naps::until(deadline);
        let mut look = None;
        loop {
            let word = self.state.word.load(Ordering::Relaxed);
            if Tag::from_bits(word).is_nobody() {
                if self.enter(me) {
                    return Ok(me);
                }
                if self.readers[me.row() as usize].0.is_full(me) {
                    // A million readers in this process: wait for one to leave.
                    let nap = naps.next().ok_or(Refused::Timeout)?;
                    futex_wait(&self.state.word, word, nap);
                }
            } else if !self.free_if_dead_drainer(peers, word, look)? {
                look = Some(self.nap(peers, word, &mut naps)?);
                continue;
            }
        }
    }

    /// Leaves as a reader that entered under `tag`.
    #[inline]
    pub(crate) fn read_unlock(self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() == tag {
            self.leave(tag);
        }
    }

    /// Enters as the writer, under the tag that is returned.
    pub(crate) fn write(self, peers: &impl Peers, deadline: Deadline) -> Result<Tag, Refused> {
        let me = peers.me();
        let mut naps = Naps::until(deadline);
        let mut look = None;
        loop {
            let word = self.state.word.load(Ordering::Relaxed);
            if Tag::from_bits(word).is_nobody() {
                if self.cas(word, word & SLEEPERS | DRAINING | me.bits()) {
                    break;
                }
            } else if !self.free_if_dead_drainer(peers, word, look)? {
                look = Some(self.nap(peers, word, &mut naps)?);
            }
        }
        point!("rwlock.draining");
        if !self.wait_drained(peers, deadline) {
            point!("rwlock.giving_up");
            self.write_unlock(peers, me);
            return Err(Refused::Timeout);
        }
        point!("rwlock.drained");
        self.change(me, |word| word & SLEEPERS | me.bits());
        Ok(me)
    }

    /// Leaves as a writer that entered under `tag`.
    pub(crate) fn write_unlock(self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() == tag {
            self.change(tag, |_| 0); // [RW2]
        }
    }

    /// Leaves what a writer was writing poisoned.
    #[cold]
    pub(crate) fn poison(self, peers: &impl Peers, tag: Tag) {
        if peers.me_if_registered() == tag {
            self.change(tag, |_| Tag::POISONED.bits());
        }
    }

    /// Enters as the writer where nobody living is inside: after a death, a panic, or when free.
    #[cold]
    pub(crate) fn recover(self, peers: &impl Peers) -> Result<Tag, Held> {
        let me = peers.me();
        loop {
            let word = self.state.word.load(Ordering::Relaxed);
            let holder = Tag::from_bits(word);
            let writing = word & SLEEPERS | me.bits();
            if holder.is_nobody() || (word & DRAINING != 0 && holder != Tag::POISONED) {
                match self.write(peers, Deadline::Now) {
                    Ok(tag) => return Ok(tag),
                    Err(Refused::Timeout) => return Err(Held),
                    Err(_) => continue,
                }
            }
            let taken = if holder == Tag::POISONED {
                self.cas(word, writing)
            } else if peers.is_dead(holder, Look::Quick) {
                point!("rwlock.recover.before_cas");
                peers.take_over(holder, || self.cas(word, writing)) == Some(true)
            } else {
                return Err(Held);
            };
            if taken {
                point!("rwlock.recovered");
                if self.wait_drained(peers, Deadline::Now.or_shortly()) {
                    return Ok(me);
                }
                self.change(me, |_| Tag::GONE.bits());
                return Err(Held);
            }
        }
    }

    /// Looks at a claimed word. `Ok(true)`: a dead drainer was removed, or the word changed; look
    /// again. `Ok(false)`: somebody living has it.
    fn free_if_dead_drainer(
        self,
        peers: &impl Peers,
        word: u32,
        look: Option<Look>,
    ) -> Result<bool, Refused> {
        let holder = Tag::from_bits(word);
        if holder == Tag::POISONED {
            return Err(Refused::Poisoned);
        }
        // The dear question is asked after a nap; GONE answers itself.
        let asked = look.or((!holder.is_participant()).then_some(Look::Quick));
        point!("rwlock.before_look");
        if !asked.is_some_and(|look| peers.is_dead(holder, look)) {
            return Ok(false);
        }
        if word & DRAINING == 0 {
            // First the death, then the word: the writer may have left and ended since it was read,
            // but the dead change nothing.
            let now = self.state.word.load(Ordering::Relaxed);
            let left_so = Tag::from_bits(now) == holder && now & DRAINING == 0;
            return if left_so { Err(Refused::OwnerDied) } else { Ok(true) };
        }
        point!("rwlock.freeing");
        peers.take_over(holder, || self.cas(word, 0));
        futex_wake(&self.state.word, u32::MAX);
        Ok(true)
    }

    /// Sleeps until the word changes. At the deadline says why the caller was refused.
    fn nap(self, peers: &impl Peers, mut word: u32, naps: &mut Naps) -> Result<Look, Refused> {
        let Some(nap) = naps.next() else {
            return match self.free_if_dead_drainer(peers, word, Some(Look::Quick))? {
                true => Ok(Look::Quick),
                false => Err(Refused::Timeout),
            };
        };
        if word & SLEEPERS == 0 {
            if !self.cas(word, word | SLEEPERS) {
                return Ok(Look::Quick);
            }
            word |= SLEEPERS;
        }
        point!("rwlock.before_sleep");
        futex_wait(&self.state.word, word, nap);
        Ok(Look::after(naps))
    }

    /// Waits until no living reader is inside. The word is claimed, so no further one gets in.
    fn wait_drained(self, peers: &impl Peers, deadline: Deadline) -> bool {
        if self.is_drained(peers, None) {
            return true;
        }
        if deadline.left().is_none() {
            return self.is_drained(peers, Some(Look::Quick));
        }
        let drained = self.state.drained.wait(deadline, |moment| {
            let look = match moment {
                Moment::Napped(look) => Some(look),
                Moment::Awake => None,
            };
            self.is_drained(peers, look).then_some(())
        });
        drained.is_some() || self.is_drained(peers, Some(Look::Quick))
    }

    /// Whether no reader is counted; the dead are not, where there is time to look.
    fn is_drained(self, peers: &impl Peers, look: Option<Look>) -> bool {
        self.readers.iter().enumerate().all(|(row, ReaderLine(count))| {
            match count.owner(row, Ordering::SeqCst) {
                // [RW1] [RW3]
                None => true,
                Some((tag, readers)) => {
                    let dead = look.is_some_and(|look| peers.is_dead(tag, look));
                    dead && peers.take_over(tag, || count.forget(tag, readers)) == Some(true)
                }
            }
        })
    }

    /// Changes the word that this process holds under `tag`, and wakes everybody if somebody slept
    /// and it was given away.
    fn change(self, tag: Tag, next: impl Fn(u32) -> u32) {
        let mut word = self.state.word.load(Ordering::Relaxed);
        while Tag::from_bits(word) == tag {
            let to = next(word);
            match self.state.word.compare_exchange(word, to, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => {
                    if word & SLEEPERS != 0 && to & SLEEPERS == 0 {
                        point!("rwlock.before_wake");
                        futex_wake(&self.state.word, u32::MAX);
                    }
                    return;
                }
                Err(now) => word = now,
            }
        }
    }

    fn cas(self, from: u32, to: u32) -> bool {
        // [RW1]
        self.state.word.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }
}
