//! The same function on many numbers, by a pool of processes and one after another.
//!
//! Python: `multiprocessing.Pool().map(f, iterable)` beside `[f(x) for x in iterable]`;
//! `concurrent.futures.ProcessPoolExecutor.map`.
//!
//! The sum of the squares below each number, 12,000 times. (`cargo run --release` shows the speed-up
//! as it is.)
use commonhold::{Pool, cpu_count};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

const NUMBERS: u64 = 12_000;

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let start = Instant::now();
    let one_by_one: Vec<u64> = (0..NUMBERS).map(sum_of_squares).collect();
    let sequential = start.elapsed();
    println!("one after another: {sequential:?}");

    let start = Instant::now();
    let pool = Pool::new(cpu_count())?;
    println!("a pool of {} processes: started in {:?}", cpu_count(), start.elapsed());
    let start = Instant::now();
    let by_pool = pool.map(sum_of_squares, 0..NUMBERS)?;
    let parallel = start.elapsed();
    let speed_up = sequential.as_secs_f64() / parallel.as_secs_f64();
    println!("map: {parallel:?}, {speed_up:.2} × as fast");

    if by_pool != one_by_one {
        return Err("the results differ".into());
    }
    let n = NUMBERS - 1;
    if by_pool[n as usize] != (n - 1) * n * (2 * n - 1) / 6 {
        return Err(format!("the last sum is {}", by_pool[n as usize]).into());
    }
    println!("all {NUMBERS} results are equal");
    Ok(())
}

fn sum_of_squares(n: u64) -> u64 {
    // The box keeps the compiler from finding the formula.
    (0..n).map(|i| black_box(i) * i).sum()
}
