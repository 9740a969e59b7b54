//! Who takes part in what, of all that there is.

use std::fmt;

use crate::case::Case;
use crate::cases;
use crate::contestant::{Contestant, Seat};
use crate::contestants;
use crate::host;

pub struct Selection {
    cases: Vec<Case>,
    contestants: Vec<Box<dyn Contestant>>,
    only: Vec<String>,
    quick: bool,
}

impl Selection {
    pub fn new(only: &[String], quick: bool) -> Selection {
        let (cases, contestants) = (cases::all(), contestants::all());
        Selection { cases, contestants, only: only.to_vec(), quick }
    }

    /// Each case with those who may take part.
    pub fn matches(&self) -> impl Iterator<Item = (&Case, Vec<&dyn Contestant>)> {
        let cases = self.cases.iter().filter(|case| case.quick || !self.quick);
        cases.filter_map(|case| {
            let wanted = |contestant: &&dyn Contestant| {
                self.only.is_empty() || self.only.iter().any(|only| fits(only, case, *contestant))
            };
            let all = self.contestants.iter().map(|contestant| &**contestant);
            let takes = |contestant: &&dyn Contestant| contestant.enter(case).is_some();
            let chosen: Vec<&dyn Contestant> = all.filter(wanted).filter(takes).collect();
            (!chosen.is_empty()).then_some((case, chosen))
        })
    }
}

/// `CASE:CONTESTANT` names a part of both, else a part of either.
fn fits(only: &str, case: &Case, contestant: &dyn Contestant) -> bool {
    let name = contestant.card().name;
    match only.split_once(':') {
        Some((of_case, of_name)) => case.id().contains(of_case) && name.contains(of_name),
        None => case.id().contains(only) || name.contains(only),
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, contestants) in self.matches() {
            let names: Vec<&str> = contestants.iter().map(|one| one.card().name).collect();
            writeln!(f, "{}: {}", case.id(), names.join(", "))?;
        }
        Ok(())
    }
}

/// What a child is there for.
pub fn play(seat: &Seat) {
    let cases = cases::all();
    let case = cases.iter().find(|case| case.id() == seat.case).expect("a case");
    let contestants = contestants::all();
    let mut all = contestants.iter();
    let own = all.find(|contestant| contestant.card().name == seat.contestant);
    let own = &**own.expect("a contestant");
    match seat.side.as_str() {
        host::SIDE => host::play(case, own),
        _ => own.play(case, seat),
    }
}
