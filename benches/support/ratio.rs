//! Ratios of two measurements in one run: interleaved, and only while the cores stayed where they were.

use std::fmt;
use std::time::Duration;

use super::placement::{Placement, probe};

/// Does its operation so many times, and tells how long that took.
pub type Run = Box<dyn FnMut(u64) -> Duration>;

/// A named measurement, set up when it is needed.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub set_up: fn() -> Run,
}

/// What a ratio should be.
#[derive(Clone, Copy)]
pub enum Target {
    /// Time of ours by time of theirs.
    TimeAtMost(f64),
    /// Operations per time of ours by those of theirs.
    SpeedAtLeast(f64),
}

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Ratio {
    pub name: &'static str,
    pub ours: Case,
    pub theirs: Case,
    pub target: Target,
}

/// The outcome of one line.
pub struct Outcome {
    ratio: Ratio,
    /// Sorted.
    values: Vec<f64>,
    ours: f64,
    theirs: f64,
    dropped: usize,
    placement: Placement,
}

/// Of each competitor, once.
const LENGTH: Duration = Duration::from_millis(15);
const REPETITIONS: usize = 21;
/// Where the cores move all the time, at most so many are tried.
const ATTEMPTS: usize = 42;

struct Repetition {
    ours: f64,
    theirs: f64,
    placement: Placement,
}

impl Ratio {
    pub fn measure(self) -> Outcome {
        let (mut ours, mut theirs) = ((self.ours.set_up)(), (self.theirs.set_up)());
        let (our_count, their_count) = (calibrate(&mut ours), calibrate(&mut theirs));
        let mut kept: Vec<Repetition> = Vec::new();
        let mut attempts = 0;
        let mut before = probe();
        while kept.len() < REPETITIONS && attempts < ATTEMPTS {
            attempts += 1;
            let (ours, theirs) = (each(&mut ours, our_count), each(&mut theirs, their_count));
            let after = probe();
            if before.is_same(after) {
                kept.push(Repetition { ours, theirs, placement: after });
            }
            before = after;
        }
        self.outcome(kept, attempts)
    }

    /// One iteration of each, to see that they work.
    pub fn try_once(self) {
        for case in [self.ours, self.theirs] {
            (case.set_up)()(100);
        }
    }

    fn outcome(self, mut kept: Vec<Repetition>, attempts: usize) -> Outcome {
        // Near ones, if enough of them are.
        let near = kept.iter().filter(|one| !one.placement.is_far()).count();
        if near >= REPETITIONS / 3 {
            kept.retain(|one| !one.placement.is_far());
        }
        let value = |one: &Repetition| match self.target {
            Target::TimeAtMost(_) => one.ours / one.theirs,
            Target::SpeedAtLeast(_) => one.theirs / one.ours,
        };
        let placement = kept.iter().map(|one| one.placement).max().unwrap_or(Placement(0));
        Outcome {
            ratio: self,
            values: sorted(kept.iter().map(value)),
            ours: middle(&sorted(kept.iter().map(|one| one.ours))),
            theirs: middle(&sorted(kept.iter().map(|one| one.theirs))),
            dropped: attempts - kept.len(),
            placement,
        }
    }
}

/// How many operations take about [`LENGTH`].
fn calibrate(run: &mut Run) -> u64 {
    let mut count = 64;
    loop {
        let took = run(count);
        if took * 4 >= LENGTH {
            let factor = LENGTH.as_secs_f64() / took.as_secs_f64();
            return (count as f64 * factor).ceil() as u64;
        }
        count *= 4;
    }
}

/// Nanoseconds of each operation.
fn each(run: &mut Run, count: u64) -> f64 {
    run(count).as_nanos() as f64 / count as f64
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Outcome {
    pub fn is_met(&self) -> bool {
        match self.ratio.target {
            Target::TimeAtMost(most) => middle(&self.values) <= most,
            Target::SpeedAtLeast(least) => middle(&self.values) >= least,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.values.len().checked_sub(1) else {
            return write!(
                f,
                "ratio {} not measured: the cores moved all the time",
                self.ratio.name
            );
        };
        let verdict = if self.is_met() { "met" } else { "NOT MET" };
        let target = match self.ratio.target {
            Target::TimeAtMost(most) => format!("≤ {most}"),
            Target::SpeedAtLeast(least) => format!("≥ {least}"),
        };
        let quartile = |of: usize| self.values[last * of / 4];
        write!(
            f,
            "ratio {} {:.2} (target {target}) {verdict} · middle half {:.2} to {:.2} · {} by {} · \
             {} repetitions, {} dropped · {}",
            self.ratio.name,
            middle(&self.values),
            quartile(1),
            quartile(3),
            Nanos(self.ours),
            Nanos(self.theirs),
            self.values.len(),
            self.dropped,
            self.placement,
        )
    }
}

/// Nanoseconds, as people read them.
struct Nanos(f64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000.0 {
            write!(f, "{:.1} ns", self.0)
        } else {
            write!(f, "{:.1} µs", self.0 / 1000.0)
        }
    }
}
