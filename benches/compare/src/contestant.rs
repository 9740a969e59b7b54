//! Who takes part, and in what.

use std::any::Any;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::case::Case;
use crate::support::children;

/// On which side somebody plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    Commonhold,
    /// What the hardware or the kernel allows, and nothing else.
    Limit,
    /// Serves several processes.
    Processes,
    /// Serves the threads of one process.
    Threads,
}

/// Who somebody is.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    pub name: &'static str,
    pub kind: Kind,
    /// How it is used here, and what to know when comparing.
    pub about: &'static str,
}

/// One run.
pub struct Run {
    pub took: Duration,
    /// How often a worker had to give its core to somebody else.
    pub interruptions: u64,
    /// How long each operation took, where that is measured.
    pub trips: Option<Histogram<u64>>,
}

/// Does its operation so many times; or says what went wrong.
pub type Bout = Box<dyn FnMut(u64) -> Result<Run, String>>;

/// Sets up a bout; or says why that cannot be done here.
pub type Entry<'a> = Box<dyn FnOnce() -> Result<Bout, String> + 'a>;

/// For who takes part.
pub fn entry<'a>(set_up: impl FnOnce() -> Result<Bout, String> + 'a) -> Option<Entry<'a>> {
    Some(Box::new(set_up))
}

/// Somebody who takes part.
pub trait Contestant: Sync {
    fn card(&self) -> Card;

    /// `None`: it is not made for that.
    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>>;

    /// Plays its part in a child.
    fn play(&self, case: &Case, seat: &Seat) {
        panic!("{} has no part in {}: {seat:?}", self.card().name, case.id());
    }
}

/// Keeps what was made for a case until it is over.
pub type Keeper = Box<dyn Any>;

/// The part of one child.
#[derive(Clone, Debug)]
pub struct Seat {
    pub contestant: String,
    pub case: String,
    pub side: String,
    pub number: usize,
    pub cpu: usize,
    /// A name that nobody else uses.
    pub place: String,
}

impl Seat {
    pub fn role(&self) -> String {
        let Seat { contestant, case, side, number, cpu, place } = self;
        format!("{contestant}|{case}|{side}|{number}|{cpu}|{place}")
    }

    /// That of this process, if it is a child.
    pub fn own() -> Option<Seat> {
        let role = children::role()?;
        let parts: Vec<&str> = role.split('|').collect();
        let &[contestant, case, side, number, cpu, place] = parts.as_slice() else {
            panic!("no role {role:?}");
        };
        Some(Seat {
            contestant: contestant.to_owned(),
            case: case.to_owned(),
            side: side.to_owned(),
            number: number.parse().expect("a number"),
            cpu: cpu.parse().expect("a CPU"),
            place: place.to_owned(),
        })
    }

    pub fn fill(&self) -> children::Worker {
        children::Worker::start(&self.role())
    }
}
