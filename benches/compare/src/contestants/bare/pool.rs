//! What a pool and a process cannot do without.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle, Thread};

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};

use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Entry, Kind, Seat, entry};
use crate::engines::operation::{Operator, free};
use crate::engines::task::{WORKERS, check, items, task};
use crate::support::children::{Worker, role_variable, serve};
use crate::support::cpu;

const NAME: &str = "bare pool";

pub fn tasks() -> Box<dyn Contestant> {
    let card = Card {
        name: NAME,
        kind: Kind::Limit,
        about: "Two threads that share a counter of what is to be done, memory for arguments and results, and a \
                place to sleep; to start, two processes and an answer by a pipe.",
    };
    Box::new(Operator { card, enter, play: |_, _| serve(|_| "done".to_owned()) })
}

fn enter(what: &What) -> Option<Entry<'static>> {
    match *what {
        What::Tasks { micros, one_by_one } => entry(move || {
            let pool = Bare::new();
            free(move |count| {
                let chunk = if one_by_one { 1 } else { count as usize / (4 * WORKERS) + 1 };
                check(&pool.map(items(count, micros), chunk), count);
            })
        }),
        What::OneTask => entry(|| {
            let pool = Bare::new();
            free(move |count| (0..count).for_each(|_| check(&pool.map(items(1, 0), 1), 1)))
        }),
        What::PoolStart => entry(|| free(|count| (0..count).for_each(|_| start()))),
        _ => None,
    }
}

/// Two processes of this program, and an answer of the first.
fn start() {
    let seat = Seat {
        contestant: NAME.to_owned(),
        case: "pool/start and first result".to_owned(),
        side: "worker".to_owned(),
        number: 0,
        cpu: 0,
        place: "-".to_owned(),
    };
    let mut workers: [Worker; WORKERS] = std::array::from_fn(|_| seat.fill());
    workers[0].tell("go");
    assert_eq!(workers[0].answer().trim(), "done");
}

struct Bare {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    round: AtomicUsize,
    chunk: AtomicUsize,
    next: AtomicUsize,
    busy: AtomicUsize,
    caller: Mutex<Option<Thread>>,
    /// Arguments, and then results.
    memory: RwLock<Vec<AtomicU64>>,
    over: AtomicBool,
}

impl Bare {
    fn new() -> Bare {
        cpu::unpin(); // threads inherit it
        let shared = Arc::new(Shared::default());
        let start = |shared: Arc<Shared>| thread::spawn(move || shared.work());
        let threads = (0..WORKERS).map(|_| start(shared.clone())).collect();
        Bare { shared, threads }
    }

    fn map(&self, items: impl Iterator<Item = u64>, chunk: usize) -> Vec<u64> {
        let shared = &self.shared;
        *shared.memory.write().expect("no panic") = items.map(AtomicU64::new).collect();
        *shared.caller.lock().expect("no panic") = Some(thread::current());
        shared.chunk.store(chunk, Ordering::Relaxed);
        shared.next.store(0, Ordering::Relaxed);
        shared.busy.store(WORKERS, Ordering::Relaxed);
        shared.round.fetch_add(1, Ordering::Release);
        self.threads.iter().for_each(|thread| thread.thread().unpark());
        while shared.busy.load(Ordering::Acquire) > 0 {
            thread::park();
        }
        let memory = shared.memory.read().expect("no panic");
        memory.iter().map(|result| result.load(Ordering::Relaxed)).collect()
    }
}

impl Shared {
    fn work(&self) {
        let mut round = 0;
        while !self.over.load(Ordering::Relaxed) {
            if self.round.load(Ordering::Acquire) == round {
                thread::park();
                continue;
            }
            round += 1;
            let chunk = self.chunk.load(Ordering::Relaxed);
            let memory = self.memory.read().expect("no panic");
            loop {
                let from = self.next.fetch_add(chunk, Ordering::Relaxed).min(memory.len());
                if from == memory.len() {
                    break;
                }
                for word in &memory[from..(from + chunk).min(memory.len())] {
                    word.store(task(word.load(Ordering::Relaxed)), Ordering::Relaxed);
                }
            }
            drop(memory);
            if self.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.caller.lock().expect("no panic").as_ref().expect("a caller").unpark();
            }
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

pub fn processes() -> Box<dyn Contestant> {
    let card = Card {
        name: "posix_spawn",
        kind: Kind::Limit,
        about: "This program once more, which returns from `main` at once; and `waitpid`.",
    };
    Operator::boxed(card, |what| if *what == What::Spawn { entry(spawn) } else { None })
}

fn spawn() -> Result<Bout, String> {
    let (name, role) = role_variable("nothing");
    let others = std::env::vars().filter(move |(other, _)| other != name);
    let entry = |(name, value): (String, String)| CString::new(format!("{name}={value}"));
    let environment: Result<Vec<CString>, _> =
        others.chain([(name.to_owned(), role)]).map(entry).collect();
    let environment = environment.map_err(|error| error.to_string())?;
    let arguments = [c"compare".to_owned()];
    free(move |count| {
        for _ in 0..count {
            let actions = PosixSpawnFileActions::init().expect("no actions");
            let attributes = PosixSpawnAttr::init().expect("no attributes");
            let pid =
                posix_spawn(c"/proc/self/exe", &actions, &attributes, &arguments, &environment)
                    .expect("a child");
            assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
        }
    })
}
