//! The bits of a job's word, and who can hold a job.
//!
//! | bits | meaning |
//! |---|---|
//! | 32–63 | lap: how often the cell was posted and taken |
//! | 8–31 | the worker that runs it (number 12, generation 12); of RUNNING and WANTS, left behind in DONE |
//! | 3 | RING: somebody sleeps until this job is done |
//! | 0–2 | state: 0 FREE, 1 READY, 2 RUNNING, 3 WANTS, 4 DONE |
//!
//! Zero bytes are a free cell.

const STATE_MASK: u64 = 0b111;
const RING: u64 = 1 << 3;
const WORKER_SHIFT: u32 = 8;
const LAP_SHIFT: u32 = 32;
const NUMBER_BITS: u32 = 12;
const WORKER_MASK: u64 = (1 << 24) - 1;

/// Workers a pool can have at most, seated at once.
pub(crate) const MAX_WORKERS: usize = 1 << NUMBER_BITS;

/// What has become of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The owner's: nothing, or a job that is being filled in.
    Free,
    /// Whoever comes first runs it.
    Ready,
    /// The worker's whose number it carries.
    Running,
    /// Likewise; it waits for the owner to make room for its results.
    Wants,
    /// The owner's again.
    Done,
}

/// A worker: its number among those at work, and how many had that number before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WorkerId(u32);

impl WorkerId {
    /// The worker `number`, the `generation`-th one of this number; generations wrap.
    pub(crate) fn new(number: usize, generation: u32) -> WorkerId {
        debug_assert!(number < MAX_WORKERS);
        let generation = generation & ((1 << NUMBER_BITS) - 1);
        WorkerId((number as u32) | generation << NUMBER_BITS)
    }

    pub(crate) fn from_bits(bits: u32) -> WorkerId {
        WorkerId(bits & WORKER_MASK as u32)
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn number(self) -> usize {
        (self.0 & ((1 << NUMBER_BITS) - 1)) as usize
    }
}

/// A job's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    #[inline]
    pub(crate) fn new(state: State, lap: u32) -> Word {
        Word(u64::from(lap) << LAP_SHIFT | state as u64)
    }

    /// The state; bits that are none count as DONE, where nobody waits for anybody.
    #[inline]
    pub(crate) fn state(self) -> State {
        match self.0 & STATE_MASK {
            0 => State::Free,
            1 => State::Ready,
            2 => State::Running,
            3 => State::Wants,
            _ => State::Done,
        }
    }

    #[inline]
    pub(crate) fn lap(self) -> u32 {
        (self.0 >> LAP_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn worker(self) -> WorkerId {
        WorkerId::from_bits((self.0 >> WORKER_SHIFT) as u32)
    }

    #[inline]
    pub(crate) fn rings(self) -> bool {
        self.0 & RING != 0
    }

    #[inline]
    pub(crate) fn ringing(self) -> Word {
        Word(self.0 | RING)
    }

    /// The same job in another state; who runs it, and whether somebody waits for it, stays.
    #[inline]
    pub(crate) fn turned(self, state: State) -> Word {
        Word(self.0 & !STATE_MASK | state as u64)
    }

    /// The same job run by `worker`.
    #[inline]
    pub(crate) fn run_by(self, worker: WorkerId) -> Word {
        let others = self.0 & !(WORKER_MASK << WORKER_SHIFT);
        Word(others | u64::from(worker.bits()) << WORKER_SHIFT).turned(State::Running)
    }

    /// Whether `worker` holds the job.
    #[inline]
    pub(crate) fn is_held_by(self, worker: WorkerId) -> bool {
        matches!(self.state(), State::Running | State::Wants) && self.worker() == worker
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_word_do_not_disturb_each_other() {
        let worker = WorkerId::new(4095, 4097);
        assert_eq!(worker.number(), 4095);
        assert_eq!(worker, WorkerId::new(4095, 1));
        let ready = Word::new(State::Ready, u32::MAX);
        let running = ready.ringing().run_by(worker);
        assert_eq!((running.state(), running.lap()), (State::Running, u32::MAX));
        assert!(running.rings() && running.is_held_by(worker));
        assert!(!running.is_held_by(WorkerId::new(4095, 2)));
        let done = running.turned(State::Done);
        assert_eq!((done.state(), done.worker(), done.lap()), (State::Done, worker, u32::MAX));
        assert!(done.rings() && !done.is_held_by(worker));
        assert_eq!(Word(0).state(), State::Free);
    }
}
