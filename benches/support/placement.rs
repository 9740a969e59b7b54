//! How far apart the two cores are right now: a hypervisor moves them.
//!
//! Two threads pass a cache line to and fro for two milliseconds. Near cores take about 80 ns for a round
//! trip, far ones about 330, and which of them it is changes within seconds.

use std::fmt;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::cpu;

const TRIPS_A_LOOK: u64 = 64;
const LENGTH: u64 = 2_000_000;
const FAR: u64 = 200;
/// Two probes of one placement differ by less than this factor.
const SAME: f64 = 1.5;

/// A round trip of a cache line between the two cores, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Placement(pub u64);

impl Placement {
    pub fn is_far(self) -> bool {
        self.0 >= FAR
    }

    pub fn is_same(self, other: Placement) -> bool {
        let (low, high) = (self.min(other), self.max(other));
        (high.0 as f64) < low.0 as f64 * SAME
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_far() { "far" } else { "near" };
        write!(f, "{word}, {} ns", self.0)
    }
}

#[repr(align(128))]
struct Line(AtomicU64);

const STOP: u64 = u64::MAX;

/// Measures it. With a single CPU there is nothing to measure.
pub fn probe() -> Placement {
    let [here, there] = cpu::pair();
    if here == there {
        return Placement(0);
    }
    let line = Line(AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            cpu::pin(there);
            loop {
                match line.0.load(Ordering::Acquire) {
                    STOP => return,
                    odd if odd % 2 == 1 => line.0.store(odd + 1, Ordering::Release),
                    _ => spin_loop(),
                }
            }
        });
        let pinger = scope.spawn(|| {
            cpu::pin(here);
            let mut looks = Vec::new();
            let mut ball = 0;
            round_trips(&line, &mut ball, 1); // the other one runs
            let end = cpu::now() + LENGTH;
            while cpu::now() < end {
                let start = cpu::now();
                round_trips(&line, &mut ball, TRIPS_A_LOOK);
                looks.push((cpu::now() - start) / TRIPS_A_LOOK);
            }
            line.0.store(STOP, Ordering::Release);
            looks.sort_unstable();
            Placement(looks[looks.len() / 2])
        });
        pinger.join().expect("the pinging thread")
    })
}

fn round_trips(line: &Line, ball: &mut u64, count: u64) {
    for _ in 0..count {
        *ball += 2;
        line.0.store(*ball - 1, Ordering::Release);
        while line.0.load(Ordering::Acquire) != *ball {
            spin_loop();
        }
    }
}
