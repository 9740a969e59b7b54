//! The worker's side: a job taken, its items done one by one, its results committed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::board::{Job, Places, Words};
use super::layout::{INLINE, RawPool};
use super::memory::{Location, Memory, name_of};
use super::owner::{
    ANSWERED, ARGS_LEN_SHIFT, AT_WORK, BELL_SHIFT, CUTTING, HANDLES, IS_SMALL, OWN_BELL,
    RESULT_LEN_SHIFT, RETIRED, SMALL,
};
use super::record::{self, Dense};
use super::slab::RawSlab;
use super::words::{State, WorkerId};
use crate::raw::eventcount::Moment;
use crate::raw::hook::point;
use crate::raw::sync::{Ordering, futex_wait, publisher_fence, spin_loop};
use crate::segment::handle::Handle;
use crate::sys::clock::{Deadline, Naps, now_nanos};

// Ordering:
// [J7] commit of an item: store(progress, Release) ↔ its worker's death, or the end of the job   its
//      result before it
// [J9] commit: store(progress), publisher_fence, load(cut) ↔ the owner's cut: store(cut),
//      sleeper_fence, load(progress)   one of the two sees the other's store: an item is begun, or is cut
//      off, and never both
// [J10] cut: store(end), store(cut, Release) ↔ load(cut, Acquire)   where the job ends now

/// Waiting awake, in nanoseconds: less when it did not pay lately.
const SHORTEST_SPIN: u64 = 2_000;
const LONGEST_SPIN: u64 = 20_000;

/// How a worker finds a slab by its name.
pub(crate) type Find = fn(&[u8]) -> Option<Handle<RawSlab>>;

/// A worker of a pool.
pub(crate) struct Worker {
    at: Rc<Bench>,
    places: Places,
    spin: u64,
}

/// Where a worker works: what its jobs need of it.
struct Bench {
    pool: Handle<RawPool>,
    me: WorkerId,
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
        let at = Rc::new(Bench { pool, me, find, slabs });
        Worker { at, places: Places::default(), spin: LONGEST_SPIN }
    }

    /// Shows the owner that this worker is at work.
    pub(crate) fn begin(&self) {
        let Bench { pool, me, .. } = &*self.at;
        let stage = me.bits() >> 12 | AT_WORK;
        pool.records[me.number()].stage.store(stage, Ordering::Release);
        pool.bell(OWN_BELL).ring();
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
        if spin(pool, &mut self.spin)
            && let Some(job) = pool.board.claim(*me, &mut self.places)
        {
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
pub(crate) struct Running {
    pub(crate) input: Input,
    pub(crate) output: Output,
}

/// What a job consists of.
pub(crate) struct Input {
    /// Where the function is.
    pub(crate) function: u32,
    /// How many items the arguments are of.
    items: u32,
    args: Args,
}

enum Args {
    Small([u8; SMALL], usize),
    Memory { memory: Memory, len: usize, table: bool },
}

/// The arguments of a job's items.
pub(crate) struct Arguments<'a> {
    table: Option<&'a [u8]>,
    bytes: &'a [u8],
    each: usize,
}

impl Input {
    /// The arguments of all items.
    ///
    /// # Panics
    /// When there are none: the pool's memory was overwritten.
    #[inline]
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        match &self.args {
            Args::Small(bytes, len) => Arguments { table: None, bytes: &bytes[..*len], each: *len },
            Args::Memory { memory, len, table } => {
                let all = memory.read(0, *len).expect("arguments within the pool's memory");
                Arguments::new(all, self.items, *table)
            }
        }
    }
}

impl<'a> Arguments<'a> {
    /// Of so many items, with a table of their ends or all of one length.
    pub(super) fn new(all: &'a [u8], items: u32, table: bool) -> Arguments<'a> {
        let table = if table { items as usize * size_of::<u32>() } else { 0 };
        let (table, bytes) = all.split_at_checked(table).unwrap_or((&[], &[]));
        let each = bytes.len() / (items as usize).max(1);
        Arguments { table: Some(table).filter(|table| !table.is_empty()), bytes, each }
    }

    /// Whether all are of one length.
    pub(super) fn is_uniform(&self) -> bool {
        self.table.is_none()
    }

    /// The bytes of one item's. `None`: the pool's memory was overwritten.
    #[inline]
    pub(crate) fn of(&self, item: u32) -> Option<&'a [u8]> {
        let item = item as usize;
        let Some(table) = self.table else {
            let from = item * self.each;
            return self.bytes.get(from..from + self.each);
        };
        let end = |item: usize| {
            let entry = table.get(item * 4..item * 4 + 4)?;
            Some(u32::from_ne_bytes(entry.try_into().ok()?) as usize)
        };
        let from = if item == 0 { 0 } else { end(item - 1)? };
        self.bytes.get(from..end(item)?)
    }
}

