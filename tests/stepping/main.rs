//! Dies at every instruction: operations run step by step, and are killed after each.
//!
//! A worker forks a victim, which stops where its operation begins. The worker lets it run k
//! instructions, by a breakpoint, and kills it. Then the worker, another process of the same
//! object, goes on using it, and checks all of its state. See tests/README.md.

mod carried;
mod case;
mod cases;
mod driver;
mod helper;
mod log;
mod oracle;
mod table;
mod victim;
mod worker;

#[allow(unused_imports)]
#[path = "../children/mod.rs"]
mod children;

use std::time::Instant;

use case::{Case, Short};
use driver::Driver;
use worker::{Manner, Spread};

/// Deaths of one row of the table, in the short form, at most; pauses; and first deaths before second ones.
const DEATHS: usize = 24;
const PAUSES: usize = 60;
const MANY_PAUSES: usize = 200;
const FIRSTS: usize = 2;

fn main() {
    let names = children::PrivateNames::new();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    let form = std::env::var("COMMONHOLD_STEPPING").unwrap_or_default();
    let spread = match form.as_str() {
        "full" | "changes" => {
            let (every, all) = (form == "full", usize::MAX);
            let pauses = if every { all } else { MANY_PAUSES };
            Spread { every, most: all, pauses, firsts: all }
        }
        "" => Spread { every: false, most: DEATHS, pauses: PAUSES, firsts: FIRSTS },
        other => panic!("COMMONHOLD_STEPPING is {other:?}; there are full and changes"),
    };
    let cases = cases::all();
    let began = Instant::now();
    let mut driver = Driver::new(rows(&cases, form.is_empty()), spread);
    driver.drive();
    let _ = commonhold::gc();
    driver.table.print(began.elapsed());
    drop(names);
    if !driver.table.is_well() {
        std::process::exit(101);
    }
}

/// What was asked for on the command line, or else all that there is in this form.
fn rows(cases: &[Case], short: bool) -> Vec<(&Case, Manner)> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let all = cases.iter().flat_map(|case| Manner::ALL.map(|manner| (case, manner)));
    all.filter(|(case, manner)| {
        let name = format!("{}, {}, {}.", case.operation, case.path, manner.name());
        match (asked.is_empty(), short, case.short) {
            (false, ..) => asked.iter().any(|part| name.contains(part.as_str())),
            (true, false, _) | (true, true, Short::Twice) => true,
            (true, true, Short::Once) => *manner != Manner::TwoDeaths,
            (true, true, Short::Nothing) => false,
        }
    })
    .collect()
}
