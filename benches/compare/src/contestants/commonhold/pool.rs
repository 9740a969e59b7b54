//! The pool, and processes.

use commonhold::{MapOptions, Pool, Process};

use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Entry, Kind, entry};
use crate::engines::operation::{Operator, free, up};
use crate::engines::task::{WORKERS, check, items, task};
use crate::support::cpu;

pub fn pool() -> Box<dyn Contestant> {
    let card = Card {
        name: "commonhold Pool",
        kind: Kind::Commonhold,
        about: "`map` with the default or with chunks of 1; `apply`; `Pool::new` and a first `apply`. A killed \
                worker costs its own task.",
    };
    Operator::boxed(card, enter)
}

fn new() -> Pool {
    cpu::unpin(); // workers inherit it
    Pool::new(WORKERS).expect("a pool")
}

fn enter(what: &What) -> Option<Entry<'static>> {
    match *what {
        What::Tasks { micros, one_by_one } => {
            let options = if one_by_one { MapOptions::new().chunk(1) } else { MapOptions::new() };
            entry(move || {
                let pool = new();
                free(move |count| {
                    let results = pool.map_with(task, items(count, micros), options);
                    check(&results.expect("results"), count);
                })
            })
        }
        What::OneTask => entry(|| {
            let pool = new();
            free(move |count| (0..count).for_each(|n| assert_eq!(pool.apply(task, n), Ok(n))))
        }),
        What::PoolStart => entry(|| {
            up(|n| {
                let pool = new();
                assert_eq!(pool.apply(task, n), Ok(n));
                pool
            })
        }),
        _ => None,
    }
}

pub fn processes() -> Box<dyn Contestant> {
    let card = Card {
        name: "commonhold Process",
        kind: Kind::Commonhold,
        about: "`Process::spawn` of a function, and `join`.",
    };
    Operator::boxed(card, |what| if *what == What::Spawn { entry(spawn) } else { None })
}

fn spawn() -> Result<Bout, String> {
    free(|count| {
        for _ in 0..count {
            let child = Process::spawn(|| (), ()).expect("a child");
            assert!(child.join().expect("its end").success());
        }
    })
}
