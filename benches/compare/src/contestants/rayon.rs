//! rayon's pool of threads.

use std::hint::black_box;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Entry, Kind, entry};
use crate::engines::operation::{Operator, free, up};
use crate::engines::task::{WORKERS, check, item, task};
use crate::support::cpu;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    let card = Card {
        name: "rayon",
        kind: Kind::Threads,
        about: "A parallel iterator, as it likes it or with `with_max_len(1)`; `install`; a pool that is built.",
    };
    vec![Operator::boxed(card, enter)]
}

fn pool() -> ThreadPool {
    cpu::unpin(); // threads inherit it
    rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("a pool")
}

fn enter(what: &What) -> Option<Entry<'static>> {
    match *what {
        What::Tasks { micros, one_by_one } => entry(move || tasks(micros, one_by_one)),
        What::OneTask => entry(|| {
            let pool = pool();
            free(move |count| {
                (0..count).for_each(|n| assert_eq!(pool.install(|| task(black_box(n))), n));
            })
        }),
        What::PoolStart => entry(|| {
            up(|n| {
                let pool = pool();
                assert_eq!(pool.install(|| task(n)), n);
                pool
            })
        }),
        _ => None,
    }
}

fn tasks(micros: u64, one_by_one: bool) -> Result<Bout, String> {
    let pool = pool();
    free(move |count| {
        let items = (0..count as usize).into_par_iter();
        let work = |n: usize| task(item(n as u64, micros));
        let results: Vec<u64> = pool.install(|| match one_by_one {
            true => items.with_max_len(1).map(work).collect(),
            false => items.map(work).collect(),
        });
        check(&results, count);
    })
}
