//! The table of what was stepped, and what came of it.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use crate::worker::Manner;

/// What came of one case in one manner.
pub struct Row {
    pub operation: &'static str,
    pub path: &'static str,
    pub manner: Manner,
    pub control: bool,
    pub instructions: u64,
    pub points: u64,
    /// Different recoveries that the second death was in.
    pub paths: u64,
    pub deaths: u64,
    pub failures: u64,
    pub texts: Vec<String>,
    pub took: Duration,
}

impl Row {
    /// Whether it came to what it should: a control must fail.
    fn is_well(&self) -> bool {
        if self.deaths == 0 {
            // The manner is none of this case's, or its worker said why not.
            return self.failures == 0;
        }
        self.control == (self.failures > 0)
    }
}

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub fn add(&mut self, row: Row) {
        if row.deaths == 0 && row.failures == 0 {
            return;
        }
        let verdict = match (row.is_well(), row.control) {
            (true, false) => "ok",
            (true, true) => "caught",
            (false, _) => "FAILED",
        };
        println!(
            "{}, {}, {}: {} instructions, {} points, {} ended, {} failed, {} ms ... {verdict}",
            row.operation,
            row.path,
            row.manner.name(),
            row.instructions,
            row.points,
            row.deaths,
            row.failures,
            row.took.as_millis(),
        );
        if !row.is_well() || std::env::var_os("COMMONHOLD_STEPPING_SHOW").is_some() {
            row.texts.iter().for_each(|text| println!("    {}", with_places(text)));
        }
        self.rows.push(row);
    }

    pub fn is_well(&self) -> bool {
        self.rows.iter().all(Row::is_well)
    }

    pub fn print(&self, took: Duration) {
        let sum = |of: fn(&Row) -> u64| self.rows.iter().map(of).sum::<u64>();
        let wrong = self.rows.iter().filter(|row| !row.is_well()).count();
        println!(
            "\ntest result: {}. {} passed; {wrong} failed; 0 ignored; {} instructions, {} deaths and \
             pauses, in {:.1} s\n",
            if wrong == 0 { "ok" } else { "FAILED" },
            self.rows.len() - wrong,
            sum(|row| row.instructions),
            sum(|row| row.deaths),
            took.as_secs_f64(),
        );
    }

    pub fn markdown(&self) -> String {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.operation, row.path, row.manner.name()));
        let mut text = String::from(HEAD);
        for row in rows {
            let paths = if row.paths > 0 { row.paths.to_string() } else { String::new() };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {paths} | {} | {} | {}{} |",
                row.operation,
                row.path,
                row.manner.name(),
                row.instructions,
                row.points,
                row.deaths,
                row.failures,
                if row.control { " (a control: it must)" } else { "" },
            );
        }
        let sum = |of: fn(&Row) -> u64| self.rows.iter().map(of).sum::<u64>();
        let _ = writeln!(
            text,
            "\n{} rows, {} instructions, {} deaths and pauses.",
            self.rows.len(),
            sum(|row| row.instructions),
            sum(|row| row.deaths)
        );
        text
    }
}

const HEAD: &str = "\
# Died at every instruction

Written by `tests/stepping`; tests/README.md says how, and what the columns mean.

| operation | path | manner | instructions | recoveries | points | deaths, pauses | failures |
|---|---|---|---|---|---|---|---|
";

/// The text, with the functions that the victims stood in, where a tool is there that knows.
fn with_places(text: &str) -> String {
    let Some((places, _)) = text.split_once(" | ") else { return text.to_owned() };
    let Some((_, places)) = places.split_once(" @ ") else { return text.to_owned() };
    let base = base_of_program().unwrap_or(0);
    let offsets = places.split(' ').filter_map(|place| {
        let place = usize::from_str_radix(place.trim_start_matches("0x"), 16).ok()?;
        place.checked_sub(base).map(|offset| format!("{offset:#x}"))
    });
    let program = std::env::current_exe().unwrap_or_default();
    let named = Command::new("addr2line")
        .args(["-f", "-C", "-i", "-p", "-e"])
        .arg(program)
        .args(offsets)
        .output();
    let named = named.map(|named| String::from_utf8_lossy(&named.stdout).into_owned());
    format!("{text}\n        {}", named.unwrap_or_default().trim_end().replace('\n', "\n        "))
}

/// Where this program lies in memory; a forked worker has it at the same place.
fn base_of_program() -> Option<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    usize::from_str_radix(maps.split('-').next()?, 16).ok()
}
