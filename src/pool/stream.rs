//! A call that its own thread feeds and reads: what `map` and `imap` are made of.
//!
//! The thread pulls and packs items, hands chunks over as cells become free, takes out what is done, and
//! sleeps only when neither is possible. One turn of the lock serves many chunks.
//!
//! *One by one.* Where items are handed over one by one, those that are done in no time are put into one
//! chunk, as many as a worker does in [`BUNDLE_TIME`]. If one of them takes its time after all, while
//! workers have nothing to do, those after it are taken back and handed over again.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::MutexGuard;
use std::time::Duration;

use super::call::Then;
use super::error::TaskError;
use super::ledger::Ledger;
use super::results::{Finished, Hold};
use super::shared::Shared;
use super::stage::{Sizes, Stage};
use crate::raw::pool::board::Job;
use crate::sys::clock::{Deadline, Naps, now_nanos};
use crate::transfer::Transfer;

/// Chunks that are packed before they are handed over.
const BATCH: usize = 32;
/// And bytes of them.
const BATCH_BYTES: usize = 64 << 10;

/// How long the items of a bundle take, in nanoseconds, as far as one can tell.
const BUNDLE_TIME: u64 = 20_000;
const LARGEST_BUNDLE: usize = 256;
/// The same, where only so many items may be pulled ahead.
const LARGEST_AHEAD: usize = 64;
/// How much larger than the one before.
const GROWTH: usize = 8;
/// Over how long the time of an item is measured, in nanoseconds.
const MEASURED: u64 = 20_000;

/// In which order results are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    AsGiven,
    AsDone,
}

/// A call in progress.
pub(super) struct Stream<'p, I> {
    pool: &'p Shared,
    call: usize,
    bell: u8,
    items: Option<I>,
    stage: Stage,
    order: Order,
    /// Chunks that may be pulled and not read; `None`: it reads everything, and at once.
    window: Option<usize>,
    /// How many items were handed over.
    posted: usize,
    /// How many items were read.
    read: usize,
    /// What is done and was not read: by its first item, or as it came.
    arrived: BTreeMap<usize, Finished>,
    as_done: VecDeque<Finished>,
    holds: Vec<Hold>,
    naps: Naps,
    /// Since when items are counted, and how many were done.
    measured: (u64, usize),
}

