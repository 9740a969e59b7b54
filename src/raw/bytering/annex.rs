//! The annex: where messages lie that are longer than the ring.
//!
//! A file in memory may have holes. Beyond the bytes of a segment that are mapped, its file has room for
//! such messages, a *window* of it for each ring: a message is written there, its record in the ring says
//! where, and who received it makes a hole of it again. So what is in flight belongs to the segment
//! itself: it needs no name, outlives its sender, and is gone with the segment.
//!
//! ```text
//! send, under the senders' lock:      spilling = 1; write from `end` on; commit tail and the new `end`; spilling = 0
//! recv, under the receivers' lock:    read; clearing = 1; commit head and how far; make a hole; cleared = that; clearing = 0
//! ```
//!
//! `end` (and likewise how far was received) is a page of the window and a count of messages, and is
//! committed *by the index word*: there are two words for it, and the number of records chooses which of
//! them counts. Messages are received in the order of their places, so the hole is all from the window's
//! start up to the end of what was received; when everything was, the next one is placed at the start.
//!
//! **A process dies here.** A sender before its commit: who takes its lock over finds `spilling`, and
//! makes a hole of everything beyond `end`; after it: that is nothing. A receiver before its commit: nothing
//! happened; after it: who takes its lock over finds `clearing`, and makes the hole. Each may die in
//! there as well: the same is done again.
//!
//! **Paused for a minute**, **ten threads**, **fork**: as in the ring, whose locks these are.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::hands::Sending;
use rustix::io::Errno;

use super::layout::Places;
use super::ring::{Side, Store};
use crate::raw::hook::point;
use crate::raw::sync::Ordering;
use crate::segment::Peers;
use crate::segment::attachment::Attachment;
use crate::segment::mapped::Block;
use crate::sys::memory;

// Ordering:
// [A1] cleared: store(Release) ↔ load(Acquire)   the hole is made before its place is used again
// [A2] spilling, clearing: Relaxed under their side's lock, which orders them as [B3] of the ring

/// Bytes in which places are counted.
const PAGE: u64 = 4096;
const COUNT_SHIFT: u32 = 32;
/// Of a window, at most: 16 TiB.
const MAX_PAGES: u64 = 1 << 32;
/// Blocks begin at least this far from each other, if they are rings.
const BLOCK: u64 = 512;
/// Beyond the end of all windows files cannot go.
const FILE_END: u64 = 1 << 62;

/// How far messages were placed, or received: a page of the window, and how many.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reach {
    end: u64,
    count: u32,
}

impl Reach {
    fn of(word: u64) -> Reach {
        Reach { end: word & (MAX_PAGES - 1), count: (word >> COUNT_SHIFT) as u32 }
    }

    fn word(self) -> u64 {
        u64::from(self.count) << COUNT_SHIFT | self.end
    }

    fn and(self, end: u64) -> Reach {
        Reach { end, count: self.count.wrapping_add(1) }
    }
}

/// Where a message lies: the payload of its record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    page: u64,
    length: u64,
}

impl Place {
    pub(super) const BYTES: usize = 16;

    #[cfg(test)]
    pub(super) fn at(page: u64, length: u64) -> Place {
        Place { page, length }
    }

    pub(super) fn to_bytes(self) -> [u8; Place::BYTES] {
        (u128::from(self.length) << 64 | u128::from(self.page)).to_le_bytes()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Place> {
        let both = u128::from_le_bytes(bytes.try_into().ok()?);
        Some(Place { page: both as u64, length: (both >> 64) as u64 })
    }

    fn end(self) -> Option<u64> {
        self.page.checked_add(self.length.div_ceil(PAGE))
    }
}

/// Why a message was not spilled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotSpilled {
    /// There is no memory for it right now.
    NoRoom,
    /// There never will be.
    TooLarge,
    /// The system refuses it.
    Refused(Errno),
}

/// What a record says of the annex cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Misplaced;

/// A ring's window of its segment's file.
pub(super) struct Annex {
    segment: Arc<Attachment>,
    start: u64,
    pages: u64,
}

impl Annex {
    pub(super) fn of(block: &Block) -> Annex {
        let segment = Arc::clone(block.attachment());
        let mapped = segment.len() as u64;
        // Every ring of a segment counts the same windows.
        let windows = (mapped / BLOCK + 1).next_power_of_two();
        let pages = (FILE_END / windows / PAGE).min(MAX_PAGES - 1);
        // Those of a segment with one object lie right behind what is mapped, mostly.
        let number = block.offset().saturating_sub(segment.first_block()) as u64 / BLOCK;
        let start = mapped.next_multiple_of(PAGE) + number * pages * PAGE;
        Annex { segment, start, pages }
    }

