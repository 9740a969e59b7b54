//! Squares as they come: who is done first is first, the slow ones hold up nobody.
//!
//! Python: `multiprocessing.Pool().imap_unordered(f, iterable)`; `concurrent.futures.as_completed`.
use commonhold::Pool;
use std::error::Error;
use std::time::Duration;

const NUMBERS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let pool = Pool::new(4)?;
    let mut squares = Vec::new();
    for result in pool.imap_unordered(square, 0..NUMBERS) {
        let (n, square, pid) = result?;
        println!("{n:>2}² = {square:>3}  from process {pid}");
        squares.push((n, square));
    }

    let overtaken = squares.windows(2).filter(|pair| pair[0] > pair[1]).count();
    println!("{overtaken} were overtaken by later ones");
    squares.sort();
    if !squares.into_iter().eq((0..NUMBERS).map(|n| (n, n * n))) {
        return Err("some are missing or wrong".into());
    }
    println!("all {NUMBERS} squares, each once");
    Ok(())
}

/// Some numbers take longer.
fn square(n: u64) -> (u64, u64, u32) {
    std::thread::sleep(Duration::from_millis(if n.is_multiple_of(5) { 60 } else { 5 }));
    (n, n * n, std::process::id())
}
