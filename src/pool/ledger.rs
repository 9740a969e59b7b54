//! The books of a pool: which cell holds which chunk of which call, and what is still to be done.
//!
//! ```text
//!   a call's chunk ── queued (calls that do not wait: no cell was free) ──▶ in a cell ──▶ inbox of its call
//!                  └──────────────── in a cell ────────────────────────────────┘
//! ```
//! One lock guards it all; nothing of the user's runs under it. A thread that waits for its own call takes
//! the chunks of that call out of the cells itself, so that there is no other thread in the way. Others
//! do it where nobody waits: for want of cells, for callbacks, at the end.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use super::call::{Call, Chunk, Occupant, Phase, Queued, Then};
use super::crew::Crew;
use super::error::{TaskError, overwritten};
use super::results::{Finished, Hold, Results};
use crate::raw::pool::answer::Answer;
use crate::raw::pool::board::Job;
use crate::raw::pool::owner::{OWN_BELL, Order, Owner};
use crate::raw::pool::words::State;
use crate::transfer::Carried;

/// The books.
pub(super) struct Ledger {
    pub(super) owner: Owner,
    pub(super) crew: Crew,
    pub(super) phase: Phase,
    pub(super) retries: u32,
    free: Vec<usize>,
    pub(super) occupants: Vec<Option<Occupant>>,
    calls: Vec<Option<Call>>,
    vacant: Vec<usize>,
    queued: VecDeque<Queued>,
    /// How many threads wait for a cell.
    starving: i32,
    /// Workers were told that every end counts.
    crowded: bool,
    /// The calls whose callbacks are due.
    pub(super) due: VecDeque<usize>,
    /// Chunks handed over and not done, callbacks not run, and calls that their threads still feed.
    pub(super) open: usize,
}

impl Ledger {
    pub(super) fn new(owner: Owner, crew: Crew, retries: u32) -> Ledger {
        let cells = owner.cells();
        Ledger {
            owner,
            crew,
            phase: Phase::Open,
            retries,
            free: (0..cells).rev().collect(),
            occupants: (0..cells).map(|_| None).collect(),
            calls: Vec::new(),
            vacant: Vec::new(),
            queued: VecDeque::new(),
            starving: 0,
            crowded: false,
            due: VecDeque::new(),
            open: 0,
        }
    }

    /// Why no call may begin now.
    pub(super) fn refusal(&self) -> Option<TaskError> {
        match &self.phase {
            Phase::Open => None,
            Phase::Closing => Some(TaskError::Closed),
            Phase::Over(why) => Some(why.clone()),
        }
    }

    /// Why nothing more of a call will be done.
    pub(super) fn over(&self) -> Option<&TaskError> {
        match &self.phase {
            Phase::Over(why) => Some(why),
            Phase::Open | Phase::Closing => None,
        }
    }

    pub(super) fn begin(&mut self, call: Call) -> usize {
        match self.vacant.pop() {
            Some(number) => {
                self.calls[number] = Some(call);
                number
            }
            None => {
                self.calls.push(Some(call));
                self.calls.len() - 1
            }
        }
    }

    pub(super) fn call(&mut self, number: usize) -> &mut Call {
        self.calls[number].as_mut().expect("a call is there until it is ended")
    }

    /// Nobody fetches the results of the call any more; but what a callback is to get stays for it.
    pub(super) fn end(&mut self, number: usize) {
        let call = self.call(number);
        call.abandoned = true;
        if call.then == Then::Nothing || call.called_back {
            for finished in std::mem::take(&mut call.inbox) {
                self.discard(finished);
            }
        }
        self.remove_if_done(number);
        self.pump();
    }

    fn remove_if_done(&mut self, number: usize) {
        let call = self.call(number);
        if call.abandoned && call.open == 0 && (call.then == Then::Nothing || call.called_back) {
            self.calls[number] = None;
            self.vacant.push(number);
        }
    }

    pub(super) fn discard(&mut self, finished: Finished) {
        if let Results::InPlace(place) | Results::WithHandles(place) = finished.results {
            self.release(place.1);
        }
    }

    /// Frees the cell of results that were read. [`pump`](Ledger::pump) comes after it.
    pub(super) fn release(&mut self, hold: Hold) {
        self.owner.take(hold.cell, hold.blocks);
        self.free.push(hold.cell);
    }

