//! The results as tables, for whatever they are written in.

use std::collections::BTreeSet;

use super::figures::{figure, spread, time, times};
use crate::case::{Group, Unit};
use crate::cases;
use crate::contestant::Kind;
use crate::results::{CaseResult, LeftOut, Results, Row};

/// Cases of one group, as tables.
pub struct Section<'a> {
    pub group: &'static Group,
    pub cases: Vec<&'a CaseResult>,
}

/// A table: its head, its rows; a row that is ours is marked.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<(bool, Vec<String>)>,
}

/// In the order of the report.
pub fn sections(results: &Results) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for case in cases::all() {
        let label = |result: &&CaseResult| {
            (&*result.group, &*result.label) == (case.group.name, &*case.label)
        };
        let Some(result) = results.cases.iter().find(label) else { continue };
        match sections.last_mut().filter(|section| section.group == case.group) {
            Some(section) => section.cases.push(result),
            None => sections.push(Section { group: case.group, cases: vec![result] }),
        }
    }
    sections
}

impl Section<'_> {
    fn names(&self) -> Vec<(&str, Kind)> {
        let mut names: Vec<(&str, Kind)> = Vec::new();
        for row in self.cases.iter().flat_map(|case| &case.rows) {
            if !names.iter().any(|(name, _)| *name == row.contestant) {
                names.push((&row.contestant, row.kind));
            }
        }
        names.sort_by_key(|(_, kind)| *kind as u8);
        names
    }

    /// Everybody in every case: the median and the spread.
    pub fn overview(&self) -> Table {
        let unit = self.group.unit;
        let cell = |case: &&CaseResult, name: &str| {
            let row = case.rows.iter().find(|row| row.contestant == name);
            row.map_or("–".to_owned(), |row| {
                format!("{} {}", figure(row.median, unit), spread(row))
            })
        };
        let row = |(name, kind): (&str, Kind)| {
            let cells = self.cases.iter().map(|case| cell(case, name));
            (kind == Kind::Commonhold, [name_of(name, kind)].into_iter().chain(cells).collect())
        };
        let labels = self.cases.iter().map(|case| case.label.clone());
        Table {
            head: [String::new()].into_iter().chain(labels).collect(),
            rows: self.names().into_iter().map(row).collect(),
        }
    }

    /// Ours beside the best peer and the limit.
    pub fn ratios(&self) -> Table {
        let head = ["", "", "", "to the best peer", "to the limit"].map(str::to_owned).to_vec();
        let mut rows = Vec::new();
        for case in &self.cases {
            for row in case.rows.iter().filter(|row| row.kind == Kind::Commonhold) {
                rows.push((false, ratio(case, row, self.group.unit)));
            }
        }
        Table { head, rows }
    }

    /// Single trips of a case, if it has such.
    pub fn trips(&self) -> Vec<(&str, Table)> {
        let tables = self.cases.iter().map(|case| (case.label.as_str(), trips(case)));
        tables.filter(|(_, table)| !table.rows.is_empty()).collect()
    }

    /// All that is known of a case.
    pub fn details(&self, case: &CaseResult) -> Table {
        let head = ["", "median", "middle half", "all", "to the best peer", "to the limit", "kept"];
        let unit = self.group.unit;
        let row = |row: &Row| {
            let cells = vec![
                name_of(&row.contestant, row.kind),
                figure(row.median, unit),
                range(row.low, row.high, unit),
                range(row.least, row.most, unit),
                row.to_best_peer.map_or("–".to_owned(), times),
                row.to_limit.map_or("–".to_owned(), times),
                kept(row),
            ];
            (row.kind == Kind::Commonhold, cells)
        };
        Table { head: head.map(str::to_owned).to_vec(), rows: case.rows.iter().map(row).collect() }
    }
}

fn name_of(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Threads => format!("{name} (threads)"),
        Kind::Limit => format!("{name} (limit)"),
        Kind::Commonhold | Kind::Processes => name.to_owned(),
    }
}

fn range(low: f64, high: f64, unit: Unit) -> String {
    format!("{} … {}", figure(low, unit), figure(high, unit))
}

/// How many repetitions the figure is made of, and which kind.
fn kept(row: &Row) -> String {
    let mut text = format!("{} of {}", row.kept, row.tried);
    if row.far > 0 {
        text += &format!(", {} with the cores farther", row.far);
    }
    if row.disturbed > 0 {
        text += &format!(", {} disturbed", row.disturbed);
    }
    if row.moved > 0 {
        text += &format!(", {} while the cores moved", row.moved);
    }
    text
}

fn ratio(case: &CaseResult, row: &Row, unit: Unit) -> Vec<String> {
    let peer = case.best_peer().map(|peer| peer.contestant.as_str());
    let limit = case.rows.iter().find(|row| row.kind == Kind::Limit);
    let beside = |ratio: Option<f64>, name: Option<&str>| match (ratio, name) {
        (Some(ratio), Some(name)) => format!("{} {name}", times(ratio)),
        _ => "–".to_owned(),
    };
    vec![
        case.label.clone(),
        row.contestant.clone(),
        figure(row.median, unit),
        beside(row.to_best_peer, peer),
        beside(row.to_limit, limit.map(|limit| limit.contestant.as_str())),
    ]
}

fn trips(case: &CaseResult) -> Table {
    let head = ["", "p50", "p99", "p99.9", "max", "trips"].map(str::to_owned).to_vec();
    let row = |row: &Row| {
        let trips = row.trips.as_ref()?;
        let parts = [trips.p50, trips.p99, trips.p999, trips.max].map(|nanos| time(nanos as f64));
        let name = name_of(&row.contestant, row.kind);
        let cells = [name].into_iter().chain(parts).chain([trips.count.to_string()]).collect();
        Some((row.kind == Kind::Commonhold, cells))
    };
    Table { head, rows: case.rows.iter().filter_map(row).collect() }
}

/// Beyond that, figures tell of the machine, too.
const MUCH: f64 = 0.15;

/// What has to be said first, if the machine had other things to do.
pub fn warning(results: &Results) -> Option<String> {
    let disturbed = results.disturbed();
    (disturbed > MUCH).then(|| {
        format!(
            "The machine was not ours alone: in {:.0} % of the runs a core was taken away at least once, or moved. \
             The spread beside each figure tells what that may have done to it.",
            100.0 * disturbed
        )
    })
}

/// Who could not take part, and why; each reason once, with whom it kept from what.
pub fn left_out(results: &Results) -> Vec<String> {
    let mut reasons: Vec<(&str, BTreeSet<&str>, Vec<String>)> = Vec::new();
    for case in &results.cases {
        for LeftOut { contestant, why } in &case.left_out {
            if !reasons.iter().any(|(known, ..)| known == why) {
                reasons.push((why, BTreeSet::new(), Vec::new()));
            }
            let reason = reasons.iter_mut().find(|(known, ..)| known == why);
            let (_, names, places) = reason.expect("there by now");
            names.insert(contestant);
            places.push(format!("{}/{}", case.group, case.label));
        }
    }
    reasons.into_iter().map(|(why, names, places)| reason(why, &names, places)).collect()
}

/// So many cases are told one by one.
const FEW: usize = 3;

fn reason(why: &str, names: &BTreeSet<&str>, mut places: Vec<String>) -> String {
    places.dedup();
    let names: Vec<&str> = names.iter().copied().collect();
    let places = match places.len() {
        many if many > FEW => format!("{many} cases"),
        _ => places.join("; "),
    };
    format!("{}, in {places}: {why}", names.join(", "))
}
