//! From repetitions to figures.

use hdrhistogram::Histogram;

use crate::contestant::{Card, Kind, Run};
use crate::results::{Row, Trips};
use crate::support::placement::Placement;

/// If fewer are undisturbed, those that were least disturbed serve.
pub const FEWEST: usize = 3;

/// One contestant, once.
#[derive(Clone)]
pub struct Repetition {
    round: usize,
    /// Nanoseconds of each operation.
    each: f64,
    interruptions: u64,
    /// How near the cores were to each other, before and after.
    placements: [Placement; 2],
    trips: Option<Histogram<u64>>,
}

impl Repetition {
    pub fn new(round: usize, run: Run, count: u64, placements: [Placement; 2]) -> Repetition {
        let each = run.took.as_nanos() as f64 / count as f64;
        Repetition { round, each, interruptions: run.interruptions, placements, trips: run.trips }
    }

    /// Did nobody else use the cores, and were they not moved?
    pub fn is_calm(&self) -> bool {
        self.interruptions == 0 && !self.is_moved()
    }

    fn is_moved(&self) -> bool {
        let [before, after] = self.placements;
        !before.is_same(after)
    }

    fn placement(&self) -> Placement {
        self.placements[1]
    }
}

/// Were the cores as near each other as they ever were?
fn is_near(one: &Repetition, all: &[Repetition]) -> bool {
    let nearest = all.iter().map(Repetition::placement).min();
    nearest.is_some_and(|nearest| one.placement().is_same(nearest))
}

/// Those during which the cores did not move, if there are enough; of them those with the cores as near each
/// other as they ever were, if there are enough; of them those that nobody disturbed, if there are enough.
fn best(all: &[Repetition]) -> Vec<&Repetition> {
    let mut kept: Vec<&Repetition> = all.iter().collect();
    retain_if_enough(&mut kept, |one| !one.is_moved());
    retain_if_enough(&mut kept, |one| is_near(one, all));
    kept.sort_by_key(|one| one.interruptions);
    let calm = kept.partition_point(|one| one.interruptions == 0);
    kept.truncate(if calm >= FEWEST { calm } else { kept.len().div_ceil(2) });
    kept
}

fn retain_if_enough(kept: &mut Vec<&Repetition>, wanted: impl Fn(&Repetition) -> bool) {
    if kept.iter().filter(|one| wanted(one)).count() >= FEWEST {
        kept.retain(|one| wanted(one));
    }
}

/// The value below which so many hundredths of the sorted values are.
fn quantile(sorted: &[f64], hundredths: usize) -> f64 {
    sorted[(sorted.len() - 1) * hundredths / 100]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    quantile(&values, 50)
}

pub fn row(card: Card, repetitions: &[Repetition], tried: usize) -> Row {
    let kept = best(repetitions);
    let mut each: Vec<f64> = kept.iter().map(|one| one.each).collect();
    each.sort_unstable_by(f64::total_cmp);
    Row {
        contestant: card.name.to_owned(),
        kind: card.kind,
        median: quantile(&each, 50),
        low: quantile(&each, 25),
        high: quantile(&each, 75),
        least: quantile(&each, 0),
        most: quantile(&each, 100),
        kept: kept.len(),
        tried,
        far: kept.iter().filter(|one| !is_near(one, repetitions)).count(),
        disturbed: kept.iter().filter(|one| one.interruptions > 0).count(),
        moved: kept.iter().filter(|one| one.is_moved()).count(),
        trips: trips(&kept),
        to_best_peer: None,
        to_limit: None,
    }
}

fn trips(kept: &[&Repetition]) -> Option<Trips> {
    let mut all: Option<Histogram<u64>> = None;
    for trips in kept.iter().filter_map(|one| one.trips.as_ref()) {
        match &mut all {
            Some(all) => all.add(trips).expect("histograms of one range"),
            None => all = Some(trips.clone()),
        }
    }
    let all = all?;
    Some(Trips {
        count: all.len(),
        p50: all.value_at_quantile(0.5),
        p99: all.value_at_quantile(0.99),
        p999: all.value_at_quantile(0.999),
        max: all.max(),
        curve: curve(&all),
    })
}

/// Its steps, densely where few trips are slower.
fn curve(all: &Histogram<u64>) -> Vec<(u64, f64)> {
    let parts = (0..50).map(|step| f64::from(step) / 50.0);
    let tail = (0..=40).map(|step| 1.0 - 0.02 * 10f64.powf(-f64::from(step) / 10.0));
    let mut curve: Vec<(u64, f64)> =
        parts.chain(tail).map(|part| (all.value_at_quantile(part), part)).collect();
    curve.dedup_by_key(|(value, _)| *value);
    curve
}

/// Compares everybody with the best peer and with the limit, round by round.
pub fn set_ratios(measured: &mut [(Row, Vec<Repetition>)]) {
    let fastest = |kind: Kind| {
        let candidates = measured.iter().enumerate().filter(|(_, (row, _))| row.kind == kind);
        candidates
            .min_by(|(_, (a, _)), (_, (b, _))| a.median.total_cmp(&b.median))
            .map(|(at, _)| at)
    };
    let peer = fastest(Kind::Processes).or(fastest(Kind::Threads));
    // The first limit is the one that is meant; others are shown beside it.
    let limit = measured.iter().position(|(row, _)| row.kind == Kind::Limit);
    for at in 0..measured.len() {
        let speed =
            |other: Option<usize>| other.map(|other| ratio(&measured[at], &measured[other]));
        let (to_best_peer, to_limit) = (speed(peer), speed(limit));
        let row = &mut measured[at].0;
        (row.to_best_peer, row.to_limit) = (to_best_peer, to_limit);
    }
}

/// How many times as fast one is as the other: the median over the rounds that served for both.
fn ratio(one: &(Row, Vec<Repetition>), other: &(Row, Vec<Repetition>)) -> f64 {
    let others = best(&other.1);
    let in_round = |round| others.iter().find(|other| other.round == round);
    let pairs =
        best(&one.1).into_iter().filter_map(|own| Some(in_round(own.round)?.each / own.each));
    let pairs: Vec<f64> = pairs.collect();
    if pairs.len() >= FEWEST { median(pairs) } else { other.0.median / one.0.median }
}
