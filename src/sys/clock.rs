//! How long a caller is willing to wait, in naps that are always bounded.

use std::time::{Duration, Instant};

use rustix::thread::{ClockId, clock_nanosleep_absolute};

/// The longest nap. A wake that got lost with a killed process costs at most this.
pub(crate) const LONGEST_NAP: Duration = Duration::from_millis(64);
const SHORTEST_NAP: Duration = Duration::from_millis(1);

/// Until when a caller waits: the four forms of a blocking verb in one type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// `try_x`: not at all.
    Now,
    /// `x_timeout`, `x_deadline`: until this instant of the monotonic clock.
    At(Instant),
    /// `x`: for ever.
    Never,
}

impl Deadline {
    /// A timeout too large to represent waits for ever.
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Instant::now().checked_add(timeout).map_or(Deadline::Never, Deadline::At)
    }

    /// The deadline, or shortly after now where that is later: for what is held only briefly.
    pub(crate) fn or_shortly(self) -> Deadline {
        let shortly = || Instant::now() + LONGEST_NAP;
        match self {
            Deadline::Now => Deadline::At(shortly()),
            Deadline::At(instant) => Deadline::At(instant.max(shortly())),
            Deadline::Never => Deadline::Never,
        }
    }

    /// The one that comes first.
    pub(crate) fn sooner_of(self, other: Deadline) -> Deadline {
        match (self, other) {
            (Deadline::Now, _) | (_, Deadline::Now) => Deadline::Now,
            (Deadline::Never, only) | (only, Deadline::Never) => only,
            (Deadline::At(one), Deadline::At(another)) => Deadline::At(one.min(another)),
        }
    }

    /// Time left: `None` when it has passed, `Duration::MAX` when it never will.
    pub(crate) fn left(self) -> Option<Duration> {
        match self {
            Deadline::Now => None,
            Deadline::At(instant) => {
                instant.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            }
            Deadline::Never => Some(Duration::MAX),
        }
    }
}

/// The lengths of one wait's successive naps: 1, 2, 4 … 64 ms, cut at the deadline.
pub(crate) struct Naps {
    deadline: Deadline,
    next: Duration,
    limit: Duration,
    /// Naps since a dear look was last due.
    since_look: Duration,
}

impl Naps {
    pub(crate) fn until(deadline: Deadline) -> Naps {
        Naps { deadline, next: SHORTEST_NAP, limit: LONGEST_NAP, since_look: Duration::ZERO }
    }

    /// Naps of at most `limit`, for a sleeper whose wake-ups are not ordered by a barrier.
    pub(crate) fn at_most(mut self, limit: Duration) -> Naps {
        self.limit = limit;
        self.next = self.next.min(limit);
        self
    }

    /// How long to sleep now at most; `None` when the deadline has passed.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let left = self.deadline.left()?;
        let nap = self.next.min(left);
        if self.long() {
            self.since_look = Duration::ZERO;
        }
        self.since_look += self.next;
        self.next = (self.next * 2).min(self.limit);
        Some(nap)
    }

    /// Whether there was a nap already.
    pub(crate) fn begun(&self) -> bool {
        self.next > SHORTEST_NAP
    }

    /// True after every 64 ms of naps: then a dear look at a holder is due.
    pub(crate) fn long(&self) -> bool {
        self.since_look >= LONGEST_NAP
    }
}

/// Sleeps for so long, whatever signals come. Until an instant: to what is left of a span the kernel adds its own
/// tolerance with every interruption, so that a timer as fast as that makes it endless.
pub(crate) fn sleep(time: Duration) {
    let end = now_nanos().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let end = rustix::time::Timespec {
        tv_sec: i64::try_from(end / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (end % 1_000_000_000) as i64,
    };
    let asleep = || clock_nanosleep_absolute(ClockId::Monotonic, &end);
    while asleep() == Err(rustix::io::Errno::INTR) {}
}

/// Nanoseconds of the monotonic clock. Asks the kernel alone: no state that a fork could copy half-made.
pub(crate) fn now_nanos() -> u64 {
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dear_looks(mut naps: Naps, count: usize) -> usize {
        (0..count).filter(|_| naps.next().is_some() && naps.long()).count()
    }

    #[test]
    fn a_dear_look_is_due_after_64_ms_of_naps_however_short() {
        assert_eq!(dear_looks(Naps::until(Deadline::Never), 10), 4);
        let short = || Naps::until(Deadline::Never).at_most(SHORTEST_NAP);
        assert_eq!((dear_looks(short(), 63), dear_looks(short(), 256)), (0, 4));
    }

    #[test]
    fn naps_end_at_the_deadline_and_no_sooner() {
        let mut naps = Naps::until(Deadline::after(Duration::from_millis(5)));
        let start = Instant::now();
        while let Some(nap) = naps.next() {
            assert!(nap <= LONGEST_NAP);
            std::thread::sleep(nap);
        }
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert!(Naps::until(Deadline::Now).next().is_none());
    }
}
