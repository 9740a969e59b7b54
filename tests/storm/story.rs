//! What happened in a round, in the order of time, told to the oracle.

use std::collections::HashMap;

use super::family::{End, Fault, Faults, Oracle};
use super::life::Life;
use super::waits::Waits;
use super::wire::{self, Record};

/// What a participant was about to do.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    pub at: u64,
    pub op: u8,
    pub waits: bool,
    pub a: u64,
    pub b: u64,
}

#[derive(Clone, Copy)]
enum What {
    Said(Record),
    Stopped,
    GoesOn,
    Gone,
}

struct Happening {
    at: u64,
    life: u32,
    what: What,
}

/// Of everybody who lived in a round.
fn story(lives: &[Life], records: &[Vec<Record>]) -> Vec<Happening> {
    let strikes = records.iter().flatten().filter(|record| record.kind == wire::STRIKES);
    let mut struck = HashMap::new();
    for Record { at, a: life, .. } in strikes {
        // One that was struck may be struck again before it is gone.
        struck.entry(*life).and_modify(|first: &mut u64| *first = *at.min(first)).or_insert(*at);
    }
    let mut all = Vec::new();
    for (life, records) in lives.iter().zip(records) {
        let id = life.id;
        let mut push = |at, what| all.push(Happening { at, life: id, what });
        records.iter().for_each(|record| push(record.at, What::Said(*record)));
        for (from, to) in &life.stops {
            push(*from, What::Stopped);
            push(to.unwrap_or(u64::MAX), What::GoesOn);
        }
        // It may have gone on for a moment after the blow.
        let last = records.last().map_or(life.born, |record| record.at);
        let blow = life.killed.into_iter().chain(struck.get(&u64::from(id)).copied()).min();
        push(blow.map_or(last, |at| at.max(last)), What::Gone);
    }
    // Those of one life stay in their order.
    all.sort_by_key(|happening| happening.at);
    all
}

/// All that happened, a line each: for who wants to know why.
pub fn written(lives: &[Life]) -> String {
    let records: Vec<Vec<Record>> = lives.iter().map(Life::records).collect();
    let line = |Happening { at, life, what }| match what {
        What::Said(Record { kind, op, outcome, a, b, .. }) => {
            let kind = ["?", "begins", "ends", "strikes", "leaves", "text", "forks"][kind as usize];
            format!("{at} {life} {kind} {op} outcome {outcome} a {a:#x} b {b:#x}\n")
        }
        What::Stopped => format!("{at} {life} stopped\n"),
        What::GoesOn => format!("{at} {life} goes on\n"),
        What::Gone => format!("{at} {life} gone\n"),
    };
    story(lives, &records).into_iter().map(line).collect()
}

/// Tells the oracle, measures how long who could be served waited, and counts operations.
pub fn judge(
    lives: &[Life],
    oracle: &mut dyn Oracle,
    waits: &mut Waits,
    faults: &mut Faults,
) -> u64 {
    let records: Vec<Vec<Record>> = lives.iter().map(Life::records).collect();
    for (life, records) in lives.iter().zip(&records) {
        if let Some(text) = wire::text_of(records) {
            faults.one(Fault::Crash, || format!("life {}: {text}", life.id));
        }
    }
    let mut operations = 0;
    let mut open: HashMap<u32, Op> = HashMap::new();
    let mut stopped: HashMap<u32, bool> = HashMap::new();
    for Happening { at, life, what } in story(lives, &records) {
        match what {
            What::Said(r) if r.kind == wire::BEGIN => {
                let op = Op { at, op: r.op, waits: r.waits != 0, a: r.a, b: r.b };
                open.insert(life, op);
                oracle.begins(life, op, faults);
                if op.waits {
                    waits.begin(life, at);
                }
            }
            What::Said(r) if r.kind == wire::END => {
                let Some(op) = open.remove(&life) else { continue };
                operations += 1;
                if op.waits {
                    waits.end(life, at);
                }
                oracle.ends(life, op, End { at, outcome: r.outcome, a: r.a, b: r.b }, faults);
            }
            What::Said(_) => {}
            What::Stopped => _ = stopped.insert(life, true),
            What::GoesOn => _ = stopped.remove(&life),
            What::Gone => {
                stopped.remove(&life);
                waits.forget(life);
                oracle.goes(life, open.remove(&life), faults);
            }
        }
        // One that stands still in the middle of something may have it, without having said so.
        let in_the_middle = stopped.keys().any(|life| open.contains_key(life));
        waits.is_free(at, oracle.is_free() && !in_the_middle);
    }
    operations
}
