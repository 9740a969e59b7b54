//! The pool: the same results as a plain loop, whatever happens to its workers.

mod children;

use std::collections::HashSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use children::{LONG, promptly, wait_until};
use commonhold::{
    Event, MapError, MapOptions, Pool, Queue, Semaphore, Task, TaskError, Transfer, Value,
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

#[derive(Clone, PartialEq, Debug)]
struct Point {
    at: (i32, i32),
    sign: char,
}
commonhold::transfer!(Point { at, sign });

/// Every form gives what a plain loop gives.
fn agrees<F, A, R>(pool: &Pool, f: F, items: Vec<A>)
where
    F: Fn(A) -> R + Copy + Send + 'static,
    A: Transfer + Clone,
    R: Transfer + PartialEq + Debug,
{
    let expected: Vec<R> = items.iter().cloned().map(f).collect();
    assert_eq!(pool.map(f, items.clone()).unwrap(), expected);
    assert_eq!(pool.map_async(f, items.clone()).unwrap().get().unwrap(), expected);
    for chunk in [1, 7, 1000] {
        let options = MapOptions::new().chunk(chunk);
        assert_eq!(pool.map_with(f, items.clone(), options).unwrap(), expected);
        let each: Result<Vec<R>, _> = pool.imap_with(f, items.clone(), options).collect();
        assert_eq!(each.unwrap(), expected);
    }
}

#[test]
fn values_that_are_all_of_one_size_and_values_that_are_not() {
    let pool = Pool::new(2).unwrap();
    let numbers = || (0..300_u32).collect::<Vec<_>>();
    agrees(&pool, |n: u32| n as u8, numbers());
    agrees(&pool, |n: u32| u128::from(n) << 100, numbers());
    agrees(&pool, |n: u32| n.is_multiple_of(3), numbers());
    agrees(&pool, |n: u32| char::from_u32(n).unwrap_or('-'), numbers());
    agrees(&pool, |_: u32| (), numbers());
    agrees(&pool, |()| 7_u16, vec![(); 300]);
    agrees(&pool, |n: u32| [u64::from(n); 40], numbers());
    agrees(
        &pool,
        |n: [u16; 3]| (n[0], [n[1] > 5, true]),
        (0..300).map(|n| [n, n + 1, 2]).collect(),
    );
    agrees(&pool, |n: u32| Point { at: (n as i32, -1), sign: 'ß' }, numbers());
    agrees(&pool, |point: Point| point.at.0, vec![Point { at: (5, 6), sign: '+' }; 300]);
    agrees(&pool, |n: u32| "x".repeat(n as usize % 9), numbers());
    agrees(&pool, |text: String| text.len(), (0..300).map(|n| "x".repeat(n % 9)).collect());
    agrees(&pool, |n: u32| Some(n).filter(|n| n % 2 == 0), numbers());
}

#[test]
fn a_panic_costs_its_own_item_wherever_it_is_in_a_chunk() {
    let pool = Pool::new(2).unwrap();
    let fails_at = |(n, at): (u32, [u32; 2])| {
        assert!(!at.contains(&n), "at {n}");
        u64::from(n) << 40
    };
    for at in [[0, 0], [0, 1], [5, 6], [3, 19], [19, 19]] {
        let items = (0..20).map(|n| (n, at));
        let options = MapOptions::new().chunk(20);
        for (n, result) in pool.imap_with(fails_at, items.clone(), options).enumerate() {
            assert_eq!(result.ok(), (!at.contains(&(n as u32))).then_some((n as u64) << 40));
        }
        let error = pool.map_with(fails_at, items, options).unwrap_err();
        assert_eq!(error.index, at[0] as usize);
    }
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

#[test]
fn a_task_that_exits_is_a_death_with_a_code() {
    let pool = Pool::new(1).unwrap();
    let exit = |code: i32| -> u8 { std::process::exit(code) };
    let error = pool.apply(exit, 3).unwrap_err();
    assert!(matches!(&error, TaskError::WorkerDied { status, .. } if status.code() == Some(3)));
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

#[test]
fn what_a_worker_dies_in_is_tried_again_where_that_was_asked() {
    let pool = Pool::options().workers(2).retries(2).build().unwrap();
    for chunk in [1, 5] {
        let tries = Value::<u32>::new(0).unwrap();
        let die_twice = |n: u32, tries: Value<u32>| {
            if n == 7 && tries.fetch_add(1) < 2 {
                send(pid(), Signal::SIGKILL);
            }
            n
        };
        let items = (0..20).map(|n| (n, tries.clone()));
        let results = pool.starmap_with(die_twice, items, MapOptions::new().chunk(chunk)).unwrap();
        assert_eq!(results, (0..20).collect::<Vec<u32>>());
        assert_eq!(tries.get(), 3);
    }
    let always = |_: u32| send(pid(), Signal::SIGKILL);
    let error = pool.apply(always, 1).unwrap_err();
    assert!(matches!(error, TaskError::WorkerDied { .. }), "after three times: {error}");
}

// Nobody waits behind others.

#[test]
fn a_stopped_worker_keeps_its_task_and_stalls_nobody() {
    let pool = Pool::new(2).unwrap();
    let worker = Queue::<u32>::new(1).unwrap();
    let stop = |worker: Queue<u32>| {
        worker.send(pid()).unwrap();
        send(pid(), Signal::SIGSTOP);
        7
    };
    let task = pool.apply_async(stop, worker.clone()).unwrap();
    let pid = worker.recv().unwrap();
    let expected: Vec<u64> = (0..5000).map(square).collect();
    for chunk in [1, 100] {
        let results = pool.map_with(square, 0..5000, MapOptions::new().chunk(chunk));
        assert_eq!(results.unwrap(), expected);
    }
    assert!(!task.is_ready());
    send(pid, Signal::SIGCONT);
    assert_eq!(task.get_timeout(LONG), Ok(7));
}

#[test]
fn nothing_waits_behind_an_item_that_takes_its_time() {
    let pool = Pool::new(2).unwrap();
    fn wait_for_all(n: u32, done: &Value<u32>) -> u32 {
        let start = Instant::now();
        while n == 3_000 && done.get() < 4_999 {
            assert!(start.elapsed() < LONG, "{} of the others are done", done.get());
            std::thread::sleep(Duration::from_millis(1));
        }
        done.fetch_add(1);
        n
    }
    for chunk in [1, 50] {
        let done = Value::<u32>::create("pool-behind", 0).unwrap();
        let by_name = |n: u32| {
            thread_local!(static DONE: Value<u32> = Value::open("pool-behind").unwrap());
            DONE.with(|done| wait_for_all(n, done))
        };
        let options = MapOptions::new().chunk(chunk);
        let results = promptly("one that takes its time", || {
            // Workers of its own, as each opens the value once.
            Pool::new(2).unwrap().map_with(by_name, 0..5_000, options).unwrap()
        });
        assert!(results.iter().copied().eq(0..5_000));
        assert_eq!(done.get(), 5_000);
    }
    let done = Value::<u32>::new(0).unwrap();
    let by_handle = |n: u32, done: Value<u32>| wait_for_all(n, &done);
    let items = (0..5_000).map(|n| (n, done.clone()));
    let one = MapOptions::new().chunk(1);
    let results = promptly("the same with handles", || pool.starmap_with(by_handle, items, one));
    assert!(results.unwrap().iter().copied().eq(0..5_000));
}

// Initializers.

#[test]
fn an_initializer_runs_once_in_every_worker_and_before_its_tasks() {
    let started = Value::<u32>::new(0).unwrap();
    let count = |started: Value<u32>, by: u32| {
        started.fetch_add(by);
    };
    let pool =
        Pool::options().workers(3).initializer(count, (started.clone(), 10)).build().unwrap();
    assert_eq!(pids(&pool, 3).len(), 3);
    assert_eq!(started.get(), 30);
}

#[test]
fn a_failing_initializer_is_told_by_the_first_call_and_by_every_other() {
    let started = Value::<u32>::new(0).unwrap();
    let fail = |started: Value<u32>| {
        started.fetch_add(1);
        panic!("no bread");
    };
    let pool = Pool::options().workers(2).initializer(fail, started.clone()).build().unwrap();
    for _ in 0..2 {
        let error = promptly("a failed initializer", || pool.apply(square, 7).unwrap_err());
        let TaskError::Initializer { message } = &error else { panic!("{error}") };
        assert!(message.contains("no bread") && message.contains("tests/pool.rs"), "{message}");
    }
    let error = pool.map(square, 0..10).unwrap_err();
    assert!(matches!(error.error, TaskError::Initializer { .. }));
    assert!(started.get() <= 2, "it ran {} times", started.get());

    let exit = |code: i32| std::process::exit(code);
    let pool = Pool::options().workers(1).initializer(exit, 7).build().unwrap();
    let error = pool.apply(square, 7).unwrap_err();
    assert!(matches!(error, TaskError::Initializer { .. }), "{error}");
}

#[test]
fn a_worker_killed_in_its_initializer_is_replaced_and_not_for_ever() {
    let tries = Value::<u32>::new(0).unwrap();
    let die_at_first = |tries: Value<u32>| {
        if tries.fetch_add(1) == 0 {
            send(pid(), Signal::SIGKILL);
        }
    };
    let pool = Pool::options().workers(1).initializer(die_at_first, tries.clone()).build().unwrap();
    assert_eq!(pool.apply(square, 7).unwrap(), 49);
    assert_eq!(tries.get(), 2);

    tries.set(0);
    let die = |tries: Value<u32>| {
        tries.fetch_add(1);
        send(pid(), Signal::SIGKILL);
    };
    let pool = Pool::options().workers(1).initializer(die, tries.clone()).build().unwrap();
    let error = pool.apply(square, 7).unwrap_err();
    assert!(matches!(error, TaskError::Initializer { .. }), "{error}");
    assert!(tries.get() < 10, "it ran {} times", tries.get());
}

// Waiting.

#[test]
fn a_timeout_leaves_the_result_retrievable() {
    let pool = Pool::new(1).unwrap();
    let go = Event::new().unwrap();
    let wait = |go: Event| {
        go.wait();
        7
    };
    let task = pool.apply_async(wait, go.clone()).unwrap();
    let start = Instant::now();
    assert_eq!(task.get_timeout(Duration::from_millis(20)), Err(TaskError::Timeout));
    assert!(start.elapsed() >= Duration::from_millis(20), "too early");
    assert_eq!(task.get_deadline(Instant::now()), Err(TaskError::Timeout));
    assert_eq!(task.try_get(), Err(TaskError::Timeout));
    assert!(!task.is_ready() && !task.wait_timeout(Duration::ZERO));
    go.set();
    assert!(task.wait_timeout(LONG) && task.is_ready());
    task.wait();
    assert_eq!(task.get_timeout(Duration::MAX), Ok(7));
    assert_eq!(task.try_get(), Err(TaskError::Taken));
}

#[test]
fn close_finishes_what_is_queued_and_takes_nothing_more() {
    let pool = Pool::new(2).unwrap();
    let tasks: Vec<Task<u64>> = (0..2000).map(|n| pool.apply_async(square, n).unwrap()).collect();
    pool.close();
    pool.close();
    assert!(matches!(pool.apply_async(square, 1), Err(TaskError::Closed)));
    assert_eq!(pool.map(square, 0..3).unwrap_err().error, TaskError::Closed);
    assert_eq!(pool.imap(square, 0..3).next(), Some(Err(TaskError::Closed)));
    promptly("joining", || pool.join().unwrap());
    for (n, task) in tasks.iter().enumerate() {
        assert_eq!(task.get(), Ok(square(n as u64)));
    }
    pool.join().unwrap();
    assert_eq!(pool.apply(square, 1), Err(TaskError::Closed));
}

#[test]
fn terminate_returns_promptly_whatever_is_queued() {
    let pool = Pool::new(2).unwrap();
    let sleep = |_: u32| std::thread::sleep(LONG);
    let tasks: Vec<Task<()>> = (0..10_000).map(|n| pool.apply_async(sleep, n).unwrap()).collect();
    promptly("terminating", || pool.terminate());
    for task in &tasks {
        assert_eq!(task.get(), Err(TaskError::Terminated));
    }
    assert_eq!(pool.apply(square, 1), Err(TaskError::Terminated));
    assert!(pool.join().is_err());
}

#[test]
fn a_call_in_progress_ends_when_its_pool_does() {
    let pool = Pool::new(1).unwrap();
    let begun = Event::new().unwrap();
    std::thread::scope(|scope| {
        let sleep = |begun: Event| {
            begun.set();
            std::thread::sleep(LONG);
        };
        let (pool, begun) = (&pool, &begun);
        let call = scope.spawn(move || pool.map(sleep, [begun.clone(), begun.clone()]));
        begun.wait();
        pool.terminate();
        assert_eq!(call.join().unwrap().unwrap_err().error, TaskError::Terminated);
    });
}

// Iterators.

#[test]
fn an_endless_iterator_is_pulled_only_a_little_ahead() {
    let pool = Pool::new(2).unwrap();
    let pulled = AtomicU32::new(0);
    let endless = || std::iter::repeat_with(|| pulled.fetch_add(1, Ordering::Relaxed));
    let slow = |n: u32| {
        std::thread::sleep(Duration::from_millis(1));
        n
    };
    for (n, result) in pool.imap(slow, endless()).take(50).enumerate() {
        assert_eq!(result.unwrap() as usize, n);
        let ahead = pulled.load(Ordering::Relaxed) as usize - n;
        assert!(ahead < 200, "{ahead} ahead at {n}");
    }
    pulled.store(0, Ordering::Relaxed);
    let seen =
        pool.imap_unordered(|n: u32| n, endless()).take(20_000).filter(Result::is_ok).count();
    assert_eq!(seen, 20_000);
    let most = pulled.load(Ordering::Relaxed);
    assert!(most < 20_000 + 5_000, "{most} were pulled for 20,000");
}

#[test]
fn a_failing_iterator_delivers_what_came_before_it() {
    let pool = Pool::new(2).unwrap();
    let failing = || (0..100_u64).map(|n| if n == 50 { panic!("no more items") } else { n });
    let mut results = Vec::new();
    let mut iterator = pool.imap(square, failing());
    let ended = catch_unwind(AssertUnwindSafe(|| {
        results.extend(iterator.by_ref().map(Result::unwrap));
    }));
    let panic = ended.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"no more items"));
    assert_eq!(results, (0..50).map(square).collect::<Vec<u64>>());
    assert!(iterator.next().is_none());
    drop(iterator);
    assert!(catch_unwind(AssertUnwindSafe(|| pool.map(square, failing()))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| pool.map_async(square, failing()))).is_err());
    assert_eq!(pool.map(square, 0..3).unwrap(), [0, 1, 4]);
}

