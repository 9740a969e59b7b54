//! The table of what was stepped, and what came of it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::case::Case;
use crate::freshness::{Key, key};

/// What came of one case in one manner.
pub struct Row {
    pub line: Line,
    pub texts: Vec<String>,
    pub took: Duration,
}

/// A row, as it is written down.
#[derive(Clone)]
pub struct Line {
    pub key: Key,
    pub control: bool,
    pub instructions: u64,
    /// Different recoveries that the second death was in, or places where another stood.
    pub paths: u64,
    pub points: u64,
    pub deaths: u64,
    pub failures: u64,
}

const CONTROL: &str = " (a control: it must)";

impl Line {
    /// Whether it came to what it should: a control must fail.
    fn is_well(&self) -> bool {
        self.deaths > 0 && self.control == (self.failures > 0)
    }

    fn markdown(&self) -> String {
        let (operation, path, manner) = &self.key;
        let paths = if self.paths > 0 { self.paths.to_string() } else { String::new() };
        format!(
            "| `{operation}` | {path} | {manner} | {} | {paths} | {} | {} | {}{} |",
            self.instructions,
            self.points,
            self.deaths,
            self.failures,
            if self.control { CONTROL } else { "" },
        )
    }

    fn of(text: &str) -> Option<Line> {
        let fields: Vec<&str> = text.split('|').map(str::trim).collect();
        let [_, operation, path, manner, instructions, paths, points, deaths, failures, _] =
            fields[..]
        else {
            return None;
        };
        let control = failures.ends_with(CONTROL.trim());
        Some(Line {
            key: (operation.trim_matches('`').to_owned(), path.to_owned(), manner.to_owned()),
            control,
            instructions: instructions.parse().ok()?,
            paths: paths.parse().unwrap_or(0),
            points: points.parse().ok()?,
            deaths: deaths.parse().ok()?,
            failures: failures.split(' ').next()?.parse().ok()?,
        })
    }

    /// The rows of a table that was written.
    pub fn all_of(text: &str) -> Vec<Line> {
        text.lines().filter_map(Line::of).collect()
    }
}

/// All rows so far, and where to write them.
#[derive(Default)]
pub struct Table {
    lines: Vec<Line>,
    path: Option<PathBuf>,
}

impl Table {
    /// A table that is written to this file as it grows. What stands there already counts.
    pub fn go_on_with(path: PathBuf) -> Table {
        let lines = Line::all_of(&std::fs::read_to_string(&path).unwrap_or_default());
        Table { lines: lines.into_iter().filter(Line::is_well).collect(), path: Some(path) }
    }

    pub fn has(&self, case: &Case, manner: crate::plan::Manner) -> bool {
        let key = key(case, manner);
        self.lines.iter().any(|line| line.key == key)
    }

    pub fn add(&mut self, row: Row) {
        let Row { line, texts, took } = row;
        let verdict = match (line.is_well(), line.control) {
            (true, false) => "ok",
            (true, true) => "caught",
            (false, _) => "FAILED",
        };
        let (operation, path, manner) = &line.key;
        println!(
            "{operation}, {path}, {manner}: {} instructions, {} points, {} ended, {} failed, {} ms ... {verdict}",
            line.instructions,
            line.points,
            line.deaths,
            line.failures,
            took.as_millis(),
        );
        if !line.is_well() || std::env::var_os("COMMONHOLD_STEPPING_SHOW").is_some() {
            texts.iter().for_each(|text| println!("    {}", with_places(text)));
        }
        self.lines.push(line);
        // Each time: who is interrupted keeps what there is.
        if let Some(path) = &self.path {
            std::fs::write(path, self.markdown()).expect("the table's file");
        }
    }

    pub fn is_well(&self) -> bool {
        self.lines.iter().all(Line::is_well)
    }

    fn sum(&self, of: fn(&Line) -> u64) -> u64 {
        self.lines.iter().map(of).sum()
    }

    pub fn print(&self, took: Duration) {
        let wrong = self.lines.iter().filter(|line| !line.is_well()).count();
        println!(
            "\ntest result: {}. {} passed; {wrong} failed; 0 ignored; {} instructions, {} deaths and \
             pauses, in {:.1} s\n",
            if wrong == 0 { "ok" } else { "FAILED" },
            self.lines.len() - wrong,
            self.sum(|line| line.instructions),
            self.sum(|line| line.deaths),
            took.as_secs_f64(),
        );
    }

    fn markdown(&self) -> String {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by(|one, other| one.key.cmp(&other.key));
        let mut text = String::from(HEAD);
        lines.iter().for_each(|line| _ = writeln!(text, "{}", line.markdown()));
        let _ = writeln!(
            text,
            "\n{} rows, {} instructions, {} deaths and pauses, {} failures but of controls.",
            lines.len(),
            self.sum(|line| line.instructions),
            self.sum(|line| line.deaths),
            self.sum(|line| if line.control { 0 } else { line.failures }),
        );
        text
    }
}

const HEAD: &str = "\
# Died at every instruction

What the full form of `tests/stepping` came to. This writes it, and goes on where it was interrupted; tests/README.md
says what the columns mean.

```console
rm -f docs/stepping.md
COMMONHOLD_STEPPING=full COMMONHOLD_STEPPING_TABLE=docs/stepping.md cargo test --release --test stepping
```

| operation | path | manner | instructions | paths | points | deaths, pauses | failures |
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
