use super::element::{Element, Form, align, lock_offset, stride};
use crate::segment::{Look, Peers, Tag};
use crate::shared::Shared;
use crate::text::Text;
use bytemuck::{CheckedBitPattern, NoUninit};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell as Local;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Participants that live until they are killed.
#[derive(Clone, Default)]
pub(super) struct World {
    dead: Arc<AtomicU64>,
}

impl World {
    pub(super) fn peer(&self, row: u32) -> Peer {
        Peer { world: self.clone(), me: Tag::new(row, 0), registered: Local::new(true) }
    }

    pub(super) fn kill(&self, row: u32) {
        self.dead.fetch_or(1 << row, Ordering::Release);
    }
}

pub(super) struct Peer {
    world: World,
    me: Tag,
    registered: Local<bool>,
}

impl Peer {
    pub(super) fn unregister(&self) {
        self.registered.set(false);
    }
}

impl Peers for Peer {
    fn me(&self) -> Tag {
        self.me
    }
    fn me_if_registered(&self) -> Tag {
        if self.registered.get() { self.me } else { Tag::NOBODY }
    }
    fn is_dead(&self, tag: Tag, _look: Look) -> bool {
        tag.is_nobody() || self.world.dead.load(Ordering::Acquire) & 1 << tag.row() != 0
    }
    fn take_over<R>(&self, _dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        Some(cas())
    }
}

/// A zeroed cell outside of any segment.
struct Heap<T: Shared> {
    at: NonNull<u8>,
    of: PhantomData<T>,
}

// SAFETY: [CEL-1] a cell is used from any thread.
unsafe impl<T: Shared> Sync for Heap<T> {}

impl<T: Shared> Heap<T> {
    fn layout() -> Layout {
        Layout::from_size_align(stride::<T>(), align::<T>()).unwrap()
    }

    fn new(first: T) -> Heap<T> {
        // SAFETY: [CEL-1] a cell has at least one byte.
        let at = NonNull::new(unsafe { alloc_zeroed(Self::layout()) }).unwrap();
        let heap = Heap { at, of: PhantomData };
        heap.cell().init(first);
        heap
    }

    fn cell(&self) -> Element<'_, T> {
        // SAFETY: [CEL-1] allocated with the size and alignment of a cell, for as long as self.
        unsafe { Element::new(self.at) }
    }

    /// Fills the cell with this byte behind its back, but for the lock word.
    fn overwrite(&self, byte: u8) {
        let lock = lock_offset::<T>().map_or(0..0, |lock| lock..lock + 4);
        for offset in (0..stride::<T>()).filter(|offset| !lock.contains(offset)) {
            // SAFETY: [CEL-1] within the allocation.
            let at = unsafe { self.at.add(offset) };
            // SAFETY: [CLM-2] nobody else is at work.
            unsafe { at.write(byte) };
        }
    }
}

impl<T: Shared> Drop for Heap<T> {
    fn drop(&mut self) {
        // SAFETY: [CEL-1] allocated in new, with this layout.
        unsafe { dealloc(self.at.as_ptr(), Self::layout()) };
    }
}

#[derive(Clone, Copy, PartialEq, Debug, NoUninit, CheckedBitPattern)]
#[repr(u8)]
enum Phase {
    Idle = 1,
    Busy = 2,
}

#[derive(Clone, Copy, PartialEq, Debug, NoUninit, CheckedBitPattern)]
#[repr(C)]
struct Job {
    id: u64,
    phase: Phase,
    rest: [u8; 7],
}