#[test]
fn iterators_that_are_not_used_up_leave_the_pool_usable() {
    let pool = Pool::new(2).unwrap();
    for _ in 0..200 {
        assert_eq!(pool.imap(square, 0..1000).nth(3).unwrap().unwrap(), 9);
    }
    // More of them than there are cells for, all at once.
    let mut many: Vec<_> = (0..100).map(|_| pool.imap(square, 0..100)).collect();
    for n in 0..100 {
        for one in &mut many {
            assert_eq!(one.next().unwrap().unwrap(), square(n));
        }
    }
    assert_eq!(pool.map(square, 0..3).unwrap(), [0, 1, 4]);
}

// Workers come and go.

#[test]
fn workers_are_replaced_after_so_many_tasks_and_nothing_is_lost() {
    let pool = Pool::options().workers(2).max_tasks_per_worker(10).build().unwrap();
    let who: HashSet<u32> = pool
        .map_with(|_: u32| pid(), 0..200, MapOptions::new().chunk(5))
        .unwrap()
        .into_iter()
        .collect();
    assert!(who.len() >= 10, "{} workers did 200 tasks", who.len());
    let tasks: Vec<Task<u64>> = (0..300).map(|n| pool.apply_async(square, n).unwrap()).collect();
    pool.close();
    pool.join().unwrap();
    for (n, task) in tasks.iter().enumerate() {
        assert_eq!(task.get(), Ok(square(n as u64)));
    }
}

