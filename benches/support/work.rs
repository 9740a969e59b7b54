//! Work that takes a while and touches no memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Steps of [`work`] that take about so long.
pub fn steps(length: Duration) -> u64 {
    const MANY: u64 = 1_000_000;
    let start = Instant::now();
    work(MANY);
    let each = start.elapsed().as_secs_f64() / MANY as f64;
    (length.as_secs_f64() / each).ceil() as u64
}

pub fn work(steps: u64) {
    for step in 0..steps {
        black_box(step);
    }
}
