//! commonhold and its peers, side by side.
//!
//! Measures all cases, with all who take part in each, and writes a report: a page, the same as
//! Markdown, and everything as JSON.

mod case;
mod cases;
mod contestant;
mod contestants;
mod engines;
mod machine;
mod report;
mod results;
mod runner;
mod selection;
mod statistics;
mod support;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use nix::sys::prctl;
use nix::sys::signal::Signal;

use contestant::Seat;
use results::Results;
use runner::Effort;
use selection::Selection;

/// Measures commonhold and its peers, side by side, and writes a report.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// Measures fewer cases, for less time each.
    #[arg(long)]
    quick: bool,
    /// Measures what has this in its name: `stream/`, `lock`, `iceoryx2`, or `CASE:CONTESTANT`; may be
    /// given several times.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Lists who would take part in what, and measures nothing.
    #[arg(long)]
    list: bool,
    /// Keeps what an earlier run measured of other cases.
    #[arg(long)]
    add: bool,
    /// Measures nothing, and writes the report of the earlier run anew.
    #[arg(long, conflicts_with_all = ["list", "only", "quick"])]
    render: bool,
    /// Writes `docs/benchmarks.md` and its plots as well.
    #[arg(long)]
    docs: bool,
    /// Where the report goes.
    #[arg(long, value_name = "DIRECTORY", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/compare"))]
    out: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    procspawn::init();
    if support::children::role().as_deref() == Some("nothing") {
        return Ok(());
    }
    if let Some(seat) = Seat::own() {
        // Whoever waits for a peer in a loop would otherwise do so for ever.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        selection::play(&seat);
        return Ok(());
    }
    let arguments = Arguments::parse();
    engines::rendezvous::sweep();
    let selection = Selection::new(&arguments.only, arguments.quick);
    if arguments.list {
        print!("{selection}");
        return Ok(());
    }
    let json = arguments.out.join("report.json");
    let earlier = || -> Result<Results, Box<dyn Error>> {
        Ok(serde_json::from_str(&fs::read_to_string(&json)?)?)
    };
    let results = match (arguments.render, arguments.add && json.exists()) {
        (true, _) => earlier()?,
        (false, true) => measure(&selection, arguments.quick).over(earlier()?),
        (false, false) => measure(&selection, arguments.quick),
    };
    fs::create_dir_all(&arguments.out)?;
    fs::write(&json, serde_json::to_string_pretty(&results)?)?;
    report::write(&results, &arguments.out)?;
    if arguments.docs {
        report::write_docs(
            &results,
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")),
        )?;
    }
    println!("{}", arguments.out.join("report.html").display());
    Ok(())
}

fn measure(selection: &Selection, quick: bool) -> Results {
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let start = Instant::now();
    let mut cases = Vec::new();
    for (case, contestants) in selection.matches() {
        let result = runner::measure(case, &contestants, &effort);
        report::tell(&result, case.group.unit, start.elapsed());
        cases.push(result);
    }
    Results { machine: machine::describe(), quick, cases }
}
