//! The owner's side: jobs filled in, read out, and taken up again after a death.
//!
//! The caller keeps the books (which cell is free, which job has which blocks), and calls from one
//! thread at a time.

use std::ops::Range;

use super::answer::{Answer, InPlace};
use super::board::{Job, Poster, Words};
use super::heap::{Block, Heap};
use super::input::Arguments;
use super::layout::{INLINE, RawPool, SLAB_NAME, Size};
use super::memory::{Location, Memory, set_name};
use super::record::{self, Dense};
use super::slab::RawSlab;
use super::words::{State, WorkerId};
use crate::error::Error;
use crate::raw::hook::point;
use crate::raw::sync::{Ordering, futex_wake, sleeper_fence};
use crate::segment::handle::Handle;

pub(super) const CUTTING: u64 = 1;
const CUT: u64 = 2;

/// Arguments and results of up to this many bytes lie in the job's cell.
pub(super) const SMALL: usize = 8;
pub(super) const BELL_SHIFT: u32 = 32;
pub(super) const ARGS_LEN_SHIFT: u32 = 40;
pub(super) const IS_SMALL: u64 = 1 << 44;
pub(super) const RESULT_LEN_SHIFT: u32 = 48;
pub(super) const ANSWERED: u64 = 1 << 52;
pub(super) const HANDLES: u64 = 1 << 53;
const ANSWER: u64 = ANSWERED | HANDLES | 0xF << RESULT_LEN_SHIFT;

/// How much more room than there is results can need at once: for a record, and a byte for each item.
const MOST_AT_ONCE: usize = 2 << 32;

/// The bell of the pool's own thread.
pub(crate) const OWN_BELL: u8 = 0;

/// How a slab is told of to workers: bytes by which they find it.
pub(crate) type Name = fn(&Handle<RawSlab>) -> Result<Vec<u8>, String>;

/// A job to be posted.
pub(crate) struct Order<'a> {
    /// Where the function is.
    pub(crate) function: u32,
    /// Which bell to ring at the end.
    pub(crate) bell: u8,
    /// Whether to ring it, even if nobody asks.
    pub(crate) ring: bool,
    pub(crate) items: u32,
    /// The arguments of all items, one behind another.
    pub(crate) args: &'a [u8],
    /// Where each item's arguments end; empty where all are of one length.
    pub(crate) ends: &'a [u32],
    /// Bytes that the results will probably take.
    pub(crate) room: usize,
}

/// What a job has of the heap.
#[derive(Default, Debug)]
pub(crate) struct Blocks {
    args: Option<Block>,
    room: Option<Block>,
}

/// The owner of a pool's shared part.
pub(crate) struct Owner {
    pool: Handle<RawPool>,
    poster: Poster,
    heap: Heap,
    name: Name,
}

impl Owner {
    pub(crate) fn new(size: Size, name: Name) -> Result<Owner, Error> {
        let pool = Handle::<RawPool>::new(size)?;
        let poster = Poster::new(size.cells as usize, pool.board.words.places());
        Ok(Owner { pool, poster, heap: Heap::new(), name })
    }

    pub(crate) fn pool(&self) -> &Handle<RawPool> {
        &self.pool
    }

    /// How many cells there are.
    pub(crate) fn cells(&self) -> usize {
        self.pool.bodies.len()
    }

    /// Fills in the job of a free cell, and posts it. `Err`: why there is no memory for it; the cell is
    /// still free.
    #[inline]
    pub(crate) fn post(&mut self, cell: usize, order: &Order<'_>) -> Result<(Job, Blocks), String> {
        let what = u64::from(order.function) | u64::from(order.bell) << BELL_SHIFT;
        let (what, blocks) =
            if order.items == 1 && order.args.len() <= SMALL && order.room <= INLINE {
                let mut argument = [0; SMALL];
                argument[..order.args.len()].copy_from_slice(order.args);
                let argument = u64::from_ne_bytes(argument);
                self.pool.board.words.cells[cell].argument.store(argument, Ordering::Relaxed); // [J1]
                let len = (order.args.len() as u64) << ARGS_LEN_SHIFT;
                (what | len | IS_SMALL, Blocks::default())
            } else {
                (what, self.fill_body(cell, order)?)
            };
        self.pool.board.words.cells[cell].what.store(what, Ordering::Relaxed); // [J1]
        let job = self.pool.board.post(&mut self.poster, cell, order.ring);
        Ok((job, blocks))
    }

