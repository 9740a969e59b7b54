//! What an operation did, instruction by instruction, and how another comes to the same place.

use std::collections::HashMap;

/// One run of an operation from its first to its last instruction.
pub struct Trace {
    pub instructions: usize,
    /// Instructions that changed shared memory, or called the kernel. A death between two of them is as
    /// one right after the first.
    pub events: Vec<usize>,
    /// Where the next instruction lay, before each.
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    at: usize,
    /// How often it was there before.
    before: usize,
}

/// How to come to an instruction: by a breakpoint here, that is passed so often, and so many steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    pub place: usize,
    pub passes: usize,
    pub steps: usize,
}

/// What a stop at a breakpoint costs, in steps.
const STOP: usize = 3;

impl Trace {
    pub fn new(instructions: usize, events: Vec<usize>, places: Vec<usize>) -> Trace {
        let mut times = HashMap::new();
        let places = places.into_iter().map(|at| {
            let times = times.entry(at).or_insert(0);
            *times += 1;
            Place { at, before: *times - 1 }
        });
        Trace { instructions, events, places: places.collect() }
    }

    /// The shortest way to where the victim stands after so many instructions; there is none to its end.
    pub fn way_to(&self, instructions: usize) -> Option<Way> {
        self.places.get(instructions)?;
        let mut best: Option<Way> = None;
        let cost = |way: Way| STOP * way.passes + way.steps;
        for from in (0..=instructions).rev() {
            let Place { at, before } = self.places[from];
            let way = Way { place: at, passes: before, steps: instructions - from };
            if best.is_some_and(|best| way.steps >= cost(best)) {
                break;
            }
            if best.is_none_or(|best| cost(way) < cost(best)) {
                best = Some(way);
            }
        }
        best
    }
}

/// Before the first instruction, and after each that changed something.
pub fn events(trace: &Trace) -> Vec<usize> {
    std::iter::once(0).chain(trace.events.iter().copied()).collect()
}

/// The same, and before each of those.
pub fn around_events(trace: &Trace) -> Vec<usize> {
    let mut all = events(trace);
    all.extend(trace.events.iter().map(|event| event - 1));
    all.sort_unstable();
    all.dedup();
    all
}

/// So many of them at most, evenly, with the first and the last.
pub fn thin_out<T: Copy>(all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    (0..most).map(|number| all[number * (all.len() - 1) / (most - 1).max(1)]).collect()
}
