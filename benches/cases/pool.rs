//! Pools: many empty tasks, one task at a time, and how long it takes until there is one.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use commonhold::{MapOptions, Pool};
use rayon::prelude::*;

use crate::support::bare_pool::{BarePool, WORKERS};
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::{Run, Sample};

fn nothing(n: u64) -> u64 {
    n
}

fn timed(run: impl FnOnce()) -> Sample {
    cpu::unpin(); // other cases pin this thread, and processes that it starts inherit that
    let start = Instant::now();
    run();
    Sample { took: start.elapsed(), interruptions: 0 }
}

fn pool() -> Pool {
    cpu::unpin();
    Pool::new(WORKERS).expect("a pool")
}

fn threads() -> rayon::ThreadPool {
    cpu::unpin();
    rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("a pool of threads")
}

/// Items of one call.
const ITEMS: u64 = 100_000;

/// So many items, by as few calls as it takes.
fn in_calls(count: u64, mut call: impl FnMut(u64)) -> Sample {
    timed(|| (0..count).step_by(ITEMS as usize).for_each(|done| call(ITEMS.min(count - done))))
}

/// Of so many items, so many at a time; 0: as the pool likes it.
pub fn map(chunk: usize) -> Run {
    let pool = pool();
    let options = if chunk == 0 { MapOptions::new() } else { MapOptions::new().chunk(chunk) };
    Box::new(move |count| {
        in_calls(count, |items| {
            let results = pool.map_with(nothing, 0..items, options).expect("results");
            assert_eq!(results.len() as u64, items);
        })
    })
}

pub fn map_rayon(chunk: usize) -> Run {
    let pool = threads();
    Box::new(move |count| {
        in_calls(count, |length| {
            let items = (0..length as usize).into_par_iter();
            let nothing = |n: usize| nothing(n as u64);
            let results: Vec<u64> = pool.install(|| match chunk {
                0 => items.map(nothing).collect(),
                _ => items.with_max_len(chunk).map(nothing).collect(),
            });
            assert_eq!(results.len() as u64, length);
        })
    })
}

pub fn map_bare(chunk: usize) -> Run {
    let pool = BarePool::new(nothing);
    Box::new(move |count| {
        in_calls(count, |items| {
            let len = usize::try_from(items).expect("fewer tasks");
            let results = pool.map((0..len).map(|n| n as u64), chunk);
            assert_eq!(results.last().copied(), items.checked_sub(1));
        })
    })
}

/// Results as they come, in the order of the items or in their own.
pub fn imap(ordered: bool) -> Run {
    let pool = pool();
    Box::new(move |count| {
        in_calls(count, |items| {
            let done = match ordered {
                true => pool.imap(nothing, 0..items).filter(Result::is_ok).count(),
                false => pool.imap_unordered(nothing, 0..items).filter(Result::is_ok).count(),
            };
            assert_eq!(done as u64, items);
        })
    })
}

pub fn apply() -> Run {
    let pool = pool();
    Box::new(move |count| {
        timed(|| {
            for n in 0..count {
                let task = pool.apply_async(nothing, n).expect("a task");
                assert_eq!(task.get(), Ok(n));
            }
        })
    })
}

pub fn apply_rayon() -> Run {
    let pool = threads();
    Box::new(move |count| {
        timed(|| {
            for n in 0..count {
                assert_eq!(pool.install(|| nothing(black_box(n))), n);
            }
        })
    })
}

/// A thread that is woken, wakes, and so on.
pub fn round_trip_bare() -> Run {
    cpu::unpin();
    let caller: Arc<std::sync::Mutex<Option<Thread>>> = Arc::default();
    let turn = Arc::new(AtomicBool::new(false));
    let answering = {
        let (caller, turn) = (caller.clone(), turn.clone());
        thread::spawn(move || {
            loop {
                while !turn.load(Ordering::Acquire) {
                    thread::park();
                }
                turn.store(false, Ordering::Release);
                caller.lock().expect("no panic").as_ref().expect("a caller").unpark();
            }
        })
    };
    Box::new(move |count| {
        *caller.lock().expect("no panic") = Some(thread::current());
        timed(|| {
            for _ in 0..count {
                turn.store(true, Ordering::Release);
                answering.thread().unpark();
                while turn.load(Ordering::Acquire) {
                    thread::park();
                }
            }
        })
    })
}

