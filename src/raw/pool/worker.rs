//! The worker's side: a job taken, its items done one by one, its results committed.

use std::cell::RefCell;

use super::board::{Job, Places, Words};
use super::layout::{INLINE, RawPool};
use super::memory::{Location, Memory, name_of};
use super::owner::{
    ANSWERED, ARGS_LEN_SHIFT, AT_WORK, BELL_SHIFT, IS_SMALL, OWN_BELL, RESULT_LEN_SHIFT, SMALL,
};
use super::slab::RawSlab;
use super::words::{State, WorkerId};
use crate::raw::eventcount::Moment;
use crate::raw::hook::point;
use crate::raw::sync::{Ordering, futex_wait, spin_loop};
use crate::segment::handle::Handle;
use crate::sys::clock::{Deadline, Naps, now_nanos};

// Ordering:
// [J7] commit of an item: store(progress, Release) ↔ its worker's death   its result before it

/// The first byte of a result: what it is.
pub(crate) mod record {
    /// The value.
    pub(crate) const VALUE: u8 = 0;
    /// A panic's message and location.
    pub(crate) const PANICKED: u8 = 1;
    /// Why the arguments or the result could not cross.
    pub(crate) const REFUSED: u8 = 2;
    /// There was no memory for the result.
    pub(crate) const NO_ROOM: u8 = 3;
}

/// Waiting awake, in nanoseconds: less when it did not pay lately.
const SHORTEST_SPIN: u64 = 2_000;
const LONGEST_SPIN: u64 = 20_000;

/// How a worker finds a slab by its name.
pub(crate) type Find = fn(&[u8]) -> Option<Handle<RawSlab>>;

/// A worker of a pool.
pub(crate) struct Worker {
    pool: Handle<RawPool>,
    me: WorkerId,
    places: Places,
    spin: u64,
    find: Find,
    /// The slabs that were found, with the generation of their names.
    slabs: RefCell<Vec<Option<(u32, Handle<RawSlab>)>>>,
}

impl Worker {
    /// The worker `me`, in its own process.
    ///
    /// # Panics
    /// When the pool has no such worker.
    pub(crate) fn new(pool: Handle<RawPool>, me: WorkerId, find: Find) -> Worker {
        assert!(me.number() < pool.records.len(), "a pool without a worker {}", me.number());
        let slabs = RefCell::default();
        Worker { pool, me, places: Places::default(), spin: LONGEST_SPIN, find, slabs }
    }

    /// Shows the owner that this worker is at work.
    pub(crate) fn begin(&self) {
        let stage = self.me.bits() >> 12 | AT_WORK;
        self.pool.records[self.me.number()].stage.store(stage, Ordering::Release);
        self.pool.ring(OWN_BELL);
    }

    /// The next job. `None`: this worker is to end.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Running<'_>> {
        let job = self.find_job()?;
        Some(Running::start(self, job))
    }

    fn must_end(&self) -> bool {
        let closing = &self.pool.board.words.header.closing;
        let leave = &self.pool.records[self.me.number()].leave;
        closing.load(Ordering::Acquire) != 0 || leave.load(Ordering::Acquire) != 0
    }

    fn find_job(&mut self) -> Option<Job> {
        if self.must_end() {
            return None;
        }
        if let Some(job) = self.pool.board.claim(self.me, &mut self.places) {
            return Some(job);
        }
        if self.spin()
            && let Some(job) = self.pool.board.claim(self.me, &mut self.places)
        {
            return Some(job);
        }
        let (pool, me) = (self.pool.clone(), self.me);
        let places = &mut self.places;
        let (closing, leave) = (&pool.board.words.header.closing, &pool.records[me.number()].leave);
        let found = pool.board.words.work().wait(Deadline::Never, |_: Moment| {
            let end = closing.load(Ordering::Acquire) != 0 || leave.load(Ordering::Acquire) != 0;
            if end { Some(None) } else { pool.board.claim(me, places).map(Some) }
        });
        found.flatten()
    }

    /// Stays awake for a while, until there may be a job.
    fn spin(&mut self) -> bool {
        if !crate::raw::spin::pays() {
            return false;
        }
        let end = now_nanos() + self.spin;
        loop {
            for _ in 0..16 {
                if self.pool.board.is_posted() {
                    self.spin = (self.spin * 2).min(LONGEST_SPIN);
                    return true;
                }
                spin_loop();
            }
            if now_nanos() >= end {
                self.spin = (self.spin / 2).max(SHORTEST_SPIN);
                return false;
            }
        }
    }

    /// The memory at a place that stands in shared memory.
    ///
    /// # Panics
    /// When there is no such memory: the pool's was overwritten.
    fn memory(&self, cell: usize, location: Location) -> Memory {
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
    fn forget_large(&self) {
        for slab in self.slabs.borrow_mut().iter_mut() {
            if slab.as_ref().is_some_and(|(_, slab)| slab.is_one_block()) {
                *slab = None;
            }
        }
    }
}