    fn fill_body(&mut self, cell: usize, order: &Order<'_>) -> Result<Blocks, String> {
        let mut blocks = Blocks::default();
        let filled = self.fill_parts(cell, order, &mut blocks);
        if let Err(why) = filled {
            self.give_back(blocks);
            return Err(why);
        }
        let body = &self.pool.bodies[cell];
        // [J1]
        body.progress.store(0, Ordering::Relaxed);
        body.end.store(u64::from(order.items), Ordering::Relaxed);
        body.cut.store(0, Ordering::Relaxed);
        body.dense.store(0, Ordering::Relaxed);
        body.records.store(0, Ordering::Relaxed);
        body.used.store(0, Ordering::Relaxed);
        body.items.store(u64::from(order.items), Ordering::Relaxed);
        let table = size_of_val(order.ends);
        body.args_len.store((table + order.args.len()) as u64, Ordering::Relaxed);
        body.table.store(u64::from(table != 0), Ordering::Relaxed);
        body.denied.store(0, Ordering::Relaxed);
        Ok(blocks)
    }

    /// Finds a place for the arguments and for the results.
    fn fill_parts(
        &mut self,
        cell: usize,
        order: &Order<'_>,
        blocks: &mut Blocks,
    ) -> Result<(), String> {
        let table: &[u8] = bytemuck::cast_slice(order.ends);
        let len = table.len() + order.args.len();
        let in_place = if len <= INLINE { len } else { 0 };
        let (memory, args) = if len <= INLINE {
            (Memory::Inline(self.pool.clone(), cell, 0), Location::inline(0))
        } else {
            let block = self.take_block(len)?;
            blocks.args = Some(block);
            let slab = self.heap.slab(block).clone();
            (Memory::InSlab(slab, block.at), Location::of(block))
        };
        if !(memory.write(0, table) && memory.write(table.len(), order.args)) {
            return Err("a block that is too small for its arguments".to_owned());
        }
        point!("pool.args_written");
        // At least a byte for each item, so that there is room to say that there is none.
        let wanted = order.room.max(order.items as usize);
        let (room, room_len) = if wanted <= INLINE - in_place {
            (Location::inline(in_place), INLINE - in_place)
        } else {
            let block = self.take_block(wanted)?;
            blocks.room = Some(block);
            (Location::of(block), block.len)
        };
        let body = &self.pool.bodies[cell];
        body.args.store(args.0, Ordering::Relaxed); // [J1]
        body.room.store(room.0, Ordering::Relaxed); // [J1]
        body.room_len.store(room_len as u64, Ordering::Relaxed); // [J1]
        Ok(())
    }

    fn take_block(&mut self, len: usize) -> Result<Block, String> {
        let (pool, name) = (&self.pool, self.name);
        self.heap.take(len, |number, slab| {
            let name = name(slab)?;
            if name.len() > SLAB_NAME || !set_name(&pool.slabs[number], &name) {
                return Err(format!("a slab whose name takes {} bytes", name.len()));
            }
            Ok(())
        })
    }

    fn give_back(&mut self, blocks: Blocks) {
        for block in [blocks.args, blocks.room].into_iter().flatten() {
            self.heap.give_back(block);
        }
    }

    /// Shows workers what was posted, and wakes them for so many jobs.
    pub(crate) fn announce(&self, count: usize) {
        self.pool.board.announce(&self.poster, count);
    }

    /// Frees the cell of a job that is done, and what it had.
    #[inline]
    pub(crate) fn take(&mut self, cell: usize, blocks: Blocks) {
        self.give_back(blocks);
        self.pool.board.take(&mut self.poster, cell);
    }

