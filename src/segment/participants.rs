//! Who is attached to a segment, and who of them is dead.
//!
//! A row's word holds its generation and the pid of who sits there, in one atomic step:
//!
//! | bits of the word | meaning |
//! |---|---|
//! | 0–31 | pid; 0: nobody, or found dead |
//! | 32–43 | generation: with the row's number, the tag |
//!
//! ```text
//!   (g, 0) ── register, under the lifecycle lock: start time first, then store ──▶ (g+1, pid)
//!   (g, pid) ── the process leaves, or anybody finds it dead: deaths += 1, then CAS ──▶ (g, 0)
//! ```
//!
//! A tag is dead when its generation is not the row's, when the row's pid is 0, or when the kernel
//! says that the process is gone. Rows are given out in rotation, so that a generation comes back
//! after 4,094 × rows registrations; before it does, every block is swept of the row's old tags.
//!
//! *A recoverer that sleeps* between its look at a dead holder and its CAS, while the dead holder's
//! generation is given out again, would rob the living. It says `recovering = tag` in its own row
//! first, fence, then looks again; who registers stores its word, fence, then looks at everybody's
//! `recovering` and leaves a generation alone that somebody is recovering. One of the two sees the
//! other.
//!
//! *Dying here.* In register before the store: the row is still free. After it: the process is dead
//! and its row with it. Between the step of `deaths` and the CAS: the next
//! finder steps it again, which costs a scan. While recovering: the row is not of a living process.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::header::Header;
use super::mapped::InPlace;
use super::peers::Look;
use super::tag::{GENERATIONS, Tag};
use crate::error::Failure;
use crate::sys::hook::point;
use crate::sys::liveness::{self, FileId};
use crate::trace::event;

// Ordering:
// [P1] register: store(word, Release) ↔ is_dead: load(word, Acquire)   the start time is the new one, or
//      unknown
// [P2] deaths += 1 (Release), then word (g, 0) ↔ scans: load(deaths, Acquire)   a row that may be
//      given out again was counted
// [P3] recoverer: recovering = tag; fence(SeqCst); load(word) ↔ register: store(word);
//      fence(SeqCst); load(recovering)   one of the two sees the other
// [P4] turn: store(0, Release) ↔ CAS(Acquire)   `recovering` is that of one thread at a time

/// One participant.
#[repr(C, align(16))]
#[derive(Debug)]
pub(crate) struct Row {
    word: AtomicU64,
    /// When the process started; 0 unknown.
    start: AtomicU32,
    /// The tag this participant is taking something over from; 0 none.
    recovering: AtomicU32,
}

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for Row {}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Word {
    generation: u32,
    pid: u32,
}

impl Word {
    fn from_bits(bits: u64) -> Word {
        Word { generation: (bits >> 32) as u32 & 0xFFF, pid: bits as u32 }
    }

    fn bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.pid)
    }
}

/// Who a process is, to the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    pub(crate) start: u32,
}

impl Identity {
    pub(crate) fn of_this_process() -> Result<Identity, Failure> {
        let (pid, start) = liveness::own_identity()
            .map_err(|error| Failure::system("asking when this process started", error))?;
        Ok(Identity { pid, start: start.unwrap_or(0) })
    }

    /// For who takes part whether it can ask or not. What is missed without the start is that its number is
    /// another's later on, until that one is seen not to map the segment.
    pub(crate) fn without_start() -> Identity {
        Identity { pid: std::process::id(), start: 0 }
    }
}

/// The participants of one mapped segment.
#[derive(Clone, Copy)]
pub(crate) struct Participants<'s> {
    pub(crate) header: &'s Header,
    pub(crate) rows: &'s [Row],
    pub(crate) file: FileId,
    /// Of this process's threads, one recovers at a time: they share a row. Not in the segment, where
    /// something else may write over it.
    pub(crate) turn: &'s AtomicU32,
}

