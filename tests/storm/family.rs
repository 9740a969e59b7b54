//! What is under storm: what its participants do, and what is judged of it.

use std::collections::BTreeMap;

use super::board::Board;
use super::participant::Me;
use super::story::Op;

/// One object, or a few.
pub struct Scene {
    /// What it may be called.
    pub name: String,
    /// Chosen by the seed; a family varies by it.
    pub variant: u64,
    pub board: &'static Board,
    /// How many participants there may be at once.
    pub participants: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    Create,
    Open,
}

/// The side of the participants.
pub trait Play {
    /// One operation, or a few that belong together.
    fn act(&self, me: &mut Me);

    /// Something that lets those go on who wait for others to do something.
    fn relieve(&self, _me: &mut Me) {}

    /// Everybody is gone: says what is left, and shows that it is as new.
    fn audit(&self, me: &mut Me);
}

/// The side of the judge. It hears of everything, in the order of time.
pub trait Oracle {
    fn begins(&mut self, life: u32, op: Op, faults: &mut Faults);
    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults);
    /// It died, or left. `open`: what it was about to do.
    fn goes(&mut self, life: u32, open: Option<Op>, faults: &mut Faults);
    /// Whether someone who waits now could be served.
    fn is_free(&self) -> bool;
    /// All are gone, and the audit is over.
    fn settle(&mut self, faults: &mut Faults);
}

#[derive(Clone, Copy, Debug)]
pub struct End {
    pub at: u64,
    pub outcome: u8,
    pub a: u64,
    pub b: u64,
}

pub struct Family {
    pub name: &'static str,
    pub play: fn(&Scene, Door) -> Box<dyn Play>,
    pub oracle: fn(&Scene) -> Box<dyn Oracle>,
    /// What must be caught.
    pub control: bool,
    /// Its participants begin slowly, have processes of their own, and kill those themselves.
    pub slow: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    Lost,
    Twice,
    Torn,
    /// Two where there is room for one, or in an order that was not promised.
    Broken,
    Hang,
    /// A participant ended by itself.
    Crash,
}

/// What was wrong; of each kind how often, and the first few in words.
#[derive(Default, Debug)]
pub struct Faults {
    pub counts: BTreeMap<Fault, u64>,
    pub words: Vec<String>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault, count: u64, words: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        *self.counts.entry(fault).or_default() += count;
        if self.words.len() < 8 {
            self.words.push(format!("{fault:?}: {}", words()));
        }
    }

    pub fn one(&mut self, fault: Fault, words: impl FnOnce() -> String) {
        self.add(fault, 1, words);
    }

    pub fn count(&self, fault: Fault) -> u64 {
        self.counts.get(&fault).copied().unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub fn append(&mut self, more: Faults) {
        for (fault, count) in more.counts {
            *self.counts.entry(fault).or_default() += count;
        }
        self.words.extend(more.words);
        self.words.truncate(8);
    }
}
