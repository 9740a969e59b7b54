//! Workers that end before they begin to work, or cannot be started at all: how often in a row, and what then.
//!
//! Workers that are ordered together are one *round*: however many of them fail, it counts once. Before the next
//! one there is a pause, each longer than the last, and so many failed rounds in a row end the pool, so that
//! nothing is started in a loop for ever:
//!
//! | a worker | rounds |
//! |---|---|
//! | was killed while its initializer ran, which may be what kills it | 5 |
//! | cannot be started, or ended before it had its arguments, or there is no initializer: somebody else's doing, who may stop | 100 |
//!
//! One that has worked ends the row, and as long as one works, the pool goes on.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::sys::clock::{Deadline, LONGEST_NAP};

/// Whose doing a false start may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    Initializer,
    Elsewhere,
}

/// Failed rounds of the same blame.
#[derive(Clone, Copy, Default)]
struct Row {
    rounds: u32,
    /// The last one that was counted.
    last: u32,
}

/// What went wrong since a worker has worked.
pub(super) struct FalseStarts {
    has_initializer: bool,
    round: u32,
    by_initializer: Row,
    elsewhere: Row,
    not_before: Deadline,
}

impl FalseStarts {
    pub(super) fn new(has_initializer: bool) -> FalseStarts {
        FalseStarts {
            has_initializer,
            round: 0,
            by_initializer: Row::default(),
            elsewhere: Row::default(),
            not_before: Deadline::Now,
        }
    }

    /// The number of a new round.
    pub(super) fn next_round(&mut self) -> u32 {
        self.round += 1;
        self.round
    }

    /// When the next round may be.
    pub(super) fn not_before(&self) -> Deadline {
        self.not_before
    }

    /// A worker of this round has failed. `Some`: so many did in a row that it is no use.
    pub(super) fn count(&mut self, round: u32, blame: Blame) -> Option<u32> {
        let blame = if self.has_initializer { blame } else { Blame::Elsewhere };
        let (row, most) = match blame {
            Blame::Initializer => (&mut self.by_initializer, 5),
            Blame::Elsewhere => (&mut self.elsewhere, 100),
        };
        if row.last < round {
            *row = Row { rounds: row.rounds + 1, last: round };
        }
        let rounds = row.rounds;
        self.not_before = Deadline::after(self.pause());
        (rounds >= most).then_some(rounds)
    }

    fn pause(&self) -> Duration {
        let doublings = (self.by_initializer.rounds + self.elsewhere.rounds).min(7);
        Duration::from_millis((1 << doublings) / 2).min(LONGEST_NAP)
    }

    /// A worker has worked.
    pub(super) fn end_row(&mut self) {
        self.by_initializer.rounds = 0;
        self.elsewhere.rounds = 0;
        self.not_before = Deadline::Now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_counts_once_and_a_success_ends_the_row() {
        let mut starts = FalseStarts::new(true);
        for round in 1..=4 {
            assert_eq!(starts.next_round(), round);
            assert!((0..9).all(|_| starts.count(round, Blame::Initializer).is_none()));
        }
        starts.end_row();
        for round in 5..=8 {
            assert_eq!(starts.next_round(), round);
            assert_eq!(starts.count(round, Blame::Initializer), None);
        }
        assert_eq!(starts.next_round(), 9);
        assert_eq!(starts.count(9, Blame::Initializer), Some(5));
    }

    #[test]
    fn what_is_no_doing_of_the_initializers_may_stop() {
        for has_initializer in [false, true] {
            let mut starts = FalseStarts::new(has_initializer);
            let blame = if has_initializer { Blame::Elsewhere } else { Blame::Initializer };
            let ended = (1..).find(|_| {
                let round = starts.next_round();
                starts.count(round, blame).is_some()
            });
            assert_eq!(ended, Some(100));
        }
    }
}
