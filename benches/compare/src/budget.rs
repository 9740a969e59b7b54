//! How much time a run may take, and how much of it each case.

use std::time::{Duration, Instant};

/// Time that is left, for so many entries that are left: what one does not use, the later ones have.
pub struct Budget {
    end: Instant,
    entries: usize,
}

impl Budget {
    pub fn new(time: Duration, entries: usize) -> Budget {
        Budget { end: Instant::now() + time, entries }
    }

    /// Until when a case with so many entries may begin further rounds.
    pub fn share(&mut self, entries: usize) -> Instant {
        let now = Instant::now();
        let part = entries as f64 / self.entries.max(entries) as f64;
        self.entries = self.entries.saturating_sub(entries);
        now + self.end.saturating_duration_since(now).mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_leaves_the_others_have() {
        let hour = Duration::from_secs(3600);
        let mut budget = Budget::new(hour, 4);
        let share = |budget: &mut Budget, entries| {
            budget.share(entries).saturating_duration_since(Instant::now()).as_secs().div_ceil(60)
        };
        assert_eq!(share(&mut budget, 1), 15);
        assert_eq!(share(&mut budget, 1), 20); // nothing was used
        assert_eq!(share(&mut budget, 2), 60);
        assert_eq!(share(&mut budget, 2), 60); // more than were told of
    }
}
