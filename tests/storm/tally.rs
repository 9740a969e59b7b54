//! What a storm came to.

use super::family::{Fault, Faults};
use super::waits::Waits;

#[derive(Default)]
pub struct Tally {
    pub rounds: u64,
    pub lives: u64,
    pub kills: u64,
    pub stops: u64,
    pub operations: u64,
    pub waits: Waits,
    pub faults: Faults,
    /// All that was said in the round in which something was wrong.
    pub story: String,
}

impl Tally {
    pub const HEAD: &str = "| family | kills | lives | stops | operations | waits | p50 | p99 | p99.9 | longest | lost | twice | torn | out of order | hung | crashed |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

    /// A row of the table.
    pub fn row(&self, name: &str) -> String {
        let times = &self.waits.times;
        let of = |fault| self.faults.count(fault);
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| time(times.quantile(part)));
        format!(
            "| {name} | {} | {} | {} | {} | {} | {p50} | {p99} | {p999} | {} | {} | {} | {} | {} | {} | {} |",
            self.kills,
            self.lives,
            self.stops,
            self.operations,
            times.all,
            time(times.most),
            of(Fault::Lost),
            of(Fault::Twice),
            of(Fault::Torn),
            of(Fault::Broken),
            of(Fault::Hang),
            of(Fault::Crash),
        )
    }
}

fn time(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        _ => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}
