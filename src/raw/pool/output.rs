//! Where a job's results go: each committed by itself, in as much room as it takes.

use std::rc::Rc;
use std::time::Duration;

use super::board::Job;
use super::layout::INLINE;
use super::memory::{Location, Memory};
use super::owner::{
    ANSWERED, BELL_SHIFT, CUTTING, HANDLES, IS_SMALL, OWN_BELL, RESULT_LEN_SHIFT, SMALL,
};
use super::record::{self, Dense};
use super::words::State;
use super::worker::Bench;
use crate::raw::hook::point;
use crate::raw::sync::{Ordering, futex_wait, publisher_fence};
use crate::sys::clock::{Deadline, Naps, sleep};

// Ordering:
// [J7] commit of an item: store(progress, Release) ↔ its worker's death, or the end of the job   its
//      result before it
// [J9] commit: store(progress), publisher_fence, load(cut) ↔ the owner's cut: store(cut),
//      sleeper_fence, load(progress)   one of the two sees the other's store: an item is begun, or is cut
//      off, and never both
// [J10] cut: store(end), store(cut, Release) ↔ load(cut, Acquire)   where the job ends now

/// Where a job's results go.
pub(crate) struct Output {
    pub(super) at: Rc<Bench>,
    pub(crate) job: Job,
    pub(super) what: u64,
    /// The item that is being done.
    pub(super) done: u32,
    /// Where the job ends.
    pub(super) end: u32,
    pub(super) room: Option<Room>,
    /// It uses slabs.
    pub(super) large: bool,
}

/// The room for the results of a job.
pub(super) struct Room {
    pub(super) memory: Memory,
    pub(super) len: usize,
    pub(super) used: usize,
    pub(super) records: u32,
    pub(super) dense: Dense,
}

impl Output {
    /// How many items are done.
    pub(crate) fn done(&self) -> u32 {
        self.done
    }

    /// The next item to be done. `None`: the job is done.
    #[inline]
    pub(crate) fn item(&self) -> Option<u32> {
        (self.done < self.end).then_some(self.done)
    }

    /// Commits the value that the item's function returned.
    #[inline]
    pub(crate) fn commit_value(&mut self, bytes: &[u8]) {
        if self.what & IS_SMALL != 0 {
            return self.commit_small(bytes);
        }
        let room = self.room.as_mut().expect("the room of a job that is not small");
        if room.dense.each as usize == bytes.len() && room.dense.most == Dense::OPEN {
            let end = room.used + bytes.len();
            let after = (self.end - self.done) as usize;
            if end + after <= room.len && room.memory.write(room.used, bytes) {
                room.used = end;
                room.records += 1;
                return self.commit_item();
            }
        }
        self.commit_with_head(bytes);
    }

    #[inline]
    fn commit_small(&mut self, bytes: &[u8]) {
        if bytes.len() > SMALL {
            self.open_body();
            return self.commit_with_head(bytes);
        }
        let mut result = [0; SMALL];
        result[..bytes.len()].copy_from_slice(bytes);
        let cell = &self.at.pool.board.words.cells[self.job.cell];
        cell.result.store(u64::from_ne_bytes(result), Ordering::Relaxed); // [J2]
        self.what |= (bytes.len() as u64) << RESULT_LEN_SHIFT | ANSWERED;
        cell.what.store(self.what, Ordering::Relaxed); // [J2]
        self.done += 1;
    }

    fn commit_with_head(&mut self, bytes: &[u8]) {
        if bytes.len() <= usize::from(record::LONGEST) {
            self.commit_record(&[bytes.len() as u8], bytes);
        } else {
            self.commit(record::VALUE, bytes);
        }
    }

    /// Commits something else than a value, or a long one, as what became of the item.
    pub(crate) fn commit(&mut self, kind: u8, bytes: &[u8]) {
        if self.room.is_none() {
            self.open_body();
        }
        match u32::try_from(bytes.len()) {
            Ok(len) => {
                let [a, b, c, d] = len.to_ne_bytes();
                self.commit_record(&[kind, a, b, c, d], bytes);
            }
            // Lengths are told in 32 bits.
            Err(_) => self.commit_record(&[record::NO_ROOM], &[]),
        }
    }

    fn commit_record(&mut self, head: &[u8], bytes: &[u8]) {
        let room = self.room.as_mut().expect("room was found before anything is written");
        let dense = &mut room.dense;
        // The first value says how long the others will be, if they are.
        let is_first = room.records == 0 && head.len() == 1 && head[0] <= record::LONGEST;
        let mut head = head;
        if is_first {
            *dense = Dense { each: bytes.len() as u32, most: Dense::OPEN };
            head = &[];
        } else if dense.most == Dense::OPEN {
            dense.most = room.records;
        }
        let body = &self.at.pool.bodies[self.job.cell];
        body.dense.store(dense.bits(), Ordering::Relaxed); // [J7]
        // A byte for each item that comes after it stays free.
        let after = (self.end - self.done) as usize;
        let wanted = room.used + head.len() + bytes.len() + after;
        if wanted <= room.len || self.grow(wanted) {
            self.write(head, bytes);
        } else {
            self.close_dense();
            self.write(&[record::NO_ROOM], &[]);
        }
        self.commit_item();
    }

