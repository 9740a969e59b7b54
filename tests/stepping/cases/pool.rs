//! A pool: its worker dies after each of its instructions, and so does its owner.

use commonhold::{MapOptions, Pool, Task, TaskError};
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::case::{Case, Fates, Ground, Subject, Trial, directory};
use crate::helper::{BOUND, Helper};
use crate::victim::{HERE, Mark, tell_tracer};

pub fn cases() -> Vec<Case> {
    let workers = [
        Case::new("Pool's worker", "takes, runs, finishes jobs", |ground| {
            worker(ground, 0, |pool, at| {
                let tasks = numbers(at).map(|args| pool.apply_async(item, args).unwrap());
                let tasks: Vec<Task<u64>> = tasks.collect();
                tasks.iter().map(Task::get).collect()
            })
        }),
        Case::new("Pool's worker", "sleeps between jobs", |ground| {
            worker(ground, 0, |pool, at| numbers(at).map(|args| pool.apply(item, args)).collect())
        }),
        Case::new("Pool's worker", "a job of several items", |ground| {
            worker(ground, 0, |pool, at| {
                let chunks = MapOptions::new().chunk(ITEMS as usize);
                pool.imap_with(|(n, path): Args| item(n, path), numbers(at), chunks).collect()
            })
        }),
        Case::new("Pool's worker", "a job is tried again", |ground| {
            worker(ground, 1, |pool, at| numbers(at).map(|args| pool.apply(item, args)).collect())
        }),
        Case::new("Pool's worker", "a result needs more room", |ground| {
            worker(ground, 0, |pool, at| {
                let first = |result: Result<Vec<u64>, TaskError>| result.map(|all| all[LONG - 1]);
                numbers(at).map(|args| first(pool.apply(long_item, args))).collect()
            })
        }),
    ];
    let owners = [
        Case::new("Pool::new", "its owner", |ground| {
            owner(ground, false, |_| drop(Pool::new(2).unwrap()))
        }),
        Case::new("Pool::apply", "its owner", |ground| {
            owner(ground, true, |pool| assert_eq!(pool.unwrap().apply(square, 3), Ok(9)))
        }),
        Case::new("Pool::apply_async, Task::get", "its owner", |ground| {
            owner(ground, true, |pool| {
                let pool = pool.unwrap();
                let tasks = [1, 2, 3].map(|n| pool.apply_async(square, n).unwrap());
                assert_eq!(tasks.map(|task| task.get().unwrap()), [1, 4, 9]);
            })
        }),
        Case::new("Pool::map", "its owner", |ground| {
            owner(ground, true, |pool| {
                let squares = pool.unwrap().map(square, 0..9).unwrap();
                assert_eq!(squares[8], 64);
            })
        }),
        Case::new("Pool::imap", "its owner", |ground| {
            owner(ground, true, |pool| assert_eq!(pool.unwrap().imap(square, 0..9).count(), 9))
        }),
        Case::new("Pool::resize", "its owner", |ground| {
            owner(ground, true, |pool| pool.unwrap().resize(1).unwrap())
        }),
        Case::new("Pool::close, Pool::join", "its owner", |ground| {
            owner(ground, true, |pool| pool.unwrap().join().unwrap())
        }),
        Case::new("Pool::terminate", "its owner", |ground| {
            owner(ground, true, |pool| pool.unwrap().terminate())
        }),
    ];
    workers.into_iter().chain(owners).map(Case::long).collect()
}

const ITEMS: u64 = 6;
/// From the end of this item to the beginning of that a worker is stepped.
const FROM: u64 = 1;
const TO: u64 = 3;
/// Words of a long result.
const LONG: usize = 500;

/// Of an item: its number, and where it is written down that it ran.
type Args = (u64, String);

fn numbers(at: &Path) -> impl Iterator<Item = Args> + '_ {
    (0..ITEMS).map(|number| (number, at.to_string_lossy().into_owned()))
}

fn square(number: u64) -> u64 {
    number * number
}

/// What a worker does with an item.
fn item(number: u64, path: String) -> u64 {
    let mut runs = OpenOptions::new().append(true).create(true).open(&path).expect("the runs");
    runs.write_all(&[number as u8]).expect("a run");
    match number {
        FROM => begin_to_be_traced(&path),
        TO if is_traced() => tell_tracer(HERE),
        _ => {}
    }
    square(number)
}

fn long_item(number: u64, path: String) -> Vec<u64> {
    vec![item(number, path); LONG]
}

fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("my status");
    !status.contains("TracerPid:\t0")
}

/// Says who is to be traced, the first time, and waits for that.
fn begin_to_be_traced(path: &str) {
    let Ok(mut file) = File::create_new(begun(path)) else { return };
    writeln!(file, "{}", std::process::id()).expect("who I am");
    let since = Instant::now();
    while !is_traced() && since.elapsed() < BOUND {
        std::thread::sleep(Duration::from_micros(100));
    }
    tell_tracer(HERE);
}

fn begun(path: &str) -> String {
    format!("{path}-begun")
}

/// Hands over all items, and gives what they came to.
type Use = fn(&Pool, &Path) -> Vec<Result<u64, TaskError>>;

/// The owner is another process, that looks at all results itself; its only worker dies.
fn worker(ground: &Ground, retries: u32, operate: Use) -> Trial {
    let path: PathBuf = directory().join(format!("{}-runs", ground.name));
    let (page, runs) = (ground.page, path.clone());
    let owner = Rc::new(RefCell::new(None));
    let started = owner.clone();
    let find = move || {
        let at = path.clone();
        *started.borrow_mut() = Some(Helper::start(page, 2, move |log| {
            owns(&at, retries, operate);
            log.end(&[1])
        }));
        worker_of(&path)
    };
    let check = move |_: &Fates| {
        let owner: Helper = owner.take().expect("it was started");
        assert_eq!(owner.ends(), [1]);
        everybody_ends();
        let _ = std::fs::remove_file(begun(&runs.to_string_lossy()));
        let _ = std::fs::remove_file(&runs);
    };
    Trial::of(Subject::Stranger(Box::new(find)), check)
}

/// Who said that it is the one, once it did.
fn worker_of(path: &Path) -> Pid {
    let since = Instant::now();
    loop {
        let mut text = String::new();
        if let Ok(mut file) = File::open(begun(&path.to_string_lossy())) {
            file.read_to_string(&mut text).expect("who it is");
        }
        if let Some(pid) = text.strip_suffix('\n') {
            return Pid::from_raw(pid.parse().expect("a number"));
        }
        assert!(since.elapsed() < BOUND, "no worker comes to the item");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// At most one item fails, none runs twice but the one that is tried again, and the pool goes on.
fn owns(at: &Path, retries: u32, operate: Use) {
    let pool = Pool::options().workers(1).retries(retries).build().expect("a pool");
    let results = operate(&pool, at);
    let failed: Vec<usize> =
        (0..results.len()).filter(|number| results[*number].is_err()).collect();
    assert!(failed.len() <= usize::from(retries == 0), "failed: {results:?}");
    for (number, result) in results.iter().enumerate() {
        match result {
            Ok(result) => assert_eq!(*result, square(number as u64)),
            Err(error) => assert!(matches!(error, TaskError::WorkerDied { .. }), "{error}"),
        }
    }
    let runs = std::fs::read(at).expect("the runs");
    let times = |number: usize| runs.iter().filter(|run| usize::from(**run) == number).count();
    for number in 0..results.len() {
        let most = if retries > 0 { 2 } else { 1 };
        let least = usize::from(!failed.contains(&number));
        assert!((least..=most).contains(&times(number)), "{number} ran {} times", times(number));
    }
    assert!(runs.len() <= results.len() + retries as usize, "more ran twice: {runs:?}");
    assert_eq!(pool.map(square, 0..5), Ok(vec![0, 1, 4, 9, 16]));
    pool.join().expect("its end");
}

/// The victim owns a pool, uses it, and dies. Its workers end.
fn owner(ground: &Ground, before: bool, operate: fn(Option<&Pool>)) -> Trial {
    let enter = ground.entrance();
    let victim = move |mark: &Mark| {
        enter();
        let pool = before.then(|| Pool::new(2).expect("a pool"));
        if let Some(pool) = &pool {
            assert_eq!(pool.map(square, 0..3), Ok(vec![0, 1, 4]));
        }
        mark.begin();
        operate(pool.as_ref());
        mark.end(&[])
    };
    Trial::of(Subject::WithThreads(Box::new(victim)), |_: &Fates| everybody_ends())
}

/// Buries all that victims and helpers left: whoever is an orphan is this process's child.
fn everybody_ends() {
    let since = Instant::now();
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_micros(200)),
            _ => {}
        }
        assert!(since.elapsed() < BOUND, "a worker outlives its owner");
    }
}
