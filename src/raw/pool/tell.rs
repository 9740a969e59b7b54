//! What the owner of a pool tells its workers beside jobs, and sees of them.

use super::bell::Bell;
use super::layout::{BELLS, RawPool};
use super::words::WorkerId;
use crate::raw::sync::{Ordering, fence};

// Ordering:
// [J8] crowded: store, fence(SeqCst), the owner's look at all jobs ↔ finish: swap(DONE), load(crowded)
//      one of the two sees the other's store

/// Beside the generation, in a worker's stage: it takes jobs.
pub(super) const AT_WORK: u32 = 1 << 16;
/// It takes no more.
pub(super) const RETIRED: u32 = 2 << 16;

/// What the owner tells its workers beside jobs, and sees of them.
impl RawPool {
    /// How many workers share the work.
    pub(crate) fn set_sharers(&self, count: usize) {
        self.board.words.header.sharers.store(count as u32, Ordering::Relaxed);
    }

    /// Lets every worker end that has no job.
    pub(crate) fn close(&self) {
        self.board.words.header.closing.store(1, Ordering::Release);
        self.board.rouse();
    }

    /// Prepares the record of a worker that is to be started.
    pub(crate) fn seat(&self, worker: WorkerId) {
        let record = &self.records[worker.number()];
        record.leave.store(0, Ordering::Relaxed);
        record.stage.store(worker.bits() >> 12, Ordering::Release);
    }

    /// Whether the worker got so far as to work.
    pub(crate) fn has_begun(&self, worker: WorkerId) -> bool {
        let stage = self.records[worker.number()].stage.load(Ordering::Acquire);
        let generation = worker.bits() >> 12;
        stage == generation | AT_WORK || stage == generation | RETIRED
    }

    /// Whether the worker takes no more jobs.
    pub(crate) fn has_retired(&self, worker: WorkerId) -> bool {
        let stage = self.records[worker.number()].stage.load(Ordering::Acquire);
        stage == worker.bits() >> 12 | RETIRED
    }

    /// Lets one worker end after the job it runs.
    pub(crate) fn dismiss(&self, worker: WorkerId) {
        self.records[worker.number()].leave.store(1, Ordering::Release);
        self.board.rouse();
    }

    /// Whether the owner is to hear of the end of every job, by its own bell.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        self.board.words.header.crowded.store(u32::from(crowded), Ordering::Relaxed);
        fence(Ordering::SeqCst); // [J8]
    }

    /// A bell by its number.
    #[inline]
    pub(crate) fn bell(&self, number: u8) -> &Bell {
        &self.bells[usize::from(number) % BELLS].0
    }

    /// Rings all bells.
    pub(crate) fn ring_all(&self) {
        self.bells.iter().for_each(|bell| bell.0.ring());
    }
}
