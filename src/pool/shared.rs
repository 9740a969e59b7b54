//! What a pool's handle, its tasks and its own threads share, and how its threads start and end.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::{Call, Phase, Then};
use super::error::TaskError;
use super::keeper::Arrival;
use super::ledger::Ledger;
use super::results::{Finished, Hold};
use crate::error::{Error, Failure};
use crate::process::{Begun, Underway, threads};
use crate::raw::pool::board::Job;
use crate::raw::pool::layout::{BELLS, RawPool};
use crate::raw::pool::owner::OWN_BELL;
use crate::raw::pool::words::{State, WorkerId};
use crate::raw::sync::spin_loop;
use crate::segment::handle::Handle;
use crate::sys::bell::Bell;
use crate::sys::clock::{Deadline, Naps, now_nanos};

/// How long to wait awake for a job, in nanoseconds.
const SPIN: u64 = 20_000;
/// Between two looks at a job whose worker is at it: each takes the cache line from it.
const PAUSE: u64 = 100;

/// Tells a worker's process what to run.
pub(super) type Start = dyn Fn(Begun, WorkerId) -> Result<Box<dyn Underway>, Error> + Send + Sync;

/// What becomes of a call with a callback when it is done: its result is read, and then what it returns
/// runs, which is the user's.
pub(super) type Callback = Box<dyn FnOnce(Finished) -> (Option<Hold>, Box<dyn FnOnce()>) + Send>;

/// A pool, as all of its parts see it.
pub(super) struct Shared {
    pub(super) raw: Handle<RawPool>,
    ledger: Mutex<Ledger>,
    callbacks: Mutex<std::collections::HashMap<usize, Callback>>,
    /// Something changed that `join`, `terminate` or a caller without a cell waits for.
    changed: Condvar,
    /// Wakes the keeper.
    pub(super) bell: Bell,
    pub(super) start: Box<Start>,
    /// Workers that were started, until the keeper looks after them.
    arrivals: Mutex<Vec<Arrival>>,
    next_bell: AtomicU8,
    /// The process whose pool it is.
    process: u32,
}

impl Shared {
    pub(super) fn new(
        raw: Handle<RawPool>,
        ledger: Ledger,
        start: Box<Start>,
    ) -> Result<Shared, Failure> {
        let bell = Bell::new().map_err(|error| Failure::system("making a bell", error))?;
        Ok(Shared {
            raw,
            ledger: Mutex::new(ledger),
            callbacks: Mutex::default(),
            changed: Condvar::new(),
            bell,
            start,
            arrivals: Mutex::default(),
            next_bell: AtomicU8::new(OWN_BELL),
            process: std::process::id(),
        })
    }

    /// The books. Nothing of the user's may run while they are locked.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False in a process that was forked from the pool's.
    pub(super) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Begins a call. `room`: how many bytes a result takes, as far as its type tells.
    pub(super) fn begin(
        &self,
        function: Option<u64>,
        then: Then,
        room: usize,
    ) -> Result<usize, TaskError> {
        if !self.is_ours() {
            return Err(TaskError::refused(
                "the pool belongs to the process that this one was forked from",
            ));
        }
        let function = function.and_then(|offset| u32::try_from(offset).ok()).ok_or_else(|| {
            TaskError::refused(
                "the function lies in a library, not in the program that workers run",
            )
        })?;
        // Ordering: spreads callers over the bells, and orders nothing.
        let bell = 1 + self.next_bell.fetch_add(1, Ordering::Relaxed) % (BELLS as u8 - 1);
        let mut ledger = self.ledger();
        if let Some(why) = ledger.refusal() {
            return Err(why);
        }
        Ok(ledger.begin(Call::new(function, bell, then, room)))
    }

    /// Says what becomes of a call when it is done. `Err`: it will not be.
    pub(super) fn set_callback(&self, call: usize, callback: Callback) -> Result<(), TaskError> {
        let ledger = self.ledger();
        if let Some(why) = ledger.over() {
            return Err(why.clone());
        }
        self.callbacks().insert(call, callback);
        Ok(())
    }

    /// Has the clerk look what there is to do.
    pub(super) fn wake_clerk(&self) {
        self.raw.bell(OWN_BELL).ring();
    }

