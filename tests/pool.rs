//! The pool: the same results as a plain loop, whatever happens to its workers.

mod children;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use children::{LONG, alone, promptly, wait_until};
use commonhold::{
    Event, MapError, MapOptions, Pool, Process, Queue, Semaphore, Task, TaskError, Value, current,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

commonhold::test_support!();

fn square(n: u64) -> u64 {
    n * n
}

fn range_sum(from: u64, to: u64, step: u64) -> u64 {
    (from..to).step_by(step as usize).sum()
}

fn pid() -> u32 {
    std::process::id()
}

fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

/// Descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of this process, zombies included.
fn children_of_this_process() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .flat_map(|task| {
            let file = task.unwrap().path().join("children");
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect()
}

// The same as a plain loop.

#[test]
fn every_form_gives_what_a_plain_loop_gives_for_every_size_of_chunk() {
    let pool = Pool::new(3).unwrap();
    for count in [0, 1, 2, 7, 100, 1000] {
        let expected: Vec<u64> = (0..count).map(square).collect();
        assert_eq!(pool.map(square, 0..count).unwrap(), expected);
        for chunk in [1, 2, 3, 10, 999, 5000] {
            let options = MapOptions::new().chunk(chunk);
            assert_eq!(pool.map_with(square, 0..count, options).unwrap(), expected);
            let ordered: Result<Vec<u64>, _> = pool.imap_with(square, 0..count, options).collect();
            assert_eq!(ordered.unwrap(), expected);
            let unordered = pool.imap_unordered_with(square, 0..count, options);
            let mut unordered = unordered.collect::<Result<Vec<u64>, _>>().unwrap();
            unordered.sort_unstable();
            assert_eq!(unordered, expected);
        }
        let triples = || (0..count).map(|n| (0, n, 1 + n % 3));
        let sums: Vec<u64> = triples().map(|(a, b, c)| range_sum(a, b, c)).collect();
        assert_eq!(pool.starmap(range_sum, triples()).unwrap(), sums);
        assert_eq!(
            pool.starmap_with(range_sum, triples(), MapOptions::new().chunk(2)).unwrap(),
            sums
        );
        assert_eq!(pool.starmap_async(range_sum, triples()).unwrap().get().unwrap(), sums);
        assert_eq!(pool.map_async(square, 0..count).unwrap().get().unwrap(), expected);
    }
    assert_eq!(pool.apply(square, 7).unwrap(), 49);
    assert_eq!(pool.apply(range_sum, (0, 10, 2)).unwrap(), 20);
    assert_eq!(pool.apply(|| 5_u8, ()).unwrap(), 5);
    let task = pool.apply_async(square, 8).unwrap();
    assert_eq!(task.get().unwrap(), 64);
    assert_eq!(task.get(), Err(TaskError::Taken));
    let closures = pool.map(|text: String| text.len(), ["a".to_owned(), "bc".to_owned()]);
    assert_eq!(closures.unwrap(), [1, 2]);
}

#[test]
fn chunks_of_no_items_are_refused() {
    let pool = Pool::new(1).unwrap();
    let none = MapOptions::new().chunk(0);
    let is_refused = |error: &TaskError| matches!(error, TaskError::Refused { .. });
    assert!(is_refused(&pool.map_with(square, 0..9, none).unwrap_err().error));
    let mut ordered = pool.imap_with(square, 0..9, none);
    assert!(is_refused(&ordered.next().unwrap().unwrap_err()));
    assert!(ordered.next().is_none());
    let mut unordered = pool.imap_unordered_with(square, 0..9, none);
    assert!(is_refused(&unordered.next().unwrap().unwrap_err()));
    assert_eq!(pool.map(square, 0..3).unwrap(), [0, 1, 4]);
}

#[test]
fn iterators_that_do_not_tell_how_many_they_have() {
    let pool = Pool::new(2).unwrap();
    let odd = (0..5000_u64).filter(|n| n % 2 == 1);
    let expected: Vec<u64> = odd.clone().map(square).collect();
    assert_eq!(pool.map(square, odd.clone()).unwrap(), expected);
    assert_eq!(pool.map_async(square, odd).unwrap().get().unwrap(), expected);
}

// Failures.

fn fails_at_odd(n: u32) -> u32 {
    assert!(n.is_multiple_of(2), "odd: {n}");
    n
}

#[test]
fn a_panic_reaches_its_caller_and_the_worker_lives_on() {
    let pool = Pool::new(1).unwrap();
    let before = pool.apply(pid, ()).unwrap();
    let error = pool.apply(fails_at_odd, 3).unwrap_err();
    let TaskError::Panicked { message, location } = &error else { panic!("{error}") };
    assert_eq!(message, "odd: 3");
    assert!(location.starts_with("tests/pool.rs:"), "{location}");
    assert!(error.to_string().contains("odd: 3"));
    assert_eq!(pool.apply(pid, ()).unwrap(), before);
}

#[test]
fn map_reports_the_first_failure_after_all_was_done() {
    let pool = Pool::new(2).unwrap();
    let done = Value::<u32>::new(0).unwrap();
    let items = (0..40_u32).map(|n| (n, done.clone()));
    let count_and_fail = |n: u32, done: Value<u32>| {
        done.fetch_add(1);
        fails_at_odd(if n < 5 { 2 * n } else { n })
    };
    let options = MapOptions::new().chunk(3);
    let MapError { index, error } = pool.starmap_with(count_and_fail, items, options).unwrap_err();
    assert_eq!(index, 5);
    assert!(matches!(error, TaskError::Panicked { message, .. } if message == "odd: 5"));
    assert_eq!(done.get(), 40);
}

#[test]
fn imap_reports_a_failure_at_its_place_and_goes_on() {
    let pool = Pool::new(2).unwrap();
    for chunk in [1, 4] {
        let options = MapOptions::new().chunk(chunk);
        for (n, result) in pool.imap_with(fails_at_odd, 0..50, options).enumerate() {
            match result {
                Ok(value) => assert_eq!((n % 2, value as usize), (0, n)),
                Err(error) => assert!(matches!(error, TaskError::Panicked { .. }) && n % 2 == 1),
            }
        }
        let unordered = pool.imap_unordered_with(fails_at_odd, 0..50, options);
        assert_eq!(unordered.filter(Result::is_err).count(), 25);
    }
}

fn die_at(n: u32, at: u32) -> u32 {
    if n == at {
        send(pid(), Signal::SIGKILL);
        std::thread::sleep(LONG);
    }
    n
}

#[test]
fn a_killed_worker_costs_the_item_it_was_at() {
    let pool = Pool::new(3).unwrap();
    for chunk in [1, 7, 100] {
        let items = (0..100).map(|n| (n, 42));
        let results: Vec<_> = pool
            .starmap_with(die_at, items, MapOptions::new().chunk(chunk))
            .err()
            .into_iter()
            .collect();
        let [MapError { index: 42, error: TaskError::WorkerDied { status, .. } }] = &results[..]
        else {
            panic!("{results:?}")
        };
        assert_eq!(status.signal(), Some(9));
        let die_at_42 = |n: u32| die_at(n, 42);
        let each = pool.imap_with(die_at_42, 0..100, MapOptions::new().chunk(chunk));
        for (n, result) in each.enumerate() {
            assert_eq!(result.ok(), (n != 42).then_some(n as u32));
        }
    }
    let pids = pids(&pool, 3);
    assert_eq!(pids.len(), 3, "the pool has all its workers");
}

/// The processes of a pool's workers, of which there are so many.
fn pids(pool: &Pool, workers: usize) -> HashSet<u32> {
    // Each waits until all have one, so that all have to be there.
    let all = Semaphore::new(0).unwrap();
    let here = Value::<u32>::new(0).unwrap();
    let tasks: Vec<Task<u32>> = (0..workers)
        .map(|_| {
            let meet = |all: Semaphore, here: Value<u32>| {
                here.fetch_add(1);
                let _permit = all.acquire_timeout(LONG).expect("the others");
                pid()
            };
            pool.apply_async(meet, (all.clone(), here.clone())).unwrap()
        })
        .collect();
    wait_until("all workers", || here.get() as usize == workers);
    all.release(workers as u32).unwrap();
    tasks.into_iter().map(|task| task.get().unwrap()).collect()
}

#[test]
fn a_death_is_told_within_a_quarter_of_a_second() {
    let pool = Pool::new(2).unwrap();
    let worker = Queue::<u32>::new(1).unwrap();
    let hang = |worker: Queue<u32>| {
        worker.send(pid()).unwrap();
        std::thread::sleep(LONG);
    };
    let task = pool.apply_async(hang, worker.clone()).unwrap();
    let pid = worker.recv().unwrap();
    let start = Instant::now();
    send(pid, Signal::SIGKILL);
    let error = task.get_timeout(LONG).unwrap_err();
    let took = start.elapsed();
    println!("a death was told after {took:?}");
    assert!(matches!(error, TaskError::WorkerDied { pid: dead, .. } if dead == pid), "{error}");
    assert!(took < children::HANG);
    assert_eq!(pids(&pool, 2).len(), 2);
}
