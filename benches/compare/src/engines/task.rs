//! What a task of a pool does: it keeps its core busy for some microseconds, and returns its number.

use crate::support::cpu;

pub use crate::support::bare_pool::WORKERS;

const NUMBERS: u64 = (1 << 32) - 1;

/// A task as one number: its own, and how long it takes.
pub fn item(number: u64, micros: u64) -> u64 {
    micros << 32 | number & NUMBERS
}

pub fn items(count: u64, micros: u64) -> impl ExactSizeIterator<Item = u64> {
    (0..u32::try_from(count).expect("fewer tasks")).map(move |n| item(n.into(), micros))
}

#[inline]
pub fn task(item: u64) -> u64 {
    let nanos = (item >> 32) * 1000;
    if nanos > 0 {
        let end = cpu::now() + nanos;
        while cpu::now() < end {}
    }
    item & NUMBERS
}

/// The results of so many tasks.
pub fn check(results: &[u64], count: u64) {
    assert_eq!(results.len() as u64, count);
    assert!(results.iter().zip(0..).all(|(result, number)| *result == number), "a wrong result");
}