    /// The results of a job that is done. Its cell is not taken as long as they are looked at.
    #[inline]
    pub(crate) fn answer(&self, job: Job, blocks: &Blocks) -> Answer {
        let cell = &self.pool.board.words.cells[job.cell];
        let what = cell.what.load(Ordering::Relaxed); // [J2]
        if what & ANSWERED != 0 {
            let result = cell.result.load(Ordering::Relaxed); // [J2]
            let len = (what >> RESULT_LEN_SHIFT & 0xF) as usize;
            return Answer::Small(result.to_ne_bytes(), len.min(SMALL));
        }
        let body = &self.pool.bodies[job.cell];
        // [J2]
        let len = body.room_len.load(Ordering::Relaxed) as usize;
        let dense = Dense::from_bits(body.dense.load(Ordering::Relaxed));
        let records = InPlace { memory: self.room_of(job, blocks), len, dense };
        Answer::Records { records, handles: what & HANDLES != 0 }
    }

    /// Where a job's results are: as this side knows it.
    fn room_of(&self, job: Job, blocks: &Blocks) -> Memory {
        match blocks.room {
            Some(block) => Memory::InSlab(self.heap.slab(block).clone(), block.at),
            None => {
                let room = self.pool.bodies[job.cell].room.load(Ordering::Relaxed);
                Memory::Inline(self.pool.clone(), job.cell, Location(room).offset())
            }
        }
    }

    /// Makes room for the results of a job whose worker waits for it, if one does. How many bytes it
    /// asked for.
    pub(crate) fn make_room(&mut self, job: Job, blocks: &mut Blocks) -> Option<usize> {
        let word = self.pool.board.state(job.cell);
        if word.state() != State::Wants || word.lap() != job.lap {
            return None;
        }
        let body = &self.pool.bodies[job.cell];
        // [J6]
        let wanted = body.wanted.load(Ordering::Relaxed) as usize;
        let used = body.used.load(Ordering::Relaxed) as usize;
        let moved = self.move_to_more(job, blocks, used, wanted);
        let body = &self.pool.bodies[job.cell];
        match moved {
            Some(block) => {
                body.room.store(Location::of(block).0, Ordering::Relaxed); // [J6]
                body.room_len.store(block.len as u64, Ordering::Relaxed); // [J6]
                if let Some(old) = blocks.room.replace(block) {
                    self.heap.give_back(old);
                }
            }
            None => body.denied.store(1, Ordering::Relaxed), // [J6]
        }
        point!("pool.room_made");
        self.pool.board.give(job);
        if let Some(record) = self.pool.records.get(word.worker().number()) {
            record.given.fetch_add(1, Ordering::Release);
            futex_wake(&record.given, u32::MAX);
        }
        moved.and(Some(wanted))
    }

    /// A block of so many bytes, with the bytes that a job's results take now.
    fn move_to_more(
        &mut self,
        job: Job,
        blocks: &Blocks,
        used: usize,
        wanted: usize,
    ) -> Option<Block> {
        let old = self.room_of(job, blocks);
        let bytes = old.read(0, used)?;
        // It is one more result that needs room, whose length is told in 32 bits.
        if wanted.checked_sub(used)? > MOST_AT_ONCE {
            return None;
        }
        let block = self.take_block(wanted.max(2 * used)).ok()?;
        if self.heap.slab(block).write(block.at, bytes) {
            return Some(block);
        }
        self.heap.give_back(block);
        None
    }

    /// The jobs that a dead worker held.
    pub(crate) fn held_by(&self, dead: WorkerId) -> Vec<Job> {
        self.pool.board.held_by(&self.poster, dead).collect()
    }

    /// The jobs whose workers wait for room.
    pub(crate) fn wanting(&self) -> Vec<Job> {
        let states = (0..self.cells()).map(|cell| (cell, self.pool.board.state(cell)));
        states
            .filter(|(_, word)| word.state() == State::Wants)
            .map(|(cell, word)| Job { cell, lap: word.lap() })
            .collect()
    }

    /// How many items of a job were done when its worker died. `left`: those not known to be done.
    pub(crate) fn done_of(&self, job: Job, left: Range<u32>) -> u32 {
        let what = self.pool.board.words.cells[job.cell].what.load(Ordering::Relaxed);
        if what & IS_SMALL != 0 {
            return left.start; // its commit is the end of the job
        }
        let done = self.pool.bodies[job.cell].progress.load(Ordering::Acquire) as u32; // [J7]
        done.clamp(left.start, left.end)
    }

