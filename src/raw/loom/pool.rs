//! Models of the board: every job is run to its end once, whoever dies, and no end goes untold.

use std::cell::Cell;
use std::rc::Rc;

use super::stage::{Member, Stage, model};
use crate::raw::eventcount::Eventcount;
use crate::raw::pool::board::{Board, Job, Places, Poster, Words};
use crate::raw::pool::words::{State, WorkerId};
use crate::raw::sync::model::{Nap, step};
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering, futex_wait, futex_wake};
use crate::segment::{Look, Peers, Tag};
use crate::sys::clock::Deadline;
use std::time::Duration;

struct Memory {
    cells: Vec<AtomicU64>,
    places: Vec<AtomicU32>,
    used: AtomicU32,
    head: AtomicU64,
    tail: AtomicU64,
    work: Eventcount,
}

impl Words for Memory {
    fn word(&self, cell: usize) -> &AtomicU64 {
        &self.cells[cell]
    }
    fn cells(&self) -> usize {
        self.cells.len()
    }
    fn used(&self) -> &AtomicU32 {
        &self.used
    }
    fn place(&self, position: u64) -> &AtomicU32 {
        &self.places[position as usize % self.places.len()]
    }
    fn places(&self) -> usize {
        self.places.len()
    }
    fn head(&self) -> &AtomicU64 {
        &self.head
    }
    fn tail(&self) -> &AtomicU64 {
        &self.tail
    }
    fn work(&self) -> &Eventcount {
        &self.work
    }
    fn sharers(&self) -> u32 {
        1
    }
}

/// A pool without the bytes: jobs are counted as they are run and as they are done.
struct Pool {
    board: Board<Memory>,
    bell: AtomicU32,
    closing: AtomicU32,
    begun: Cell<u32>,
    ended: Cell<u32>,
}

const FIRST: Tag = Tag::from_bits(1 << 12);

fn worker(number: usize) -> WorkerId {
    WorkerId::new(number, 0)
}

impl Pool {
    fn new(cells: usize) -> Rc<Pool> {
        let words = Memory {
            cells: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            places: (0..2 * cells).map(|_| AtomicU32::new(0)).collect(),
            used: AtomicU32::new(0),
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            work: Eventcount::new(),
        };
        Rc::new(Pool {
            board: Board { words },
            bell: AtomicU32::new(0),
            closing: AtomicU32::new(0),
            begun: Cell::new(0),
            ended: Cell::new(0),
        })
    }

    fn poster(&self) -> Poster {
        Poster::new(self.board.words.cells.len(), self.board.words.places.len())
    }

    /// Works until the pool closes.
    fn work(&self, me: WorkerId) {
        let mut places = Places::default();
        loop {
            let found = self.board.words.work.wait(Deadline::Never, |_| {
                match self.board.claim(me, &mut places) {
                    Some(job) => Some(Some(job)),
                    None => (self.closing.load(Ordering::Acquire) != 0).then_some(None),
                }
            });
            let Some(Some(job)) = found else { return };
            self.begun.set(self.begun.get() + 1);
            step();
            self.ended.set(self.ended.get() + 1);
            if self.board.finish(me, job) {
                self.ring();
            }
        }
    }

    fn ring(&self) {
        self.bell.fetch_add(1, Ordering::Release);
        futex_wake(&self.bell, u32::MAX);
    }

    fn is_done(&self, job: Job) -> bool {
        self.board.state(job.cell).state() == State::Done
    }

    /// Sleeps until the job is done.
    fn wait_for(&self, job: Job) {
        loop {
            let seen = self.bell.load(Ordering::Acquire);
            if !self.board.listen(job) {
                return assert!(self.is_done(job));
            }
            futex_wait(&self.bell, seen, Duration::MAX);
        }
    }

    fn close(&self) {
        self.closing.store(1, Ordering::Release);
        self.board.rouse();
    }
}

/// Posts so many jobs, one at a time, and waits for each.
fn owner(pool: &Rc<Pool>, jobs: usize) -> impl FnOnce(&Member) + 'static {
    let pool = pool.clone();
    move |_| {
        let mut poster = pool.poster();
        let posted: Vec<Job> = (0..jobs)
            .map(|cell| {
                let job = pool.board.post(&mut poster, cell, false);
                pool.board.announce(&poster, 1);
                job
            })
            .collect();
        for job in posted {
            pool.wait_for(job);
            pool.board.take(&mut poster, job.cell);
        }
        pool.close();
    }
}

fn at_work(pool: &Rc<Pool>, number: usize) -> impl FnOnce(&Member) + 'static {
    let pool = pool.clone();
    move |_| pool.work(worker(number))
}

fn all_live(jobs: usize, workers: usize, preemptions: usize) {
    model(Nap::Endless).exchanging().preemptions(preemptions).all_live(move |stage: &Stage| {
        let pool = Pool::new(2);
        stage.living(owner(&pool, jobs));
        for number in 0..workers {
            stage.living(at_work(&pool, number));
        }
        stage.finish();
        assert_eq!((pool.begun.get(), pool.ended.get()), (jobs as u32, jobs as u32));
    });
}

#[test]
fn one_worker_runs_one_job() {
    all_live(1, 1, 3);
}

#[test]
fn one_worker_runs_two_jobs() {
    all_live(2, 1, 2);
}

#[test]
fn two_workers_run_one_job() {
    all_live(1, 2, 1);
}

