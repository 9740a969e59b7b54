//! Workers stopped and killed inside of what they do: the job goes on where it was, with another.

use super::board::{Job, Words};
use super::layout::{RawPool, Size};
use super::owner::{Blocks, Order, Owner};
use super::slab::RawSlab;
use super::words::{State, WorkerId};
use super::worker::{Running, Worker};
use crate::children::{Child, LONG, fork, wait_until};
use crate::raw::hook::stopped_at_nth;
use crate::segment::handle::Handle;
use crate::transfer::{Packer, Unpacker, handles};

fn name(slab: &Handle<RawSlab>) -> Result<Vec<u8>, String> {
    let mut packer = Packer::new();
    handles::pack(slab, &mut packer).map_err(|why| why.to_string())?;
    Ok(packer.bytes().to_vec())
}

fn find(name: &[u8]) -> Option<Handle<RawSlab>> {
    handles::unpack(&mut Unpacker::new(name)).ok()
}

const ITEMS: u32 = 5;
/// Results of these many bytes each do not fit beside a job, nor what was asked for.
const LARGE: usize = 4000;

/// What the item's result is: its argument, over and over.
fn result(argument: u8, len: usize) -> Vec<u8> {
    vec![argument; len]
}

/// Results of so many bytes each; in a row where that can be, or one by one.
#[derive(Clone, Copy, Debug)]
struct Results {
    len: usize,
    in_a_row: bool,
}

impl Results {
    fn both(len: usize) -> [Results; 2] {
        [false, true].map(|in_a_row| Results { len, in_a_row })
    }
}

/// A worker that runs jobs until it is told to end.
fn work(pool: Handle<RawPool>, number: usize, Results { len, in_a_row }: Results) {
    let mut worker = Worker::new(pool, WorkerId::new(number, 1), find);
    worker.begin();
    while let Some(Running { input, mut output }) = worker.next() {
        let argument = |item| input.arguments().of(item).expect("an argument")[0];
        loop {
            if in_a_row {
                output.run_row(len, |item, to| {
                    to.fill(argument(item));
                    true
                });
            }
            let Some(item) = output.item() else { break };
            output.commit_value(&result(argument(item), len));
        }
        output.finish();
    }
}

struct Stand {
    owner: Owner,
    job: Job,
    blocks: Blocks,
}

impl Stand {
    /// A pool with a job of several items, posted and not announced.
    fn new(items: u32) -> Stand {
        let mut owner = Owner::new(Size { cells: 16, workers: 4 }, name).unwrap();
        let args: Vec<u8> = (0..items as u8).map(|n| n + 1).collect();
        let order =
            Order { function: 0, bell: 1, ring: true, items, args: &args, ends: &[], room: 8 };
        let (job, blocks) = owner.post(3, &order).unwrap();
        (0..2).for_each(|number| owner.pool().seat(WorkerId::new(number, 1)));
        Stand { owner, job, blocks }
    }

    fn worker(&self, number: usize, results: Results) -> Child {
        let pool = self.owner.pool().clone();
        fork(|| work(pool, number, results))
    }

    fn state(&self) -> State {
        self.owner.pool().board.state(self.job.cell).state()
    }

    /// Waits until the job is done, making room where that is asked for.
    fn wait(&mut self) {
        let Stand { owner, job, blocks } = self;
        wait_until("a job", || {
            owner.make_room(*job, blocks);
            owner.pool().board.state(job.cell).state() == State::Done
        });
    }

    /// The results of the items but the lost ones, as they should be.
    fn check(&self, items: u32, lost: Option<u32>, len: usize) {
        use super::answer::Answer;
        let expected: Vec<Vec<u8>> = (0..items)
            .filter(|item| Some(*item) != lost)
            .map(|item| result(item as u8 + 1, len))
            .collect();
        match self.owner.answer(self.job, &self.blocks) {
            Answer::Small(bytes, got) => assert_eq!([bytes[..got].to_vec()], expected[..]),
            Answer::Records { records, .. } => {
                let count = expected.len() as u32;
                // All of one length: no record has a head, but those that came after more room.
                let bytes = records.bytes(count);
                let payload: Vec<u8> = expected.concat();
                let plain: Vec<u8> = bytes.iter().copied().filter(|byte| *byte > 0).collect();
                assert!(plain.ends_with(&payload[payload.len() - len..]), "the last result");
                assert!(bytes.len() >= payload.len());
            }
        }
    }
}

/// A worker is killed at this point, having passed it `skip` times; what it held goes to another.
fn killed_at(point: &'static str, skip: u32, items: u32, len: usize) {
    Results::both(len).into_iter().for_each(|results| killed_with(point, skip, items, results));
}

