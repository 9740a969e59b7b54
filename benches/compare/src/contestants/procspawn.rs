//! procspawn: functions in processes, and a pool of them.

use std::collections::VecDeque;

use procspawn::{JoinHandle, Pool};

use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Entry, Kind, entry};
use crate::engines::operation::{Operator, free, up};
use crate::engines::task::{WORKERS, check, items, task};
use crate::support::cpu;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    let pool = Card {
        name: "procspawn Pool",
        kind: Kind::Processes,
        about: "It has no `map`: each task is spawned into the pool, up to 256 ahead of the first that is joined.",
    };
    let process = Card {
        name: "procspawn",
        kind: Kind::Processes,
        about: "`procspawn::spawn` of a function, and `join`.",
    };
    let spawns = |what: &What| if *what == What::Spawn { entry(spawn) } else { None };
    vec![Operator::boxed(pool, enter), Operator::boxed(process, spawns)]
}

/// Each has a channel with two descriptors at both ends.
const AHEAD: usize = 256;

fn pool() -> Pool {
    cpu::unpin(); // processes inherit it
    Pool::new(WORKERS).expect("a pool")
}

fn enter(what: &What) -> Option<Entry<'static>> {
    match *what {
        What::Tasks { micros, one_by_one: true } => entry(move || tasks(micros)),
        What::OneTask => entry(|| {
            let pool = pool();
            free(move |count| (0..count).for_each(|n| assert_eq!(one(&pool, n), n)))
        }),
        What::PoolStart => entry(|| {
            up(|n| {
                let pool = pool();
                assert_eq!(one(&pool, n), n);
                pool
            })
        }),
        _ => None,
    }
}

fn one(pool: &Pool, n: u64) -> u64 {
    pool.spawn(n, task).join().expect("a result")
}

fn tasks(micros: u64) -> Result<Bout, String> {
    let pool = pool();
    free(move |count| {
        let mut ahead: VecDeque<JoinHandle<u64>> = VecDeque::new();
        let mut results = Vec::with_capacity(count as usize);
        for item in items(count, micros) {
            if ahead.len() == AHEAD {
                results.extend(ahead.pop_front().map(|first| first.join().expect("a result")));
            }
            ahead.push_back(pool.spawn(item, task));
        }
        results.extend(ahead.into_iter().map(|task| task.join().expect("a result")));
        check(&results, count);
    })
}

fn spawn() -> Result<Bout, String> {
    free(|count| {
        for n in 0..count {
            assert_eq!(procspawn::spawn(n, task).join().expect("a result"), n);
        }
    })
}
