//! What a pool's owner makes of its memory when something else writes over it.
//!
//! None but the pool's processes have that memory, and a worker runs what it is told there: one that is
//! told something else may end in any way. The owner may get errors, or other results, or wait for as long as
//! it is asked to; it goes on, and the pool ends when it is to.

mod board;
mod calls;

use std::fs::File;
use std::sync::atomic::Ordering::SeqCst;

use commonhold::Pool;

use self::board::{Board, memories};
use crate::dice::Dice;
use crate::judge::judge;
use crate::page::{Ending, Page};
use crate::uses::{Came, Uses};

/// Calls of one pool at most, in each of which its memory is mutated.
const EACH: u64 = 8;

/// Tries this many mutations of pools, from the `first` on. Returns how many pools went wrong.
pub fn try_all(page: &'static Page, first: u64, count: u64, seed: u64) -> usize {
    let mut wrong = 0;
    let pools = first / EACH..(first + count).div_ceil(EACH);
    for index in pools {
        let one = || {
            crate::panics::keep();
            crate::limits::set(crate::limits::MORE_WITH_THREADS);
            be_silent();
            page.index.store(index * EACH, SeqCst);
            try_one(&Uses::new(page, 0), page, &mut Dice::of(seed, index));
        };
        if let Err(how) = judge(page, one) {
            wrong += 1;
            println!("FAILED pool from {} of seed {seed}: {how}", index * EACH);
        }
    }
    let count = |ending: Ending| page.endings[ending as usize].load(SeqCst);
    let calls: u64 = Ending::ALL.map(count).iter().sum();
    let endings = Ending::ALL.map(|ending| format!("{} {}", count(ending), ending.name()));
    println!("{calls} calls of mutated pools: {}; {wrong} failures", endings.join(", "));
    wrong
}

/// What workers panic with is no news.
fn be_silent() {
    let nothing = File::options().write(true).open("/dev/null").expect("nothing");
    nix::unistd::dup2_stderr(nothing).expect("standard error");
}

/// Makes a pool, and mutates its memory before or after the beginning of each of up to [`EACH`] calls; in the
/// last of them, which waits for its results, several times.
fn try_one(uses: &Uses, page: &Page, dice: &mut Dice<'_>) {
    let before = memories();
    let options = Pool::options().workers(1 + dice.below(2)).retries(dice.below(2) as u32);
    let tasks = if dice.one_in(6) { 20 } else { 0 };
    let pool = options.max_tasks_per_worker(tasks).build().expect("a pool");
    let mut board = Board::of_pool(&before, || calls::warm_up(&pool));
    let mut waited = 0;
    for _ in 1..EACH {
        if dice.one_in(2) {
            board.mutate(dice);
        }
        let call = dice.pick(&calls::LATER);
        let ending = call(uses, &pool, &mut || board.mutate(dice));
        page.count(ending);
        waited = if ending == Ending::Waited { waited + 1 } else { 0 };
        if waited == 2 {
            break; // nobody works there any more
        }
    }
    let call = dice.pick(&calls::AT_ONCE);
    page.count(call(uses, &pool, &mut board, dice));
    uses.op("terminate", || {
        pool.terminate();
        Came::Nothing
    });
    uses.take();
}
