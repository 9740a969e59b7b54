//! Models of the cell of two copies: never torn, never backwards, and no update lost.

use std::sync::Arc;

use bytemuck::bytes_of;

use super::stage::{Member, model};
use crate::raw::cell::pair::Pair;
use crate::raw::lock::LockWord;
use crate::raw::sync::model::Nap;
use crate::raw::sync::{AtomicU64, Ordering, fence};
use crate::sys::clock::Deadline;

type Cell = Pair<[AtomicU64; 2]>;

/// The value with the number n is n in both words, so that every mixture shows.
fn cell() -> Arc<Cell> {
    Arc::new(Pair::new(Default::default(), Default::default()))
}

fn both(words: &[AtomicU64]) -> [u64; 2] {
    [0, 1].map(|i| words[i].load(Ordering::Relaxed))
}

fn read(cell: &Cell) -> u64 {
    let mut taken = [u64::MAX; 2];
    let seq = cell.read(|words| taken = both(words));
    assert_eq!(taken, [seq; 2], "torn");
    seq
}

fn read_twice(cell: &Cell) {
    let first = read(cell);
    assert!(first <= read(cell), "backwards");
}

/// What is under the lock is what the last commit left.
fn write_next(cell: &Cell, me: &Member) {
    let writer = cell.write(me);
    let [one, other] = both(writer.current());
    assert_eq!(one, other, "torn under the lock");
    writer.commit(bytes_of(&[one + 1; 2]));
}

/// Computes outside of the lock, and commits if nothing came between.
fn update(cell: &Cell, me: &Member) {
    loop {
        let seq = read(cell);
        if let Some(writer) = cell.write_after(me, seq) {
            return writer.commit(bytes_of(&[seq + 1; 2]));
        }
    }
}

#[test]
fn readers_see_whole_values_in_their_order() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let cell = cell();
        let written = cell.clone();
        stage.living(move |me| (0..2).for_each(|_| write_next(&written, me)));
        let theirs = cell.clone();
        stage.living(move |_| read_twice(&theirs));
        stage.finish();
        assert_eq!(read(&cell), 2);
    });
}

#[test]
fn writers_follow_one_another() {
    model(Nap::Endless).all_live(|stage| {
        let cell = cell();
        for _ in 0..2 {
            let cell = cell.clone();
            stage.living(move |me| write_next(&cell, me));
        }
        stage.finish();
        assert_eq!(read(&cell), 2);
    });
}

#[test]
fn no_update_is_lost() {
    model(Nap::Endless).all_live(|stage| {
        let cell = cell();
        for _ in 0..2 {
            let cell = cell.clone();
            stage.living(move |me| update(&cell, me));
        }
        stage.finish();
        assert_eq!(read(&cell), 2);
    });
}

#[test]
fn a_writer_dies_and_the_next_goes_on() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let cell = cell();
        let (dying, next, reading) = (cell.clone(), cell.clone(), cell.clone());
        stage.victim(move |me| write_next(&dying, me));
        stage.living(move |me| write_next(&next, me));
        stage.living(move |_| read_twice(&reading));
        stage.finish();
        assert!((1..=2).contains(&read(&cell)));
    });
}

#[test]
fn an_update_dies_and_is_done_or_not_done() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let cell = cell();
        let (dying, next) = (cell.clone(), cell.clone());
        stage.victim(move |me| update(&dying, me));
        stage.living(move |me| update(&next, me));
        stage.finish();
        assert!((1..=2).contains(&read(&cell)));
    });
}

#[test]
fn a_stopped_writer_stops_no_reader() {
    model(Nap::Bounded).victim_stops_at_every_step(|stage| {
        let cell = cell();
        let (stopping, reading) = (cell.clone(), cell.clone());
        stage.victim(move |me| write_next(&stopping, me));
        stage.living(move |_| read_twice(&reading));
        stage.finish();
        read(&cell);
    });
}

/// The cell with one of its parts left out.
struct Without<const PART: u8> {
    lock: LockWord,
    seq: AtomicU64,
    copies: [[AtomicU64; 2]; 2],
}

const FENCE_OF_WRITER: u8 = 0;
const FENCE_OF_READER: u8 = 1;
const EXACT_COMPARISON: u8 = 2;
const NOTHING: u8 = 3;

impl<const PART: u8> Without<PART> {
    fn write_next(&self, me: &Member) {
        let tag = self.lock.lock(me, Deadline::Never).unwrap();
        let next = self.seq.load(Ordering::Relaxed) + 1;
        if PART != FENCE_OF_WRITER {
            fence(Ordering::Release);
        }
        for word in &self.copies[next as usize & 1] {
            word.store(next, Ordering::Relaxed);
        }
        self.seq.store(next, Ordering::Release);
        self.lock.unlock(me, tag);
    }

    fn read(&self) {
        loop {
            let seq = self.seq.load(Ordering::Acquire);
            let taken = both(&self.copies[seq as usize & 1]);
            if PART != FENCE_OF_READER {
                fence(Ordering::Acquire);
            }
            let now = self.seq.load(Ordering::Relaxed);
            if now == seq || PART == EXACT_COMPARISON && now == seq + 1 {
                assert_eq!(taken, [seq; 2], "torn");
                return;
            }
        }
    }
}

fn write_two_and_read<const PART: u8>() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let cell = Arc::new(Without::<PART> {
            lock: LockWord::new(),
            seq: AtomicU64::new(0),
            copies: Default::default(),
        });
        let theirs = cell.clone();
        stage.living(move |me| (0..2).for_each(|_| theirs.write_next(me)));
        stage.living(move |_| cell.read());
    });
}

#[test]
fn the_copy_that_is_to_be_broken_is_whole() {
    write_two_and_read::<NOTHING>();
}

#[test]
#[should_panic(expected = "torn")]
fn breaks_without_the_fence_of_the_writer() {
    write_two_and_read::<FENCE_OF_WRITER>();
}

#[test]
#[should_panic(expected = "torn")]
fn breaks_without_the_fence_of_the_reader() {
    write_two_and_read::<FENCE_OF_READER>();
}

#[test]
#[should_panic(expected = "torn")]
fn breaks_where_one_later_is_good_enough() {
    write_two_and_read::<EXACT_COMPARISON>();
}