/// How long it takes until there is one, and a first result; and with `to_end`, until it is gone again.
pub fn start(to_end: bool) -> Run {
    started(to_end, |n| {
        let pool = pool();
        assert_eq!(pool.apply(nothing, n), Ok(n));
        pool
    })
}

/// Two processes of this program, and an answer of the first.
pub fn start_bare(to_end: bool) -> Run {
    started(to_end, |_| {
        let mut workers = [Worker::start("pool bare"), Worker::start("pool bare")];
        workers[0].tell("go");
        assert_eq!(workers[0].answer().trim(), "done");
        workers
    })
}

fn started<P: 'static>(to_end: bool, start: impl Fn(u64) -> P + 'static) -> Run {
    Box::new(move |count| {
        cpu::unpin(); // as in `timed`
        let mut took = Duration::ZERO;
        for n in 0..count {
            let since = Instant::now();
            let started = start(n);
            let up = since.elapsed();
            drop(started);
            took += if to_end { since.elapsed() } else { up };
        }
        Sample { took, interruptions: 0 }
    })
}

pub fn play(_: &[&str]) {
    serve(|_| "done".to_owned());
}

/// What Python's pools need for the same, where there is a Python.
pub fn python() {
    const PROGRAM: &str = r#"
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
def nothing(n): return n
def best(f, times):
    took = []
    for _ in range(times):
        start = time.perf_counter(); f(); took.append(time.perf_counter() - start)
    return sorted(took)[len(took) // 2]
def tell(what, seconds): print(f"{what}: {seconds * 1e6:.0f} µs", flush=True)
if __name__ == "__main__":
    fork, items = get_context("fork"), range(100_000)
    def up():
        with fork.Pool(2) as pool: pool.apply(nothing, (1,))
    tell("Python Pool, start of 2 and first result", best(up, 5))
    with fork.Pool(2) as pool:
        pool.map(nothing, items)
        tell("Python Pool, 100,000 tasks, default chunk", best(lambda: pool.map(nothing, items), 5))
        tell("Python Pool, 100,000 tasks, chunk 1", best(lambda: pool.map(nothing, items, 1), 1))
        tell("Python Pool, one task", best(lambda: pool.apply_async(nothing, (1,)).get(), 500))
    with ProcessPoolExecutor(2, mp_context=fork) as pool:
        list(pool.map(nothing, items, chunksize=12500))
        tell("Python ProcessPoolExecutor, 100,000 tasks, chunks of 12,500",
             best(lambda: list(pool.map(nothing, items, chunksize=12500)), 5))
        tell("Python ProcessPoolExecutor, 10,000 tasks, chunk 1",
             best(lambda: list(pool.map(nothing, range(10_000))), 1))
        tell("Python ProcessPoolExecutor, one task", best(lambda: pool.submit(nothing, 1).result(), 200))
"#;
    match Command::new("python3").args(["-c", PROGRAM]).output() {
        Ok(output) if output.status.success() => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(output) => println!("python3 failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("python3 is not measured: {error}"),
    }
}

/// The same of this crate's pool, as figures.
pub fn figures() {
    let median = |times: usize, run: &mut dyn FnMut()| {
        let mut took: Vec<f64> =
            (0..times).map(|_| timed(&mut *run).took.as_secs_f64() * 1e6).collect();
        took.sort_unstable_by(f64::total_cmp);
        took[times / 2]
    };
    let tell = |what: &str, micros: f64| println!("commonhold Pool, {what}: {micros:.1} µs");
    tell("start of 2 and first result", median(15, &mut || drop(pool().apply(nothing, 1))));
    let pool = pool();
    let map = |options| drop(pool.map_with(nothing, 0..100_000, options).expect("results"));
    tell("100,000 tasks, default chunk", median(31, &mut || map(MapOptions::new())));
    tell("100,000 tasks, chunk 1", median(31, &mut || map(MapOptions::new().chunk(1))));
    let one = || drop(pool.apply_async(nothing, 1).expect("a task").get());
    tell("one task", median(2000, &mut { one }));
    let after_a_sleep = || {
        thread::sleep(std::time::Duration::from_millis(2));
        timed(one).took.as_secs_f64() * 1e6
    };
    let mut asleep: Vec<f64> = (0..200).map(|_| after_a_sleep()).collect();
    asleep.sort_unstable_by(f64::total_cmp);
    tell("one task, of a pool that sleeps", asleep[100]);
}
