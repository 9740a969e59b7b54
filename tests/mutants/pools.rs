//! What a pool's owner makes of its memory when something else writes over it.
//!
//! None but the pool's processes have that memory, and a worker runs what it is told there: one that is
//! told something else may end in any way. The owner may get errors, or other results, or wait for as long as
//! it is asked to; it goes on, and the pool ends when it is to.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use commonhold::{Pool, Task, TaskError};

use crate::dice::Dice;
use crate::judge::judge;
use crate::memory::Memory;
use crate::mutation::{self, Map};
use crate::page::{Ending, Page};
use crate::uses::{Came, Uses};

/// Mutations of one pool.
const EACH: u64 = 8;
/// Results that have not come after so long will not.
const SOON: Duration = Duration::from_millis(30);
const ITEMS: u32 = 60;

/// Tries this many mutations of pools. Returns how many pools went wrong.
pub fn try_all(page: &'static Page, count: u64, seed: u64) -> usize {
    let mut wrong = 0;
    for index in 0..count.div_ceil(EACH) {
        let one = || {
            crate::panics::keep();
            crate::limits::set(crate::limits::MORE_WITH_THREADS);
            page.index.store(index, SeqCst);
            try_some_of(&Uses::new(page, 0), page, &mut Dice::of(seed, index));
        };
        if let Err(how) = judge(page, one) {
            wrong += 1;
            println!("FAILED pool {index} of seed {seed}: {how}");
        }
    }
    let endings = Ending::ALL.iter().zip(&page.endings);
    let endings: Vec<String> = endings
        .map(|(ending, count)| format!("{} {}", count.load(SeqCst), ending.name()))
        .collect();
    println!("{count} mutations of pools' memory: {}; {wrong} failures", endings.join(", "));
    wrong
}

fn long(bytes: Vec<u8>) -> Vec<u8> {
    bytes.repeat(2)
}

/// Lets others write meanwhile.
fn slow(n: u32) -> u32 {
    std::thread::sleep(Duration::from_micros(50));
    n * 3
}

/// What a pool has in common with its workers.
struct Board {
    memory: Memory,
    map: Map,
}

impl Board {
    /// Of the pool that was made since `before`: as it is, and where it changes whenever `use_it` runs.
    fn of_pool(before: &HashSet<PathBuf>, use_it: impl Fn()) -> Board {
        let new: Vec<PathBuf> = memories().difference(before).cloned().collect();
        let [board] = &new[..] else { panic!("one memory of a new pool: {new:?}") };
        let file = File::options().read(true).write(true).open(board);
        use_it(); // for the first time: all that is done once
        let mut memory = Memory::over(file.expect("the pool's memory"));
        let first = memory.image.clone();
        use_it();
        memory.snapshot();
        let map = memory.map(&first);
        Board { memory, map }
    }

    fn mutate(&mut self, dice: &mut Dice<'_>) {
        let Board { memory, map } = self;
        memory.change(|bytes| mutation::mutate(bytes, map, dice));
    }
}

/// All memory without a name that this process has open.
fn memories() -> HashSet<PathBuf> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    let is_ours = |path: &PathBuf| {
        let link = std::fs::read_link(path).unwrap_or_default();
        link.to_string_lossy().starts_with("/memfd:commonhold")
    };
    entries.map(|entry| entry.path()).filter(is_ours).collect()
}

/// Makes a pool, and mutates its memory before each of [`EACH`] calls, or while it runs.
fn try_some_of(uses: &Uses, page: &Page, dice: &mut Dice<'_>) {
    let before = memories();
    let pool = Pool::options().workers(1 + dice.below(2)).build().expect("a pool");
    let mut board = Board::of_pool(&before, || {
        assert_eq!(pool.map(slow, 0..ITEMS).expect("results")[8], 24);
        assert_eq!(pool.apply(long, vec![1; 3000]).expect("bytes").len(), 6000);
    });
    let expected: Vec<u32> = (0..ITEMS).map(|n| n * 3).collect();
    for call in 0..EACH {
        let is_long = call % 4 == 3;
        if dice.one_in(2) {
            board.mutate(dice);
        }
        page.count(if is_long {
            let task = start(uses, "apply_async", || pool.apply_async(long, vec![7; 3000]));
            board.mutate(dice);
            wait_for(uses, task, &vec![7; 6000])
        } else {
            let task = start(uses, "map_async", || pool.map_async(slow, 0..ITEMS));
            board.mutate(dice);
            wait_for(uses, task, &expected)
        });
    }
    uses.op("terminate", || {
        pool.terminate();
        Came::Nothing
    });
    uses.take();
}

fn start<R>(
    uses: &Uses,
    name: &'static str,
    begin: impl FnOnce() -> Result<Task<R>, TaskError>,
) -> Result<Task<R>, TaskError> {
    let mut begun = Err(TaskError::Timeout);
    uses.op(name, || {
        begun = begin();
        Came::Nothing
    });
    begun
}

fn wait_for<R: commonhold::Transfer + PartialEq>(
    uses: &Uses,
    task: Result<Task<R>, TaskError>,
    expected: &R,
) -> Ending {
    let mut ending = Ending::Nothing;
    uses.op("Task::get_timeout", || {
        ending = match task.and_then(|task| task.get_timeout(SOON)) {
            Ok(result) if result == *expected => Ending::Nothing,
            Ok(_) => Ending::Wrong,
            Err(TaskError::Timeout) => Ending::Waited,
            Err(_) => Ending::Error,
        };
        Came::Nothing
    });
    ending
}
