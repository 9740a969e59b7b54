//! What a `Value` promises to several processes.

mod children;

use children::{Child, LONG, alone, fork, stop_here, wait_until};
use commonhold::{ErrorKind, Segment, SegmentInfo, Value};
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A name that is this test's own. The test removes it: as long as a child of another test lives, which
/// has inherited everything, the name is in use.
fn name(test: &str) -> String {
    format!("test-value-{test}-{}", std::process::id())
}

/// Four forked children run `f`.
fn in_four_children(f: impl Fn()) {
    let children: Vec<Child> = (0..4).map(|_| fork(&f)).collect();
    children.into_iter().for_each(Child::succeed);
}

alone! {
fn four_processes_increment_exactly() {
    let small = Value::<u64>::new(0).unwrap();
    let byte = Value::<u8>::new(0).unwrap();
    let large = Value::<[u64; 9]>::new([0; 9]).unwrap();
    let added = Value::<i32>::new(0).unwrap();
    in_four_children(|| {
        for _ in 0..25_000 {
            small.update(|n| n + 1);
            byte.update(|n| n.wrapping_add(1));
            large.update(|words| words.map(|n| n + 1));
            added.fetch_add(1);
        }
    });
    assert_eq!(small.get(), 100_000);
    assert_eq!(byte.get(), (100_000 % 256) as u8);
    assert_eq!(large.get(), [100_000; 9]);
    assert_eq!(added.get(), 100_000);
}
}

alone! {
/// Every swap puts in a number that no other puts in; none may vanish or come out twice.
fn what_is_swapped_in_comes_out_once() {
    fn run<T: commonhold::Shared>(make: fn(u64) -> T, number: fn(T) -> u64) {
        const EACH: u64 = 5_000;
        let value = Value::new(make(0)).unwrap();
        let sum = Value::<u64>::new(0).unwrap();
        let next = Value::<u64>::new(1).unwrap();
        in_four_children(|| {
            let out: u64 = (0..EACH).map(|_| number(value.swap(make(next.fetch_add(1))))).sum();
            sum.fetch_add(out);
        });
        let all: u64 = (1..=4 * EACH).sum();
        assert_eq!(sum.get() + number(value.get()), all);
    }
    run(|n| n, |n| n);
    run(|n| [n; 5], |words| words[0]);
}
}

alone! {
fn an_exchange_succeeds_for_one_of_those_who_saw_the_same() {
    let value = Value::<[u32; 10]>::new([0; 10]).unwrap();
    let won = Value::<u64>::new(0).unwrap();
    in_four_children(|| {
        for round in 0..5_000 {
            if value.compare_exchange([round; 10], [round + 1; 10]).is_ok() {
                won.fetch_add(1);
            } else {
                wait_until("the winner", || value.get()[0] > round);
            }
        }
    });
    assert_eq!((won.get(), value.get()), (5_000, [5_000; 10]));
}
}

/// Run in a process of its own by the next test.
#[test]
#[ignore = "part of another test"]
fn in_another_program() {
    let Ok(name) = std::env::var("TEST_VALUE_NAME") else { return };
    let value = Value::<[u64; 4]>::open(&name).unwrap();
    assert_eq!(value.swap([5; 4]), [3; 4]);
}

#[test]
fn another_program_finds_it_by_its_name() {
    let name = name("program");
    let value = Value::create(&name, [3_u64; 4]).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "in_another_program", "--ignored", "--quiet"])
        .env("TEST_VALUE_NAME", &name)
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    assert_eq!(value.get(), [5; 4]);
    value.unlink().unwrap();
}

alone! {
/// The value says how often it was written, in every word; children are killed in the middle.
fn killed_writers_leave_the_old_value_or_the_new_one() {
    let value = Value::<[u64; 512]>::new([0; 512]).unwrap();
    let mut last = 0;
    for round in 0..100 {
        let writers: Vec<Child> = (0..2)
            .map(|_| {
                fork(|| {
                    loop {
                        value.update(|words| words.map(|n| n + 1));
                    }
                })
            })
            .collect();
        wait_until("a write", || value.get()[0] > last);
        sleep(Duration::from_micros(37 * round % 1_000));
        drop(writers);
        let now = value.get();
        assert_eq!(now, [now[0]; 512], "a mixture");
        assert!(now[0] > last);
        let start = Instant::now();
        assert_eq!(value.update(|words| words.map(|n| n + 1)), now, "a write after the last");
        assert!(start.elapsed() < LONG);
        last = now[0] + 1;
    }
}
}

alone! {
fn a_process_that_is_stopped_in_an_update_holds_nobody() {
    fn run<T: commonhold::Shared + PartialEq + Debug>(make: fn(u8) -> T, number: fn(T) -> u8) {
        let value = Value::new(make(1)).unwrap();
        let child = fork(|| {
            let mut calls = 0;
            let previous = value.update(|value| {
                calls += 1;
                if calls == 1 {
                    stop_here();
                }
                make(number(value) + 10)
            });
            assert_eq!((calls, previous), (2, make(2)));
        });
        child.stopped();
        value.set(make(2));
        assert_eq!(value.get(), make(2));
        child.resume();
        child.succeed();
        assert_eq!(value.get(), make(12));
    }
    run(|n| n, |n| n);
    run(|n| [n; 100], |bytes| bytes[7]);
}
}

