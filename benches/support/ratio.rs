//! Ratios of two measurements in one run: interleaved, and only while the cores stayed where they were.

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
}

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Ratio {
    pub name: &'static str,
    pub ours: Case,
    pub theirs: Case,
    pub target: Target,
}

/// Of each competitor, once: short, so that many go undisturbed on a machine that others use.
const LENGTH: Duration = Duration::from_millis(3);
const REPETITIONS: usize = 31;
/// Where cores move or are shared with others, at most so many are tried.
const ATTEMPTS: usize = 120;
/// If fewer are undisturbed, those that were least disturbed serve.
const FEWEST: usize = 5;

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
        let (mut ours, mut theirs) = ((self.ours.set_up)(), (self.theirs.set_up)());
        let (our_count, their_count) = (calibrate(&mut ours), calibrate(&mut theirs));
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
        for case in [self.ours, self.theirs] {
            (case.set_up)()(100);
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
    let mut count = 64;
    while run(count).took * 4 < LENGTH {
        count *= 4;
    }
    let fastest = (0..3).map(|_| run(count).took).min().unwrap_or(LENGTH);
    (count as f64 * LENGTH.as_secs_f64() / fastest.as_secs_f64()).ceil() as u64
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
        let verdict = |met| if met { "met" } else { "NOT MET" };
        let target = match self.ratio.target {
            Target::TimeAtMost(most) => format!("target ≤ {most}) {}", verdict(median <= most)),
            Target::SpeedAtLeast(least) => {
                format!("target ≥ {least}) {}", verdict(median >= least))
            }
            Target::Speed => "no target)".to_owned(),
        };
        writeln!(f, "ratio {name} {median:.2} ({target}")?;
        let disturbed = self.kept.iter().filter(|one| !one.is_calm()).count();
        let far = self.kept.iter().filter(|one| one.placement.is_far()).count();
        write!(
            f,
            "      {:.2} to {:.2} (middle half), {} by {}; {} of {} repetitions, {disturbed} disturbed, \
             {far} far",
            part(1),
            part(3),
            Nanos(self.median(|one| one.ours)),
            Nanos(self.median(|one| one.theirs)),
            self.kept.len(),
            self.attempts,
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
