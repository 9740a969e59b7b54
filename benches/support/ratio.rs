//! Ratios of two measurements in one run: interleaved, and only while the cores stayed where they were.
//!
//! Where a target is a time, there is nobody to compare with.

use std::fmt;
use std::time::Duration;

use super::placement::{Placement, probe};
pub use super::report::Sample;

/// Does its operation so many times, and tells how long that took.
pub type Run = Box<dyn FnMut(u64) -> Sample>;

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
    /// The same, where nothing was promised.
    Speed,
    /// Nanoseconds of ours.
    NanosAtMost(f64),
}

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Ratio {
    pub name: &'static str,
    pub ours: Case,
    pub theirs: Option<Case>,
    pub target: Target,
}

/// Of each competitor, once: short, so that many go undisturbed on a machine that others use.
const LENGTH: Duration = Duration::from_millis(3);
const REPETITIONS: usize = 31;
/// Where cores move or are shared with others, at most so many are tried.
const ATTEMPTS: usize = 120;
/// If fewer are undisturbed, those that were least disturbed serve.
const FEWEST: usize = 5;

/// Of nobody.
const NOTHING: Sample = Sample { took: Duration::ZERO, interruptions: 0 };

/// Operations of each that show whether they work.
const FEW: u64 = 16;

/// Both competitors, once each.
struct Repetition {
    ours: f64,
    theirs: f64,
    placement: Placement,
    interruptions: u64,
}

/// One line of the table, measured.
pub struct Outcome {
    ratio: Ratio,
    kept: Vec<Repetition>,
    attempts: usize,
}

impl Ratio {
    pub fn measure(self) -> Outcome {
        let nothing = || -> Run { Box::new(|_| NOTHING) };
        let mut ours = (self.ours.set_up)();
        let mut theirs = self.theirs.map_or_else(nothing, |theirs| (theirs.set_up)());
        let our_count = calibrate(&mut ours);
        let their_count = if self.theirs.is_some() { calibrate(&mut theirs) } else { 1 };
        let mut kept: Vec<Repetition> = Vec::new();
        let undisturbed = |kept: &[Repetition]| kept.iter().filter(|one| one.is_calm()).count();
        let mut attempts = 0;
        let mut before = probe();
        while undisturbed(&kept) < REPETITIONS && attempts < ATTEMPTS {
            attempts += 1;
            let (ours, theirs) = (ours(our_count), theirs(their_count));
            let after = probe();
            if before.is_same(after) {
                kept.push(Repetition {
                    ours: each(ours, our_count),
                    theirs: each(theirs, their_count),
                    placement: after,
                    interruptions: ours.interruptions + theirs.interruptions,
                });
            }
            before = after;
        }
        Outcome { ratio: self, kept: best(kept), attempts }
    }

    /// A few operations of each, to see that they work.
    pub fn try_once(self) {
        for case in [Some(self.ours), self.theirs].into_iter().flatten() {
            (case.set_up)()(FEW);
        }
    }
}

impl Repetition {
    fn is_calm(&self) -> bool {
        self.interruptions == 0
    }
}

/// Those that nobody disturbed, with the cores near each other, if there are enough.
fn best(mut kept: Vec<Repetition>) -> Vec<Repetition> {
    let near = kept.iter().filter(|one| !one.placement.is_far()).count();
    if near >= FEWEST {
        kept.retain(|one| !one.placement.is_far());
    }
    kept.sort_by_key(|one| one.interruptions);
    let calm = kept.partition_point(Repetition::is_calm);
    kept.truncate(if calm >= FEWEST { calm } else { kept.len().div_ceil(2) });
    kept
}

/// How many operations take about [`LENGTH`].
fn calibrate(run: &mut Run) -> u64 {
    let mut fastest = |count| (0..3).map(|_| run(count).took).min().unwrap_or(LENGTH);
    let (mut count, mut took) = (1, fastest(1));
    while took * 4 < LENGTH {
        count *= 4;
        took = fastest(count);
    }
    (count as f64 * LENGTH.as_secs_f64() / took.as_secs_f64()).ceil() as u64
}

/// Nanoseconds of each operation.
fn each(sample: Sample, count: u64) -> f64 {
    sample.took.as_nanos() as f64 / count as f64
}

impl Outcome {
    /// Sorted.
    fn all(&self, of: impl Fn(&Repetition) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.kept.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    fn median(&self, of: impl Fn(&Repetition) -> f64) -> f64 {
        self.all(of)[self.kept.len() / 2]
    }

    fn values(&self) -> Vec<f64> {
        self.all(|one| match self.ratio.target {
            Target::TimeAtMost(_) => one.ours / one.theirs,
            Target::SpeedAtLeast(_) | Target::Speed => one.theirs / one.ours,
            Target::NanosAtMost(_) => one.ours,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.ratio.name;
        if self.kept.is_empty() {
            return write!(f, "ratio {name} not measured: the cores moved all the time");
        }
        let values = self.values();
        let part = |of: usize| values[(values.len() - 1) * of / 4];
        let median = part(2);
        let figure = |value: f64| match self.ratio.target {
            Target::NanosAtMost(_) => Nanos(value).to_string(),
            _ => format!("{value:.2}"),
        };
        writeln!(f, "ratio {name} {} ({})", figure(median), self.ratio.target.judge(median))?;
        let disturbed = self.kept.iter().filter(|one| !one.is_calm()).count();
        let far = self.kept.iter().filter(|one| one.placement.is_far()).count();
        let ours = Nanos(self.median(|one| one.ours));
        let by = match self.ratio.theirs {
            Some(_) => format!("{ours} by {}", Nanos(self.median(|one| one.theirs))),
            None => format!("{} at most", figure(part(4))),
        };
        write!(
            f,
            "      {} to {} (middle half), {by}; {} of {} repetitions, {disturbed} disturbed, {far} far",
            figure(part(1)),
            figure(part(3)),
            self.kept.len(),
            self.attempts,
        )
    }
}

impl Target {
    fn judge(self, median: f64) -> String {
        let verdict = |met| if met { "met" } else { "NOT MET" };
        match self {
            Target::TimeAtMost(most) => format!("target ≤ {most}, {}", verdict(median <= most)),
            Target::SpeedAtLeast(least) => {
                format!("target ≥ {least:.2}, {}", verdict(median >= least))
            }
            Target::Speed => "no target".to_owned(),
            Target::NanosAtMost(most) => {
                format!("target ≤ {}, {}", Nanos(most), verdict(median <= most))
            }
        }
    }
}

/// Nanoseconds, as people read them.
struct Nanos(f64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            nanos if nanos < 1e3 => write!(f, "{nanos:.1} ns"),
            nanos if nanos < 1e6 => write!(f, "{:.1} µs", nanos / 1e3),
            nanos => write!(f, "{:.1} ms", nanos / 1e6),
        }
    }
}
