//! A function of several arguments on many tuples of them.
//!
//! Python: `multiprocessing.Pool().starmap(f, [(start, end, step), …])`.
use commonhold::Pool;
use std::error::Error;

/// Start, end (which is not included), step.
const RANGES: [(u64, u64, u64); 6] = [
    (0, 1_000_000, 1),
    (0, 1_000_000, 2),
    (1, 1_000_000, 2),
    (500, 2_000_000, 7),
    (3, 1_500_000, 5),
    (10, 10, 1),
];

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let pool = Pool::new(2)?;
    let sums = pool.starmap(range_sum, RANGES)?;
    for ((start, end, step), sum) in RANGES.into_iter().zip(sums) {
        println!("from {start} to {end} by {step}: {sum}");
        // What Gauss did as a boy.
        let count = (end - start).div_ceil(step);
        let expected = count * start + step * (count * count.saturating_sub(1) / 2);
        if sum != expected {
            return Err(format!("instead of {expected}").into());
        }
    }
    Ok(())
}

fn range_sum(start: u64, end: u64, step: u64) -> u64 {
    (start..end).step_by(step as usize).sum()
}