#[test]
fn a_pool_grows_and_shrinks() {
    let pool = Pool::new(1).unwrap();
    pool.resize(3).unwrap();
    assert_eq!(pids(&pool, 3).len(), 3);
    pool.resize(1).unwrap();
    let who = |_: u32| {
        std::thread::sleep(Duration::from_millis(1));
        pid()
    };
    wait_until("one worker", || {
        pool.map(who, 0..20).unwrap().into_iter().collect::<HashSet<_>>().len() == 1
    });
    pool.resize(2).unwrap();
    assert_eq!(pids(&pool, 2).len(), 2);
    assert!(pool.resize(0).is_err() && pool.resize(1000).is_err());
    assert!(Pool::new(0).is_err() && Pool::new(1000).is_err());
    pool.close();
    assert!(pool.resize(2).is_err());
}

// What crosses.

#[test]
fn arguments_and_results_of_any_size() {
    let pool = Pool::new(2).unwrap();
    let double = |bytes: Vec<u8>| [bytes.clone(), bytes].concat();
    for size in [0, 1, 7, 8, 9, 143, 144, 145, 300, 5_000, 300_000, 5 << 20, 20 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let result = pool.apply(double, bytes.clone()).unwrap();
        assert!(result[..size] == bytes && result[size..] == bytes, "{size}");
    }
    // Results that are much longer than their type tells, in one chunk, and long ones among short ones.
    let repeat = |n: u32| "ab".repeat(n as usize % 3000);
    for chunk in [1, 10, 1000] {
        let results = pool.map_with(repeat, 0..4000, MapOptions::new().chunk(chunk)).unwrap();
        for (n, text) in results.iter().enumerate() {
            assert_eq!(text.len(), 2 * (n % 3000));
        }
    }
    let texts: Vec<String> = (0..500).map(|n| "x".repeat(n * 7 % 400)).collect();
    for chunk in [1, 7, 500] {
        let options = MapOptions::new().chunk(chunk);
        let results = pool.map_with(|text: String| text, texts.clone(), options).unwrap();
        assert_eq!(results, texts);
    }
    assert_eq!(pool.map(|()| (), vec![(); 1000]).unwrap().len(), 1000);
}

