//! Measures one case: all who take part, one after another, again and again, with a look at where the
//! cores are before and after each.

use std::time::{Duration, Instant};

use crate::case::Case;
use crate::contestant::{Bout, Card, Contestant, Entry};
use crate::results::{CaseResult, LeftOut, Row};
use crate::statistics::{Repetition, row, set_ratios};
use crate::support::placement::{Placement, probe};

/// How thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Of each run.
    pub length: Duration,
    /// So many undisturbed ones of each contestant are wanted.
    pub rounds: usize,
    pub most_rounds: usize,
    /// No further round of a case begins after that.
    pub longest: Duration,
}

impl Effort {
    pub const FULL: Effort = Effort {
        length: Duration::from_millis(15),
        rounds: 15,
        most_rounds: 25,
        longest: Duration::from_secs(40),
    };
    pub const QUICK: Effort = Effort {
        length: Duration::from_millis(5),
        rounds: 5,
        most_rounds: 9,
        longest: Duration::from_secs(10),
    };
}

/// Somebody who takes part in a case.
struct Player {
    card: Card,
    bout: Bout,
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
        let run = (self.bout)(self.count);
        let after = probe();
        match run {
            Ok(run) => {
                let (count, took) = (self.count, run.took);
                if before.is_same(after) {
                    self.repetitions.push(Repetition::new(round, run, count, after));
                }
                // It was found to be slower than it is.
                self.count = count.max(fitting(count, took, length / 2));
            }
            Err(why) => self.failed = Some(why),
        }
        after
    }
}

/// Runs the case with all of them.
pub fn measure(case: &Case, contestants: &[&dyn Contestant], effort: &Effort) -> CaseResult {
    let mut left_out = Vec::new();
    let mut players = Vec::new();
    for contestant in contestants {
        let card = contestant.card();
        let leave_out = |why| LeftOut { contestant: card.name.to_owned(), why };
        let player = |enter: Entry<'_>| warm_up(card, enter()?, effort);
        match contestant.enter(case).map(player) {
            None => {}
            Some(Ok(player)) => players.push(player),
            Some(Err(why)) => left_out.push(leave_out(why)),
        }
    }
    let mut placements = vec![probe()];
    let start = Instant::now();
    for round in 0..effort.most_rounds {
        if start.elapsed() > effort.longest && round >= 3 {
            break;
        }
        // All of them again, if anybody lacks some: it is their interleaving that makes them comparable.
        if !players.iter().any(|player| player.wants_more(effort)) {
            break;
        }
        for player in players.iter_mut().filter(|player| player.failed.is_none()) {
            let before = *placements.last().expect("one at least");
            placements.push(player.run(round, before, effort.length));
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
            None if repetitions.is_empty() => left_out.push(LeftOut {
                contestant: card.name.to_owned(),
                why: "the cores moved all the time".to_owned(),
            }),
            None => measured.push((row(card, &repetitions, tried), repetitions)),
        }
    }
    set_ratios(&mut measured);
    measured.into_iter().map(|(row, _)| row).collect()
}

/// Finds out how many operations take as long as is wanted; that warms it up, too.
fn warm_up(card: Card, mut bout: Bout, effort: &Effort) -> Result<Player, String> {
    let mut count = 1;
    loop {
        let took = bout(count)?.took;
        // Once it is long, again: others may have been in the way.
        let took = if took * 4 < effort.length { took } else { took.min(bout(count)?.took) };
        if took * 4 >= effort.length || count >= MOST {
            let count = fitting(count, took, effort.length);
            return Ok(Player {
                card,
                bout,
                count,
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
