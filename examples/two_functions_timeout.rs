//! Two different functions at the same time, round by round, until they agree; neither may take longer
//! than ten seconds.
//!
//! Python: `a = pool.apply_async(f, …)`, `b = pool.apply_async(g, …)`, `a.get(timeout=10)` in a loop;
//! `multiprocessing.TimeoutError`.
//!
//! π, from below and from above: the area under 4 / (1 + x²) between 0 and 1, in more and more strips.
use commonhold::{Pool, TaskError};
use std::error::Error;
use std::f64::consts::PI;
use std::time::Duration;

const AGREED: f64 = 1e-6;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let pool = Pool::new(2)?;
    let mut strips = 1 << 10;
    let (lower, upper) = loop {
        let from_below = pool.apply_async(from_below, strips)?;
        let from_above = pool.apply_async(from_above, strips)?;
        let lower = from_below.get_timeout(PATIENCE)?;
        let upper = from_above.get_timeout(PATIENCE)?;
        println!("{strips:>8} strips: {lower:.9} < π < {upper:.9}");
        if !(lower < PI && PI < upper) {
            return Err("π lies elsewhere".into());
        }
        if upper - lower < AGREED {
            break (lower, upper);
        }
        strips *= 2;
    };
    println!("agreed on {:.9}", f64::midpoint(lower, upper));

    // What takes too long is reported, and its result can still be had.
    let slow = pool.apply_async(from_below, strips)?;
    match slow.get_timeout(Duration::ZERO) {
        Err(TaskError::Timeout) => println!("in no time: {}", TaskError::Timeout),
        other => return Err(format!("in no time: {other:?}").into()),
    }
    if slow.get()? != lower {
        return Err("the late result is another".into());
    }
    Ok(())
}

fn curve(x: f64) -> f64 {
    4.0 / (1.0 + x * x)
}

/// The curve falls: its right end is the lowest point of a strip.
fn from_below(strips: u32) -> f64 {
    let width = 1.0 / f64::from(strips);
    (1..=strips).map(|strip| curve(f64::from(strip) * width)).sum::<f64>() * width
}

fn from_above(strips: u32) -> f64 {
    let width = 1.0 / f64::from(strips);
    (0..strips).map(|strip| curve(f64::from(strip) * width)).sum::<f64>() * width
}