#[test]
fn handles_cross_as_arguments_and_results() {
    let pool = Pool::options().workers(2).max_tasks_per_worker(3).build().unwrap();
    let counter = Value::<u64>::new(0).unwrap();
    let add = |counter: Value<u64>, n: u64| {
        counter.fetch_add(n);
        counter
    };
    for result in pool.starmap(add, (0..100).map(|n| (counter.clone(), n))).unwrap() {
        assert_eq!(result.get(), counter.get());
    }
    assert_eq!(counter.get(), 4950);
    // One that its worker made, which ends after it.
    for n in 0..20 {
        let made = pool.apply(|n: u64| Value::new(n).unwrap(), n).unwrap();
        assert_eq!(made.get(), n);
    }
}

/// Crosses unless it is odd.
struct Even(u64);

impl commonhold::Transfer for Even {
    fn pack(
        &self,
        to: &mut commonhold::__transfer::Packer,
    ) -> Result<(), commonhold::__transfer::Refused> {
        if self.0 % 2 == 1 {
            // What does not cross in a message.
            let file = std::fs::File::open("/dev/null").unwrap();
            commonhold::Transfer::pack(&file, to)?;
        }
        self.0.pack(to)
    }

    fn unpack(
        from: &mut commonhold::__transfer::Unpacker<'_>,
    ) -> Result<Even, commonhold::__transfer::Refused> {
        u64::unpack(from).map(Even)
    }
}

