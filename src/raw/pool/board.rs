//! The board: where jobs are posted, and which worker runs which.
//!
//! ```text
//!           post             claim: CAS             finish: swap           take
//!  FREE(l) ─────▶ READY(l) ─────────▶ RUNNING(l,w) ─────────────▶ DONE(l) ─────▶ FREE(l+1)
//!                    ▲                 │        ▲                    ▲
//!                    │ w is dead:      │ want   │ give               │ w is dead, and nothing
//!                    │ reopen          ▼        │                    │ is left of the job: conclude
//!                    ├────────────── WANTS(l,w) ┘                    │
//!                    └──────────────────┴────────────────────────────┘
//!  owner: post, take, give, reopen, conclude      worker: claim, want, finish
//! ```
//!
//! One process owns a board, makes the jobs and is told of every worker's death by the kernel; the
//! others are its workers. **The words of the cells are the truth.** Everything else only says where to
//! look: a ring of the numbers of posted cells (`order`), with `tail` moved by the owner and `head` by
//! workers, who take several places of it at once. A place of the ring is no claim, so that nobody has
//! anything before it runs it: a worker that comes to the end of the ring looks at the cells
//! themselves, and takes what others took places of and have not begun.
//!
//! **A worker dies here.** Before its CAS it held nothing, whatever places it took: the jobs are READY,
//! and found in the cells by those who find the ring empty; the owner wakes all when a worker died. After it, the
//! word says who. [`reopen`](Board::reopen) offers what is left of the job, [`conclude`](Board::conclude)
//! ends it. After the swap it is done. In between lies nothing.
//!
//! **Paused for a minute.** Before its CAS: the jobs it took places of are READY, others take them; its CAS
//! fails, as each cell has another lap or state by then. After it: its job waits for it alone. The
//! ring goes on; before the owner writes over a place of the ring it looks whether the job was begun,
//! and if not announces it again, so that it is not left to those who idle.
//!
//! **Ten threads here.** The owner's threads take turns for everything but [`listen`](Board::listen)
//! and [`state`](Board::state). A worker is one thread.
//!
//! **Fork here.** A forked child of the owner has no part in it (`pool` sees to that). One of a worker
//! acts under its parent's number if it uses the board: it has no access to it, as only the
//! function that claims and finishes has, on its stack.
//!
//! **Sleeping.** Workers sleep on the eventcount `work`: its publisher is the owner, after it moved
//! `tail` or reopened a job. Whoever sleeps until a certain job is done sets RING in its word,
//! by a CAS, so that either it sees DONE, or the swap to DONE sees RING. That one then wakes it.

use super::words::{State, Word, WorkerId};
use crate::raw::eventcount::Eventcount;
use crate::raw::hook::point;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};

// Ordering:
// [J1] post, reopen: store/CAS(READY, Release) ↔ claim: CAS(Acquire)   the arguments, what was done so far
// [J2] finish: swap(DONE, AcqRel) ↔ state: load(Acquire)               the results
// [J3] listen: CAS(RING) ↔ finish: swap(DONE)                          one word: one sees the other
// [J4] post: store(tail, Release) ↔ claim: load(tail, Acquire)         the places before it
// [J5] take: store(FREE) ↔ post of the same cell: same thread or the owner's lock
// [J6] want: CAS(AcqRel) ↔ give: CAS(AcqRel)                           how much room, and where it is

/// The words of a board, wherever they lie.
pub(crate) trait Words {
    /// The word of a cell.
    fn word(&self, cell: usize) -> &AtomicU64;
    /// How many cells there are.
    fn cells(&self) -> usize;
    /// How many cells, from the first on, were ever posted.
    fn used(&self) -> &AtomicU32;
    /// A place of the ring.
    fn place(&self, position: u64) -> &AtomicU32;
    /// How many places the ring has: more than there are cells.
    fn places(&self) -> usize;
    /// The next place to look at.
    fn head(&self) -> &AtomicU64;
    /// The next place to be filled.
    fn tail(&self) -> &AtomicU64;
    /// Where workers sleep.
    fn work(&self) -> &Eventcount;
    /// How many workers share the work.
    fn sharers(&self) -> u32;
}

/// The most places of the ring that a worker takes at once.
const MOST_PLACES: u64 = 8;

/// A board.
pub(crate) struct Board<W> {
    pub(crate) words: W,
}

/// A job: its cell, in this lap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Job {
    pub(crate) cell: usize,
    pub(crate) lap: u32,
}

/// The places of the ring that a worker took and has not looked at, and where it looks next beside them.
#[derive(Default)]
pub(crate) struct Places {
    from: u64,
    to: u64,
    scan: usize,
}

/// What the owner knows of its board without looking at it.
pub(crate) struct Poster {
    tail: u64,
    used: usize,
    /// The lap of each cell.
    laps: Vec<u32>,
    /// The job of each place of the ring.
    placed: Vec<Job>,
}

