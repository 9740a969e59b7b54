//! Pools whose workers die in the middle of tasks, and whose owners die as well.
//!
//! A worker sets itself a timer that kills it at some moment of the next two milliseconds: in a task, at
//! its end, or between two. A task comes to the right result, or is said to have lost its worker.

use commonhold::{Pool, TaskError};
use nix::libc;
use std::fs::{OpenOptions, remove_file};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::storm::family::{End, Family, Fault, Faults, Oracle, Play};
use crate::storm::participant::Me;
use crate::storm::story::Op;

/// So many tasks as `a` says; at the end, how many came to a result, and how many lost their worker.
const BATCH: u8 = 1;
const BUILD: u8 = 2;
const END_POOL: u8 = 3;

const YES: u8 = 1;
const WRONG: u8 = 2;

const WORKERS: usize = 3;

struct Owners;

/// Where the workers of a life say that they will be killed, a byte each.
fn list(life: u64) -> PathBuf {
    let directory = std::env::var_os("COMMONHOLD_DIR").expect("a directory of its own");
    PathBuf::from(directory).join(format!("killed-{life}"))
}

fn result(item: u64) -> Vec<u64> {
    let length = if item % 50 == 7 { 3000 } else { 1 + item % 9 };
    vec![item; length as usize]
}

/// The task: it may have its process killed soon.
fn task((item, life): (u64, u64)) -> Vec<u64> {
    static ARMED: AtomicBool = AtomicBool::new(false);
    let mut rng = fastrand::Rng::with_seed(item);
    if rng.u8(0..4) == 0 && !ARMED.swap(true, Ordering::SeqCst) {
        let list = OpenOptions::new().append(true).create(true).open(list(life));
        let _ = list.map(|mut list| list.write_all(b"x"));
        die_in(Duration::from_micros(rng.u64(1..2000)));
    }
    let (since, long) = (Instant::now(), Duration::from_micros(rng.u64(0..60)));
    while since.elapsed() < long {
        std::hint::spin_loop();
    }
    result(item)
}

/// The kernel kills this process then.
fn die_in(time: Duration) {
    // SAFETY: all zeros is one of its values.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_notify = libc::SIGEV_SIGNAL;
    event.sigev_signo = libc::SIGKILL;
    let mut timer = std::ptr::null_mut();
    // SAFETY: both are valid for the call.
    let made = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) };
    assert_eq!(made, 0);
    let at = libc::timespec { tv_sec: 0, tv_nsec: time.as_nanos() as libc::c_long };
    let once =
        libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    // SAFETY: the timer was made above, and nobody deletes it.
    let set = unsafe { libc::timer_settime(timer, 0, &once, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

impl Owners {
    fn batch(pool: &Pool, me: &mut Me) {
        let (count, first) = (me.rng.u64(20..120), me.rng.u64(0..1 << 40));
        me.wait(BATCH, count, 0);
        let (life, mut right, mut died) = (u64::from(me.life), 0, 0);
        let items = (first..first + count).map(|item| (item, life));
        for (item, outcome) in (first..).zip(pool.imap(task, items)) {
            match outcome {
                Ok(words) if words == result(item) => right += 1,
                Ok(_) => return me.end(WRONG, item, 0),
                Err(TaskError::WorkerDied { .. }) => died += 1,
                Err(error) => panic!("{error}"),
            }
        }
        me.end(YES, right, died);
    }
}

impl Play for Owners {
    fn act(&self, me: &mut Me) {
        me.begin(BUILD, 0, 0);
        let retries = me.rng.u32(0..3);
        let pool = Pool::options().workers(WORKERS).retries(retries).build().expect("a pool");
        me.end(YES, 0, 0);
        for _ in 0..me.rng.u8(1..20) {
            if me.board.is_over() {
                break;
            }
            Self::batch(&pool, me);
        }
        me.begin(END_POOL, 0, 0);
        if me.rng.bool() {
            pool.join().expect("to come to an end");
        }
        drop(pool);
        me.end(YES, 0, 0);
        let list = list(u64::from(me.life));
        let deaths = list.metadata().map_or(0, |list| list.len());
        // Those that were to die last may have been ended before.
        me.board.elsewhere.fetch_add(deaths.saturating_sub(WORKERS as u64), Ordering::SeqCst);
        let _ = remove_file(list);
    }

    fn audit(&self, me: &mut Me) {
        for life in 0..=u64::from(me.life) {
            let _ = remove_file(list(life));
        }
        self.act(me);
    }
}

#[derive(Default)]
struct Batches;

impl Oracle for Batches {
    fn begins(&mut self, _: u32, _: Op, _: &mut Faults) {}

    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        if op.op != BATCH {
            return;
        }
        if end.outcome == WRONG {
            return faults.one(Fault::Torn, || format!("life {life}: item {:#x}", end.a));
        }
        faults.add(Fault::Lost, op.a.saturating_sub(end.a + end.b), || format!("{op:?}, {end:?}"));
        faults
            .add(Fault::Twice, (end.a + end.b).saturating_sub(op.a), || format!("{op:?}, {end:?}"));
    }

    fn goes(&mut self, _: u32, _: Option<Op>, _: &mut Faults) {}

    fn is_free(&self) -> bool {
        true
    }

    fn settle(&mut self, _: &mut Faults) {}
}

pub fn families() -> Vec<Family> {
    vec![Family {
        name: "pool",
        play: |_, _| Box::new(Owners),
        oracle: |_| Box::<Batches>::default(),
        control: false,
        slow: true,
    }]
}