/// A job that this worker runs.
pub(crate) struct Running<'w> {
    pub(crate) input: Input,
    pub(crate) output: Output<'w>,
}

/// What a job consists of.
pub(crate) struct Input {
    /// Where the function is.
    pub(crate) function: u32,
    /// How many items are to be done.
    pub(crate) items: u32,
    args: Args,
}

enum Args {
    Small([u8; SMALL], usize),
    Memory(Memory, usize, usize),
}

impl Input {
    /// The arguments of the items that are to be done, one behind another.
    ///
    /// # Panics
    /// When there are none: the pool's memory was overwritten.
    #[inline]
    pub(crate) fn args(&self) -> &[u8] {
        match &self.args {
            Args::Small(bytes, len) => &bytes[..*len],
            Args::Memory(memory, from, len) => {
                memory.read(*from, *len).expect("arguments within the pool's memory")
            }
        }
    }
}

/// Where a job's results go.
pub(crate) struct Output<'w> {
    worker: &'w Worker,
    job: Job,
    what: u64,
    items: u32,
    done: u32,
    used: usize,
    room: Option<(Memory, usize)>,
    large: bool,
}

impl<'w> Running<'w> {
    #[inline]
    fn start(worker: &'w Worker, job: Job) -> Running<'w> {
        let cell = &worker.pool.board.words.cells[job.cell];
        let what = cell.what.load(Ordering::Relaxed); // [J1]
        let function = what as u32;
        let output = Output { worker, job, what, items: 1, done: 0, used: 0, room: None, large: false };
        if what & IS_SMALL != 0 {
            let bytes = cell.argument.load(Ordering::Relaxed).to_ne_bytes(); // [J1]
            let len = ((what >> ARGS_LEN_SHIFT & 0xF) as usize).min(SMALL);
            let input = Input { function, items: 1, args: Args::Small(bytes, len) };
            return Running { input, output };
        }
        Running::start_body(worker, job, function, output)
    }

    fn start_body(
        worker: &'w Worker,
        job: Job,
        function: u32,
        output: Output<'w>,
    ) -> Running<'w> {
        let body = &worker.pool.bodies[job.cell];
        // [J1]
        let (progress, items) =
            (body.progress.load(Ordering::Relaxed), body.items.load(Ordering::Relaxed) as u32);
        let (from, len) =
            (body.args_from.load(Ordering::Relaxed), body.args_len.load(Ordering::Relaxed));
        let args = Location(body.args.load(Ordering::Relaxed));
        let done = (progress as u32).min(items);
        let large = args.slab().is_some();
        let memory = worker.memory(job.cell, args);
        let args = Args::Memory(memory, from as usize, len.saturating_sub(from) as usize);
        let mut output =
            Output { items, done, used: (progress >> 32) as usize, large, ..output };
        output.find_room();
        Running { input: Input { function, items: items - done, args }, output }
    }
}

