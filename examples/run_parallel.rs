//! Several functions at once, each in a process of its own, with one call.
//!
//! Python: a list of `multiprocessing.Process`, a loop of `start`, a loop of `join`.
//!
//! Three functions look at the same text, each for something else. As they take no arguments, they find
//! the shared results by a name, which the number of their parent makes unique.
use commonhold::{Segment, Value, run_parallel};
use std::collections::HashSet;
use std::error::Error;
use std::time::Instant;

const TEXT: &str = include_str!("../ARCHITECTURE.md");

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let segment = Segment::create(&name_of(std::process::id()), 1 << 16)?;
    let names = ["lines", "different words", "letters"];
    let results = names.map(|name| Value::<u64>::create(segment.at(name), 0));

    let start = Instant::now();
    let statuses = run_parallel([lines, words, letters])?;
    println!("three processes, started and joined, in {:?}", start.elapsed());
    if let Some(status) = statuses.iter().find(|status| !status.success()) {
        return Err(format!("one ended with {status}").into());
    }

    let expected = [count_lines(), count_words(), count_letters()];
    for ((name, result), expected) in names.into_iter().zip(results).zip(expected) {
        let found = result?.get();
        println!("{found:>6} {name}");
        if found != expected {
            return Err(format!("{found} {name} instead of {expected}").into());
        }
    }
    Ok(())
}

fn name_of(pid: u32) -> String {
    format!("run_parallel-{pid}")
}

fn lines() {
    tell("lines", count_lines());
}

fn words() {
    tell("different words", count_words());
}

fn letters() {
    tell("letters", count_letters());
}

/// What panics here ends the process with 101, and its parent gets the message.
fn tell(name: &str, count: u64) {
    let parent = commonhold::parent().expect("a parent");
    let segment = Segment::open(&name_of(parent.pid())).expect("the parent's segment");
    Value::<u64>::open(segment.at(name)).expect("the parent's value").set(count);
}

fn count_lines() -> u64 {
    TEXT.lines().count() as u64
}

fn count_words() -> u64 {
    let words: HashSet<&str> = TEXT.split(|c: char| !c.is_alphanumeric()).collect();
    words.into_iter().filter(|word| !word.is_empty()).count() as u64
}

fn count_letters() -> u64 {
    TEXT.chars().filter(|c| c.is_alphabetic()).count() as u64
}
