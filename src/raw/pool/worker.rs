//! The worker's side: jobs found, claimed and begun, and what it knows of the pool's memory.

use std::cell::RefCell;
use std::rc::Rc;

use super::board::{Job, Places, Words};
use super::input::{Args, Input};
use super::layout::RawPool;
use super::memory::{Location, Memory, name_of};
use super::output::Output;
use super::owner::{ARGS_LEN_SHIFT, IS_SMALL, OWN_BELL, SMALL};
use super::slab::RawSlab;
use super::tell::{AT_WORK, RETIRED};
use super::words::WorkerId;
use crate::raw::eventcount::Moment;
use crate::raw::sync::{Ordering, spin_loop};
use crate::segment::handle::Handle;
use crate::sys::clock::{Deadline, now_nanos};

/// Waiting awake, in nanoseconds: less when it did not pay lately.
const SHORTEST_SPIN: u64 = 2_000;
const LONGEST_SPIN: u64 = 20_000;

/// How a worker finds a slab by its name.
pub(crate) type Find = fn(&[u8]) -> Option<Handle<RawSlab>>;

/// A slab, with the generation of its name.
type Found = (u32, Handle<RawSlab>);

/// A worker of a pool.
pub(crate) struct Worker {
    at: Rc<Bench>,
    places: Places,
    /// None before the first sleep: a pool that is just made has nothing to do yet, and whoever made it is to run.
    spin: Option<u64>,
}

/// Where a worker works: what its jobs need of it.
pub(super) struct Bench {
    pub(super) pool: Handle<RawPool>,
    pub(super) me: WorkerId,
    find: Find,
    /// The slabs that were found.
    slabs: RefCell<Vec<Option<Found>>>,
}

impl Worker {
    /// The worker `me`, in its own process.
    ///
    /// # Panics
    /// When the pool has no such worker.
    pub(crate) fn new(pool: Handle<RawPool>, me: WorkerId, find: Find) -> Worker {
        assert!(me.number() < pool.records.len(), "a pool without a worker {}", me.number());
        let slabs = RefCell::default();
        let at = Rc::new(Bench { pool, me, find, slabs });
        Worker { at, places: Places::default(), spin: None }
    }

    /// Shows the owner that this worker is at work.
    pub(crate) fn begin(&self) {
        let Bench { pool, me, .. } = &*self.at;
        let stage = me.bits() >> 12 | AT_WORK;
        pool.records[me.number()].stage.store(stage, Ordering::Release);
    }

    /// The next job. `None`: this worker is to end.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Running> {
        let job = self.find_job()?;
        Some(Running::start(&self.at, job))
    }

    /// Shows the owner that this worker takes no more jobs.
    pub(crate) fn retire(&self) {
        let Bench { pool, me, .. } = &*self.at;
        pool.records[me.number()].stage.store(me.bits() >> 12 | RETIRED, Ordering::Release);
        pool.bell(OWN_BELL).ring();
    }

    /// Whether the cell of a job that this worker has done is not taken yet, in a pool that goes on.
    pub(crate) fn is_kept(&self, job: Job) -> bool {
        let Bench { pool, me, .. } = &*self.at;
        pool.board.state(job.cell).lap() == job.lap && !pool.is_over_for(*me)
    }

    fn find_job(&mut self) -> Option<Job> {
        let Bench { pool, me, .. } = &*self.at;
        if pool.is_over_for(*me) {
            return None;
        }
        if let Some(job) = pool.board.claim(*me, &mut self.places) {
            return Some(job);
        }
        let stayed = self.spin.as_mut().is_some_and(|budget| spin(pool, budget));
        self.spin.get_or_insert(LONGEST_SPIN);
        if stayed && let Some(job) = pool.board.claim(*me, &mut self.places) {
            return Some(job);
        }
        let places = &mut self.places;
        let found = pool.board.words.work().wait(Deadline::Never, |_: Moment| {
            if pool.is_over_for(*me) {
                return Some(None);
            }
            pool.board.claim(*me, places).map(Some)
        });
        found.flatten()
    }
}

