//! Counts the instructions of fast paths, and compares them with the record.
//!
//! `cargo bench --bench instructions -- --record` writes the record anew; `… -- Queue` shows what has "Queue"
//! in its name. With `--test`, and without `--bench` (`cargo test --benches`), everything runs once, uncounted.

mod counting;
mod operations;
mod record;

use std::env;
use std::process::{Command, ExitCode};

use operations::OPERATIONS;
use record::Record;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if counting::is_counted() {
        counting::perform();
    } else if asked("--list") || env::var("COMMONHOLD_BENCH").as_deref() == Ok("ratios") {
        // Nothing of this is asked for.
    } else if !asked("--bench") || asked("--test") {
        counting::perform();
    } else if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions are not counted: valgrind is not installed");
    } else {
        let now = Record::of(OPERATIONS.iter().map(|one| one.name), counting::count());
        if asked("--record") {
            now.write();
        } else {
            let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
            return compare(&now, filter.map_or("", String::as_str));
        }
    }
    ExitCode::SUCCESS
}

fn compare(now: &Record, filter: &str) -> ExitCode {
    if now.compare(&Record::read(), |name| name.contains(filter)) {
        return ExitCode::SUCCESS;
    }
    println!("if that is meant: cargo bench --bench instructions -- --record, in the same commit");
    ExitCode::FAILURE
}