impl Output<'_> {
    /// Commits the result of the next item: a byte that says what it is, and its bytes.
    #[inline]
    pub(crate) fn commit(&mut self, kind: u8, bytes: &[u8]) {
        if self.what & IS_SMALL != 0 && kind == record::VALUE && bytes.len() <= SMALL {
            let mut result = [0; SMALL];
            result[..bytes.len()].copy_from_slice(bytes);
            let cell = &self.worker.pool.board.words.cells[self.job.cell];
            cell.result.store(u64::from_ne_bytes(result), Ordering::Relaxed); // [J2]
            let what = self.what | (bytes.len() as u64) << RESULT_LEN_SHIFT | ANSWERED;
            cell.what.store(what, Ordering::Relaxed); // [J2]
            return;
        }
        self.commit_record(kind, bytes);
    }

    #[inline]
    fn commit_record(&mut self, kind: u8, bytes: &[u8]) {
        if self.room.is_none() {
            self.open_body();
        }
        // A byte for each item that comes after it stays free.
        let after = self.items.saturating_sub(self.done + 1) as usize;
        let end = self.used.saturating_add(1).saturating_add(bytes.len());
        let fits = |room: &Option<(Memory, usize)>| {
            room.as_ref().is_some_and(|(_, len)| end.saturating_add(after) <= *len)
        };
        if fits(&self.room) || self.grow(end.saturating_add(after), fits) {
            self.write(kind, bytes);
        } else {
            self.write(record::NO_ROOM, &[]);
        }
        self.done += 1;
        point!("pool.before_progress");
        let progress = (self.used as u64) << 32 | u64::from(self.done);
        self.worker.pool.bodies[self.job.cell].progress.store(progress, Ordering::Release); // [J7]
        point!("pool.after_progress");
    }

    #[inline]
    fn write(&mut self, kind: u8, bytes: &[u8]) {
        let (memory, _) = self.room.as_ref().expect("room was found before anything is written");
        let written =
            memory.write(self.used, &[kind]) && memory.write(self.used + 1, bytes);
        assert!(written, "results within the pool's memory");
        self.used += 1 + bytes.len();
    }

    /// Where the results of a job go that had its arguments in its cell.
    fn open_body(&mut self) {
        let body = &self.worker.pool.bodies[self.job.cell];
        body.progress.store(0, Ordering::Relaxed);
        body.denied.store(0, Ordering::Relaxed);
        body.room.store(Location::inline(0).0, Ordering::Relaxed);
        body.room_len.store(INLINE as u64, Ordering::Relaxed);
        self.find_room();
    }

    fn find_room(&mut self) {
        let body = &self.worker.pool.bodies[self.job.cell];
        let room = Location(body.room.load(Ordering::Relaxed)); // [J1] [J6]
        let len = body.room_len.load(Ordering::Relaxed); // [J1] [J6]
        self.large |= room.slab().is_some();
        self.room = Some((self.worker.memory(self.job.cell, room), len as usize));
    }

    /// Asks the owner for room, and waits for its answer. False: there is none.
    #[cold]
    fn grow(&mut self, wanted: usize, fits: impl Fn(&Option<(Memory, usize)>) -> bool) -> bool {
        let Worker { pool, me, .. } = self.worker;
        // What is committed is told in 32 bits.
        if wanted > u32::MAX as usize {
            return false;
        }
        let body = &pool.bodies[self.job.cell];
        let given = &pool.records[me.number()].given;
        let seen = given.load(Ordering::Acquire);
        body.wanted.store(wanted as u64, Ordering::Relaxed); // [J6]
        body.denied.store(0, Ordering::Relaxed);
        point!("pool.before_want");
        pool.board.want(self.job);
        pool.ring(OWN_BELL);
        point!("pool.wants");
        let mut naps = Naps::until(Deadline::Never);
        while pool.board.state(self.job.cell).state() == State::Wants {
            if let Some(nap) = naps.next() {
                futex_wait(given, seen, nap);
            }
        }
        if body.denied.load(Ordering::Relaxed) != 0 {
            return false; // [J6]
        }
        self.find_room();
        fits(&self.room)
    }

    /// Ends the job; all its items are committed.
    #[inline]
    pub(crate) fn finish(self) {
        let Worker { pool, me, .. } = self.worker;
        if self.large {
            self.worker.forget_large();
        }
        if pool.board.finish(*me, self.job) {
            pool.ring((self.what >> BELL_SHIFT) as u8);
        }
    }
}