/// Two workers that look for jobs until all are done, and do not sleep.
#[test]
fn two_workers_share_two_jobs_that_were_posted_at_once() {
    model(Nap::Endless).exchanging().preemptions(2).all_live(|stage: &Stage| {
        let pool = Pool::new(2);
        let mut poster = pool.poster();
        let jobs = [0, 1].map(|cell| pool.board.post(&mut poster, cell, false));
        pool.board.announce(&poster, 2);
        for number in 0..2 {
            let pool = pool.clone();
            stage.living(move |_| {
                let mut places = Places::default();
                while let Some(job) = pool.board.claim(worker(number), &mut places) {
                    pool.begun.set(pool.begun.get() + 1);
                    pool.board.finish(worker(number), job);
                }
            });
        }
        stage.finish();
        assert!(jobs.iter().all(|job| pool.is_done(*job)));
        assert_eq!(pool.begun.get(), 2);
    });
}

/// One worker dies, or stops, at every step; the owner takes its job up again, and another runs it.
fn after_a_death(pool: &Rc<Pool>, jobs: usize) -> impl FnOnce(&Member) + 'static {
    let pool = pool.clone();
    move |me| {
        let mut poster = pool.poster();
        let posted: Vec<Job> =
            (0..jobs).map(|cell| pool.board.post(&mut poster, cell, true)).collect();
        pool.board.announce(&poster, jobs);
        let mut recovered = false;
        loop {
            let seen = pool.bell.load(Ordering::Acquire);
            if posted.iter().all(|job| pool.is_done(*job)) {
                break;
            }
            if !recovered && me.is_dead(FIRST, Look::Quick) {
                recovered = true;
                let held: Vec<Job> = pool.board.held_by(&poster, worker(0)).collect();
                for job in held {
                    pool.board.reopen(&mut poster, job);
                }
                pool.board.announce(&poster, jobs);
                pool.board.rouse();
                continue;
            }
            futex_wait(&pool.bell, seen, Duration::MAX);
        }
        pool.close();
    }
}

#[test]
fn a_worker_dies_and_another_runs_its_job() {
    let jobs = 1;
    model(Nap::Bounded).exchanging().preemptions(1).victim_dies_at_every_step(move |stage| {
        let pool = Pool::new(2);
        stage.victim(at_work(&pool, 0));
        stage.living(after_a_death(&pool, jobs));
        stage.living(at_work(&pool, 1));
        stage.finish();
        let (begun, ended) = (pool.begun.get(), pool.ended.get());
        // What it died in was begun twice, and ended twice where it died just before it said so.
        let again = u32::from(stage.is_victim_gone());
        assert!((jobs as u32..=jobs as u32 + again).contains(&begun), "{begun} begun");
        assert!((jobs as u32..=jobs as u32 + again).contains(&ended), "{ended} ended");
    });
}

/// A worker that stops before its claim, with the place of the ring taken, stops nobody.
#[test]
fn what_a_stopped_worker_has_not_begun_is_run_by_another() {
    model(Nap::Bounded).exchanging().preemptions(1).victim_stops_at_every_step(|stage| {
        let pool = Pool::new(2);
        let stopping = pool.clone();
        stage.victim(move |_| {
            let mut places = Places::default();
            stopping.board.claim(worker(0), &mut places).is_some().then(|| {
                stopping.begun.set(stopping.begun.get() + 1);
                step();
            });
        });
        let posting = pool.clone();
        stage.living(move |_| {
            let mut poster = posting.poster();
            let job = posting.board.post(&mut poster, 0, true);
            posting.board.announce(&poster, 1);
            // Until it is done, or is run by who stopped.
            loop {
                let seen = posting.bell.load(Ordering::Acquire);
                let word = posting.board.state(job.cell);
                if word.state() == State::Done || word.is_held_by(worker(0)) {
                    break;
                }
                futex_wait(&posting.bell, seen, Duration::MAX);
            }
            posting.close();
        });
        stage.living(at_work(&pool, 1));
        stage.finish();
        assert_eq!(pool.begun.get(), 1);
    });
}

/// Whoever waits is forgotten where the end of a job is a look and a store, not one exchange.
#[test]
#[should_panic(expected = "deadlock")]
fn breaks_where_the_end_is_a_look_and_a_store() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let pool = Pool::new(1);
        stage.living(owner(&pool, 1));
        let careless = pool.clone();
        stage.living(move |_| {
            let mut places = Places::default();
            let found = careless
                .board
                .words
                .work
                .wait(Deadline::Never, |_| careless.board.claim(worker(0), &mut places));
            let job = found.expect("a job");
            let word = careless.board.state(job.cell);
            let rings = word.rings();
            careless.board.words.cells[job.cell]
                .store(word.turned(State::Done).0, Ordering::Release);
            if rings {
                careless.ring();
            }
        });
    });
}

/// What a dead worker held is lost where nobody takes it up.
#[test]
#[should_panic(expected = "deadlock")]
fn breaks_where_nobody_takes_up_what_the_dead_held() {
    model(Nap::Endless).exchanging().preemptions(1).all_live(|stage| {
        let pool = Pool::new(1);
        stage.living(owner(&pool, 1));
        let dying = pool.clone();
        stage.living(move |_| {
            let mut places = Places::default();
            let _ = dying
                .board
                .words
                .work
                .wait(Deadline::Never, |_| dying.board.claim(worker(0), &mut places));
        });
    });
}