/// Where a job's results go.
pub(crate) struct Output {
    at: Rc<Bench>,
    pub(crate) job: Job,
    what: u64,
    /// The item that is being done.
    done: u32,
    /// Where the job ends.
    end: u32,
    room: Option<Room>,
    /// It uses slabs.
    large: bool,
}

/// The room for the results of a job.
struct Room {
    memory: Memory,
    len: usize,
    used: usize,
    records: u32,
    dense: Dense,
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

impl Output {
    /// The next item to be done. `None`: the job is done.
    #[inline]
    pub(crate) fn item(&self) -> Option<u32> {
        (self.done < self.end).then_some(self.done)
    }

    /// Commits the value that the item's function returned.
    #[inline]
    pub(crate) fn commit_value(&mut self, bytes: &[u8]) {
        if self.what & IS_SMALL != 0 {
            return self.commit_small(bytes);
        }
        let room = self.room.as_mut().expect("the room of a job that is not small");
        if room.dense.each as usize == bytes.len() && room.dense.most == Dense::OPEN {
            let end = room.used + bytes.len();
            let after = (self.end - self.done) as usize;
            if end + after <= room.len && room.memory.write(room.used, bytes) {
                room.used = end;
                room.records += 1;
                return self.commit_item();
            }
        }
        self.commit_with_head(bytes);
    }

    #[inline]
    fn commit_small(&mut self, bytes: &[u8]) {
        if bytes.len() > SMALL {
            self.open_body();
            return self.commit_with_head(bytes);
        }
        let mut result = [0; SMALL];
        result[..bytes.len()].copy_from_slice(bytes);
        let cell = &self.at.pool.board.words.cells[self.job.cell];
        cell.result.store(u64::from_ne_bytes(result), Ordering::Relaxed); // [J2]
        self.what |= (bytes.len() as u64) << RESULT_LEN_SHIFT | ANSWERED;
        cell.what.store(self.what, Ordering::Relaxed); // [J2]
        self.done += 1;
    }

    fn commit_with_head(&mut self, bytes: &[u8]) {
        if bytes.len() <= usize::from(record::LONGEST) {
            self.commit_record(&[bytes.len() as u8], bytes);
        } else {
            self.commit(record::VALUE, bytes);
        }
    }

    /// Commits something else than a value, or a long one, as what became of the item.
    pub(crate) fn commit(&mut self, kind: u8, bytes: &[u8]) {
        if self.room.is_none() {
            self.open_body();
        }
        match u32::try_from(bytes.len()) {
            Ok(len) => {
                let [a, b, c, d] = len.to_ne_bytes();
                self.commit_record(&[kind, a, b, c, d], bytes);
            }
            // Lengths are told in 32 bits.
            Err(_) => self.commit_record(&[record::NO_ROOM], &[]),
        }
    }

    fn commit_record(&mut self, head: &[u8], bytes: &[u8]) {
        let room = self.room.as_mut().expect("room was found before anything is written");
        let dense = &mut room.dense;
        // The first value says how long the others will be, if they are.
        let is_first = room.records == 0 && head.len() == 1 && head[0] <= record::LONGEST;
        let mut head = head;
        if is_first {
            *dense = Dense { each: bytes.len() as u32, most: Dense::OPEN };
            head = &[];
        } else if dense.most == Dense::OPEN {
            dense.most = room.records;
        }
        let body = &self.at.pool.bodies[self.job.cell];
        body.dense.store(dense.bits(), Ordering::Relaxed); // [J7]
        // A byte for each item that comes after it stays free.
        let after = (self.end - self.done) as usize;
        let wanted = room.used + head.len() + bytes.len() + after;
        if wanted <= room.len || self.grow(wanted) {
            self.write(head, bytes);
        } else {
            self.close_dense();
            self.write(&[record::NO_ROOM], &[]);
        }
        self.commit_item();
    }

