//! Dies at every instruction: operations run step by step, and are killed after each.
//!
//! A worker forks a victim, which stops where its operation begins. The worker lets it run k
//! instructions, by a breakpoint, and kills it. Then the worker, another process of the same
//! object, goes on using it, and checks all of its state. See tests/README.md.

mod carried;
mod case;
mod cases;
mod driver;
mod freshness;
mod helper;
mod layout;
mod log;
mod memory;
mod oracle;
mod plan;
mod registers;
mod table;
mod trace;
mod victim;
mod worker;

#[allow(unused_imports)]
#[path = "../children/mod.rs"]
mod children;

#[allow(unused_imports)]
#[path = "../controls/mod.rs"]
mod controls;

use std::time::Instant;

use case::{Case, Short};
use driver::Driver;
use plan::{Manner, Spread};
use table::Table;

/// Deaths of one row of the table, in the short form, at most; pauses; first deaths before second ones;
/// and where another stands still beside the first.
const SHORT: Spread = Spread { every: false, most: 24, pauses: 60, firsts: 2, stops: 2 };
const CHANGES: Spread =
    Spread { every: false, most: usize::MAX, pauses: 200, firsts: usize::MAX, stops: 8 };
const FULL: Spread = Spread { every: true, pauses: usize::MAX, stops: 12, ..CHANGES };

fn main() {
    commonhold::init();
    let names = children::PrivateNames::new();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    let form = std::env::var("COMMONHOLD_STEPPING").unwrap_or_default();
    let spread = match form.as_str() {
        "full" => FULL,
        "changes" => CHANGES,
        "" => SHORT,
        other => panic!("COMMONHOLD_STEPPING is {other:?}; there are full and changes"),
    };
    let began = Instant::now();
    let cases = cases::all();
    let declared = freshness::declared(&cases);
    let path = std::env::var_os("COMMONHOLD_STEPPING_TABLE");
    let table = path.as_ref().map_or_else(Table::default, |path| Table::go_on_with(path.into()));
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let mut wrong = Vec::new();
    if asked.is_empty() && path.is_none() {
        wrong.extend(cases::coverage::uncovered(&cases));
        wrong.extend(freshness::differences(&declared));
    }
    let mut rows = rows(&cases, &asked, form.is_empty());
    rows.retain(|(case, manner)| {
        declared.contains(&freshness::key(case, *manner)) && !table.has(case, *manner)
    });
    let mut driver = Driver::new(rows, spread, table);
    driver.drive();
    let _ = commonhold::gc();
    wrong.iter().for_each(|text| println!("{text}"));
    driver.table.print(began.elapsed());
    drop(names);
    if !driver.table.is_well() || !wrong.is_empty() {
        std::process::exit(101);
    }
}

/// What was asked for on the command line, or else all that there is in this form.
fn rows<'a>(cases: &'a [Case], asked: &[String], short: bool) -> Vec<(&'a Case, Manner)> {
    let all = cases.iter().flat_map(|case| Manner::ALL.map(|manner| (case, manner)));
    all.filter(|(case, manner)| {
        let name = format!("{}, {}, {}.", case.operation, case.path, manner.name());
        match (asked.is_empty(), short, case.short) {
            (false, ..) => asked.iter().any(|part| name.contains(part.as_str())),
            (true, false, _) | (true, true, Short::Twice) => true,
            (true, true, Short::Once) => matches!(manner, Manner::Death | Manner::Pause),
            (true, true, Short::Nothing) => false,
        }
    })
    .collect()
}
