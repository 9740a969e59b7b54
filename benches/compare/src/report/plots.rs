//! Which plots there are, and who is in them.

use plotters::style::RGBColor;

use super::chart::{Axes, Bar, Line, bars, lines};
use super::colours::colour;
use super::figures::{figure, rate, time};
use crate::case::{Bytes, Unit};
use crate::contestant::Kind;
use crate::results::{CaseResult, Results, Row};

/// One plot, under the name of its file.
pub struct Plot {
    pub group: &'static str,
    pub name: &'static str,
    pub svg: String,
}

/// So many others are told apart in one plot.
const OTHERS: usize = 9;

/// Everything for which there are figures.
pub fn all(results: &Results) -> Vec<Plot> {
    let plot = |group, name, svg: Option<String>| Some(Plot { group, name, svg: svg? });
    let rates = |title, group, along| rates(title, cases(results, group), along);
    let bars = |group, label, title| case_bars(results, group, label, title);
    let even = cases(results, "crowd").filter(is_even);
    [
        plot("stream", "throughput", rates("Messages a second, one to one", "stream", BYTES)),
        plot(
            "crowd",
            "processes",
            self::rates("64-byte messages a second, on two cores", even, SIDES),
        ),
        plot("capacity", "capacity", rates("8-byte messages a second", "capacity", MESSAGES)),
        plot("in place", "in-place", rates("Messages a second, in place", "in place", BYTES)),
        plot("round trip", "round-trip", trips(results, "round trip", "There and back, both run")),
        plot("round trip", "latency", curve(results)),
        plot("asleep", "asleep", trips(results, "asleep", "There and back, the other sleeps")),
        plot(
            "lock",
            "lock-pair",
            bars("lock", "alone", "Lock and unlock, by one alone (logarithmic)"),
        ),
        plot("lock", "locks", rates("Locked and unlocked, times a second", "lock", PARTICIPANTS)),
        plot("segment", "segments", segments(results)),
        plot(
            "pool",
            "tasks",
            bars(
                "pool",
                "0 µs, one by one",
                "Empty tasks of a pool of two, one by one: each (logarithmic)",
            ),
        ),
        plot(
            "pool",
            "chunks",
            bars(
                "pool",
                "0 µs, in chunks",
                "Empty tasks of a pool of two, in chunks: each (logarithmic)",
            ),
        ),
        plot(
            "process",
            "spawn",
            bars("process", "start and wait", "A process, started and waited for (logarithmic)"),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cases<'a>(results: &'a Results, group: &'a str) -> impl Iterator<Item = &'a CaseResult> {
    results.cases.iter().filter(move |case| case.group == group)
}

/// Who is in a plot of these cases: all of ours, the limit that is meant, the others who are fastest in
/// the first case; each with its colour.
fn cast(cases: &[&CaseResult]) -> Vec<(String, Kind, RGBColor)> {
    let mut others: Vec<&Row> = Vec::new();
    let mut cast = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for row in cases.iter().flat_map(|case| &case.rows) {
        if seen.contains(&row.contestant.as_str()) {
            continue;
        }
        seen.push(&row.contestant);
        match row.kind {
            Kind::Processes | Kind::Threads => others.push(row),
            Kind::Limit if cast.iter().any(|(_, kind, _)| *kind == Kind::Limit) => {}
            kind => {
                let at = cast.iter().filter(|(_, other, _)| *other == kind).count();
                cast.push((row.contestant.clone(), kind, colour(kind, at)));
            }
        }
    }
    let chosen = chosen(others).into_iter().enumerate();
    cast.extend(chosen.map(|(at, row)| (row.contestant.clone(), row.kind, colour(row.kind, at))));
    cast
}

/// The fastest between processes, the fastest of Python's, and threads as far as there is room.
fn chosen(mut others: Vec<&Row>) -> Vec<&Row> {
    others.sort_by(|a, b| a.median.total_cmp(&b.median));
    let (processes, threads): (Vec<&Row>, Vec<&Row>) =
        others.into_iter().partition(|row| row.kind == Kind::Processes);
    let (python, processes): (Vec<&Row>, Vec<&Row>) =
        processes.into_iter().partition(|row| row.contestant.starts_with("Python"));
    let between_processes =
        processes.into_iter().take(OTHERS - 3).chain(python.into_iter().take(1));
    between_processes.chain(threads).take(OTHERS).collect()
}

/// A line for each of the cast, through what it has of these cases.
fn lines_of(cases: &[&CaseResult], y: impl Fn(&Row) -> Option<f64>) -> Vec<Line> {
    let line = |(name, kind, colour): (String, Kind, RGBColor)| {
        let point = |case: &&CaseResult| {
            let row = case.rows.iter().find(|row| row.contestant == name)?;
            Some((case.x, y(row)?))
        };
        let points: Vec<(f64, f64)> = cases.iter().filter_map(point).collect();
        Line { name: shown(name, kind), points, colour, thick: kind == Kind::Commonhold }
    };
    // The last drawn are on top.
    let mut lines: Vec<Line> = cast(cases).into_iter().map(line).collect();
    lines.retain(|line| !line.points.is_empty());
    lines.sort_by_key(|line| line.thick);
    lines
}

fn shown(name: String, kind: Kind) -> String {
    if kind == Kind::Threads { format!("{name} (threads)") } else { name }
}

fn drawn(axes: &Axes<'_>, all: &[Line]) -> Option<String> {
    // A plot with a single place on its axis says no more than the table.
    let first = all.iter().flat_map(|line| &line.points).next()?.0;
    all.iter().flat_map(|line| &line.points).any(|point| point.0 != first).then_some(())?;
    lines(axes, all).ok()
}

fn bytes_label(bytes: &f64) -> String {
    Bytes(bytes.round() as u64).to_string()
}

fn count_label(count: &f64) -> String {
    format!("{count:.0}")
}

/// What goes along the axis at the bottom: its name, how its places are written, by which steps they grow.
struct Along(&'static str, fn(&f64) -> String, f64);

const BYTES: Along = Along("bytes of a message", bytes_label, 8.0);
const MEMORY: Along = Along("bytes", bytes_label, 64.0);
const MESSAGES: Along = Along("messages that the queue holds", count_label, 4.0);
const SIDES: Along = Along("senders and receivers", count_label, 2.0);
const PARTICIPANTS: Along = Along("participants", count_label, 2.0);

/// A line for each contestant through these cases.
fn of_cases<'a>(
    title: &str,
    cases: impl Iterator<Item = &'a CaseResult>,
    Along(x, x_label, x_base): Along,
    (y_label, y): (fn(f64) -> String, fn(&Row) -> Option<f64>),
) -> Option<String> {
    let cases: Vec<&CaseResult> = cases.collect();
    let axes = Axes {
        title,
        x,
        x_label: &x_label,
        x_base,
        y: "",
        y_label: &|value| y_label(*value),
        y_is_part: false,
    };
    drawn(&axes, &lines_of(&cases, y))
}

fn rates<'a>(
    title: &str,
    cases: impl Iterator<Item = &'a CaseResult>,
    along: Along,
) -> Option<String> {
    of_cases(title, cases, along, (rate, |row| Some(1e9 / row.median)))
}

fn is_even(case: &&CaseResult) -> bool {
    let sides = case.label.strip_suffix(", 64 B").and_then(|sides| sides.split_once(" to "));
    sides.is_some_and(|(senders, receivers)| senders == receivers)
}

fn segments(results: &Results) -> Option<String> {
    let cases = cases(results, "segment").filter(|case| case.label.ends_with("as touched"));
    let title = "Shared memory made, touched and removed";
    of_cases(title, cases, MEMORY, (time, |row| Some(row.median)))
}

/// The middle trip.
fn trips(results: &Results, group: &str, title: &str) -> Option<String> {
    let middle = |row: &Row| Some(row.trips.as_ref()?.p50 as f64);
    of_cases(title, cases(results, group), BYTES, (time, middle))
}

/// Which part of the trips took no longer than that.
fn curve(results: &Results) -> Option<String> {
    let case = cases(results, "round trip").find(|case| case.label == "8 B")?;
    let mut all = Vec::new();
    for (name, kind, colour) in cast(&[case]) {
        let trips = case.rows.iter().find(|row| row.contestant == name)?.trips.as_ref()?;
        let kept = trips.curve.iter().filter(|(_, part)| *part <= 0.9999);
        let points = kept.map(|(nanos, part)| ((*nanos).max(1) as f64, *part)).collect();
        let name = shown(name, kind);
        all.push(Line { name, points, colour, thick: kind == Kind::Commonhold });
    }
    all.sort_by_key(|line| line.thick);
    let axes = Axes {
        title: "There and back with 8 bytes: part of the trips by their time",
        x: "time of a round trip",
        x_label: &|value| time(*value),
        x_base: 10.0,
        y: "",
        y_label: &|part| format!("{:.0} %", part * 100.0),
        y_is_part: true,
    };
    drawn(&axes, &all)
}

fn case_bars(results: &Results, group: &str, label: &str, title: &str) -> Option<String> {
    let case = cases(results, group).find(|case| case.label == label)?;
    let mut rows: Vec<&Row> = case.rows.iter().collect();
    rows.sort_by(|a, b| a.median.total_cmp(&b.median));
    let bar = |row: &&Row| Bar {
        name: shown(row.contestant.clone(), row.kind),
        value: row.median,
        label: figure(row.median, Unit::Time),
        colour: colour(row.kind, 0),
    };
    let all: Vec<Bar> = rows.iter().map(bar).collect();
    if all.len() > 1 { bars(title, &all).ok() } else { None }
}
