//! The mean of 100,000 numbers, by five tasks; the numbers lie in shared memory, and no chunk is copied.
//!
//! Python: `multiprocessing.Array` and `Pool.starmap`, or `numpy` over `shared_memory`; with a plain list,
//! each chunk would be pickled and sent.
//!
//! What crosses to a worker is a handle of the array and two numbers.
use commonhold::{Array, Pool};
use std::error::Error;

const NUMBERS: usize = 100_000;
const CHUNKS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    // Each between 0 and 1000, from a linear congruential generator.
    let next = |seed: &u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let numbers: Vec<f64> = std::iter::successors(Some(2026), next)
        .skip(1)
        .map(|seed| (seed >> 32) as f64 * 1000.0 / 2_f64.powi(32))
        .take(NUMBERS)
        .collect();
    let shared = Array::from_slice(&numbers)?;

    let pool = Pool::new(2)?;
    let size = NUMBERS / CHUNKS;
    let chunks = (0..NUMBERS).step_by(size).map(|start| (shared.clone(), start, size));
    let sums = pool.starmap(sum, chunks)?;
    for (chunk, sum) in sums.iter().enumerate() {
        println!("chunk {chunk}: mean {:.3}", sum / size as f64);
    }
    let mean = sums.iter().sum::<f64>() / NUMBERS as f64;

    let expected = numbers.iter().sum::<f64>() / NUMBERS as f64;
    println!("of all {NUMBERS}: {mean:.6}, one after another: {expected:.6}");
    if sums.len() != CHUNKS || (mean - expected).abs() > 1e-6 {
        return Err("the means differ".into());
    }
    Ok(())
}

/// Reads the numbers where they are.
fn sum(numbers: Array<f64>, start: usize, count: usize) -> f64 {
    numbers.iter().skip(start).take(count).sum()
}
