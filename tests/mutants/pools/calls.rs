//! The calls that a pool is tried with, and what they come to.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{scope, sleep};
use std::time::Duration;

use commonhold::{MapError, MapOptions, Pool, Task, TaskError, Transfer};
use nix::sys::signal::{Signal, raise};

use super::board::Board;
use crate::dice::Dice;
use crate::page::Ending;
use crate::uses::{Came, Uses};

/// A call whose result is fetched later; memory is mutated in between.
pub type Later = fn(&Uses, &Pool, &mut dyn FnMut()) -> Ending;
/// A call that comes back with its results; memory is mutated while it runs.
pub type AtOnce = fn(&Uses, &Pool, &mut Board, &mut Dice<'_>) -> Ending;

pub const LATER: [Later; 12] =
    [numbers, numbers, numbers, numbers, texts, texts, long, long, growing, growing, huge, deadly];
pub const AT_ONCE: [AtOnce; 6] =
    [map_in_chunks, map_in_chunks, map_one_by_one, map_texts, imap, imap_unordered];

/// Results that have not come after so long will not.
const SOON: Duration = Duration::from_millis(60);
/// The same of a call with more of them; then the pool ends.
const LATE: Duration = Duration::from_millis(100);
/// Mutations in the middle of a call.
const TIMES: usize = 4;

const ITEMS: u32 = 60;
const MANY: u32 = 400;
/// Of an argument that lies in a slab.
const LONG: usize = 3000;

/// Lets others write meanwhile.
fn slow(n: u32) -> u32 {
    sleep(Duration::from_micros(50));
    n * 3
}

/// Done in no time, mostly: what was handed over with one that is not is taken back.
fn uneven(n: u32) -> u32 {
    if n % 64 == 40 {
        sleep(Duration::from_millis(3));
    }
    n * 3
}

fn twice(bytes: Vec<u8>) -> Vec<u8> {
    bytes.repeat(2)
}

fn grown(n: u32) -> Vec<u8> {
    sleep(Duration::from_micros(20));
    vec![n as u8; n as usize * 40]
}

/// A slab of its own.
fn larger_than_a_slab(n: u32) -> Vec<u8> {
    vec![n as u8; 5 << 20]
}

fn reversed(text: String) -> String {
    text.chars().rev().collect()
}

fn kills_its_worker(n: u32) -> u32 {
    if n == 17 {
        let _ = raise(Signal::SIGKILL);
    }
    n * 3
}

fn text(n: u32) -> String {
    "text".repeat(1 + n as usize % 9)
}

fn tripled(count: u32) -> Vec<u32> {
    (0..count).map(|n| n * 3).collect()
}

fn turned(count: u32) -> Vec<String> {
    (0..count).map(|n| reversed(text(n))).collect()
}

/// Uses the pool as the calls do that are tried.
pub fn warm_up(pool: &Pool) {
    assert_eq!(pool.map(slow, 0..ITEMS).expect("results"), tripled(ITEMS));
    assert_eq!(pool.map(reversed, (0..ITEMS).map(text)).expect("texts"), turned(ITEMS));
    assert_eq!(pool.apply(twice, vec![1; LONG]).expect("bytes").len(), 2 * LONG);
}

// Fetched later.

fn numbers(uses: &Uses, pool: &Pool, mutate: &mut dyn FnMut()) -> Ending {
    let is_right = |result: &Result<Vec<u32>, _>| result.as_ref() == Ok(&tripled(ITEMS));
    later(uses, || pool.map_async(slow, 0..ITEMS), mutate, is_right)
}

fn texts(uses: &Uses, pool: &Pool, mutate: &mut dyn FnMut()) -> Ending {
    let is_right = |result: &Result<Vec<String>, _>| result.as_ref() == Ok(&turned(ITEMS));
    later(uses, || pool.map_async(reversed, (0..ITEMS).map(text)), mutate, is_right)
}

fn long(uses: &Uses, pool: &Pool, mutate: &mut dyn FnMut()) -> Ending {
    let is_right = |result: &Result<Vec<u8>, _>| result.as_ref() == Ok(&vec![7; 2 * LONG]);
    later(uses, || pool.apply_async(twice, vec![7; LONG]), mutate, is_right)
}

fn growing(uses: &Uses, pool: &Pool, mutate: &mut dyn FnMut()) -> Ending {
    let all: Vec<Vec<u8>> = (0..ITEMS).map(|n| vec![n as u8; n as usize * 40]).collect();
    let is_right = |result: &Result<Vec<Vec<u8>>, _>| result.as_ref() == Ok(&all);
    later(uses, || pool.map_async(grown, 0..ITEMS), mutate, is_right)
}

fn huge(uses: &Uses, pool: &Pool, mutate: &mut dyn FnMut()) -> Ending {
    let is_right = |result: &Result<Vec<u8>, TaskError>| {
        let bytes = result.as_ref().map(|bytes| bytes.len() == 5 << 20 && bytes[0] == 9);
        bytes == Ok(true)
    };
    later(uses, || pool.apply_async(larger_than_a_slab, 9), mutate, is_right)
}

fn deadly(uses: &Uses, pool: &Pool, mutate: &mut dyn FnMut()) -> Ending {
    let is_right =
        |result: &Result<Vec<u32>, _>| matches!(result, Err(TaskError::WorkerDied { .. }));
    later(uses, || pool.map_async(kills_its_worker, 0..ITEMS), mutate, is_right)
}

/// Begins a call, mutates, and waits for the result for a while.
fn later<R: Transfer>(
    uses: &Uses,
    begin: impl FnOnce() -> Result<Task<R>, TaskError>,
    mutate: &mut dyn FnMut(),
    is_right: impl FnOnce(&Result<R, TaskError>) -> bool,
) -> Ending {
    let mut task = Err(TaskError::Timeout);
    uses.op("beginning a task", || {
        task = begin();
        Came::Nothing
    });
    mutate();
    let mut ending = Ending::Nothing;
    uses.op("Task::get_timeout", || {
        let result = task.and_then(|task| task.get_timeout(SOON));
        ending = match result {
            result if is_right(&result) => Ending::Nothing,
            Ok(_) => Ending::Wrong,
            Err(TaskError::Timeout) => Ending::Waited,
            Err(_) => Ending::Error,
        };
        Came::Nothing
    });
    ending
}

// At once.

fn map_in_chunks(uses: &Uses, pool: &Pool, board: &mut Board, dice: &mut Dice<'_>) -> Ending {
    let chunk = MapOptions::new().chunk(dice.pick(&[7, 50, 150]));
    let call = || of_map(pool.map_with(uneven, 0..MANY, chunk), &tripled(MANY));
    at_once(uses, "map_with", (pool, board, dice), call)
}

fn map_one_by_one(uses: &Uses, pool: &Pool, board: &mut Board, dice: &mut Dice<'_>) -> Ending {
    let chunk = MapOptions::new().chunk(1);
    let call = || of_map(pool.map_with(uneven, 0..MANY, chunk), &tripled(MANY));
    at_once(uses, "map_with, one by one", (pool, board, dice), call)
}

fn map_texts(uses: &Uses, pool: &Pool, board: &mut Board, dice: &mut Dice<'_>) -> Ending {
    let call = || of_map(pool.map(reversed, (0..MANY).map(text)), &turned(MANY));
    at_once(uses, "map", (pool, board, dice), call)
}

fn imap(uses: &Uses, pool: &Pool, board: &mut Board, dice: &mut Dice<'_>) -> Ending {
    let call = || of_each(pool.imap(uneven, 0..MANY).collect());
    at_once(uses, "imap", (pool, board, dice), call)
}

fn imap_unordered(uses: &Uses, pool: &Pool, board: &mut Board, dice: &mut Dice<'_>) -> Ending {
    let call = || of_each(pool.imap_unordered(uneven, 0..MANY).collect());
    at_once(uses, "imap_unordered", (pool, board, dice), call)
}

fn of_map<R: PartialEq>(result: Result<Vec<R>, MapError>, right: &[R]) -> Ending {
    match result {
        Ok(result) if result == right => Ending::Nothing,
        Ok(_) => Ending::Wrong,
        Err(error) if error.error == TaskError::Terminated => Ending::Waited,
        Err(_) => Ending::Error,
    }
}

fn of_each(results: Vec<Result<u32, TaskError>>) -> Ending {
    if results.contains(&Err(TaskError::Terminated)) {
        return Ending::Waited;
    }
    let all: Result<Vec<u32>, TaskError> = results.into_iter().collect();
    let sorted = all.map(|mut all| {
        all.sort_unstable();
        all
    });
    match sorted {
        Ok(all) if all == tripled(MANY) => Ending::Nothing,
        Ok(_) => Ending::Wrong,
        Err(_) => Ending::Error,
    }
}

/// Makes a call, while another thread mutates, and ends the pool if it takes too long.
fn at_once(
    uses: &Uses,
    name: &'static str,
    (pool, board, dice): (&Pool, &mut Board, &mut Dice<'_>),
    call: impl FnOnce() -> Ending,
) -> Ending {
    let mut ending = Ending::Nothing;
    uses.op(name, || {
        scope(|scope| {
            let (done, is_done) = channel();
            scope.spawn(move || disturb(pool, board, dice, &is_done));
            ending = call();
            drop(done);
        });
        Came::Nothing
    });
    ending
}

fn disturb(pool: &Pool, board: &mut Board, dice: &mut Dice<'_>, is_done: &Receiver<()>) {
    let is_over = |after| is_done.recv_timeout(after) == Err(RecvTimeoutError::Disconnected);
    for _ in 0..TIMES {
        if is_over(Duration::from_micros(100 << dice.below(6))) {
            return;
        }
        board.mutate(dice);
    }
    if !is_over(LATE) {
        pool.terminate();
    }
}