fn killed_with(point: &'static str, skip: u32, items: u32, results: Results) {
    println!("{point}, after {skip}, {results:?}");
    let len = results.len;
    let mut stand = Stand::new(items);
    let pool = stand.owner.pool().clone();
    stand.owner.announce(1);
    let victim = {
        let pool = pool.clone();
        if matches!(point, "pool.wants" | "pool.before_want") || len < LARGE {
            stopped_at_nth(point, skip, move || work(pool, 0, results))
        } else {
            // It stops only after it was given room.
            let child = fork(|| {
                crate::raw::hook::arm_nth(point, skip);
                work(pool, 0, results);
            });
            let Stand { owner, job, blocks } = &mut stand;
            wait_until("the victim to stop", || {
                owner.make_room(*job, blocks);
                is_stopped(&child)
            });
            child
        }
    };
    victim.kill();
    let dead = WorkerId::new(0, 1);
    let held = stand.owner.held_by(dead);
    for job in &held {
        assert_eq!(*job, stand.job);
        let done = stand.owner.done_of(*job, 0..items);
        assert!(done <= items);
        match point {
            "pool.before_progress" => assert_eq!(done, skip),
            "pool.after_progress" => assert_eq!(done, skip + 1),
            _ => {}
        }
        if done == items {
            stand.owner.conclude(*job, Some(dead));
        } else {
            stand.owner.reopen(*job, &stand.blocks, (done, 0));
            stand.owner.announce(1);
        }
    }
    if held.is_empty() {
        assert!(matches!(stand.state(), State::Ready | State::Done), "nobody holds it");
    }
    pool.board.rouse();
    let other = stand.worker(1, results);
    stand.wait();
    stand.check(items, None, len);
    pool.close();
    other.succeed();
}

fn is_stopped(child: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid()));
    stat.is_ok_and(|stat| stat.contains(") T "))
}

const POINTS: [&str; 4] =
    ["pool.before_claim", "pool.claimed", "pool.before_finish", "pool.finished"];

crate::children::alone! {
    fn a_small_job_survives_its_worker() {
        for point in POINTS {
            killed_at(point, 0, 1, 8);
        }
    }

    fn a_job_of_many_items_survives_its_worker_at_every_item() {
        for point in POINTS {
            killed_at(point, 0, ITEMS, 8);
        }
        for skip in 0..ITEMS {
            killed_at("pool.before_progress", skip, ITEMS, 8);
            killed_at("pool.after_progress", skip, ITEMS, 8);
        }
    }

    fn a_job_survives_its_worker_while_that_waits_for_room() {
        for point in ["pool.before_want", "pool.wants"] {
            killed_at(point, 0, ITEMS, LARGE);
        }
        for skip in [0, 2, ITEMS - 1] {
            killed_at("pool.before_progress", skip, ITEMS, LARGE);
            killed_at("pool.after_progress", skip, ITEMS, LARGE);
        }
    }

    fn what_is_not_begun_is_cut_off_and_nothing_else() {
        let both = Results::both(8);
        for (skip, results) in (0..ITEMS - 1).flat_map(|skip| both.map(|results| (skip, results))) {
            let mut stand = Stand::new(ITEMS);
            let pool = stand.owner.pool().clone();
            stand.owner.announce(1);
            let (worker_pool, at) = (pool.clone(), "pool.before_progress");
            let worker = stopped_at_nth(at, skip, move || work(worker_pool, 0, results));
            let cut = stand.owner.cut(stand.job, 0..ITEMS);
            // It is at item `skip`, whose commit is still to come.
            assert_eq!(cut, (skip + 1 < ITEMS).then_some(skip + 1..ITEMS));
            let (args, ends) = stand.owner.args_of(stand.job, &stand.blocks, skip + 1..ITEMS).unwrap();
            assert_eq!(args, (skip as u8 + 2..=ITEMS as u8).collect::<Vec<u8>>());
            assert!(ends.is_empty());
            worker.resume();
            stand.wait();
            assert_eq!(stand.owner.done_of(stand.job, 0..ITEMS), skip + 1);
            stand.check(skip + 1, None, 8);
            pool.close();
            worker.succeed();
        }
    }

    fn a_job_that_fills_the_ring_is_run_and_so_is_the_next() {
        let mut stand = Stand::new(1);
        let pool = stand.owner.pool().clone();
        // Offered again as often as the ring has places: its workers died in it.
        for _ in 0..pool.board.words.places() {
            stand.owner.reopen(stand.job, &stand.blocks, (0, 0));
        }
        let order =
            Order { function: 0, bell: 1, ring: false, items: 1, args: &[9], ends: &[], room: 8 };
        let (job, _) = stand.owner.post(4, &order).unwrap();
        stand.owner.announce(1);
        let worker = stand.worker(0, Results { len: 8, in_a_row: true });
        stand.wait();
        wait_until("the other job", || pool.board.state(job.cell).state() == State::Done);
        pool.close();
        worker.succeed();
    }

    fn a_stopped_worker_holds_up_its_job_alone() {
        let mut stand = Stand::new(1);
        let pool = stand.owner.pool().clone();
        stand.owner.announce(1);
        let stopped_pool = pool.clone();
        let results = Results { len: 8, in_a_row: true };
        let stopped = stopped_at_nth("pool.claimed", 0, move || work(stopped_pool, 0, results));
        let other = stand.worker(1, results);
        let order =
            Order { function: 0, bell: 1, ring: false, items: 1, args: &[9], ends: &[], room: 8 };
        let (job, _) = stand.owner.post(4, &order).unwrap();
        stand.owner.announce(1);
        wait_until("the other job", || pool.board.state(job.cell).state() == State::Done);
        assert_eq!(stand.state(), State::Running);
        stopped.resume();
        stand.wait();
        pool.close();
        stopped.succeed();
        other.succeed();
        assert!(LONG > std::time::Duration::ZERO);
    }
}