impl Poster {
    /// Of a new board.
    pub(crate) fn new(cells: usize, places: usize) -> Poster {
        // No cell is in this lap for long enough to be mistaken.
        let nothing = Job { cell: 0, lap: u32::MAX };
        Poster { tail: 0, used: 0, laps: vec![0; cells], placed: vec![nothing; places] }
    }

    /// The job that the cell holds, or will hold when it is posted.
    #[inline]
    pub(crate) fn job(&self, cell: usize) -> Job {
        Job { cell, lap: self.laps[cell] }
    }
}

/// What the owner does.
impl<W: Words> Board<W> {
    /// Offers the job in a free cell, which was filled in. [`announce`](Board::announce) comes after it.
    #[inline]
    pub(crate) fn post(&self, poster: &mut Poster, cell: usize, ring: bool) -> Job {
        let job = poster.job(cell);
        if cell >= poster.used {
            poster.used = cell + 1;
            self.words.used().store(poster.used as u32, Ordering::Relaxed); // [J4]
        }
        let word = Word::new(State::Ready, job.lap);
        let word = if ring { word.ringing() } else { word };
        self.words.word(cell).store(word.0, Ordering::Release); // [J1]
        self.place(poster, job);
        job
    }

    /// Puts the job into the ring. Where a place is to be written over whose job was not begun, that
    /// job is announced again first. Once round the ring, at most: a job that was reopened often can have
    /// many places, which is then found by another, or in the cells.
    #[inline]
    fn place(&self, poster: &mut Poster, job: Job) {
        let places = poster.placed.len();
        for passed in 0..places {
            let index = (poster.tail % places as u64) as usize;
            let place = self.words.place(poster.tail);
            poster.tail = poster.tail.wrapping_add(1);
            let before = poster.placed[index];
            let is_current = before.lap == poster.laps[before.cell] && before != job;
            if is_current && self.is_ready(before) && passed + 1 < places {
                continue;
            }
            poster.placed[index] = job;
            place.store(job.cell as u32, Ordering::Relaxed); // [J4]
            return;
        }
    }

    fn is_ready(&self, job: Job) -> bool {
        let word = self.state(job.cell);
        word.state() == State::Ready && word.lap() == job.lap
    }

    /// Shows workers the jobs posted since the last time, and wakes as many as there are jobs.
    #[inline]
    pub(crate) fn announce(&self, poster: &Poster, count: usize) {
        self.words.tail().store(poster.tail, Ordering::Release); // [J4]
        point!("pool.posted");
        self.words.work().publish_to(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Wakes all workers: a job came back, or there is something else for them to see.
    pub(crate) fn rouse(&self) {
        self.words.work().publish_to(u32::MAX);
    }

    /// The word of a cell, with what was written before it became what it is.
    #[inline]
    pub(crate) fn state(&self, cell: usize) -> Word {
        Word(self.words.word(cell).load(Ordering::Acquire)) // [J2]
    }

    /// What has become of a job that was posted and not taken. `None`: its word is no longer of it, because
    /// something else wrote over it. Nobody will end such a job, and its owner is to give it up.
    #[inline]
    pub(crate) fn state_of(&self, job: Job) -> Option<State> {
        let word = self.state(job.cell);
        Some(word.state()).filter(|state| *state != State::Free && word.lap() == job.lap)
    }

    /// Asks that the end of the job be told. False: it is done, or was taken since, or its word was overwritten:
    /// there is something for its owner to take out.
    pub(crate) fn listen(&self, job: Job) -> bool {
        self.change(job.cell, |word| {
            let open = matches!(word.state(), State::Ready | State::Running | State::Wants);
            (open && word.lap() == job.lap).then(|| word.ringing())
        })
        .is_ok()
    }

    /// Frees the cell of a job that is done and was read, or is given up.
    #[inline]
    pub(crate) fn take(&self, poster: &mut Poster, cell: usize) {
        poster.laps[cell] = poster.laps[cell].wrapping_add(1);
        let free = Word::new(State::Free, poster.laps[cell]);
        self.words.word(cell).store(free.0, Ordering::Relaxed); // [J5]
    }

    /// Lets a worker that asked for room go on. False: it does not wait for any.
    pub(crate) fn give(&self, job: Job) -> bool {
        self.change(job.cell, |word| {
            let waits = word.state() == State::Wants && word.lap() == job.lap;
            waits.then(|| word.turned(State::Running))
        })
        .is_ok()
    }

    /// The jobs that this worker, which is dead, held.
    pub(crate) fn held_by(&self, poster: &Poster, dead: WorkerId) -> impl Iterator<Item = Job> {
        (0..poster.used).filter_map(move |cell| {
            let word = self.state(cell);
            word.is_held_by(dead).then(|| Job { cell, lap: word.lap() })
        })
    }

    /// Offers the rest of a job whose worker is dead. [`announce`](Board::announce) comes after it.
    pub(crate) fn reopen(&self, poster: &mut Poster, job: Job) {
        // Its worker is dead; only RING can still be set meanwhile.
        let _ = self.change(job.cell, |word| Some(word.turned(State::Ready)));
        point!("pool.reopened");
        self.place(poster, job);
    }

    /// Ends a job whose worker is dead, or that no worker shall begin. True: somebody is to be told. `None`:
    /// it is a living worker's, or it is done.
    pub(crate) fn conclude(&self, job: Job, dead: Option<WorkerId>) -> Option<bool> {
        let ended = self.change(job.cell, |word| {
            let idle = match word.state() {
                State::Ready => true,
                State::Running | State::Wants => dead == Some(word.worker()),
                State::Free | State::Done => false,
            };
            (idle && word.lap() == job.lap).then(|| word.turned(State::Done))
        });
        ended.ok().map(Word::rings)
    }

    /// Changes a word as `to` says, `None` being not at all; tells what it was.
    fn change(&self, cell: usize, to: impl Fn(Word) -> Option<Word>) -> Result<Word, Word> {
        let place = self.words.word(cell);
        let mut now = place.load(Ordering::Acquire);
        loop {
            let Some(next) = to(Word(now)) else { return Err(Word(now)) };
            // [J1] [J3] [J6]
            match place.compare_exchange(now, next.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Word(now)),
                Err(other) => now = other,
            }
        }
    }
}

/// What a worker does.
impl<W: Words> Board<W> {
    /// Takes a job to run. `None`: there was none that nobody runs.
    #[inline]
    pub(crate) fn claim(&self, me: WorkerId, places: &mut Places) -> Option<Job> {
        loop {
            while places.from < places.to {
                let cell = self.words.place(places.from).load(Ordering::Relaxed) as usize; // [J4]
                places.from += 1;
                if let Some(job) = self.run(me, cell) {
                    return Some(job);
                }
            }
            if !self.take_places(places) {
                return self.scan(me, places);
            }
        }
    }

