//! The README's section: the three plots that a newcomer wants, with what they say in one sentence each.

use super::figures::{figure, times};
use super::model::warning;
use crate::case::Unit;
use crate::contestant::Kind;
use crate::results::{CaseResult, Results, Row};

const BEGIN: &str = "<!-- Written by `benches/compare -- --docs`. -->";
const END: &str = "<!-- To here. -->";

/// One plot.
struct Shown {
    plot: &'static str,
    case: [&'static str; 2],
    unit: Unit,
    ours: &'static str,
    /// What is said before the figures.
    says: &'static str,
}

const SHOWN: [Shown; 3] = [
    Shown {
        plot: "lock-pair",
        case: ["lock", "alone"],
        unit: Unit::Time,
        ours: "commonhold Lock",
        says: "A **lock** between processes, taken and given back",
    },
    Shown {
        plot: "throughput",
        case: ["stream", "64 B"],
        unit: Unit::Rate,
        ours: "commonhold Queue<T>",
        says: "**Messages** from one process to another, of 64 bytes",
    },
    Shown {
        plot: "tasks",
        case: ["pool", "0 µs, one by one"],
        unit: Unit::Time,
        ours: "commonhold Pool",
        says: "An empty **task** of a pool of two, handed out one by one",
    },
];

/// The README with its section written anew; as it was, if it has none.
pub fn renew(readme: &str, results: &Results) -> String {
    let parts = readme.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else { return readme.to_owned() };
    let shown = SHOWN.iter().filter_map(|shown| told(shown, results));
    let shown: Vec<String> = warning(results).into_iter().chain(shown).collect();
    format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", shown.join("\n\n"))
}

fn told(shown: &Shown, results: &Results) -> Option<String> {
    let [group, label] = shown.case;
    let case = results.cases.iter().find(|case| case.group == group && case.label == label)?;
    let ours = case.rows.iter().find(|row| row.contestant == shown.ours)?;
    let others = [Kind::Processes, Kind::Threads];
    let others: Vec<String> =
        others.iter().filter_map(|kind| beside(ours, fastest(case, *kind)?)).collect();
    Some(format!(
        "{}: {}, {}.\n\n![{}](docs/benchmarks/{}.svg)",
        shown.says,
        figure(ours.median, shown.unit),
        others.join(", and "),
        shown.plot.replace('-', " "),
        shown.plot,
    ))
}

fn fastest(case: &CaseResult, kind: Kind) -> Option<&Row> {
    let rows = case.rows.iter().filter(|row| row.kind == kind);
    rows.min_by(|a, b| a.median.total_cmp(&b.median))
}

fn beside(ours: &Row, other: &Row) -> Option<String> {
    let of = match other.kind {
        Kind::Threads => "the best between threads",
        _ => "the best other between processes",
    };
    let name = &other.contestant;
    Some(format!("{} as fast as {of}, {name}", times(other.median / ours.median)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_written_anew_and_the_rest_is_left() {
        let results = Results { machine: Default::default(), quick: true, cases: Vec::new() };
        let readme = format!("before {BEGIN} old {END} after");
        let renewed = renew(&readme, &results);
        assert!(renewed.starts_with("before ") && renewed.ends_with(" after"));
        assert!(!renewed.contains("old"));
        assert_eq!(renew(&renewed, &results), renewed);
        assert_eq!(renew("no section", &results), "no section");
    }
}
