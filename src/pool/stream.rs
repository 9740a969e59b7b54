//! A call that its own thread feeds and reads: what `map` and `imap` are made of.
//!
//! The thread pulls and packs items, hands chunks over as cells become free, takes out what is done, and
//! sleeps only when neither is possible. One turn of the lock serves many chunks.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::MutexGuard;
use std::time::Duration;

use super::error::TaskError;
use super::ledger::{Ledger, Then};
use super::results::{Finished, Hold};
use super::shared::Shared;
use super::stage::{Sizes, Stage};
use crate::raw::pool::board::Job;
use crate::sys::clock::{Deadline, Naps};
use crate::transfer::Transfer;

/// Chunks that are packed before they are handed over.
const BATCH: usize = 32;
/// And bytes of them.
const BATCH_BYTES: usize = 64 << 10;

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
    /// Chunks that may be handed over and not read.
    window: usize,
    /// How many chunks were handed over.
    posted: usize,
    /// How many chunks were read.
    read: usize,
    /// Chunks that are done: by number from `read` on, or as they came.
    arrived: VecDeque<Option<Finished>>,
    holds: Vec<Hold>,
    naps: Naps,
    /// It reads everything there is, and at once.
    bulk: bool,
}

impl<'p, I> Stream<'p, I>
where
    I: Iterator,
    I::Item: Transfer,
{
    /// Begins a call. `window`: `None` for as much as there is room for.
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
        let most = ledger.owner.cells() * 3 / 4;
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
            window: window.map_or(most, |window| window.min(most)),
            posted: 0,
            read: 0,
            arrived: VecDeque::new(),
            holds: Vec::new(),
            naps: Naps::until(Deadline::Never),
            bulk: window.is_none(),
        })
    }

    /// The next chunk that is done, in order. `None`: there are no more.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Finished>, TaskError> {
        loop {
            if let Some(finished) = self.take_arrived() {
                return Ok(Some(finished));
            }
            let done = self.items.is_none() && self.stage.len() == 0 && self.read == self.posted;
            if done {
                return Ok(None);
            }
            self.turn(true)?;
        }
    }

    /// Hands over what can be, if the workers may soon be out of work.
    pub(super) fn keep_fed(&mut self) {
        let on_the_way = self.posted - self.read;
        if self.items.is_some() && on_the_way <= self.window / 2 {
            // An end of the pool shows in the next chunk.
            let _ = self.turn(false);
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
            Order::AsDone => self.arrived.pop_front()?,
            Order::AsGiven => {
                self.arrived.front()?.as_ref()?;
                self.arrived.pop_front()?
            }
        };
        self.read += 1;
        finished
    }

    fn arrive(&mut self, finished: Finished) {
        if self.order == Order::AsDone {
            return self.arrived.push_back(Some(finished));
        }
        let index = finished.number - self.read;
        if self.arrived.len() <= index {
            self.arrived.resize_with(index + 1, || None);
        }
        self.arrived[index] = Some(finished);
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
        let patience = 2 * ledger.crew.target() + 2;
        ledger.harvest(self.call, patience);
        let inbox = std::mem::take(&mut ledger.call(self.call).inbox);
        let mut progress = !inbox.is_empty();
        inbox.into_iter().for_each(|finished| self.arrive(finished));
        progress |= self.post(&mut ledger) > 0;
        if ledger.is_crowded() {
            ledger.pump();
        }
        let over = self.items.is_none() && self.stage.len() == 0 && self.read == self.posted;
        if progress || over || !wait {
            self.naps = Naps::until(Deadline::Never);
            return Ok(());
        }
        self.wait(ledger, seen);
        Ok(())
    }

    /// Packs the next items, as many as may soon be handed over.
    fn pull(&mut self) {
        // Few at first, so that workers have something to do.
        let batch = if self.posted == 0 { BATCH / 4 } else { BATCH };
        while self.items.is_some()
            && self.stage.len() < batch
            && self.stage.bytes() < BATCH_BYTES
            && self.stage.count() - self.read < self.window
        {
            self.stage.pull(&mut self.items);
        }
    }

    /// Hands over packed chunks, as far as cells are free. Tells how many.
    fn post(&mut self, ledger: &mut Ledger) -> usize {
        if self.stage.len() > 0 && ledger.room() == 0 && self.posted == self.read {
            // Nothing of its own comes back: others hold all the cells.
            ledger.harvest_all();
        }
        let (mut handled, mut posted) = (0, 0);
        loop {
            let carried = match ledger.room() {
                0 => break,
                _ => self.stage.take_carried(),
            };
            let Some((chunk, refused)) = self.stage.first() else { break };
            if let Some(error) = refused {
                let finished = Finished::failed(chunk.number, chunk.items, error);
                self.stage.pop();
                self.arrive(finished);
            } else {
                posted += usize::from(ledger.post(self.call, &chunk, carried));
                self.stage.pop();
            }
            handled += 1;
        }
        self.posted += handled;
        if posted > 0 {
            ledger.owner.announce(posted);
        }
        handled
    }

    /// Sleeps until it may be worth another turn.
    fn wait(&mut self, mut ledger: MutexGuard<'_, Ledger>, seen: u32) {
        let pool = self.pool;
        let jobs = self.awaited(&mut ledger);
        let nap = self.naps.next().unwrap_or(Duration::from_millis(1));
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
            Order::AsGiven if self.bulk && jobs.len() > 8 => vec![jobs[jobs.len() / 2]],
            Order::AsGiven => jobs.front().copied().into_iter().collect(),
        }
    }
}

impl<I> Drop for Stream<'_, I> {
    fn drop(&mut self) {
        let mut ledger = self.pool.ledger();
        for hold in self.holds.drain(..) {
            ledger.release(hold);
        }
        for finished in self.arrived.drain(..).flatten() {
            ledger.discard(finished);
        }
        ledger.end(self.call);
        if self.bulk {
            ledger.open -= 1;
        }
        drop(ledger);
        self.pool.tell();
    }
}
