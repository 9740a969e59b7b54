//! A queue, watched by who wants to receive: what a receiver would find, without taking it.

use std::cell::Cell;

use super::RawMessages;
use super::cells::CellWords;
use super::layout::{Me, RawQueue};
use super::local::Looked;
use super::ring::{Actor, Words};
use super::words::{self, Index, Phase, Slot};
use crate::raw::eventcount::Moment;
use crate::raw::sync::Ordering;
use crate::raw::watch::{Sleep, Watch};
use crate::segment::handle::Handle;
use crate::shared::Shared;

/// A watch looks after the dead this often, in nanoseconds.
const LOOK: u64 = 1_000_000;

/// A queue that is watched.
pub(crate) struct QueueWatch<'h, T: Shared> {
    handle: &'h Handle<RawQueue<T>>,
    looked: Looked,
    /// Leases that were given back, as of the last look at them.
    returned: Cell<u32>,
}

impl<T: Shared> RawQueue<T> {
    pub(super) fn watched(handle: &Handle<Self>) -> QueueWatch<'_, T> {
        let returned = Cell::new(handle.returned());
        QueueWatch { handle, looked: Looked::never(), returned }
    }

    fn returned(&self) -> u32 {
        self.header.returned.load(Ordering::Acquire) // [C4]
    }

    /// Whether what a dead receiver held, or a lease that was given back, waits for the next one.
    fn has_orphan(&self, actor: &Me<'_, T>) -> bool {
        let mut living = actor.me;
        let mut is_dead = |tag| {
            // One look at each of several in a row.
            let dead = tag != living && actor.finds_dead(tag);
            living = if dead { living } else { tag };
            dead
        };
        let cells = (0..self.deliveries.len()).any(|number| {
            match words::Cell::of(self.cells.words.cell(number).load(Ordering::Acquire)) {
                words::Cell::Leased(tag) | words::Cell::Taking(tag, _) => is_dead(tag), // [C2] [C4]
                _ => false,
            }
        });
        let capacity = self.ring.shape.capacity() as usize;
        let mut slots = || {
            (0..capacity).any(|index| {
                let slot = Slot::of(self.ring.words.slot(index).load(Ordering::Acquire)); // [Q4]
                slot.phase == Phase::Reading && is_dead(slot.tag)
            })
        };
        cells || slots() || self.newest_is_orphan(actor)
    }

    /// Whether the newest message that was claimed is a dead receiver's.
    fn newest_is_orphan(&self, actor: &Me<'_, T>) -> bool {
        let Index { position, tag } = Index::of(self.ring.words.head().look());
        let before = self.ring.shape.prev(position);
        let slot = self.ring.words.slot(self.ring.shape.index(before)).load(Ordering::Acquire); // [Q4]
        !tag.is_nobody() && slot == self.ring.shape.full(before) && actor.finds_dead(tag)
    }

    /// Whether a receiver would be told that the queue is closed.
    fn has_ended(&self, actor: &Me<'_, T>) -> bool {
        (self.ring.is_closed() || self.senders().all_gone(actor)) && self.is_settled()
    }
}

impl<T: Shared> Watch for QueueWatch<'_, T> {
    fn is_ready(&self, moment: Moment) -> bool {
        let queue = self.handle;
        if queue.ring.head_is_full() {
            return true;
        }
        let actor = &Actor::new(queue).at(moment);
        let returned = queue.returned();
        let came_back = self.returned.replace(returned) != returned;
        let due = came_back || moment != Moment::Awake || self.looked.due(LOOK);
        if due {
            queue.ring.pass_abandoned(actor);
        }
        let ended = queue.ring.is_closed() || queue.header.senders.says_gone() || due;
        queue.ring.head_is_full()
            || (due && queue.has_orphan(actor))
            || (ended && queue.has_ended(actor))
    }

    fn arm(&self) -> Sleep<'_> {
        self.handle.header.items.arm()
    }

    fn pass_on(&self) {
        self.handle.header.items.publish();
    }
}
