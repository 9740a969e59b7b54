//! Squares in a shared array: four processes fill a quarter each, in place, without a lock.
//!
//! Every element of an `Array` is atomic by itself: whoever looks sees it old or new, never half.
use commonhold::Array;
use std::error::Error;
use std::process::{Child, Command};

const PROCESSES: usize = 4;
const LEN: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [name, index] => child(name, index.parse()?),
        _ => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let name = format!("squares-{}", std::process::id());
    let squares = Array::<u64>::create(&name, LEN)?;

    let program = std::env::current_exe()?;
    let spawn = |index: usize| Command::new(&program).args([&name, &index.to_string()]).spawn();
    let children: Vec<Child> = (0..PROCESSES).map(spawn).collect::<Result<_, _>>()?;
    for mut child in children {
        assert!(child.wait()?.success(), "a child failed");
    }

    let found = squares.to_vec();
    println!("the first ten: {:?}", &found[..10]);
    println!("the last one:  {}", found[LEN - 1]);
    assert!(found.iter().zip(0..).all(|(&square, i): (_, u64)| square == i * i));
    println!("all {LEN} are right");
    Ok(())
}

fn child(name: &str, index: usize) -> Result<(), Box<dyn Error>> {
    let squares = Array::<u64>::open(name)?;
    let share = squares.len() / PROCESSES;
    for i in index * share..(index + 1) * share {
        squares.set(i, (i * i) as u64)?;
    }
    Ok(())
}