    /// Offers the rest of a dead worker's job: the items from `done` on, `lost` of which before have no
    /// record. [`announce`](Owner::announce) comes after it.
    pub(crate) fn reopen(&mut self, job: Job, blocks: &Blocks, (done, lost): (u32, u32)) {
        let what = &self.pool.board.words.cells[job.cell].what;
        let before = what.load(Ordering::Relaxed);
        what.store(before & !ANSWER, Ordering::Relaxed); // [J1]
        if before & IS_SMALL == 0 {
            let body = &self.pool.bodies[job.cell];
            let records = done.saturating_sub(lost);
            let dense = Dense::from_bits(body.dense.load(Ordering::Relaxed));
            let len = body.room_len.load(Ordering::Relaxed) as usize;
            let memory = self.room_of(job, blocks);
            let room = memory.read(0, len).unwrap_or(&[]);
            let used = record::length(room, dense, records).unwrap_or(room.len());
            // [J1]
            body.records.store(u64::from(records), Ordering::Relaxed);
            body.used.store(used as u64, Ordering::Relaxed);
            if records == 0 {
                body.dense.store(0, Ordering::Relaxed);
            }
            body.progress.store(u64::from(done), Ordering::Relaxed);
            body.cut.store(0, Ordering::Relaxed);
        }
        self.pool.board.reopen(&mut self.poster, job);
    }

    /// Cuts off what a job's worker has not begun, but for the item that it is at. `left`: the items that
    /// are not known to be done. The items cut off, which are of these; `None`: there are none.
    pub(crate) fn cut(&mut self, job: Job, left: Range<u32>) -> Option<Range<u32>> {
        let what = self.pool.board.words.cells[job.cell].what.load(Ordering::Relaxed);
        let word = self.pool.board.state(job.cell);
        if what & IS_SMALL != 0 || word.state() != State::Running || word.lap() != job.lap {
            return None;
        }
        let body = &self.pool.bodies[job.cell];
        body.cut.store(CUTTING, Ordering::Relaxed); // [J9]
        let fenced = sleeper_fence();
        // What it is at, or is about to look whether it may be at.
        let progress = body.progress.load(Ordering::Acquire).max(left.start.into()); // [J7] [J9]
        let begun = u32::try_from(progress.saturating_add(1)).ok();
        let begun = begun.filter(|begun| fenced && *begun < left.end);
        if let Some(begun) = begun {
            body.end.store(begun.into(), Ordering::Relaxed); // [J10]
        }
        body.cut.store(CUT, Ordering::Release); // [J10]
        begun.map(|begun| begun..left.end)
    }

    /// The arguments of some items of a job: their bytes, and where each item's end; nothing where all
    /// are of one length.
    pub(crate) fn args_of(
        &self,
        job: Job,
        blocks: &Blocks,
        items: Range<u32>,
    ) -> Option<(Vec<u8>, Vec<u32>)> {
        let body = &self.pool.bodies[job.cell];
        let memory = match blocks.args {
            Some(block) => Memory::InSlab(self.heap.slab(block).clone(), block.at),
            None => Memory::Inline(self.pool.clone(), job.cell, 0),
        };
        let all = memory.read(0, body.args_len.load(Ordering::Relaxed) as usize)?;
        let count = body.items.load(Ordering::Relaxed) as u32;
        let args = Arguments::new(all, count, body.table.load(Ordering::Relaxed) != 0);
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for item in items {
            bytes.extend_from_slice(args.of(item)?);
            ends.push(bytes.len() as u32);
        }
        Some((bytes, if args.is_uniform() { Vec::new() } else { ends }))
    }

    /// Ends a job that nobody began, or whose worker is dead, and rings. False: it is another's.
    pub(crate) fn conclude(&mut self, job: Job, dead: Option<WorkerId>) -> bool {
        let Some(rings) = self.pool.board.conclude(job, dead) else { return false };
        let what = self.pool.board.words.cells[job.cell].what.load(Ordering::Relaxed);
        if rings {
            self.pool.bell((what >> BELL_SHIFT) as u8).ring();
        }
        true
    }
}
