//! Work that takes a while and touches no memory.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Steps of [`work`] that take about so long. As many for all who ask: two that are compared do the same
/// between, however busy the machine was when one of them asked.
pub fn steps(length: Duration) -> u64 {
    static EACH: OnceLock<f64> = OnceLock::new();
    let each = EACH.get_or_init(|| (0..10).map(|_| time_of_step()).fold(f64::INFINITY, f64::min));
    (length.as_secs_f64() / each).ceil() as u64
}

/// In seconds.
fn time_of_step() -> f64 {
    const MANY: u64 = 200_000;
    let start = Instant::now();
    work(MANY);
    start.elapsed().as_secs_f64() / MANY as f64
}

pub fn work(steps: u64) {
    for step in 0..steps {
        black_box(step);
    }
}