    /// Whether there is something in the ring. A look without a claim, for those who wait awake.
    #[inline]
    pub(crate) fn is_posted(&self) -> bool {
        let head = self.words.head().load(Ordering::Relaxed);
        head != self.words.tail().load(Ordering::Relaxed)
    }

    /// Takes the next places of the ring, a fair share of them.
    #[inline]
    fn take_places(&self, places: &mut Places) -> bool {
        let head = self.words.head();
        let mut from = head.load(Ordering::Relaxed);
        loop {
            let there = self.words.tail().load(Ordering::Acquire).wrapping_sub(from); // [J4]
            if there == 0 || there > self.words.places() as u64 {
                // A head beyond the tail, or a ring overtaken, is no head: look at the cells.
                return there != 0 && self.skip_to_tail(from, there);
            }
            let share = there / (2 * u64::from(self.words.sharers().max(1)));
            let to = from.wrapping_add(share.clamp(1, MOST_PLACES));
            // The ring is a hint: whatever this exchange orders, the jobs are claimed one by one.
            match head.compare_exchange_weak(from, to, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    (places.from, places.to) = (from, to);
                    return true;
                }
                Err(now) => from = now,
            }
        }
    }

    /// After the owner went round the ring before anybody looked: what is in it now counts.
    #[cold]
    fn skip_to_tail(&self, from: u64, there: u64) -> bool {
        if there > u64::MAX / 2 {
            return false;
        }
        let to = from.wrapping_add(there - self.words.places() as u64);
        let _ = self.words.head().compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        true
    }

    /// Claims a job in the cells that is not in the ring, or no longer: one that somebody took the
    /// place of and has not begun, or that a dead worker left.
    #[cold]
    fn scan(&self, me: WorkerId, places: &mut Places) -> Option<Job> {
        let used = (self.words.used().load(Ordering::Relaxed) as usize).min(self.words.cells());
        for _ in 0..used {
            places.scan = if places.scan + 1 < used { places.scan + 1 } else { 0 };
            if let Some(job) = self.run(me, places.scan) {
                return Some(job);
            }
        }
        None
    }

    /// Claims the job in this cell, if it is READY.
    #[inline]
    fn run(&self, me: WorkerId, cell: usize) -> Option<Job> {
        if cell >= self.words.cells() {
            return None;
        }
        let place = self.words.word(cell);
        let mut now = Word(place.load(Ordering::Relaxed));
        while now.state() == State::Ready {
            point!("pool.before_claim");
            let mine = now.run_by(me);
            // [J1]
            match place.compare_exchange(now.0, mine.0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    point!("pool.claimed");
                    return Some(Job { cell, lap: now.lap() });
                }
                Err(other) => now = Word(other),
            }
        }
        None
    }

    /// Says that the job waits for room.
    pub(crate) fn want(&self, job: Job) {
        // Its worker alone changes it; RING can be set meanwhile.
        let _ = self.change(job.cell, |word| Some(word.turned(State::Wants)));
    }

    /// Ends the job. True: somebody waits for that.
    #[inline]
    pub(crate) fn finish(&self, me: WorkerId, job: Job) -> bool {
        point!("pool.before_finish");
        let done = Word::new(State::Running, job.lap).run_by(me).turned(State::Done);
        let before = self.words.word(job.cell).swap(done.0, Ordering::AcqRel); // [J2] [J3]
        point!("pool.finished");
        Word(before).rings()
    }
}