#[test]
fn what_cannot_cross_fails_its_own_task_alone() {
    let pool = Pool::new(2).unwrap();
    let is_refused = |error: &TaskError| matches!(error, TaskError::Refused { .. });
    assert!(is_refused(&pool.apply(|n: Even| n.0, Even(1)).unwrap_err()));
    assert!(is_refused(&pool.apply(Even, 1).map(|even| even.0).unwrap_err()));
    for chunk in [1, 10] {
        let options = MapOptions::new().chunk(chunk);
        let results: Vec<_> = pool.imap_with(|n: Even| n.0, (0..50).map(Even), options).collect();
        let also: Vec<_> =
            pool.imap_with(Even, 0..50, options).map(|result| result.map(|even| even.0)).collect();
        for results in [results, also] {
            assert_eq!(results.len(), 50);
            for (n, result) in results.iter().enumerate() {
                match result {
                    Ok(value) => assert_eq!((*value as usize, n % 2), (n, 0)),
                    Err(error) => assert!(is_refused(error) && n % 2 == 1),
                }
            }
        }
    }
    let error = pool.map_async(|n: Even| n.0, (0..5).map(Even)).unwrap().get().unwrap_err();
    assert!(is_refused(&error));
}

// Callbacks.

#[test]
fn a_callback_runs_once_and_before_the_task_is_ready() {
    let pool = Pool::new(2).unwrap();
    let (done, failed) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<Task<()>> = (0..1000)
        .map(|n| {
            let (done, failed) = (done.clone(), failed.clone());
            let on_result = move |value: u32| {
                assert!(value.is_multiple_of(2));
                done.fetch_add(1, Ordering::Relaxed);
            };
            let on_error = move |error| {
                assert!(matches!(error, TaskError::Panicked { .. }));
                failed.fetch_add(1, Ordering::Relaxed);
            };
            pool.apply_async_with(fails_at_odd, n, on_result, on_error).unwrap()
        })
        .collect();
    for task in &tasks {
        assert_eq!(task.get_timeout(LONG), Ok(()));
        assert_eq!(task.get(), Err(TaskError::Taken));
    }
    assert_eq!((done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed)), (500, 500));
}

