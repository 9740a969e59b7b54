//! loom's search through the orders in which writers, readers and deaths can meet.

use super::*;
use crate::raw::sync::AtomicU32;
use crate::segment::Look;
use bytemuck::bytes_of;
use loom::sync::Arc;
use loom::thread;

type Cell = Pair<[AtomicU64; 2]>;

/// The value with the number n is n in both words, so that every mixture shows.
fn cell() -> Arc<Cell> {
    Arc::new(Pair::new(Default::default(), Default::default()))
}

fn assert_whole(cell: &Cell) {
    let mut taken = [u64::MAX; 2];
    let seq = cell.read(|words| {
        taken = [0, 1].map(|i| words[i].load(Ordering::Relaxed));
    });
    assert_eq!(taken, [seq; 2]);
}

fn write_next(cell: &Cell, me: &Peer) {
    let writer = cell.write(me);
    let next = writer.seq + 1;
    writer.commit(bytes_of(&[next; 2]));
}

#[derive(Clone)]
struct Peer {
    row: u32,
    dead: Arc<AtomicU32>,
}

fn peers() -> [Peer; 2] {
    let dead = Arc::new(AtomicU32::new(0));
    [0, 1].map(|row| Peer { row, dead: dead.clone() })
}

impl Peers for Peer {
    fn me(&self) -> Tag {
        Tag::new(self.row, 0)
    }
    fn me_if_registered(&self) -> Tag {
        self.me()
    }
    fn is_dead(&self, tag: Tag, _look: Look) -> bool {
        tag.is_nobody() || self.dead.load(Ordering::Acquire) & 1 << tag.row() != 0
    }
    fn take_over<R>(&self, _dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        Some(cas())
    }
    fn deaths(&self) -> u32 {
        0
    }
}

/// Both fences and the exact comparison are needed for this: without either one a mixture is read.
#[test]
fn a_reader_sees_whole_values_while_they_are_replaced() {
    loom::model(|| {
        let cell = cell();
        let [me, _] = peers();
        let writing = thread::spawn({
            let cell = cell.clone();
            move || (0..2).for_each(|_| write_next(&cell, &me))
        });
        assert_whole(&cell);
        writing.join().unwrap();
    });
}

#[test]
fn writers_follow_one_another() {
    loom::model(|| {
        let cell = cell();
        let [one, two] = peers();
        let writing = thread::spawn({
            let cell = cell.clone();
            move || write_next(&cell, &one)
        });
        write_next(&cell, &two);
        writing.join().unwrap();
        assert_whole(&cell);
        assert_eq!(cell.seq.load(Ordering::Relaxed), 2);
    });
}

/// At which step a writer ends for ever.
#[derive(Clone, Copy)]
enum Death {
    Locked,
    HalfWritten,
    Written,
    Flipped,
}

fn die_writing(cell: &Cell, me: &Peer, death: Death) {
    let writer = cell.write(me);
    let next = writer.seq + 1;
    fence(Ordering::Release);
    match death {
        Death::Locked => (),
        Death::HalfWritten => cell.copy(next)[0].store(next, Ordering::Relaxed),
        Death::Written | Death::Flipped => put(cell.copy(next), bytes_of(&[next; 2])),
    }
    if matches!(death, Death::Flipped) {
        cell.seq.store(next, Ordering::Release);
    }
    std::mem::forget(writer);
    me.dead.fetch_or(1 << me.row, Ordering::Release);
}

#[test]
fn the_next_writer_takes_over_from_a_dead_one() {
    for death in [Death::Locked, Death::HalfWritten, Death::Written, Death::Flipped] {
        loom::model(move || {
            let cell = cell();
            let [dying, next] = peers();
            let ending = thread::spawn({
                let cell = cell.clone();
                move || die_writing(&cell, &dying, death)
            });
            let writing = thread::spawn({
                let cell = cell.clone();
                move || write_next(&cell, &next)
            });
            assert_whole(&cell);
            ending.join().unwrap();
            writing.join().unwrap();
            assert_whole(&cell);
        });
    }
}
