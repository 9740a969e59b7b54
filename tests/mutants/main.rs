//! Broken input: the bytes of segments, mutated before they are opened and while they are used.
//!
//! What is allowed then: an error, wrong data of the right type, the documented panic of a verb that returns
//! no error, waiting. What is not: any other panic, a fault, an access out of bounds, an endless loop, an
//! unbounded allocation. See tests/README.md.

mod dice;
mod files;
mod judge;
mod limits;
mod manners;
mod memory;
mod mutation;
mod page;
mod panics;
mod pools;
mod subjects;
mod table;
mod uses;

#[allow(unused_imports)]
#[path = "../children/mod.rs"]
mod children;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use manners::{Batch, Manner};
use page::Page;
use subjects::Kind;
use table::Row;

const SHORT_FORM: u64 = 100_000;
/// Mutations that share a process, and an object.
const BATCH: u64 = 250;
/// A pool has to be made for each.
const MUTATIONS_FOR_ONE_OF_A_POOL: u64 = 1000;
/// Rows that are tried at the same time.
const WORKERS: usize = 2;
/// A row in which so much went wrong is not tried further.
const ENOUGH: u64 = 4;

fn main() {
    commonhold::init();
    let names = children::PrivateNames::new();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    memory::expect_signal();
    let (total, seed) =
        (number("COMMONHOLD_MUTANTS", SHORT_FORM), number("COMMONHOLD_MUTANTS_SEED", 1));
    let all = asked_for();
    let each = total.div_ceil(all.len().max(1) as u64).next_multiple_of(BATCH);
    let first = number("COMMONHOLD_MUTANTS_FIRST", 0);
    let row = |(number, kind, manner): &(u64, Kind, Manner)| {
        // The same whichever rows are asked for.
        let seed = seed.wrapping_mul(0x9E37_79B9).wrapping_add(number << 32);
        Row::new(Batch { kind: *kind, manner: *manner, seed, first, count: each })
    };
    let rows: Vec<Row> = all.iter().map(row).collect();

    let began = Instant::now();
    let (_, wrong) = files::try_all(Page::new());
    let pools = if is_asked_for("Pool, used.") { total / MUTATIONS_FOR_ONE_OF_A_POOL } else { 0 };
    let wrong = wrong + pools::try_all(Page::new(), first, pools, seed);
    table::print_head();
    let next = Page::new();
    let work = || {
        while let Some(row) = rows.get(next.index.fetch_add(1, SeqCst) as usize) {
            run(row);
        }
    };
    let worked = judge::in_processes(WORKERS, &work);
    let well = table::print_sum(&rows, began.elapsed()) && worked;
    let _ = commonhold::gc();
    drop(names);
    if !well || wrong > 0 {
        std::process::exit(101);
    }
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.replace('_', "").parse().expect("a number"))
}

/// Whether a row was asked for on the command line, or nothing was.
fn is_asked_for(row: &str) -> bool {
    let asked = || std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    asked().next().is_none() || asked().any(|part| row.contains(&part))
}

/// The rows that were asked for.
fn asked_for() -> Vec<(u64, Kind, Manner)> {
    let kinds = subjects::all();
    let all = kinds.iter().flat_map(|kind| Manner::ALL.map(|manner| (*kind, manner)));
    let all = all.filter(|(kind, manner)| *manner != Manner::Beside || !kind.is_checked_in_place());
    let all = all.zip(0..).map(|((kind, manner), number)| (number, kind, manner));
    all.filter(|(_, kind, manner)| is_asked_for(&format!("{}, {}.", kind.name, manner.name())))
        .collect()
}

/// Tries all mutations of one row, batch by batch.
fn run(row: &Row) {
    limits::end_with_parent();
    let (all, page) = (row.batch, row.page);
    let (mut first, end) = (all.first, all.first + all.count);
    while first < end && page.failures.load(SeqCst) < ENOUGH {
        let batch = Batch { first, count: BATCH.min(end - first), ..all };
        first += batch.count;
        if let Err(what) = judge::judge(page, || batch.run(page)) {
            let index = page.index.load(SeqCst);
            let alone = Batch { first: index, count: 1, ..all };
            let again = judge::judge(page, || alone.run(page));
            row.fail(index, &what, again.err());
            first = index + 1;
        }
    }
    println!("{row}");
}
