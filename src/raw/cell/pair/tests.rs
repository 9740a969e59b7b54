use super::*;
use crate::raw::cell::tests::World;
use bytemuck::{bytes_of, bytes_of_mut};
use std::panic::{AssertUnwindSafe, catch_unwind};

type Cell = Pair<[AtomicU64; 3]>;
type Triple = [u64; 3];

fn cell(first: Triple) -> Cell {
    let cell = Pair::new(Default::default(), Default::default());
    cell.init(bytes_of(&first));
    cell
}

fn read(cell: &Cell) -> Triple {
    let mut taken = Triple::default();
    cell.read(|words| taken = load(words));
    taken
}

fn load(words: &[AtomicU64]) -> Triple {
    std::array::from_fn(|i| words[i].load(Ordering::Relaxed))
}

#[test]
fn a_commit_replaces_the_value_and_alternates_between_the_copies() {
    let cell = cell([1; 3]);
    let me = World::default().peer(0);
    for value in 2..7 {
        cell.write(&me).commit(bytes_of(&[value; 3]));
        assert_eq!(read(&cell), [value; 3]);
        assert!(!cell.lock.is_locked());
    }
    assert_eq!(cell.seq.load(Ordering::Relaxed), 5);
    assert_eq!((load(&cell.even), load(&cell.odd)), ([5; 3], [6; 3]));
}

#[test]
fn what_is_not_committed_never_was() {
    let cell = cell([1; 3]);
    let me = World::default().peer(0);
    let writer = cell.write(&me);
    put(cell.copy(writer.seq + 1), bytes_of(&[9_u64; 3]));
    assert_eq!(read(&cell), [1; 3]);
    drop(writer);
    assert_eq!(read(&cell), [1; 3]);
    assert!(!cell.lock.is_locked());
}

#[test]
fn a_writer_that_died_half_way_leaves_the_old_value_and_its_lock_to_the_next() {
    let cell = cell([1; 3]);
    let world = World::default();
    let (dying, next) = (world.peer(0), world.peer(1));
    let writer = cell.write(&dying);
    cell.copy(writer.seq + 1)[0].store(9, Ordering::Relaxed);
    std::mem::forget(writer);
    world.kill(0);
    assert_eq!(read(&cell), [1; 3]);
    assert!(cell.lock.is_locked());
    cell.write(&next).commit(bytes_of(&[2_u64; 3]));
    assert_eq!(read(&cell), [2; 3]);
    assert!(!cell.lock.is_locked());
}

#[test]
fn a_writer_that_died_after_the_commit_leaves_the_new_value() {
    let cell = cell([1; 3]);
    let world = World::default();
    let (dying, next) = (world.peer(0), world.peer(1));
    let writer = cell.write(&dying);
    put(cell.copy(writer.seq + 1), bytes_of(&[2_u64; 3]));
    cell.seq.store(writer.seq + 1, Ordering::Release);
    std::mem::forget(writer);
    world.kill(0);
    assert_eq!(read(&cell), [2; 3]);
    let writer = cell.write(&next);
    assert_eq!(load(writer.current()), [2; 3]);
    writer.commit(bytes_of(&[3_u64; 3]));
    assert_eq!(read(&cell), [3; 3]);
}

/// Not only parity: a reader that was overtaken by one write, by two, or by three reads again.
#[test]
fn a_reader_that_was_overtaken_reads_again() {
    let me = World::default().peer(0);
    for writes in 1..=3 {
        let cell = cell([1; 3]);
        let mut calls = 0;
        let mut taken = Triple::default();
        let seq = cell.read(|words| {
            calls += 1;
            taken[0] = words[0].load(Ordering::Relaxed);
            if calls == 1 {
                (0..writes).for_each(|n| cell.write(&me).commit(bytes_of(&[n + 2; 3])));
            }
            taken[1] = words[1].load(Ordering::Relaxed);
            taken[2] = words[2].load(Ordering::Relaxed);
        });
        assert_eq!((calls, seq, taken), (2, writes, [writes + 1; 3]));
    }
}

#[test]
fn a_write_after_a_number_fails_once_the_number_moved() {
    let cell = cell([1; 3]);
    let me = World::default().peer(0);
    let seq = cell.read(|_| ());
    drop(cell.write_after(&me, seq).expect("nobody wrote"));
    cell.write(&me).commit(bytes_of(&[2_u64; 3]));
    assert!(cell.write_after(&me, seq).is_none());
    assert!(!cell.lock.is_locked());
}

#[test]
fn a_panic_under_the_lock_leaves_it_free() {
    let cell = cell([1; 3]);
    let me = World::default().peer(0);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _writer = cell.write(&me);
        panic!("while writing");
    }));
    assert!(panic.is_err());
    assert!(!cell.lock.is_locked());
}

/// A forked child has the parent's tag nowhere, and a copy of its writer gives nothing back.
#[test]
fn a_writer_copied_by_a_fork_is_inert() {
    let cell = cell([1; 3]);
    let world = World::default();
    let me = world.peer(0);
    let writer = cell.write(&me);
    me.unregister();
    drop(writer);
    assert!(cell.lock.is_locked());
}

#[test]
fn bytes_round_trip_through_words_at_every_length() {
    let bytes: Vec<u8> = (1..=64).collect();
    for len in 9..=64_usize {
        let words: Vec<AtomicU64> =
            std::iter::repeat_with(|| AtomicU64::new(u64::MAX)).take(len.div_ceil(8)).collect();
        put(&words, &bytes[..len]);
        let back: Vec<u64> = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
        let back: Vec<u8> = back.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(back[..len], bytes[..len]);
        assert!(back[len..].iter().all(|byte| *byte == 0));
        assert!(holds(&words, &bytes[..len]));
        for wrong in 0..len {
            let mut other = bytes[..len].to_vec();
            other[wrong] ^= 1;
            assert!(!holds(&words, &other), "length {len}, byte {wrong}");
        }
    }
}

#[test]
fn take_fills_every_word() {
    let words: [AtomicU64; 3] = std::array::from_fn(|i| AtomicU64::new(i as u64 + 1));
    let mut into = [MaybeUninit::new(0); 3];
    take(&words, &mut into);
    // SAFETY: [BIT-1] all were filled in above, and any bits are a number.
    assert_eq!(into.map(|word| unsafe { word.assume_init() }), [1, 2, 3]);
    let mut padded_bytes = [0_u64; 1];
    bytes_of_mut(&mut padded_bytes)[..2].copy_from_slice(&[7, 8]);
    assert_eq!(padded(&[7, 8]), padded_bytes[0]);
}
