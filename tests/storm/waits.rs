//! How long anybody waited while nothing legitimately held what it waited for.

use std::collections::HashMap;

/// The longest such time of each wait, as a distribution.
#[derive(Default)]
pub struct Waits {
    /// Since when it is free.
    free: Option<u64>,
    waiting: HashMap<u32, Wait>,
    pub times: Times,
}

struct Wait {
    since: u64,
    longest: u64,
}

impl Waits {
    pub fn begin(&mut self, life: u32, at: u64) {
        self.waiting.insert(life, Wait { since: at, longest: 0 });
    }

    pub fn end(&mut self, life: u32, at: u64) {
        if let Some(wait) = self.waiting.remove(&life) {
            let now = self.free.map_or(0, |free| at.saturating_sub(free.max(wait.since)));
            self.times.add(wait.longest.max(now));
        }
    }

    /// Its wait was cut short, and counts for nothing.
    pub fn forget(&mut self, life: u32) {
        self.waiting.remove(&life);
    }

    pub fn is_free(&mut self, at: u64, is: bool) {
        match (self.free, is) {
            (None, true) => self.free = Some(at),
            (Some(free), false) => {
                self.free = None;
                for wait in self.waiting.values_mut() {
                    wait.longest = wait.longest.max(at.saturating_sub(free.max(wait.since)));
                }
            }
            _ => {}
        }
    }

    /// A round is over.
    pub fn start_again(&mut self) {
        self.free = None;
        self.waiting.clear();
    }
}

/// A distribution of times in nanoseconds, to a sixteenth.
pub struct Times {
    counts: Vec<u64>,
    pub most: u64,
    pub all: u64,
}

const PARTS: u64 = 16;

impl Default for Times {
    fn default() -> Times {
        Times { counts: vec![0; 64 * PARTS as usize], most: 0, all: 0 }
    }
}

impl Times {
    pub fn add(&mut self, time: u64) {
        self.counts[bucket(time)] += 1;
        self.most = self.most.max(time);
        self.all += 1;
    }

    /// What this part of all does not exceed.
    pub fn quantile(&self, part: f64) -> u64 {
        let wanted = (self.all as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return upper_end(bucket as u64).min(self.most);
            }
        }
        self.most
    }
}

fn bucket(time: u64) -> usize {
    if time < PARTS {
        return time as usize;
    }
    let exponent = u64::from(time.ilog2()) - 4;
    ((exponent + 1) * PARTS + (time >> exponent) - PARTS) as usize
}

fn upper_end(bucket: u64) -> u64 {
    if bucket < PARTS {
        return bucket;
    }
    let exponent = bucket / PARTS - 1;
    ((bucket % PARTS + PARTS + 1) << exponent) - 1
}