alone! {
fn a_process_that_is_killed_in_an_update_changed_nothing() {
    let value = Value::<[u8; 100]>::new([1; 100]).unwrap();
    let child = fork(|| {
        _ = value.update(|_| {
            stop_here();
            [2; 100]
        })
    });
    child.stopped();
    child.kill();
    assert_eq!(value.update(|_| [3; 100]), [1; 100]);
}
}

alone! {
fn try_update_says_whether_it_replaced() {
    let seats = Value::<u32>::new(1_000).unwrap();
    let sold = Value::<u64>::new(0).unwrap();
    in_four_children(|| {
        while seats.try_update(|n| n.checked_sub(1)).is_ok() {
            sold.fetch_add(1);
        }
    });
    assert_eq!((seats.get(), sold.get()), (0, 1_000));
}
}

alone! {
fn arithmetic_is_exact_and_wraps() {
    let value = Value::<i8>::new(127).unwrap();
    assert_eq!(value.fetch_add(1), 127);
    assert_eq!(value.fetch_sub(1), -128);
    assert_eq!(value.fetch_max(-5), 127);
    assert_eq!(value.fetch_min(-5), 127);
    assert_eq!(value.fetch_and(0x0f), -5);
    assert_eq!(value.fetch_or(0x30), 0x0b);
    assert_eq!(value.get(), 0x3b);
    let highest = Value::<u64>::new(0).unwrap();
    let next = Value::<usize>::new(0).unwrap();
    in_four_children(|| (0..1_000).for_each(|_| _ = highest.fetch_max(next.fetch_add(1) as u64)));
    assert_eq!(highest.get(), 3_999);
}
}

alone! {
fn the_doors_say_what_is_wrong() {
    let name = name("doors");
    assert_eq!(Value::<u64>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    let value = Value::<u64>::create(&name, 7).unwrap();
    let kind = |result: Result<Value<u64>, commonhold::Error>| result.unwrap_err().kind();
    assert_eq!(kind(Value::create(&name, 8)), ErrorKind::AlreadyExists);
    assert_eq!(kind(Value::create("a/b", 8)), ErrorKind::InvalidName);
    let error = Value::<f64>::open(&name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TypeMismatch);
    let text = error.to_string();
    assert!(text.contains("Value<u64>") && text.contains("Value<f64>"), "{text}");
    let found = Value::<u64>::open_or_create(&name, 9).unwrap();
    assert_eq!(found.swap(10), 7);
    assert_eq!(value.get(), 10);
    value.unlink().unwrap();
    assert_eq!(kind(Value::open(&name)), ErrorKind::NotFound);
    assert_eq!((value.get(), found.get()), (10, 10));
}
}

alone! {
/// In a process of its own, whose marks no child of another test inherits.
fn the_last_one_out_removes_the_name() {
    let name = name("last");
    fork(|| {
        let value = Value::<u64>::create(&name, 7).unwrap();
        let again = Value::<u64>::open(&name).unwrap();
        drop(value);
        assert_eq!(Value::<u64>::open(&name).unwrap().get(), 7);
        drop(again);
        assert_eq!(Value::<u64>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    })
    .succeed();
    let ours = |info: &SegmentInfo| info.name() == name;
    assert!(!commonhold::segments().unwrap().iter().any(ours));
}
}

alone! {
fn values_of_many_types_live_in_one_segment() {
    let name = name("segment");
    let segment = Segment::create(&name, 1 << 16).unwrap();
    let hits = Value::<u64>::create(segment.at("hits"), 1).unwrap();
    let place = Value::create(segment.at("place"), [1.5_f64; 20]).unwrap();
    let flag = Value::create(segment.at("flag"), true).unwrap();
    in_four_children(|| {
        let segment = Segment::open(&name).unwrap();
        Value::<u64>::open(segment.at("hits")).unwrap().fetch_add(1);
        Value::<[f64; 20]>::open(segment.at("place")).unwrap().update(|xs| xs.map(|x| x + 1.0));
    });
    assert_eq!((hits.get(), place.get(), flag.get()), (5, [5.5; 20], true));
    assert_eq!(hits.unlink().unwrap_err().kind(), ErrorKind::Unsupported);
    commonhold::unlink(&name).unwrap();
}
}

alone! {
fn two_thousand_anonymous_values_need_few_descriptors() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let values: Vec<_> = (0..2_000_u64).map(|n| Value::new(n).unwrap()).collect();
    assert!(open() < before + 100);
    in_four_children(|| values.iter().for_each(|value| _ = value.fetch_add(1)));
    assert!(values.iter().zip(0..).all(|(value, n)| value.get() == n + 4));
}
}

#[test]
fn a_handle_can_go_everywhere() {
    fn everywhere<H>(_: &H)
    where
        H: Clone + Debug + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    {
    }
    let value = Value::new('x').unwrap();
    everywhere(&value);
    let clone = value.clone();
    clone.set('y');
    assert_eq!(value.get(), 'y');
    assert_eq!(format!("{value:?}"), "Value(anonymous)");
}