    fn file(&self) -> BorrowedFd<'_> {
        self.segment.file()
    }

    fn at(&self, page: u64) -> u64 {
        self.start + page * PAGE
    }

    /// Writes a message that the holder of the senders' lock is about to commit. Tells where, and what is to
    /// be committed with it.
    pub(super) fn spill<P: Peers>(
        &self,
        sending: &Sending<'_, Places, P>,
        message: &[u8],
    ) -> Result<(Place, u64), NotSpilled> {
        let reach = Reach::of(sending.side.committed());
        let page = if self.is_clear(&sending.side, reach) { 0 } else { reach.end };
        let place = Place { page, length: message.len() as u64 };
        if self.could_never_hold(place.length) {
            return Err(NotSpilled::TooLarge);
        }
        let end = place.end().filter(|end| *end <= self.pages).ok_or(NotSpilled::NoRoom)?;
        sending.side.store.send_line().spilling.store(1, Ordering::Relaxed); // [A2]
        self.segment.extends_beyond();
        point!("bytes.spill.begun");
        if let Err(error) = memory::write_at(self.file(), message, self.at(page)) {
            self.repair_send(&sending.side);
            return Err(match error {
                Errno::NOSPC | Errno::NOMEM | Errno::DQUOT => NotSpilled::NoRoom,
                error => NotSpilled::Refused(error),
            });
        }
        point!("bytes.spill.written");
        Ok((place, reach.and(end).word()))
    }

    /// The message that was spilled was committed.
    pub(super) fn spilled<P: Peers>(&self, sending: &Sending<'_, Places, P>) {
        sending.side.store.send_line().spilling.store(0, Ordering::Relaxed); // [A2]
    }

    /// Whether everything that was committed was received, and a hole is in its place.
    fn is_clear(&self, side: &Side<'_, Places>, reach: Reach) -> bool {
        let cleared = side.store.recv_line().cleared.load(Ordering::Acquire); // [A1]
        Reach::of(cleared).count == reach.count
    }

    /// Makes a hole of what was not committed. Under the senders' lock.
    pub(super) fn repair_send(&self, side: &Side<'_, Places>) {
        let line = side.store.send_line();
        if line.spilling.load(Ordering::Relaxed) == 0 {
            return; // [A2]
        }
        let reach = Reach::of(side.committed());
        let from = if self.is_clear(side, reach) { 0 } else { reach.end };
        self.make_hole(from, self.pages);
        point!("bytes.spill.undone");
        line.spilling.store(0, Ordering::Relaxed); // [A2]
    }

    /// Reads the message at this place.
    pub(super) fn read(&self, place: Place, into: &mut Vec<u8>) -> Result<(), Misplaced> {
        let end = place.end().filter(|end| *end <= self.pages).ok_or(Misplaced)?;
        debug_assert!(place.page <= end);
        // A length that somebody made up may be anything; the bytes it speaks of take memory.
        if place.length > memory::bytes_held(self.file()).map_err(|_| Misplaced)? {
            return Err(Misplaced);
        }
        let length = usize::try_from(place.length).map_err(|_| Misplaced)?;
        *into = Vec::new(); // with no more room than it needs: all of that is filled
        into.try_reserve_exact(length).map_err(|_| Misplaced)?;
        memory::read_at(self.file(), into, length, self.at(place.page)).map_err(|_| Misplaced)?;
        into.truncate(length);
        Ok(())
    }

    /// What is to be committed with the receipt of the message at this place. Under the receivers' lock.
    pub(super) fn receiving(&self, side: &Side<'_, Places>, place: Option<Place>) -> u64 {
        side.store.recv_line().clearing.store(1, Ordering::Relaxed); // [A2]
        let reach = Reach::of(side.committed());
        let end = place.and_then(Place::end).unwrap_or(reach.end).min(self.pages);
        reach.and(end).word()
    }

    /// Makes a hole of what was received. Under the receivers' lock.
    pub(super) fn repair_recv(&self, side: &Side<'_, Places>) {
        let line = side.store.recv_line();
        if line.clearing.load(Ordering::Relaxed) == 0 {
            return; // [A2]
        }
        let received = side.committed();
        if received != line.cleared.load(Ordering::Relaxed) {
            // Beyond the window others have theirs.
            self.make_hole(0, Reach::of(received).end.min(self.pages));
            point!("bytes.spill.cleared");
            line.cleared.store(received, Ordering::Release); // [A1]
        }
        line.clearing.store(0, Ordering::Relaxed); // [A2]
    }

    /// Whether a message of so many bytes can never be placed.
    pub(super) fn could_never_hold(&self, length: u64) -> bool {
        length.div_ceil(PAGE) > self.pages || memory::could_never_hold(self.file(), length)
    }

    /// Pages of memory in the window.
    #[cfg(test)]
    pub(super) fn pages_held(&self) -> u64 {
        memory::bytes_held_from(self.file(), self.start, self.start + self.pages * PAGE) / PAGE
    }

    fn make_hole(&self, from: u64, to: u64) {
        if to > from {
            // It can only fail where files have no holes; then nothing could be spilled.
            let _ = memory::make_hole(self.file(), self.at(from), (to - from) * PAGE);
        }
    }
}
