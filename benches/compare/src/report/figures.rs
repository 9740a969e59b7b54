//! Figures, as people read them.

use crate::case::Unit;
use crate::results::Row;

/// With three digits, and the letter for thousands, millions …
fn scaled(value: f64, steps: &[(f64, &str)]) -> String {
    let step = steps.iter().find(|(size, _)| value >= *size).or(steps.last());
    let (size, unit) = step.copied().unwrap_or((1.0, ""));
    let value = value / size;
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// Operations a second.
pub fn rate(per_second: f64) -> String {
    scaled(per_second, &[(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")])
}

pub fn time(nanos: f64) -> String {
    scaled(nanos, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
}

/// What each operation took, told in the unit of its group.
pub fn figure(nanos: f64, unit: Unit) -> String {
    match unit {
        Unit::Rate => rate(1e9 / nanos),
        Unit::Time => time(nanos),
    }
}

/// The median, and how far the middle half is from it.
pub fn with_spread(row: &Row, unit: Unit) -> String {
    format!("{} {}", figure(row.median, unit), spread(row))
}

/// As a part of the median: the farther end of the middle half.
pub fn spread(row: &Row) -> String {
    let farther = (row.high - row.median).max(row.median - row.low);
    format!("±{:.0}%", 100.0 * farther / row.median)
}

/// How many times as fast.
pub fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 100.0 => format!("{ratio:.0}×"),
        ratio if ratio >= 10.0 => format!("{ratio:.1}×"),
        ratio => format!("{ratio:.2}×"),
    }
}