#[test]
fn cells_are_packed_up_to_eight_bytes_and_twice_as_large_beyond() {
    fn lies<T>(form: Form, bytes: usize, aligned: usize) {
        assert_eq!((Form::of::<T>(), stride::<T>(), align::<T>()), (form, bytes, aligned));
    }
    lies::<()>(Form::U8, 1, 1);
    lies::<bool>(Form::U8, 1, 1);
    lies::<[u8; 2]>(Form::U16, 2, 2);
    lies::<[u8; 3]>(Form::U32, 4, 4);
    lies::<char>(Form::U32, 4, 4);
    lies::<[u8; 5]>(Form::U64, 8, 8);
    lies::<f64>(Form::U64, 8, 8);
    lies::<[u8; 9]>(Form::Pair, 48, 8);
    lies::<[u8; 24]>(Form::Pair, 64, 8);
    lies::<u128>(Form::Pair, 48, 16);
    lies::<[u64; 8]>(Form::Pair, 144, 8);
    assert_eq!(lock_offset::<u64>(), None);
    assert_eq!(lock_offset::<[u64; 8]>(), Some(72));
}

/// Every operation, on a cell of every form.
#[test]
fn every_operation_does_the_same_in_every_form() {
    fn run<T: Shared + PartialEq + Debug>(a: T, b: T, c: T) {
        let heap = Heap::new(a);
        let world = World::default();
        let me = world.peer(0);
        let cell = heap.cell();
        assert_eq!(cell.get(), a);
        cell.set(&me, b);
        assert_eq!(cell.get(), b);
        assert_eq!(cell.swap(&me, c), b);
        assert_eq!(cell.get(), c);
        assert_eq!(cell.try_update(&me, |v| (v == c).then_some(a)), Ok(c));
        assert_eq!(cell.try_update(&me, |_| None), Err(a));
        assert_eq!(cell.get(), a);
        assert_eq!(cell.compare_exchange(&me, a, b), Ok(a));
        if a != b {
            assert_eq!(cell.compare_exchange(&me, a, c), Err(b));
        }
        assert_eq!(cell.get(), b);
    }
    run((), (), ());
    run(false, true, false);
    run(1_u8, 2, 255);
    run(-1_i16, i16::MIN, 7);
    run([1_u8, 2, 3], [4; 3], [255; 3]);
    run('a', 'ß', char::MAX);
    run([1_u8; 5], [255; 5], [0; 5]);
    run(-0.0_f64, 1.5, f64::MAX);
    run([1_u8; 9], [255; 9], [0; 9]);
    run(1_u128, u128::MAX, 0);
    run([1_u64; 8], [u64::MAX; 8], [0; 8]);
    run([1_u8; 4096], [255; 4096], [0; 4096]);
    let job = |id, phase| Job { id, phase, rest: [9; 7] };
    run(job(1, Phase::Idle), job(2, Phase::Busy), job(3, Phase::Idle));
    let text = |text| Text::<30>::try_from(text).unwrap();
    run(text("abc"), text(""), text("αβγ"));
}

#[test]
fn exchange_compares_bytes_not_values() {
    let world = World::default();
    let me = world.peer(0);
    let one = Heap::new(f64::NAN);
    assert!(one.cell().compare_exchange(&me, f64::NAN, 0.0).is_ok());
    assert_eq!(one.cell().compare_exchange(&me, -0.0, 1.0), Err(0.0));
    let two = Heap::new([f64::NAN; 2]);
    assert!(two.cell().compare_exchange(&me, [f64::NAN; 2], [0.0; 2]).is_ok());
    assert_eq!(two.cell().compare_exchange(&me, [-0.0; 2], [1.0; 2]), Err([0.0; 2]));
}

#[test]
fn arithmetic_wraps_in_every_width() {
    let cell = Heap::new(i8::MAX);
    assert_eq!(cell.cell().fetch_add(1), i8::MAX);
    assert_eq!(cell.cell().fetch_sub(1), i8::MIN);
    let cell = Heap::new(0_u16);
    assert_eq!(cell.cell().fetch_sub(1), 0);
    assert_eq!(cell.cell().fetch_and(0xff0), u16::MAX);
    let cell = Heap::new(0b1100_u32);
    assert_eq!(cell.cell().fetch_or(0b11), 0b1100);
    assert_eq!(cell.cell().fetch_add(1), 0b1111);
    let cell = Heap::new(i64::MIN);
    assert_eq!(cell.cell().fetch_sub(1), i64::MIN);
    assert_eq!(cell.cell().get(), i64::MAX);
}

