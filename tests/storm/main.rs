//! The short form of the storms, and what must be caught by them; see tests/README.md.

#[path = "mod.rs"]
mod storm;

use std::process::ExitCode;
use std::time::Duration;

use storm::family::Family;
use storm::settings::Settings;
use storm::{families, storms};

/// Of each family; that it took so long bounds nothing.
const SHORT: Duration = Duration::from_millis(900);
const ROUND: Duration = Duration::from_millis(300);
/// A control is mostly caught in the first second.
const CAUGHT: Duration = Duration::from_secs(60);
const ROUND_OF_CONTROL: Duration = Duration::from_millis(60);

fn main() -> ExitCode {
    commonhold::init();
    let only: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let families = families::all();
    let asked: Vec<&Family> = families
        .iter()
        .filter(|f| only.is_empty() || only.iter().any(|part| f.name.contains(part.as_str())))
        .collect();
    let well = storms::run_all(&asked, settings);
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn settings(family: &Family) -> Settings {
    let (time, round) = match family.control {
        true => (CAUGHT, ROUND_OF_CONTROL),
        false => (SHORT, ROUND),
    };
    Settings { seed: 1, time, kills: u64::MAX, round, calm: false }
}
