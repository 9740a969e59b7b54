//! What one worker of a measurement tells: when it ran, and what it saw.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use super::cpu;

/// One run.
#[derive(Clone, Copy)]
pub struct Sample {
    pub took: Duration,
    /// How often a worker had to give its core to somebody else.
    pub interruptions: u64,
}

/// One worker's account of one run.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    start: u64,
    end: u64,
    /// How often somebody else was given its core.
    interruptions: u64,
    /// Sum of all that it sent or received.
    pub sum: u64,
}

impl Report {
    /// Runs the work, which returns its sum.
    pub fn of(work: impl FnOnce() -> u64) -> Report {
        let before = interruptions();
        let start = cpu::now();
        let sum = work();
        let end = cpu::now();
        Report { start, end, interruptions: interruptions() - before, sum }
    }

    pub fn to_line(self) -> String {
        format!("{} {} {} {}", self.start, self.end, self.interruptions, self.sum)
    }

    pub fn from_line(line: &str) -> Report {
        let mut numbers = line.split_whitespace().map(|word| word.parse().expect("a number"));
        let mut next = || numbers.next().expect("four numbers");
        Report { start: next(), end: next(), interruptions: next(), sum: next() }
    }
}

/// From the first worker's start to the last one's end.
pub fn sample(reports: &[Report]) -> Sample {
    let start = reports.iter().map(|report| report.start).min().unwrap_or(0);
    let end = reports.iter().map(|report| report.end).max().unwrap_or(0);
    let interruptions = reports.iter().map(|report| report.interruptions).sum();
    Sample { took: Duration::from_nanos(end - start), interruptions }
}

pub fn sum(reports: &[Report]) -> u64 {
    reports.iter().fold(0, |sum, report| sum.wrapping_add(report.sum))
}

/// How often this thread was made to give way.
fn interruptions() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("the usage of this thread");
    usage.involuntary_context_switches() as u64
}
