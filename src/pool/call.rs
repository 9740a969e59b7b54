//! A call in the books of its pool, and its chunks on their way.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use super::error::TaskError;
use super::results::Finished;
use crate::raw::pool::board::Job;
use crate::raw::pool::owner::{Blocks, OWN_BELL};
use crate::transfer::Carried;

/// Whether a pool takes work.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Phase {
    Open,
    /// It takes no new calls, and does what it has.
    Closing,
    /// It does nothing any more; why.
    Over(TaskError),
}

/// What is to happen when a call's chunks are done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Then {
    /// Its results are fetched by who made it.
    Nothing,
    /// Its results are fetched by the pool's own thread, which runs a callback.
    Callback,
}

/// Room that is made for results before anybody needs it, because others needed it.
const MOST_AHEAD: usize = 4 << 20;

/// A call: the chunks that belong together.
pub(super) struct Call {
    pub(super) function: u32,
    pub(super) bell: u8,
    /// Where those sleep who wait for the callback.
    pub(super) listener: u8,
    pub(super) then: Then,
    /// Bytes of results of an item, as far as their type tells.
    pub(super) room: usize,
    /// The same, as far as workers that needed more have said.
    pub(super) asked: usize,
    /// Its chunks in cells, about in the order in which they were posted.
    pub(super) jobs: VecDeque<Job>,
    pub(super) inbox: Vec<Finished>,
    /// Chunks that were handed over and are not in the inbox.
    pub(super) open: usize,
    /// Nobody fetches its results.
    pub(super) abandoned: bool,
    /// Its callback ran.
    pub(super) called_back: bool,
    /// Its result was given out.
    pub(super) taken: bool,
}

impl Call {
    pub(super) fn new(function: u32, bell: u8, then: Then, room: usize) -> Call {
        let (jobs, inbox) = (VecDeque::new(), Vec::new());
        let (listener, own) = (bell, then == Then::Callback);
        Call {
            function,
            bell: if own { OWN_BELL } else { bell },
            listener,
            then,
            room,
            asked: 0,
            jobs,
            inbox,
            open: 0,
            abandoned: false,
            called_back: false,
            taken: false,
        }
    }
}

impl Call {
    /// Bytes that the results of so many items will probably take. What workers ask for is believed up to
    /// [`MOST_AHEAD`]: those who need more ask again, each for what it has.
    pub(super) fn room_for(&self, items: u32) -> usize {
        let of = |each: usize| each.saturating_mul(items as usize);
        of(self.room).max(of(self.asked).min(MOST_AHEAD))
    }
}

/// A chunk to be run.
pub(super) struct Chunk<'a> {
    /// Which item of its call is the first.
    pub(super) first: usize,
    pub(super) items: u32,
    pub(super) args: &'a [u8],
    /// Where each item's arguments end; empty where all are of one length.
    pub(super) ends: &'a [u32],
}

/// A chunk that waits for a cell.
pub(super) struct Queued {
    pub(super) call: usize,
    pub(super) first: usize,
    pub(super) items: u32,
    pub(super) args: Vec<u8>,
    pub(super) ends: Vec<u32>,
    pub(super) carried: Carried,
}

/// The chunk in a cell.
pub(super) struct Occupant {
    pub(super) call: usize,
    pub(super) first: usize,
    pub(super) items: u32,
    pub(super) job: Job,
    pub(super) blocks: Blocks,
    /// What its arguments refer to.
    pub(super) carried: Carried,
    pub(super) lost: Vec<(u32, TaskError)>,
    /// The item in which a worker died last, and how often.
    pub(super) tried: (u32, u32),
}

impl Occupant {
    /// The items that are not known to be done, or lost: whatever the pool's memory says, a worker is at
    /// one of these.
    pub(super) fn left(&self) -> std::ops::Range<u32> {
        self.lost.last().map_or(0, |(item, _)| item + 1)..self.items
    }
}