/// An update whose value was replaced under it runs again, on what is there then.
#[test]
fn an_update_that_was_overtaken_runs_again() {
    fn run<T: Shared + PartialEq + Debug>(a: T, b: T, c: T) {
        let heap = Heap::new(a);
        let world = World::default();
        let me = world.peer(0);
        let mut seen = Vec::new();
        let previous = heap.cell().try_update(&me, |value| {
            seen.push(value);
            if seen.len() == 1 {
                heap.cell().set(&me, b);
            }
            Some(c)
        });
        assert_eq!((previous, seen, heap.cell().get()), (Ok(b), vec![a, b], c));
    }
    run(1_u32, 2, 3);
    run([1_u64; 9], [2; 9], [3; 9]);
}

#[test]
fn an_update_that_panics_holds_nothing_and_changes_nothing() {
    let heap = Heap::new([1_u64; 9]);
    let world = World::default();
    let me = world.peer(0);
    let update = || heap.cell().try_update(&me, |_| panic!("in f"));
    assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
    assert_eq!(heap.cell().get(), [1; 9]);
    heap.cell().set(&me, [2; 9]);
    assert_eq!(heap.cell().get(), [2; 9]);
}

#[test]
fn overwritten_memory_is_a_panic_that_says_so_and_holds_nothing() {
    fn run<T: Shared + PartialEq + Debug>(good: T) {
        let heap = Heap::new(good);
        let world = World::default();
        let me = world.peer(0);
        let refused = |run: &dyn Fn()| {
            heap.overwrite(0xEE);
            let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
            let message = panic.downcast_ref::<String>().unwrap();
            assert!(message.starts_with("shared memory was overwritten"), "{message}");
        };
        refused(&|| _ = heap.cell().get());
        refused(&|| _ = heap.cell().try_update(&me, Some));
        refused(&|| _ = heap.cell().compare_exchange(&me, good, good));
        refused(&|| _ = heap.cell().swap(&me, good));
        assert_eq!(heap.cell().get(), good);
        heap.cell().set(&me, good);
    }
    run(true);
    run('x');
    run(Job { id: 1, phase: Phase::Idle, rest: [0; 7] });
    run(Text::<30>::try_from("x").unwrap());
}

/// Writers count, so that a value that is torn, old after new, or lost shows.
fn hunt_torn_reads<const N: usize>(writes: u64) {
    const WRITERS: u64 = 2;
    let heap = Heap::new([0_u64; N]);
    let world = World::default();
    let cell = || heap.cell();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = 0;
                    while last < WRITERS * writes {
                        let value = cell().get();
                        assert!(value.iter().all(|word| *word == value[0]), "torn: {value:?}");
                        assert!(value[0] >= last, "{} after {last}", value[0]);
                        last = value[0];
                    }
                })
            })
            .collect();
        for row in 0..WRITERS as u32 {
            let world = &world;
            scope.spawn(move || {
                let me = world.peer(row);
                for _ in 0..writes {
                    cell().try_update(&me, |value| Some(value.map(|word| word + 1))).unwrap();
                }
            });
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(heap.cell().get(), [WRITERS * writes; N]);
}

#[test]
fn readers_never_see_a_mixture_of_two_words() {
    hunt_torn_reads::<2>(30_000);
}

#[test]
fn readers_never_see_a_mixture_of_64_bytes() {
    hunt_torn_reads::<8>(30_000);
}

#[test]
fn readers_never_see_a_mixture_of_4_kib() {
    hunt_torn_reads::<512>(3_000);
}

#[test]
fn four_threads_increment_exactly() {
    let small = Heap::new(0_u8);
    let large = Heap::new([0_u64; 3]);
    let world = World::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let me = world.peer(0);
                for _ in 0..25_000 {
                    small.cell().try_update(&me, |n| Some(n.wrapping_add(1))).unwrap();
                    large.cell().try_update(&me, |n| Some(n.map(|n| n + 1))).unwrap();
                }
            });
        }
    });
    assert_eq!(small.cell().get(), (100_000 % 256) as u8);
    assert_eq!(large.cell().get(), [100_000; 3]);
}