impl<'p, I> Stream<'p, I>
where
    I: Iterator,
    I::Item: Transfer,
{
    /// Begins a call. `room`: how many bytes a result takes, as far as its type tells.
    pub(super) fn begin(
        pool: &'p Shared,
        function: Option<u64>,
        items: I,
        room: usize,
        (sizes, order, window): (Sizes, Order, Option<usize>),
    ) -> Result<Stream<'p, I>, TaskError> {
        let call = pool.begin(function, Then::Nothing, room)?;
        let mut ledger = pool.ledger();
        let bell = ledger.call(call).bell;
        if window.is_none() {
            ledger.open += 1; // its thread is in it until the end
        }
        drop(ledger);
        Ok(Stream {
            pool,
            call,
            bell,
            items: Some(items),
            stage: Stage::new(sizes),
            order,
            window,
            posted: 0,
            read: 0,
            arrived: BTreeMap::new(),
            as_done: VecDeque::new(),
            holds: Vec::new(),
            naps: Naps::until(Deadline::Never),
            measured: (now_nanos(), 0),
        })
    }

    /// The next chunk that is done, in order. `None`: there are no more.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Finished>, TaskError> {
        loop {
            if let Some(finished) = self.take_arrived() {
                return Ok(Some(finished));
            }
            if self.is_over() {
                return Ok(None);
            }
            self.turn(true)?;
        }
    }

    /// Whether there are no more items, and all were read.
    fn is_over(&self) -> bool {
        self.items.is_none() && self.stage.len() == 0 && self.read == self.posted
    }

    /// Hands over what can be, if the workers may soon be out of work.
    pub(super) fn keep_fed(&mut self) {
        let ahead = self.posted - self.read;
        if self.items.is_some() && ahead <= self.most_ahead() / 2 {
            // An end of the pool shows in the next chunk.
            let _ = self.turn(false);
        }
    }

    /// How many items may be pulled and not read.
    fn most_ahead(&self) -> usize {
        match self.window {
            None => usize::MAX,
            Some(chunks) => chunks.saturating_mul(self.stage.size()),
        }
    }

    /// Gives back the cell of a chunk that was read, in the next turn.
    #[inline]
    pub(super) fn give_back(&mut self, hold: Option<Hold>) {
        self.holds.extend(hold);
    }

    /// What the iterator panicked with.
    pub(super) fn take_panic(&mut self) -> Option<Box<dyn std::any::Any + Send>> {
        self.stage.panic.take()
    }

    fn take_arrived(&mut self) -> Option<Finished> {
        let finished = match self.order {
            Order::AsDone => self.as_done.pop_front()?,
            Order::AsGiven => self.arrived.remove(&self.read)?,
        };
        self.read += finished.items as usize;
        Some(finished)
    }

    fn arrive(&mut self, finished: Finished) {
        match self.order {
            Order::AsDone => self.as_done.push_back(finished),
            Order::AsGiven => {
                self.arrived.insert(finished.first, finished);
            }
        }
    }

    /// One turn: items are packed, chunks handed over, and those that are done fetched. `wait`: sleeps
    /// if that was nothing.
    fn turn(&mut self, wait: bool) -> Result<(), TaskError> {
        self.pull();
        let pool = self.pool;
        let seen = pool.raw.bell(self.bell).shows();
        let mut ledger = pool.ledger();
        if let Some(why) = ledger.over() {
            return Err(why.clone());
        }
        for hold in self.holds.drain(..) {
            ledger.release(hold);
        }
        let workers = ledger.crew.target();
        ledger.harvest(self.call, 2 * workers + 2);
        let inbox = std::mem::take(&mut ledger.call(self.call).inbox);
        let mut progress = !inbox.is_empty();
        let items: usize = inbox.iter().map(|finished| finished.items as usize).sum();
        inbox.into_iter().for_each(|finished| self.arrive(finished));
        progress |= self.post(&mut ledger);
        if self.stage.len() > 0 && ledger.room() < ledger.owner.cells() / 4 {
            self.copy_arrived(&mut ledger);
        }
        if ledger.is_crowded() {
            ledger.pump();
        }
        if progress {
            self.naps = Naps::until(Deadline::Never);
        } else if wait && !self.is_over() {
            self.wait(ledger, seen);
        }
        self.measure(items, workers);
        Ok(())
    }

    /// Frees the cells of results that wait for earlier ones.
    fn copy_arrived(&mut self, ledger: &mut Ledger) {
        for finished in self.arrived.values_mut() {
            if let Some(hold) = finished.copy() {
                ledger.release(hold);
            }
        }
    }

    /// Packs the next items, as many as may soon be handed over.
    fn pull(&mut self) {
        // Few at first, so that workers have something to do.
        let batch = if self.posted == 0 { BATCH / 4 } else { BATCH };
        while self.items.is_some()
            && self.stage.len() < batch
            && self.stage.bytes() < BATCH_BYTES
            && self.stage.count() - self.read < self.most_ahead()
        {
            self.stage.pull(&mut self.items);
        }
    }

    /// Hands over packed chunks, as far as cells are free. True: there were some.
    fn post(&mut self, ledger: &mut Ledger) -> bool {
        if self.stage.len() > 0 && ledger.room() == 0 && self.posted == self.read {
            // Nothing of its own comes back: others hold all the cells.
            ledger.harvest_all();
        }
        let before = self.stage.len();
        let mut posted = 0;
        loop {
            // Some cells are left for others.
            let most = ledger.owner.cells() / 4 * 3;
            let own = ledger.call(self.call).jobs.len();
            if ledger.room() == 0 || own >= most {
                break;
            }
            let carried = self.stage.take_carried();
            let Some((chunk, refused)) = self.stage.first() else { break };
            self.posted += chunk.items as usize;
            match refused {
                None => posted += usize::from(ledger.post(self.call, &chunk, carried)),
                Some(error) => {
                    let finished = Finished::failed(chunk.first, chunk.items, error);
                    self.arrive(finished);
                }
            }
            self.stage.pop();
        }
        if posted > 0 {
            ledger.owner.announce(posted);
        }
        before > self.stage.len()
    }

    /// Sleeps until it may be worth another turn.
    fn wait(&mut self, mut ledger: MutexGuard<'_, Ledger>, seen: u32) {
        let pool = self.pool;
        let had_naps = self.naps.begun();
        let nap = self.naps.next().unwrap_or(Duration::from_millis(1));
        if had_naps && !pool.raw.board.is_posted() && ledger.split(self.call) {
            self.naps = Naps::until(Deadline::Never);
        }
        let jobs = self.awaited(&mut ledger);
        if jobs.is_empty() {
            // It has no cell, and there is none: somebody else's is to become free.
            ledger.starve(1);
            ledger = pool.wait_for_change(ledger, nap);
            ledger.starve(-1);
            return;
        }
        drop(ledger);
        if pool.spin(jobs[0]) {
            return;
        }
        if jobs.iter().all(|job| pool.raw.board.listen(*job)) {
            pool.raw.bell(self.bell).sleep(seen, nap);
        }
    }

    /// The jobs whose ends it waits for.
    fn awaited(&self, ledger: &mut Ledger) -> Vec<Job> {
        let jobs = &ledger.call(self.call).jobs;
        match self.order {
            Order::AsDone => jobs.iter().copied().collect(),
            // Half of them at once are worth waking up for.
            Order::AsGiven if self.window.is_none() && jobs.len() > 8 => vec![jobs[jobs.len() / 2]],
            Order::AsGiven => jobs.front().copied().into_iter().collect(),
        }
    }

    /// So many items were done: learns how many make a bundle.
    fn measure(&mut self, items: usize, workers: usize) {
        let Some(bundle) = self.stage.bundled() else { return };
        self.measured.1 += items;
        let (since, done) = self.measured;
        let now = now_nanos();
        let took = now - since;
        if took < MEASURED || done == 0 {
            return;
        }
        self.measured = (now, 0);
        let each = (took * workers as u64 / done as u64).max(1);
        let fits = (BUNDLE_TIME / each) as usize;
        let largest = if self.window.is_some() { LARGEST_AHEAD } else { LARGEST_BUNDLE };
        self.stage.bundle(fits.clamp(1, (GROWTH * bundle).min(largest)));
    }
}

impl<I> Drop for Stream<'_, I> {
    fn drop(&mut self) {
        let mut ledger = self.pool.ledger();
        for hold in self.holds.drain(..) {
            ledger.release(hold);
        }
        let arrived = std::mem::take(&mut self.arrived).into_values();
        for finished in arrived.chain(self.as_done.drain(..)) {
            ledger.discard(finished);
        }
        ledger.end(self.call);
        if self.window.is_none() {
            ledger.open -= 1;
        }
        drop(ledger);
        self.pool.tell();
    }
}