    /// Workers that were started, and are nobody's to look after yet.
    pub(super) fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callbacks(&self) -> MutexGuard<'_, std::collections::HashMap<usize, Callback>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits awake for a short while, until the job is done or wants something.
    pub(super) fn spin(&self, job: Job) -> bool {
        if !crate::raw::spin::pays() {
            return false;
        }
        let mut now = now_nanos();
        let end = now + SPIN;
        while now < end {
            let word = self.raw.board.state(job.cell);
            let is_open = matches!(word.state(), State::Ready | State::Running);
            if !is_open || word.lap() != job.lap {
                return true;
            }
            let next = now + PAUSE;
            while now < next {
                spin_loop();
                now = now_nanos();
            }
        }
        false
    }

    /// Tells those who wait for a change.
    pub(super) fn tell(&self) {
        self.changed.notify_all();
    }

    /// Waits for a change, for a nap at most.
    pub(super) fn wait_for_change<'l>(
        &self,
        ledger: MutexGuard<'l, Ledger>,
        nap: Duration,
    ) -> MutexGuard<'l, Ledger> {
        self.changed.wait_timeout(ledger, nap).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Ends the pool: every call fails with `why` that is not done, and the workers are killed.
    pub(super) fn end(&self, why: TaskError) {
        let mut ledger = self.ledger();
        if ledger.over().is_none() {
            ledger.phase = Phase::Over(why);
            ledger.crew.resize(0);
        }
        let processes = ledger.crew.processes();
        drop(ledger);
        for process in processes {
            let _ = process.kill(); // one that cannot be killed ends with its parent
        }
        self.raw.close();
        self.raw.ring_all();
        self.bell.ring();
        self.tell();
    }

    /// The clerk: makes room for results, runs callbacks, and takes out what nobody waits for.
    fn serve(&self) {
        let mut naps = Naps::until(Deadline::Never);
        loop {
            let seen = self.raw.bell(OWN_BELL).shows();
            let mut ledger = self.ledger();
            ledger.make_all_room();
            if ledger.is_crowded() || ledger.phase == Phase::Closing {
                ledger.harvest_all();
            } else {
                ledger.harvest_callbacks();
                ledger.pump();
            }
            if ledger.crew.retire() {
                self.bell.ring(); // the keeper's
            }
            let due = ledger.due.pop_front();
            let over = ledger.over().cloned();
            let idle = ledger.open == 0;
            drop(ledger);
            self.tell();
            match due {
                Some(call) => {
                    self.call_back(call);
                    naps = Naps::until(Deadline::Never);
                }
                None if over.is_some() => {
                    return over.iter().for_each(|why| self.call_back_the_rest(why));
                }
                None => {
                    let nap = naps.next().unwrap_or(crate::sys::clock::LONGEST_NAP);
                    // With nothing to do, there is nothing that a lost ring could delay.
                    self.raw.bell(OWN_BELL).sleep(seen, if idle { nap * 16 } else { nap });
                }
            }
        }
    }

    /// Runs the callback of a call that is done.
    fn call_back(&self, number: usize) {
        let finished = self.ledger().call(number).inbox.pop();
        let callback = self.callbacks().remove(&number);
        if let (Some(finished), Some(callback)) = (finished, callback) {
            let (hold, run) = callback(finished);
            if let Some(hold) = hold {
                let mut ledger = self.ledger();
                ledger.release(hold);
                ledger.pump();
            }
            run_for_user(run);
        }
        let mut ledger = self.ledger();
        ledger.open -= 1;
        let call = ledger.call(number);
        call.called_back = true;
        let bell = call.listener;
        if call.abandoned {
            ledger.end(number);
        }
        drop(ledger);
        self.raw.bell(bell).ring();
    }

    /// Tells the callbacks of calls that will not be done.
    fn call_back_the_rest(&self, why: &TaskError) {
        let rest = std::mem::take(&mut *self.callbacks());
        for callback in rest.into_values() {
            run_for_user(callback(Finished::failed(0, 1, why)).1);
        }
        self.raw.ring_all();
    }
}

/// Runs what is the user's: a panic of it was printed, and harms nobody else.
fn run_for_user(run: Box<dyn FnOnce()>) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
}

/// Starts a pool's own threads, and tells which were.
pub(super) fn start_threads(
    shared: &Arc<Shared>,
    started: &mut Vec<std::thread::JoinHandle<()>>,
) -> std::io::Result<()> {
    let (keeper, clerk) = (Arc::clone(shared), Arc::clone(shared));
    started.push(threads::start("commonhold pool", move || keeper.keep())?);
    started.push(threads::start("commonhold pool", move || clerk.serve())?);
    Ok(())
}