    /// How many cells are free.
    pub(super) fn room(&self) -> usize {
        self.free.len()
    }

    /// Puts a chunk into a free cell; [`Owner::announce`] comes after it. False: it is done already, as
    /// there is no memory for it.
    pub(super) fn post(&mut self, number: usize, chunk: &Chunk<'_>, carried: Carried) -> bool {
        let call = self.calls[number].as_mut().expect("a call is there until it is ended");
        let cell = self.free.pop().expect("the caller asked for room");
        let order = Order {
            function: call.function,
            bell: call.bell,
            ring: call.then == Then::Callback,
            items: chunk.items,
            args: chunk.args,
            ends: chunk.ends,
            room: call.room_for(chunk.items),
        };
        call.open += 1;
        self.open += 1;
        match self.owner.post(cell, &order) {
            Ok((job, blocks)) => {
                call.jobs.push_back(job);
                self.occupants[cell] = Some(Occupant {
                    call: number,
                    first: chunk.first,
                    items: chunk.items,
                    job,
                    blocks,
                    carried,
                    lost: Vec::new(),
                    tried: (0, 0),
                });
                true
            }
            Err(why) => {
                self.free.push(cell);
                let error = TaskError::refused(why);
                self.deliver(number, Finished::failed(chunk.first, chunk.items, &error), true);
                false
            }
        }
    }

    /// Hands over a chunk of a call that does not wait: into a cell, or into the queue.
    pub(super) fn post_or_queue(&mut self, number: usize, chunk: &Chunk<'_>, carried: Carried) {
        if self.queued.is_empty() && (self.room() > 0 || self.harvest_all()) {
            if self.post(number, chunk, carried) {
                self.owner.announce(1);
            }
            return;
        }
        self.call(number).open += 1;
        self.open += 1;
        self.queued.push_back(Queued {
            call: number,
            first: chunk.first,
            items: chunk.items,
            args: chunk.args.to_vec(),
            ends: chunk.ends.to_vec(),
            carried,
        });
        self.tell_crowded();
        self.owner.pool().bell(OWN_BELL).ring();
    }

    /// One thread more, or less, waits for a cell.
    pub(super) fn starve(&mut self, by: i32) {
        self.starving += by;
        self.tell_crowded();
        self.owner.pool().bell(OWN_BELL).ring();
    }

    /// Tells workers whether every end of a job is to be told.
    pub(super) fn tell_crowded(&mut self) {
        let crowded = self.is_crowded() || self.phase == Phase::Closing;
        if self.crowded != crowded {
            self.crowded = crowded;
            self.owner.pool().set_crowded(crowded);
        }
    }

    /// Moves queued chunks into free cells.
    pub(super) fn pump(&mut self) {
        let mut posted = 0;
        while self.room() > 0
            && let Some(next) = self.queued.pop_front()
        {
            let Queued { call, first, items, args, ends, carried } = next;
            self.call(call).open -= 1;
            self.open -= 1;
            let chunk = Chunk { first, items, args: &args, ends: &ends };
            posted += usize::from(self.post(call, &chunk, carried));
        }
        if posted > 0 {
            self.owner.announce(posted);
        }
        self.tell_crowded();
    }

    /// Whether cells are wanted that are not there.
    pub(super) fn is_crowded(&self) -> bool {
        !self.queued.is_empty() || self.starving > 0
    }

    /// Takes the chunks of a call that are done out of their cells, into its inbox. `patience`: after
    /// having found some, it stops at so many in a row that are not done.
    pub(super) fn harvest(&mut self, number: usize, patience: usize) {
        let mut jobs = std::mem::take(&mut self.call(number).jobs);
        let (mut kept, mut found, mut in_vain) = (Vec::new(), false, 0);
        while let Some(job) = jobs.pop_front() {
            if !self.is_occupied(job) {
                continue; // another thread took it out
            }
            match self.owner.pool().board.state_of(job) {
                None | Some(State::Done) => {
                    found = true;
                    in_vain = 0;
                    let finished = self.take_out(job.cell, false);
                    self.deliver(number, finished, false);
                    continue;
                }
                Some(State::Wants) => self.make_room(job),
                Some(_) => {}
            }
            kept.push(job);
            in_vain += 1;
            if found && in_vain >= patience {
                break;
            }
        }
        for job in kept.into_iter().rev() {
            jobs.push_front(job);
        }
        self.call(number).jobs = jobs;
    }

