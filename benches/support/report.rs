//! What one worker of a measurement tells: when it ran, and what it saw.

use std::time::Duration;

use super::cpu;

/// One worker's account of one run.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    start: u64,
    end: u64,
    /// Sum of all that it sent or received.
    pub sum: u64,
}

impl Report {
    /// Runs the work, which returns its sum.
    pub fn of(work: impl FnOnce() -> u64) -> Report {
        let start = cpu::now();
        let sum = work();
        Report { start, end: cpu::now(), sum }
    }

    pub fn to_line(self) -> String {
        format!("{} {} {}", self.start, self.end, self.sum)
    }

    pub fn from_line(line: &str) -> Report {
        let mut numbers = line.split_whitespace().map(|word| word.parse().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        Report { start: next(), end: next(), sum: next() }
    }
}

/// From the first worker's start to the last one's end.
pub fn span(reports: &[Report]) -> Duration {
    let start = reports.iter().map(|report| report.start).min().unwrap_or(0);
    let end = reports.iter().map(|report| report.end).max().unwrap_or(0);
    Duration::from_nanos(end - start)
}

pub fn sum(reports: &[Report]) -> u64 {
    reports.iter().fold(0, |sum, report| sum.wrapping_add(report.sum))
}
