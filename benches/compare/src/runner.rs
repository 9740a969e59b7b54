//! Measures one case: all who take part, one after another, again and again, with a look at where the
//! cores are before and after each.

use std::time::{Duration, Instant};

use crate::case::{Case, What};
use crate::contestant::{Card, Contestant};
use crate::host::Host;
use crate::results::{CaseResult, LeftOut, Row};
use crate::statistics::{FEWEST, Repetition, row, set_ratios};
use crate::support::placement::{Placement, probe};

/// How thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Of each run.
    pub length: Duration,
    /// So many undisturbed ones of each contestant are wanted.
    pub rounds: usize,
    pub most_rounds: usize,
    /// Of everything.
    pub budget: Duration,
}

impl Effort {
    pub const FULL: Effort = Effort {
        length: Duration::from_millis(20),
        rounds: 21,
        most_rounds: 35,
        budget: Duration::from_secs(27 * 60),
    };
    pub const QUICK: Effort = Effort {
        length: Duration::from_millis(5),
        rounds: 5,
        most_rounds: 9,
        budget: Duration::from_secs(210),
    };

    /// Of a run of that case.
    fn length_of(&self, case: &Case) -> Duration {
        match case.what {
            // Most of it is the pause before each trip.
            What::RoundTrip { asleep: true, .. } | What::Signal { asleep: true } => 4 * self.length,
            _ => self.length,
        }
    }

    /// About what an entry takes when nobody is in the way.
    fn of_entry(&self, case: &Case) -> Duration {
        const SET_UP: Duration = Duration::from_millis(150);
        const PROBE: Duration = Duration::from_millis(4);
        let rounds = self.rounds as u32 + 2; // it is warmed up, too
        SET_UP + rounds * (self.length_of(case) + PROBE)
    }

    /// What so many entries in these cases take, as far as one can tell.
    pub fn estimate<'a>(&self, cases: impl Iterator<Item = (&'a Case, usize)>) -> Duration {
        let all = cases.map(|(case, entries)| self.of_entry(case) * entries as u32);
        all.sum::<Duration>().min(self.budget)
    }
}

/// Somebody who takes part in a case.
struct Player {
    card: Card,
    host: Host,
    /// How many operations take about as long as is wanted.
    count: u64,
    repetitions: Vec<Repetition>,
    tried: usize,
    failed: Option<String>,
}

impl Player {
    fn calm(&self) -> usize {
        self.repetitions.iter().filter(|one| one.is_calm()).count()
    }

    fn wants_more(&self, effort: &Effort) -> bool {
        self.failed.is_none() && self.calm() < effort.rounds
    }

    fn run(&mut self, round: usize, before: Placement, length: Duration) -> Placement {
        self.tried += 1;
        let run = self.host.run(self.count);
        let after = probe();
        match run {
            Ok((run, wall)) => {
                let count = self.count;
                self.repetitions.push(Repetition::new(round, run, count, [before, after]));
                // It was found to be slower than it is.
                self.count = count.max(fitting(count, wall, length / 2));
            }
            Err(why) => self.failed = Some(why),
        }
        after
    }
}

/// Runs the case with all of them; begins no further round after that.
pub fn measure(
    case: &Case,
    contestants: &[&dyn Contestant],
    effort: &Effort,
    end: Instant,
) -> CaseResult {
    let length = effort.length_of(case);
    // Where the time of all is over before it begins, a single round has to do.
    let fewest = if Instant::now() < end { FEWEST } else { 1 };
    let mut left_out = Vec::new();
    let mut players = Vec::new();
    for contestant in contestants {
        match enter(case, *contestant, length) {
            Ok(player) => players.push(player),
            Err(why) => {
                left_out.push(LeftOut { contestant: contestant.card().name.to_owned(), why })
            }
        }
    }
    let mut placements = vec![probe()];
    for round in 0..effort.most_rounds {
        if Instant::now() > end && round >= fewest {
            break;
        }
        // All of them again, if anybody lacks some: it is their interleaving that makes them comparable.
        if !players.iter().any(|player| player.wants_more(effort)) {
            break;
        }
        for player in players.iter_mut().filter(|player| player.failed.is_none()) {
            let before = *placements.last().expect("one at least");
            placements.push(player.run(round, before, length));
        }
    }
    placements.sort_unstable();
    let placement = [0, placements.len() / 2, placements.len() - 1].map(|at| placements[at].0);
    let rows = rows(players, &mut left_out);
    CaseResult {
        group: case.group.name.to_owned(),
        label: case.label.clone(),
        x: case.x,
        placement,
        rows,
        left_out,
    }
}

fn rows(players: Vec<Player>, left_out: &mut Vec<LeftOut>) -> Vec<Row> {
    let mut measured = Vec::new();
    for player in players {
        let Player { card, repetitions, tried, failed, .. } = player;
        match failed {
            Some(why) => left_out.push(LeftOut { contestant: card.name.to_owned(), why }),
            None => measured.push((row(card, &repetitions, tried), repetitions)),
        }
    }
    set_ratios(&mut measured);
    measured.into_iter().map(|(row, _)| row).collect()
}

/// Sets it up, and finds out how many operations take as long as is wanted; that warms it up, too.
fn enter(case: &Case, contestant: &dyn Contestant, length: Duration) -> Result<Player, String> {
    let mut host = Host::of(case, contestant)?;
    let least = case.what.least();
    let mut count = least;
    loop {
        let wall = host.run(count)?.1;
        // Once it is long, again: others may have been in the way.
        let wall = if wall * 4 < length { wall } else { wall.min(host.run(count)?.1) };
        if wall * 4 >= length || count >= MOST {
            break Ok(Player {
                card: contestant.card(),
                host,
                count: fitting(count, wall, length).max(least),
                repetitions: Vec::new(),
                tried: 0,
                failed: None,
            });
        }
        count *= 4;
    }
}

/// More are never tried at once.
const MOST: u64 = 1 << 30;

/// How many take so long, if that many took that long.
fn fitting(count: u64, took: Duration, length: Duration) -> u64 {
    let took = took.max(Duration::from_nanos(1));
    let fitting = count as f64 * length.as_secs_f64() / took.as_secs_f64();
    (fitting.ceil() as u64).clamp(1, MOST)
}
