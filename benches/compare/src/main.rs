//! commonhold and its peers, side by side.
//!
//! Measures all cases, with all who take part in each, and writes a report: a page, the same as
//! Markdown, and everything as JSON.

mod budget;
mod case;
mod cases;
mod contestant;
mod contestants;
mod engines;
mod host;
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
use std::time::{Duration, Instant};

use clap::Parser;
use nix::sys::prctl;
use nix::sys::signal::Signal;

use budget::Budget;
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
    /// Takes no longer than about that: cases are then measured less often. 27 unless told, 3.5 with
    /// `--quick`.
    #[arg(long)]
    minutes: Option<f64>,
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
    /// Writes `docs/benchmarks.md` with its plots, and the README's section, as well.
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
    let effort = Effort {
        budget: arguments.minutes.map_or(effort(arguments.quick).budget, minutes),
        ..effort(arguments.quick)
    };
    let measure = || measure(&selection, &effort, arguments.quick);
    let results = match (arguments.render, arguments.add && json.exists()) {
        (true, _) => earlier()?,
        (false, true) => measure().over(earlier()?),
        (false, false) => measure(),
    };
    fs::create_dir_all(&arguments.out)?;
    fs::write(&json, serde_json::to_string_pretty(&results)?)?;
    report::write(&results, &arguments.out)?;
    if arguments.docs {
        report::write_docs(&results, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")))?;
    }
    report::tell_warning(&results);
    println!("{}", arguments.out.join("report.html").display());
    Ok(())
}

fn effort(quick: bool) -> Effort {
    if quick { Effort::QUICK } else { Effort::FULL }
}

fn minutes(minutes: f64) -> Duration {
    Duration::try_from_secs_f64(60.0 * minutes).unwrap_or_default()
}

fn measure(selection: &Selection, effort: &Effort, quick: bool) -> Results {
    let start = Instant::now();
    let entries = selection.matches().map(|(_, contestants)| contestants.len()).sum();
    let mut budget = Budget::new(effort.budget, entries);
    report::tell_plan(selection, effort);
    let mut cases = Vec::new();
    for (case, contestants) in selection.matches() {
        let end = budget.share(contestants.len());
        let result = runner::measure(case, &contestants, effort, end);
        report::tell(&result, case.group.unit, start.elapsed());
        cases.push(result);
    }
    Results { machine: machine::describe(), quick, cases }
}
