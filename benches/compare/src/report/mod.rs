//! What is told of the results.

use std::path::Path;
use std::time::Duration;

use crate::case::Unit;
use crate::results::{CaseResult, Results};

pub fn tell(case: &CaseResult, _unit: Unit, since: Duration) {
    println!(
        "{}/{} ({:.0} s; cores {:?})",
        case.group,
        case.label,
        since.as_secs_f64(),
        case.placement
    );
    for row in &case.rows {
        println!(
            "    {:28} {:12.1} ns  {:.1}..{:.1}  {}/{} d{} peer {:.2?} limit {:.2?} {:?}",
            row.contestant,
            row.median,
            row.low,
            row.high,
            row.kept,
            row.tried,
            row.disturbed,
            row.to_best_peer,
            row.to_limit,
            row.trips.as_ref().map(|t| (t.p50, t.p99, t.p999, t.max))
        );
    }
    for l in &case.left_out {
        println!("    {} is left out: {}", l.contestant, l.why);
    }
}

pub fn write(_results: &Results, _to: &Path) -> std::io::Result<()> {
    Ok(())
}
