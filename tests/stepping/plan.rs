//! Which deaths a case is put through: where the first dies, and another.

use std::collections::BTreeSet;

use crate::case::Trial;
use crate::trace::{Trace, around_events, events, thin_out};

/// In which way the victim comes to harm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Manner {
    /// Killed; another goes on.
    Death,
    /// Killed; so is the next, while it goes on.
    TwoDeaths,
    /// Killed while another stands still in the middle of its own operation, which goes on then.
    Beside,
    /// Stopped; others go on; it goes on.
    Pause,
}

impl Manner {
    pub const ALL: [Manner; 4] = [Manner::Death, Manner::TwoDeaths, Manner::Beside, Manner::Pause];

    pub fn name(self) -> &'static str {
        match self {
            Manner::Death => "death",
            Manner::TwoDeaths => "death in recovery",
            Manner::Beside => "death beside a stopped one",
            Manner::Pause => "pause",
        }
    }

    pub fn applies_to(self, trial: &Trial) -> bool {
        match self {
            Manner::Death => !trial.waits,
            Manner::TwoDeaths | Manner::Beside => !trial.seconds.is_empty(),
            Manner::Pause => trial.meanwhile.is_some(),
        }
    }
}

/// How many of the instructions are tried.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Every one, or only those after which something is different.
    pub every: bool,
    /// Of these, so many at most in one row of the table.
    pub most: usize,
    /// The same of pauses.
    pub pauses: usize,
    /// Deaths of the first after which a second one is tried, at most.
    pub firsts: usize,
    /// Instructions of another at which it stands still beside the first, at most.
    pub stops: usize,
}

/// An operation of more instructions waits in some of them: beside its points, so many are tried, evenly.
const EVENLY: usize = 2000;
/// The same in recovery, that asks the kernel who lives on each of its many paths.
const EVENLY_AGAIN: usize = 500;
/// First deaths of an operation that is long for what it does, after which a second is tried; points of that
/// second, or of the first beside a stopped one; at most.
const LONG_FIRSTS: usize = 12;
const LONG_POINTS: usize = 60;
const LONG_STOPS: usize = 4;
/// Points of an operation that is brought to them by steps, at most, and so many more instructions, evenly.
const BY_STEPS: usize = 100;

impl Spread {
    /// The same for a case that is long.
    pub fn of_long(self) -> Spread {
        let (firsts, stops) = (self.firsts.min(LONG_FIRSTS), self.stops.min(LONG_STOPS));
        Spread { firsts, stops, ..self }
    }

    /// The same for a case whose victim is brought by steps to where it dies.
    pub fn by_steps(self, trace: &Trace) -> Vec<usize> {
        match self.every {
            false => self.deaths(trace),
            true => {
                let all = (0..=trace.instructions).collect();
                with(thin_out(all, BY_STEPS), thin_out(events(trace), BY_STEPS))
            }
        }
    }

    /// After which instructions the first is to die.
    pub fn deaths(self, trace: &Trace) -> Vec<usize> {
        match self.every {
            false => thin_out(events(trace), self.most),
            true => with(evenly(trace), events(trace)),
        }
    }

    /// The same of the second: of an operation that is long, not all.
    pub fn second_deaths(self, trace: &Trace, long: bool) -> Vec<usize> {
        let asks = trace.instructions > EVENLY;
        match (long, self.every && asks) {
            (true, _) => self.deaths_beside(trace, long),
            (false, false) => self.deaths(trace),
            (false, true) => {
                let all = (0..=trace.instructions).collect();
                with(thin_out(all, EVENLY_AGAIN), events(trace))
            }
        }
    }

    /// The same while another stands still: at the points.
    pub fn deaths_beside(self, trace: &Trace, long: bool) -> Vec<usize> {
        let most = if long { self.most.min(LONG_POINTS) } else { self.most };
        thin_out(events(trace), most)
    }

    /// After which instructions it is to stand still. What the dead had read is of no use to anybody, but
    /// one that stood still goes on with it: so every instruction counts.
    pub fn pauses(self, trace: &Trace) -> Vec<usize> {
        match self.every {
            false => {
                let around = thin_out(around_events(trace), self.pauses * 2 / 3);
                let all = thin_out((0..=trace.instructions).collect(), self.pauses - around.len());
                with(all, around)
            }
            true => with(evenly(trace), around_events(trace)),
        }
    }

    /// Where another is to stand still beside the first.
    pub fn stops(self, trace: &Trace) -> Vec<usize> {
        let mut inside = around_events(trace);
        inside.retain(|at| *at > 0);
        if inside.is_empty() {
            inside = vec![trace.instructions / 2];
        }
        thin_out(inside, self.stops)
    }
}

fn evenly(trace: &Trace) -> Vec<usize> {
    thin_out((0..=trace.instructions).collect(), EVENLY)
}

fn with(some: Vec<usize>, more: Vec<usize>) -> Vec<usize> {
    let both: BTreeSet<usize> = some.into_iter().chain(more).collect();
    both.into_iter().collect()
}

/// After so many instructions of this trace.
#[derive(Clone, Copy)]
pub struct Stop {
    pub trace: usize,
    pub after: usize,
}

/// Where the first comes to harm, and another.
#[derive(Clone, Copy)]
pub struct Fatality {
    pub first: Stop,
    pub second: Option<(usize, Stop)>,
}

impl std::fmt::Display for Fatality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "after {}", self.first.after)?;
        match self.second {
            Some((which, stop)) => write!(f, ", number {which} after {}", stop.after),
            None => Ok(()),
        }
    }
}