    /// The next record has a head.
    fn close_dense(&mut self) {
        let room = self.room.as_mut().expect("room was found before anything is written");
        room.dense.most = room.dense.most.min(room.records);
        self.at.pool.bodies[self.job.cell].dense.store(room.dense.bits(), Ordering::Relaxed); // [J7]
    }

    fn write(&mut self, head: &[u8], bytes: &[u8]) {
        let room = self.room.as_mut().expect("room was found before anything is written");
        let written =
            room.memory.write(room.used, head) && room.memory.write(room.used + head.len(), bytes);
        assert!(written, "results within the pool's memory");
        room.used += head.len() + bytes.len();
        room.records += 1;
    }

    /// The item is done, and the next begun, if there is one.
    #[inline]
    fn commit_item(&mut self) {
        point!("pool.before_progress");
        self.done += 1;
        let body = &self.at.pool.bodies[self.job.cell];
        body.progress.store(u64::from(self.done), Ordering::Release); // [J7] [J9]
        publisher_fence();
        if body.cut.load(Ordering::Relaxed) != 0 {
            self.end_where_it_was_cut();
        }
        point!("pool.after_progress");
    }

    /// The owner takes back what is not begun: waits until it has said from where on.
    #[cold]
    fn end_where_it_was_cut(&mut self) {
        let body = &self.at.pool.bodies[self.job.cell];
        while body.cut.load(Ordering::Acquire) == CUTTING {
            std::thread::sleep(Duration::from_micros(20)); // it has a few instructions to go
        }
        let end = body.end.load(Ordering::Relaxed) as u32; // [J10]
        self.end = self.end.min(end).max(self.done);
    }

    /// Where the results of a job go that had its arguments in its cell.
    fn open_body(&mut self) {
        let body = &self.at.pool.bodies[self.job.cell];
        body.progress.store(0, Ordering::Relaxed);
        body.cut.store(0, Ordering::Relaxed);
        body.room.store(Location::inline(0).0, Ordering::Relaxed);
        body.room_len.store(INLINE as u64, Ordering::Relaxed);
        body.dense.store(0, Ordering::Relaxed);
        body.records.store(0, Ordering::Relaxed);
        body.used.store(0, Ordering::Relaxed);
        self.find_room();
    }

    fn find_room(&mut self) {
        let body = &self.at.pool.bodies[self.job.cell];
        // [J1] [J6]
        let location = Location(body.room.load(Ordering::Relaxed));
        let len = body.room_len.load(Ordering::Relaxed) as usize;
        self.large |= location.slab().is_some();
        let memory = self.at.memory(self.job.cell, location);
        self.room = Some(Room {
            memory,
            len,
            used: body.used.load(Ordering::Relaxed) as usize,
            records: body.records.load(Ordering::Relaxed) as u32,
            dense: Dense::from_bits(body.dense.load(Ordering::Relaxed)),
        });
    }

    /// Asks the owner for room, and waits for its answer. False: there is none.
    #[cold]
    fn grow(&mut self, wanted: usize) -> bool {
        let Bench { pool, me, .. } = &*self.at;
        let body = &pool.bodies[self.job.cell];
        let room = self.room.as_ref().expect("room was found before it is too small");
        let given = &pool.records[me.number()].given;
        let seen = given.load(Ordering::Acquire);
        // [J6]
        body.wanted.store(wanted as u64, Ordering::Relaxed);
        body.denied.store(0, Ordering::Relaxed);
        body.records.store(u64::from(room.records), Ordering::Relaxed);
        body.used.store(room.used as u64, Ordering::Relaxed);
        point!("pool.before_want");
        pool.board.want(self.job);
        pool.bell(OWN_BELL).ring();
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
        self.room.as_ref().is_some_and(|room| wanted <= room.len)
    }

    /// Says that this worker keeps alive what the results refer to.
    pub(crate) fn keep_handles(&mut self) {
        self.what |= HANDLES;
        let cell = &self.at.pool.board.words.cells[self.job.cell];
        cell.what.store(self.what, Ordering::Relaxed); // [J2]
    }

    /// Ends the job; all its items are committed.
    #[inline]
    pub(crate) fn finish(self) {
        let Bench { pool, me, .. } = &*self.at;
        if self.large {
            self.at.forget_large();
        }
        if pool.board.finish(*me, self.job) {
            pool.bell((self.what >> BELL_SHIFT) as u8).ring();
        }
        if pool.board.words.header.crowded.load(Ordering::Relaxed) != 0 {
            pool.bell(OWN_BELL).ring(); // [J8]
        }
    }
}