    /// The next record has a head.
    fn close_dense(&mut self) {
        let room = self.room.as_mut().expect("room was found before anything is written");
        room.dense.most = room.dense.most.min(room.records);
        self.at.pool.bodies[self.job.cell].dense.store(room.dense.bits(), Ordering::Relaxed); // [J7]
    }

    fn write(&mut self, head: &[u8], bytes: &[u8]) {
        let room = self.room.as_mut().expect("room was found before anything is written");
        let written =
            room.memory.write(room.used, head) && room.memory.write(room.used + head.len(), bytes);
        assert!(written, "results within the pool's memory");
        room.used += head.len() + bytes.len();
        room.records += 1;
    }

    /// The item is done, and the next begun, if there is one.
    #[inline]
    fn commit_item(&mut self) {
        point!("pool.before_progress");
        self.done += 1;
        let body = &self.at.pool.bodies[self.job.cell];
        body.progress.store(u64::from(self.done), Ordering::Release); // [J7] [J9]
        publisher_fence();
        self.heed_cut();
        point!("pool.after_progress");
    }

    /// Begins nothing that was cut off.
    #[inline]
    pub(super) fn heed_cut(&mut self) {
        if self.at.pool.bodies[self.job.cell].cut.load(Ordering::Relaxed) != 0 {
            self.end_where_it_was_cut();
        }
    }

    /// The owner takes back what is not begun: waits until it has said from where on.
    #[cold]
    fn end_where_it_was_cut(&mut self) {
        let body = &self.at.pool.bodies[self.job.cell];
        while body.cut.load(Ordering::Acquire) == CUTTING {
            sleep(Duration::from_micros(20)); // it has a few instructions to go
        }
        let end = body.end.load(Ordering::Relaxed) as u32; // [J10]
        self.end = self.end.min(end).max(self.done);
    }

    /// Where the results of a job go that had its arguments in its cell.
    fn open_body(&mut self) {
        let body = &self.at.pool.bodies[self.job.cell];
        body.progress.store(0, Ordering::Relaxed);
        body.cut.store(0, Ordering::Relaxed);
        body.room.store(Location::inline(0).0, Ordering::Relaxed);
        body.room_len.store(INLINE as u64, Ordering::Relaxed);
        body.dense.store(0, Ordering::Relaxed);
        body.records.store(0, Ordering::Relaxed);
        body.used.store(0, Ordering::Relaxed);
        self.find_room();
    }

    pub(super) fn find_room(&mut self) {
        let body = &self.at.pool.bodies[self.job.cell];
        // [J1] [J6]
        let location = Location(body.room.load(Ordering::Relaxed));
        let len = body.room_len.load(Ordering::Relaxed) as usize;
        self.large |= location.slab().is_some();
        let memory = self.at.memory(self.job.cell, location);
        self.room = Some(Room {
            memory,
            len,
            used: body.used.load(Ordering::Relaxed) as usize,
            records: body.records.load(Ordering::Relaxed) as u32,
            dense: Dense::from_bits(body.dense.load(Ordering::Relaxed)),
        });
    }

    /// Asks the owner for room, and waits for its answer. False: there is none.
    #[cold]
    fn grow(&mut self, wanted: usize) -> bool {
        let Bench { pool, me, .. } = &*self.at;
        let body = &pool.bodies[self.job.cell];
        let room = self.room.as_ref().expect("room was found before it is too small");
        let given = &pool.records[me.number()].given;
        let seen = given.load(Ordering::Acquire);
        // [J6]
        body.wanted.store(wanted as u64, Ordering::Relaxed);
        body.denied.store(0, Ordering::Relaxed);
        body.records.store(u64::from(room.records), Ordering::Relaxed);
        body.used.store(room.used as u64, Ordering::Relaxed);
        point!("pool.before_want");
        pool.board.want(self.job);
        pool.bell(OWN_BELL).ring();
        point!("pool.wants");
        let mut naps = Naps::until(Deadline::Never);
        while pool.board.state(self.job.cell).state() == State::Wants {
            if let Some(nap) = naps.next() {
                futex_wait(given, seen, nap);
            }
        }
        if body.denied.load(Ordering::Relaxed) != 0 {
            return false; // [J6]
        }
        self.find_room();
        self.room.as_ref().is_some_and(|room| wanted <= room.len)
    }

    /// Says that this worker keeps alive what the results refer to.
    pub(crate) fn keep_handles(&mut self) {
        self.what |= HANDLES;
        let cell = &self.at.pool.board.words.cells[self.job.cell];
        cell.what.store(self.what, Ordering::Relaxed); // [J2]
    }

    /// Ends the job; all its items are committed.
    #[inline]
    pub(crate) fn finish(self) {
        let Bench { pool, me, .. } = &*self.at;
        if self.large {
            self.at.forget_large();
        }
        if pool.board.finish(*me, self.job) {
            pool.bell((self.what >> BELL_SHIFT) as u8).ring();
        }
        if pool.board.words.header.crowded.load(Ordering::Relaxed) != 0 {
            pool.bell(OWN_BELL).ring(); // [J8]
        }
    }
}
