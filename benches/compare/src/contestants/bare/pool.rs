//! What a pool and a process cannot do without.

use std::ffi::CString;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};

use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Entry, Kind, Seat, entry};
use crate::engines::operation::{Operator, free, up};
use crate::engines::task::{WORKERS, check, items, task};
use crate::support::bare_pool::BarePool;
use crate::support::children::{Worker, role_variable, serve};

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
            let pool = BarePool::new(task);
            free(move |count| {
                check(&pool.map(items(count, micros), usize::from(one_by_one)), count);
            })
        }),
        What::OneTask => entry(|| {
            let pool = BarePool::new(task);
            free(move |count| (0..count).for_each(|_| check(&pool.map(items(1, 0), 1), 1)))
        }),
        What::PoolStart => entry(|| up(|_| start())),
        _ => None,
    }
}

/// Two processes of this program, and an answer of the first.
fn start() -> [Worker; WORKERS] {
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
    workers
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