#[test]
fn a_callback_that_panics_harms_nothing() {
    let pool = Pool::new(1).unwrap();
    let panics = |_| panic!("in a callback, on purpose");
    let task = pool.apply_async_with(square, 3, panics, |_| ()).unwrap();
    assert_eq!(task.get_timeout(LONG), Ok(()));
    let ran = Arc::new(AtomicU32::new(0));
    let count = ran.clone();
    let add = move |n| {
        count.fetch_add(n as u32, Ordering::Relaxed);
    };
    drop(pool.apply_async_with(square, 3, add, |_| ()).unwrap());
    pool.join().unwrap();
    assert_eq!(
        ran.load(Ordering::Relaxed),
        9,
        "also where the task was dropped, before join returns"
    );
}

/// Also when the task is dropped in the moment between its result and its callback.
#[test]
fn callbacks_run_for_tasks_that_nobody_keeps() {
    const TASKS: u64 = 10_000;
    let pool = Pool::new(2).unwrap();
    let sum = Arc::new(AtomicU64::new(0));
    for n in 1..=TASKS {
        let (results, errors) = (Arc::clone(&sum), Arc::clone(&sum));
        let on_result = move |square| {
            results.fetch_add(square, Ordering::Relaxed);
        };
        let on_error = move |_| {
            errors.fetch_add(1 << 60, Ordering::Relaxed);
        };
        drop(pool.apply_async_with(square, n, on_result, on_error).unwrap());
    }
    pool.join().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), TASKS * (TASKS + 1) * (2 * TASKS + 1) / 6);
}

#[test]
fn callbacks_may_use_their_pool() {
    let pool = Arc::new(Pool::new(1).unwrap());
    let (inner, result) = (pool.clone(), Arc::new(AtomicU32::new(0)));
    let store = result.clone();
    let on_result = move |n| {
        let long: Vec<u8> = inner.apply(|n: u64| vec![n as u8; 1 << 20], n).unwrap();
        store.store(long.len() as u32, Ordering::Relaxed);
    };
    let task = pool.apply_async_with(square, 3, on_result, |_| ()).unwrap();
    assert_eq!(task.get_timeout(LONG), Ok(()));
    assert_eq!(result.load(Ordering::Relaxed), 1 << 20);
}

#[test]
fn callbacks_hear_of_the_end_of_their_pool() {
    let pool = Pool::new(1).unwrap();
    let heard = Arc::new(AtomicU32::new(0));
    let sleep = |_: u32| std::thread::sleep(LONG);
    for n in 0..10 {
        let heard = heard.clone();
        let on_error = move |error| {
            assert_eq!(error, TaskError::Terminated);
            heard.fetch_add(1, Ordering::Relaxed);
        };
        pool.apply_async_with(sleep, n, |()| (), on_error).unwrap();
    }
    pool.terminate();
    assert_eq!(heard.load(Ordering::Relaxed), 10);
}

// Many at once.

#[test]
fn threads_share_a_pool() {
    let pool = Pool::new(2).unwrap();
    let expected: Vec<u64> = (0..500).map(square).collect();
    std::thread::scope(|scope| {
        for part in 0..8 {
            let (pool, expected) = (&pool, &expected);
            scope.spawn(move || match part % 4 {
                0 => (0..200).for_each(|n| assert_eq!(pool.apply(square, n).unwrap(), square(n))),
                1 => (0..10).for_each(|_| assert_eq!(&pool.map(square, 0..500).unwrap(), expected)),
                2 => {
                    let results: Result<Vec<u64>, _> = pool.imap(square, 0..500).collect();
                    assert_eq!(&results.unwrap(), expected);
                }
                _ => {
                    let tasks: Vec<_> =
                        (0..500).map(|n| pool.apply_async(square, n).unwrap()).collect();
                    let results: Vec<u64> = tasks.iter().map(|task| task.get().unwrap()).collect();
                    assert_eq!(&results, expected);
                }
            });
        }
    });
}

#[test]
fn tasks_that_nobody_waits_for_are_done() {
    let pool = Pool::new(2).unwrap();
    let done = Value::<u32>::new(0).unwrap();
    let count = |done: Value<u32>| {
        done.fetch_add(1);
    };
    for _ in 0..2000 {
        drop(pool.apply_async(count, done.clone()).unwrap());
    }
    pool.join().unwrap();
    assert_eq!(done.get(), 2000);
}
