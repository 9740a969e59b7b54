//! What an `Array` promises to several processes.

mod children;

use children::{Child, alone, fork, wait_until};
use commonhold::bytemuck::{CheckedBitPattern, NoUninit};
use commonhold::{Array, ErrorKind, IndexError, LengthError, Segment, Text, Value};
use std::fmt::Debug;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// A name that is this test's own. The test removes it: as long as a child of another test lives, which
/// has inherited everything, the name is in use.
fn name(test: &str) -> String {
    format!("test-array-{test}-{}", std::process::id())
}

fn in_four_children(f: impl Fn()) {
    let children: Vec<Child> = (0..4).map(|_| fork(&f)).collect();
    children.into_iter().for_each(Child::succeed);
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

fn job(id: u64) -> Job {
    Job { id, phase: if id.is_multiple_of(2) { Phase::Idle } else { Phase::Busy }, rest: [7; 7] }
}

alone! {
fn every_element_is_counted_exactly_by_four_processes() {
    const LEN: usize = 16;
    let bytes = Array::<u8>::new(LEN).unwrap();
    let words = Array::<u32>::new(LEN).unwrap();
    let large = Array::<[u64; 3]>::new(LEN).unwrap();
    in_four_children(|| {
        for i in 0..10_000 {
            bytes.update(i % LEN, |n| n.wrapping_add(1)).unwrap();
            words.fetch_add(i % LEN, 1).unwrap();
            large.update(i % LEN, |n| n.map(|n| n + 1)).unwrap();
        }
    });
    let each = 40_000 / LEN as u64;
    assert_eq!(bytes.to_vec(), [(each % 256) as u8; LEN]);
    assert_eq!(words.to_vec(), [each as u32; LEN]);
    assert_eq!(large.to_vec(), [[each; 3]; LEN]);
}
}

alone! {
/// An element never spills into its neighbours, whatever its size.
fn elements_of_every_size_stand_on_their_own() {
    fn run<T: commonhold::Shared + PartialEq + Debug>(make: fn(u64) -> T) {
        let values: Vec<T> = (0..20).map(make).collect();
        let array = Array::from_slice(&values).unwrap();
        assert_eq!(array.to_vec(), values);
        for i in (0..20).step_by(2) {
            array.set(i, make(100 + i as u64)).unwrap();
            assert_eq!(array.swap(i, make(200 + i as u64)), Ok(make(100 + i as u64)));
        }
        for i in 0..20 {
            let expected = make(if i % 2 == 0 { 200 + i } else { i });
            assert_eq!(array.get(i as usize), Some(expected));
        }
    }
    run(|_| ());
    run(|n| n as u8);
    run(|n| n as u16);
    run(|n| [n as u8; 3]);
    run(|n| n as f32);
    run(|n| [n as u8; 5]);
    run(|n| n as f64);
    run(|n| [n as u8; 9]);
    run(|n| u128::from(n) << 64 | u128::from(n));
    run(|n| [n; 100]);
    run(job);
    run(|n| Text::<12>::try_from(&n.to_string()).unwrap());
    run(|n| char::from_u32(n as u32 + 65).unwrap());
}
}

#[test]
fn an_index_out_of_range_is_an_error_and_touches_nothing() {
    let array = Array::<i32>::from_slice(&[1, 2, 3]).unwrap();
    for index in [3, 4, usize::MAX] {
        let error = IndexError { index, len: 3 };
        assert_eq!(array.get(index), None);
        assert_eq!(array.set(index, 9), Err(error));
        assert_eq!(array.swap(index, 9), Err(error));
        assert_eq!(array.update(index, |_| unreachable!()), Err(error));
        assert_eq!(array.try_update(index, |_| unreachable!()), Err(error));
        assert_eq!(array.compare_exchange(index, 1, 9), Err(error));
        assert_eq!(array.fetch_add(index, 9), Err(error));
        assert_eq!(array.fetch_sub(index, 9), Err(error));
        assert_eq!(array.fetch_and(index, 9), Err(error));
        assert_eq!(array.fetch_or(index, 9), Err(error));
        assert_eq!(array.fetch_max(index, 9), Err(error));
        assert_eq!(array.fetch_min(index, 9), Err(error));
    }
    assert_eq!(array.to_vec(), [1, 2, 3]);
}

#[test]
fn a_copy_of_the_wrong_length_is_refused_before_anything_is_written() {
    let array = Array::<u16>::from_slice(&[1, 2, 3]).unwrap();
    for found in [0, 2, 4] {
        let error = LengthError { expected: 3, found };
        assert_eq!(array.copy_from_slice(&vec![9; found]), Err(error));
    }
    assert_eq!(array.to_vec(), [1, 2, 3]);
    assert_eq!(array.copy_from_slice(&[4, 5, 6]), Ok(()));
    assert_eq!(array.to_vec(), [4, 5, 6]);
}

alone! {
fn an_array_of_nothing_works() {
    fn run<T: commonhold::Shared + commonhold::bytemuck::Zeroable + PartialEq + Debug>() {
        let array = Array::<T>::new(0).unwrap();
        assert!(array.is_empty());
        assert_eq!(array.get(0), None);
        assert_eq!(array.to_vec(), []);
        assert_eq!(array.iter().next(), None);
        assert_eq!(array.copy_from_slice(&[]), Ok(()));
        let name = name(&format!("nothing-{}", size_of::<T>()));
        let made = Array::<T>::create(&name, 0).unwrap();
        assert_eq!(Array::<T>::open(&name).unwrap().len(), 0);
        made.unlink().unwrap();
    }
    run::<u8>();
    run::<u64>();
    run::<[u64; 9]>();
}
}

#[test]
fn new_ones_are_zero_also_in_memory_that_was_used() {
    for _ in 0..3 {
        let array = Array::<[u64; 9]>::new(1_000).unwrap();
        assert!(array.iter().all(|element| element == [0; 9]));
        array.copy_from_slice(&[[u64::MAX; 9]; 1_000]).unwrap();
    }
    let texts = Array::<Text<20>>::new(3).unwrap();
    assert!(texts.iter().all(|text| text.is_empty()));
}

#[test]
fn iterators_go_both_ways_and_know_their_length() {
    let array = Array::from_slice(&[1, 2, 3, 4]).unwrap();
    assert_eq!(array.iter().len(), 4);
    assert_eq!(array.iter().rev().collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(array.iter().skip(1).step_by(2).collect::<Vec<_>>(), [2, 4]);
}

alone! {
/// Elements say how often they were written, in every word; children are killed in the middle.
fn killed_writers_leave_every_element_old_or_new() {
    const LEN: usize = 8;
    let array = Array::<[u64; 64]>::new(LEN).unwrap();
    let written = Value::<u64>::new(0).unwrap();
    for round in 0..100 {
        let before = array.to_vec();
        let start = written.get();
        let writer = fork(|| {
            for n in round * 1_000_000.. {
                array.copy_from_slice(&[[n; 64]; LEN]).unwrap();
                written.fetch_add(1);
            }
        });
        wait_until("a write", || written.get() > start);
        sleep(Duration::from_micros(41 * round % 1_000));
        writer.kill();
        let after = array.to_vec();
        assert!(after.iter().all(|element| *element == [element[0]; 64]), "a mixture");
        assert!(after.iter().zip(&before).all(|(now, then)| now[0] >= then[0]));
        assert!(after.iter().is_sorted_by(|one, next| one[0] >= next[0]), "out of order");
        assert!(after[0][0] - after[LEN - 1][0] <= 1, "more than one copy behind");
        for (index, element) in after.into_iter().enumerate() {
            assert_eq!(array.swap(index, element), Ok(element));
        }
    }
}
}

#[test]
fn the_doors_say_what_is_wrong() {
    let name = name("doors");
    assert_eq!(Array::<u16>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    let array = Array::<u16>::create(&name, 10).unwrap();
    assert_eq!(Array::<u16>::create(&name, 10).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(Array::<i16>::open(&name).unwrap_err().kind(), ErrorKind::TypeMismatch);
    assert_eq!(Value::<u16>::open(&name).unwrap_err().kind(), ErrorKind::TypeMismatch);
    let found = Array::<u16>::open_or_create(&name, 99).unwrap();
    assert_eq!(found.len(), 10);
    found.set(9, 7).unwrap();
    assert_eq!(array.get(9), Some(7));
    array.unlink().unwrap();
    assert_eq!(Array::<u16>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_length_that_no_memory_holds_is_an_error() {
    for len in [usize::MAX, usize::MAX / 8, isize::MAX as usize, 1 << 50] {
        let error = Array::<u64>::new(len).unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::OutOfMemory | ErrorKind::InvalidSize),
            "{len} elements: {error}"
        );
        assert!(Array::<[u64; 9]>::create(&name("huge"), len).is_err());
    }
}

/// What says 12,345 in the file is the length, wherever it is.
#[test]
fn a_length_that_was_overwritten_is_an_error_not_a_fault() {
    const LEN: u64 = 12_345;
    let name = name("length");
    let array = Array::<u8>::create(&name, LEN as usize).unwrap();
    let directory = std::env::var("COMMONHOLD_DIR").unwrap_or("/dev/shm".into());
    let file =
        File::options().read(true).write(true).open(Path::new(&directory).join(&name)).unwrap();
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let at = (0..bytes.len()).step_by(8).find(|at| bytes[*at..at + 8] == LEN.to_ne_bytes());
    let at = at.expect("a length") as u64;
    for (wrong, kind) in [
        (LEN + 1, Some(ErrorKind::Damaged)),
        (1 << 40, Some(ErrorKind::Damaged)),
        (u64::MAX, Some(ErrorKind::Damaged)),
        (LEN, None),
    ] {
        file.write_all_at(&wrong.to_ne_bytes(), at).unwrap();
        assert_eq!(Array::<u8>::open(&name).err().map(|error| error.kind()), kind, "{wrong}");
    }
    assert_eq!(array.len(), LEN as usize);
    array.unlink().unwrap();
}

alone! {
fn children_share_named_and_anonymous_arrays() {
    let name = name("segment");
    let segment = Segment::create(&name, 1 << 16).unwrap();
    let jobs = Array::create_from_slice(segment.at("jobs"), &[job(1), job(2)]).unwrap();
    let sums = Array::<f64>::new(2).unwrap();
    fork(|| {
        let segment = Segment::open(&name).unwrap();
        let jobs = Array::<Job>::open(segment.at("jobs")).unwrap();
        assert_eq!(jobs.to_vec(), [job(1), job(2)]);
        jobs.set(1, job(3)).unwrap();
        sums.update(0, |sum| sum + 2.5).unwrap();
    })
    .succeed();
    assert_eq!(jobs.get(1), Some(job(3)));
    assert_eq!(sums.to_vec(), [2.5, 0.0]);
    commonhold::unlink(&name).unwrap();
}
}

#[test]
fn a_handle_can_go_everywhere() {
    fn everywhere<H>(_: &H)
    where
        H: Clone + Debug + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    {
    }
    let array = Array::<u8>::new(3).unwrap();
    everywhere(&array);
    array.clone().set(0, 1).unwrap();
    assert_eq!(array.get(0), Some(1));
    assert_eq!(format!("{array:?}"), "Array(anonymous, length 3)");
}
