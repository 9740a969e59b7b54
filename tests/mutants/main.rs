//! Broken input: the bytes of segments, mutated before they are opened and while they are used.
//!
//! What is allowed then: an error, wrong data of the right type, the documented panic of a verb that returns
//! no error, waiting. What is not: any other panic, a fault, an access out of bounds, an endless loop, an
//! unbounded allocation. See tests/README.md.

mod dice;
mod judge;
mod limits;
mod manners;
mod memory;
mod mutation;
mod page;
mod panics;
mod subjects;
mod table;
mod uses;

#[allow(unused_imports)]
#[path = "../children/mod.rs"]
mod children;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use manners::{Batch, Manner};
use page::Page;
use table::{Row, Table};

const SHORT_FORM: u64 = 100_000;
/// Mutations that share a process, and an object.
const BATCH: u64 = 250;
const WORKERS: usize = 2;
/// A row in which so much went wrong is not tried further.
const ENOUGH: usize = 4;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.replace('_', "").parse().expect("a number"))
}

fn main() {
    let names = children::PrivateNames::new();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    memory::expect_signal();
    let total = number("COMMONHOLD_MUTANTS", SHORT_FORM);
    let seed = number("COMMONHOLD_MUTANTS_SEED", 1);
    let rows = rows();
    let each = total.div_ceil(rows.len() as u64).div_ceil(BATCH) * BATCH;
    let began = Instant::now();
    let mut table = Table::new(rows.len());
    for (number, (kind, manner)) in rows.iter().enumerate() {
        let batch = Batch {
            kind: *kind,
            manner: *manner,
            seed: seed ^ (number as u64) << 32,
            first: 0,
            count: each,
        };
        table.rows[number] = run_row(batch);
        println!("{}", table.rows[number]);
    }
    let _ = commonhold::gc();
    let well = table.print(began.elapsed());
    drop(names);
    if !well {
        std::process::exit(101);
    }
}

/// What was asked for on the command line, or all there is.
fn rows() -> Vec<(subjects::Kind, Manner)> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let kinds = subjects::all();
    let all = kinds.iter().flat_map(|kind| Manner::ALL.map(|manner| (*kind, manner)));
    all.filter(|(kind, manner)| {
        if *manner == Manner::Beside && kind.is_checked_in_place() {
            return false;
        }
        let name = format!("{}, {}.", kind.name, manner.name());
        asked.is_empty() || asked.iter().any(|part| name.contains(part.as_str()))
    })
    .collect()
}

/// Tries all mutations of one row, in several processes at a time.
fn run_row(all: Batch) -> Row {
    let page = Page::new();
    let mut row = Row::new(&all);
    let mut first = all.first;
    while first < all.first + all.count && row.failures.len() < ENOUGH {
        let count = BATCH.min(all.first + all.count - first);
        let batch = Batch { first, count, ..all };
        first += count;
        if let Err(what) = judge::judge(page, || batch.run(page)) {
            let index = page.index.load(SeqCst);
            let alone = Batch { first: index, count: 1, ..all };
            let again = judge::judge(page, || alone.run(page));
            row.fail(index, what, again.err());
            first = index + 1;
        }
    }
    row.take(page);
    row
}

#[allow(dead_code)]
static UNUSED: (AtomicU64, usize) = (AtomicU64::new(0), WORKERS);