    fn is_occupied(&self, job: Job) -> bool {
        self.occupants[job.cell].as_ref().is_some_and(|occupant| occupant.job == job)
    }

    /// Takes every chunk that is done out of its cell, and frees that. True: there are free cells.
    pub(super) fn harvest_all(&mut self) -> bool {
        self.harvest_where(|_| true);
        self.pump();
        self.room() > 0
    }

    /// The same, of calls with callbacks alone.
    pub(super) fn harvest_callbacks(&mut self) {
        self.harvest_where(|call| call.then == Then::Callback);
    }

    fn harvest_where(&mut self, which: impl Fn(&Call) -> bool) {
        for cell in 0..self.occupants.len() {
            let Some(occupant) = &self.occupants[cell] else { continue };
            let number = occupant.call;
            let is_meant = self.calls[number].as_ref().is_some_and(&which);
            let state = self.owner.pool().board.state_of(occupant.job);
            if is_meant && matches!(state, None | Some(State::Done)) {
                let finished = self.take_out(cell, true);
                self.deliver(number, finished, true);
            }
        }
    }

    /// What came of the chunk in a cell, which is done, or was overwritten. Results are left where they
    /// are, or copied.
    fn take_out(&mut self, cell: usize, copy: bool) -> Finished {
        let occupant = self.occupants[cell].take().expect("a cell that holds a chunk");
        let Occupant { first, items, job, blocks, lost, .. } = occupant;
        if self.owner.pool().board.state_of(job).is_none() {
            self.release(Hold { cell, blocks });
            return Finished::failed(first, items, &overwritten());
        }
        let answer = (lost.len() < items as usize).then(|| self.owner.answer(job, &blocks));
        let results = match answer {
            None => Results::None,
            Some(Answer::Small(bytes, len)) => Results::Small(bytes, len),
            Some(Answer::Records { records, handles }) => {
                let place = Box::new((records, Hold { cell, blocks }));
                let results = match handles {
                    true => Results::WithHandles(place),
                    false => Results::InPlace(place),
                };
                let mut finished = Finished { first, items, lost, results };
                if copy && let Some(hold) = finished.copy() {
                    self.release(hold);
                }
                return finished;
            }
        };
        self.release(Hold { cell, blocks });
        Finished { first, items, lost, results }
    }

    /// Puts a chunk that is done into the inbox of its call. `tell`: somebody else may wait for it.
    pub(super) fn deliver(&mut self, number: usize, finished: Finished, tell: bool) {
        self.open -= 1;
        let call = self.call(number);
        call.open -= 1;
        let done = call.open == 0;
        if call.then == Then::Callback {
            call.inbox.push(finished);
            if done {
                self.due.push_back(number);
                self.open += 1; // the callback
                self.owner.pool().bell(OWN_BELL).ring();
            }
            return;
        }
        if !call.abandoned {
            call.inbox.push(finished);
            let bell = call.bell;
            if tell {
                self.owner.pool().bell(bell).ring();
            }
            return;
        }
        self.discard(finished);
        self.remove_if_done(number);
    }

    /// The same, of a chunk that was never handed over.
    pub(super) fn deliver_unposted(&mut self, number: usize, finished: Finished) {
        self.open += 1;
        self.call(number).open += 1;
        self.deliver(number, finished, true);
    }

    /// Makes room for the results of a job whose worker waits for it.
    fn make_room(&mut self, job: Job) {
        if let Some(occupant) = self.occupants[job.cell].as_mut().filter(|one| one.job == job) {
            let wanted = self.owner.make_room(job, &mut occupant.blocks);
            if let (Some(wanted), Some(call)) = (wanted, &mut self.calls[occupant.call]) {
                call.asked = call.asked.max(wanted.div_ceil(occupant.items as usize) + 1);
            }
        }
    }

    /// Makes room for all results whose workers wait for it.
    pub(super) fn make_all_room(&mut self) {
        for job in self.owner.wanting() {
            self.make_room(job);
        }
    }
}

#[cfg(test)]
mod tests;