impl Participants<'_> {
    /// Gives this process a row. Under the lifecycle lock. `sweep` clears a row's old tags out of
    /// every block. `None`: every row belongs to a living process.
    pub(crate) fn register(&self, who: Identity, sweep: impl Fn(u32)) -> Option<Tag> {
        let count = self.rows.len() as u32;
        let first = self.header.next_row.load(Ordering::Relaxed) % count;
        let rotation = || (0..count).map(|step| (first + step) % count);
        let free = rotation().find_map(|row| self.try_register(row, who, &sweep));
        free.or_else(|| {
            rotation()
                .filter(|row| self.find_dead(*row))
                .find_map(|row| self.try_register(row, who, &sweep))
        })
    }

    fn try_register(&self, number: u32, who: Identity, sweep: &impl Fn(u32)) -> Option<Tag> {
        let row = &self.rows[number as usize];
        let old = Word::from_bits(row.word.load(Ordering::Acquire)); // [P1]
        if old.pid != 0 {
            return None;
        }
        let generation = (old.generation + 1) % GENERATIONS;
        if generation == 0 {
            sweep(number);
        }
        row.recovering.store(0, Ordering::Relaxed);
        row.start.store(who.start, Ordering::Relaxed);
        point!("register.timed");
        row.word.store(Word { generation, pid: who.pid }.bits(), Ordering::Release); // [P1]
        point!("register.seated");
        let tag = Tag::new(number, generation);
        if self.is_being_recovered(tag) {
            row.word.store(Word { generation, pid: 0 }.bits(), Ordering::Release);
            return None;
        }
        self.header.next_row.store((number + 1) % self.rows.len() as u32, Ordering::Relaxed);
        Some(tag)
    }

    fn is_being_recovered(&self, tag: Tag) -> bool {
        fence(Ordering::SeqCst); // [P3]
        self.rows.iter().any(|row| {
            row.recovering.load(Ordering::Relaxed) == tag.bits()
                && Word::from_bits(row.word.load(Ordering::Relaxed)).pid != 0
        })
    }

    /// Says when the process started that registered without.
    pub(crate) fn tell_start(&self, tag: Tag, who: Identity) {
        if let Some((row, _)) = self.word_of(tag) {
            row.start.store(who.start, Ordering::Relaxed); // [P1] before it was unknown, never another's
        }
    }

    /// Gives the row back: this process leaves. What it leaked is found like a dead one's.
    pub(crate) fn retire(&self, tag: Tag) {
        if let Some((row, word)) = self.word_of(tag) {
            self.bury(row, word);
        }
    }

    /// Retires the rows this process had before an `exec`: same pid, same start time, another
    /// program. Before this process registers, and unless something else in it maps the segment:
    /// `known` are the addresses of the mapping it is about to register.
    pub(crate) fn retire_former_self(&self, me: Identity, known: Range<usize>) {
        let mine = || {
            self.rows.iter().filter_map(|row| {
                let word = Word::from_bits(row.word.load(Ordering::Acquire)); // [P1]
                let is_mine = word.pid == me.pid && row.start.load(Ordering::Relaxed) == me.start;
                is_mine.then_some((row, word))
            })
        };
        // There hardly ever are any, and the list of mappings is long.
        if mine().next().is_some() && !liveness::is_mapped_beside(self.file, known) {
            mine().for_each(|(row, word)| self.bury(row, word));
        }
    }

    /// Whether the tag's process is gone for ever.
    pub(crate) fn is_dead(&self, tag: Tag, look: Look) -> bool {
        if !tag.is_participant() {
            return tag != Tag::POISONED;
        }
        let Some((row, word)) = self.word_of(tag) else {
            return true;
        };
        let start = row.start.load(Ordering::Relaxed);
        let dead = liveness::is_dead(word.pid, start)
            || (look == Look::Thorough && liveness::has_left(word.pid, self.file));
        if dead {
            self.bury(row, word);
            event!(INFO, pid = word.pid, row = tag.row(), "a participant was found dead");
        }
        dead
    }

    /// Runs `cas` while no row can be given the generation of `dead`.
    pub(crate) fn take_over<R>(&self, me: Tag, dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        let Some(mine) = self.rows.get(me.row() as usize).filter(|_| dead.is_participant()) else {
            return Some(cas());
        };
        // [P4] It is held for a few instructions.
        while self.turn.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
        mine.recovering.store(dead.bits(), Ordering::Relaxed);
        fence(Ordering::SeqCst); // [P3]
        point!("take_over.announced");
        let result = self.word_of(dead).is_none().then(cas);
        mine.recovering.store(0, Ordering::Release);
        self.turn.store(0, Ordering::Release); // [P4]
        if result.is_some() {
            event!(INFO, row = dead.row(), "taking over a claim of a dead participant");
        }
        result
    }

    /// The row and its word while somebody sits there under this very tag.
    fn word_of(&self, tag: Tag) -> Option<(&Row, Word)> {
        let row = self.rows.get(tag.row() as usize)?;
        let word = Word::from_bits(row.word.load(Ordering::Acquire)); // [P1]
        (word.pid != 0 && word.generation == tag.generation()).then_some((row, word))
    }

    /// True when the row is free, or now is because its process was found dead.
    fn find_dead(&self, number: u32) -> bool {
        let row = &self.rows[number as usize];
        let word = Word::from_bits(row.word.load(Ordering::Acquire)); // [P1]
        if word.pid == 0 {
            return true;
        }
        let tag = Tag::new(number, word.generation.min(GENERATIONS - 1));
        self.is_dead(tag, Look::Thorough)
    }

    /// Marks the rows of a process as dead that is known to be; the tags it had. Without a start: whichever it
    /// said, or if it said none yet.
    pub(crate) fn bury_process(&self, pid: u32, start: Option<u32>) -> Vec<Tag> {
        let rows = self.rows.iter().zip(0..);
        rows.filter_map(|(row, number)| {
            let word = Word::from_bits(row.word.load(Ordering::Acquire)); // [P1]
            let started = |start| row.start.load(Ordering::Relaxed) == start;
            let is_its = word.pid == pid && start.is_none_or(started);
            (is_its && word.generation < GENERATIONS).then(|| {
                self.bury(row, word);
                Tag::new(number, word.generation)
            })
        })
        .collect()
    }

    fn bury(&self, row: &Row, word: Word) {
        self.header.deaths.fetch_add(1, Ordering::Release); // [P2]
        point!("bury.counted");
        let left = Word { pid: 0, ..word }.bits();
        // From the bits as they are: those that mean nothing may have been overwritten.
        let now = row.word.load(Ordering::Relaxed);
        if Word::from_bits(now) == word {
            let _ = row.word.compare_exchange(now, left, Ordering::AcqRel, Ordering::Relaxed); // [P2]
        }
    }
}

/// The pid and start time of each row in these bytes that somebody sits in.
pub(crate) fn attached(rows: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let u64_at = |row: &[u8], at: usize| {
        row.get(at..at + 8).and_then(|field| field.try_into().ok()).map_or(0, u64::from_le_bytes)
    };
    rows.chunks_exact(size_of::<Row>())
        .map(move |row| (Word::from_bits(u64_at(row, 0)).pid, u64_at(row, 8) as u32))
        .filter(|(pid, _)| *pid != 0)
}

#[cfg(test)]
mod tests;