/// Stays awake for a while, until there may be a job.
fn spin(pool: &RawPool, budget: &mut u64) -> bool {
    if !crate::raw::spin::pays() {
        return false;
    }
    let end = now_nanos() + *budget;
    loop {
        for _ in 0..16 {
            if pool.board.is_posted() {
                *budget = (*budget * 2).min(LONGEST_SPIN);
                return true;
            }
            spin_loop();
        }
        if now_nanos() >= end {
            *budget = (*budget / 2).max(SHORTEST_SPIN);
            return false;
        }
    }
}

impl RawPool {
    /// Whether this worker is to end.
    #[inline]
    fn is_over_for(&self, worker: WorkerId) -> bool {
        let leave = &self.records[worker.number()].leave;
        let closing = &self.board.words.header.closing;
        closing.load(Ordering::Acquire) != 0 || leave.load(Ordering::Acquire) != 0
    }
}

impl Bench {
    /// The memory at a place that stands in shared memory.
    ///
    /// # Panics
    /// When there is no such memory: the pool's was overwritten.
    pub(super) fn memory(&self, cell: usize, location: Location) -> Memory {
        match location.slab() {
            None => Memory::Inline(self.pool.clone(), cell, location.offset()),
            Some(slab) => match self.slab(slab) {
                Some(slab) => Memory::InSlab(slab, location.offset()),
                None => panic!("slab {slab} of the pool cannot be found"),
            },
        }
    }

    fn slab(&self, number: usize) -> Option<Handle<RawSlab>> {
        let name = self.pool.slabs.get(number)?;
        let generation = name.generation.load(Ordering::Relaxed); // [J1] [J6]
        let mut slabs = self.slabs.borrow_mut();
        if slabs.len() <= number {
            slabs.resize_with(number + 1, || None);
        }
        match &slabs[number] {
            Some((known, slab)) if *known == generation => Some(slab.clone()),
            _ => {
                let slab = (self.find)(&name_of(name)?)?;
                slabs[number] = Some((generation, slab.clone()));
                Some(slab)
            }
        }
    }

    /// Forgets the slabs that are one job's alone: their memory goes with the last mapping.
    pub(super) fn forget_large(&self) {
        for slab in self.slabs.borrow_mut().iter_mut() {
            if slab.as_ref().is_some_and(|(_, slab)| slab.is_one_block()) {
                *slab = None;
            }
        }
    }
}

/// A job that this worker runs.
pub(crate) struct Running {
    pub(crate) input: Input,
    pub(crate) output: Output,
}

impl Running {
    #[inline]
    fn start(at: &Rc<Bench>, job: Job) -> Running {
        let cell = &at.pool.board.words.cells[job.cell];
        let what = cell.what.load(Ordering::Relaxed); // [J1]
        let function = what as u32;
        let at = Rc::clone(at);
        let output = Output { at, job, what, done: 0, end: 1, room: None, large: false };
        if what & IS_SMALL != 0 {
            let bytes = cell.argument.load(Ordering::Relaxed).to_ne_bytes(); // [J1]
            let len = ((what >> ARGS_LEN_SHIFT & 0xF) as usize).min(SMALL);
            let input = Input { function, items: 1, args: Args::Small(bytes, len) };
            return Running { input, output };
        }
        Running::start_body(job, function, output)
    }

    fn start_body(job: Job, function: u32, mut output: Output) -> Running {
        let at = Rc::clone(&output.at);
        let body = &at.pool.bodies[job.cell];
        // [J1]
        let items = body.items.load(Ordering::Relaxed) as u32;
        let len = body.args_len.load(Ordering::Relaxed) as usize;
        let table = body.table.load(Ordering::Relaxed) != 0;
        let location = Location(body.args.load(Ordering::Relaxed));
        output.done = body.progress.load(Ordering::Relaxed) as u32;
        output.end = (body.end.load(Ordering::Relaxed) as u32).min(items);
        output.large = location.slab().is_some();
        output.find_room();
        let args = Args::Memory { memory: at.memory(job.cell, location), len, table };
        Running { input: Input { function, items, args }, output }
    }
}
