//! Operations of one thread, one after another.

use std::time::{Duration, Instant};

use crate::case::{Case, What};
use crate::contestant::{Bout, Card, Contestant, Entry, Run, Seat};
use crate::engines::crew::{Crew, run_of};
use crate::engines::rendezvous::fresh_place;
use crate::support::cpu;
use crate::support::report::Report;

/// Who does operations, and how they are set up.
pub struct Operator {
    pub card: Card,
    pub enter: fn(&What) -> Option<Entry<'static>>,
    pub play: fn(&What, &Seat),
}

impl Operator {
    pub fn boxed(card: Card, enter: fn(&What) -> Option<Entry<'static>>) -> Box<dyn Contestant> {
        Box::new(Operator { card, enter, play: |_, seat| panic!("no part: {seat:?}") })
    }
}

impl Contestant for Operator {
    fn card(&self) -> Card {
        self.card
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        (self.enter)(&case.what)
    }

    fn play(&self, case: &Case, seat: &Seat) {
        (self.play)(&case.what, seat);
    }
}

/// Times how what a child of that contestant keeps is opened: what a process has itself, it may find again
/// for less.
pub fn opened(contestant: &str, mut open: impl FnMut(&str) + 'static) -> Result<Bout, String> {
    let place = fresh_place();
    let seat = Seat {
        contestant: contestant.to_owned(),
        case: "door/open".to_owned(),
        side: "keep".to_owned(),
        number: 0,
        cpu: 0,
        place: place.clone(),
    };
    let keeper = Crew::seated([seat])?;
    pinned(move || {
        let _keeper = &keeper;
        open(&place);
    })
}

/// Times a loop around the operation, on one core.
pub fn pinned(mut operation: impl FnMut() + 'static) -> Result<Bout, String> {
    Ok(Box::new(move |count| {
        cpu::pin(cpu::pair()[0]);
        Ok(timed(|| (0..count).for_each(|_| operation())))
    }))
}

/// Times work that starts others, which run on any core.
pub fn free(mut work: impl FnMut(u64) + 'static) -> Result<Bout, String> {
    Ok(Box::new(move |count| {
        cpu::unpin();
        Ok(Run { interruptions: 0, ..timed(|| work(count)) })
    }))
}

/// Times how long it takes until something is up; not until it is gone again.
pub fn up<T>(mut start: impl FnMut(u64) -> T + 'static) -> Result<Bout, String> {
    Ok(Box::new(move |count| {
        cpu::unpin();
        let mut took = Duration::ZERO;
        for n in 0..count {
            let since = Instant::now();
            let started = start(n);
            took += since.elapsed();
            drop(started);
        }
        Ok(Run { took, interruptions: 0, trips: None })
    }))
}

fn timed(work: impl FnOnce()) -> Run {
    let report = Report::of(|| {
        work();
        0
    });
    run_of(&[report], false)
}
