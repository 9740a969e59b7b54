//! Runs batches of mutations in processes of their own, and judges how these end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{ForkResult, Pid, fork};

use crate::memory::PUT_BACK;
use crate::page::Page;
use crate::panics;

/// Who is in one operation for so long hangs.
const HANG: Duration = Duration::from_secs(5);
/// Who sleeps in one operation for so long waits for what only other bytes would end.
const WAITS: Duration = Duration::from_millis(4);
const LOOK_EACH: Duration = Duration::from_micros(700);

/// Runs `batch` in a process of its own. Tells what it did that must not be.
pub fn judge(page: &'static Page, batch: impl FnOnce()) -> Result<(), String> {
    page.complaint();
    let child = start(|| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(batch)) {
            page.complain(&format!("between operations: {}", panics::last()));
            resume_unwind(panic);
        }
    });
    Watched::new(page, child).until_it_ends()
}

/// Starts a process that does this, and ends with 0, or with 101 after a panic.
fn start(what: impl FnOnce()) -> Pid {
    // SAFETY: this process has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let well = catch_unwind(AssertUnwindSafe(what)).is_ok();
            // SAFETY: ends this process at once.
            unsafe { nix::libc::_exit(if well { 0 } else { 101 }) }
        }
    }
}

/// Does this in so many processes, for as long as it takes. Tells whether all ended well.
pub fn in_processes(count: usize, work: &dyn Fn()) -> bool {
    let workers: Vec<Pid> = (0..count).map(|_| start(work)).collect();
    let ends_well = |pid: Pid| matches!(waitpid(pid, None), Ok(WaitStatus::Exited(_, 0)));
    workers.into_iter().filter(|pid| ends_well(*pid)).count() == count
}

struct Watched {
    page: &'static Page,
    pid: Pid,
    clock: Option<ClockId>,
    /// Of each lane: its count, when it was first seen, and the processor time then.
    seen: [(u64, Instant, Duration); 2],
    /// When bytes were put back last.
    put_back: Instant,
}

impl Watched {
    fn new(page: &'static Page, pid: Pid) -> Watched {
        let now = Instant::now();
        let clock = ClockId::pid_cpu_clock_id(pid).ok();
        Watched { page, pid, clock, seen: [(0, now, Duration::ZERO); 2], put_back: now }
    }

    fn until_it_ends(mut self) -> Result<(), String> {
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::EINTR) => {}
                Ok(status) => return self.verdict(status),
                Err(error) => return Err(format!("waiting for it: {error}")),
            }
            if let Some(hangs) = self.look() {
                let _ = kill(self.pid, Signal::SIGKILL);
                let _ = waitpid(self.pid, None);
                return Err(hangs);
            }
            sleep(LOOK_EACH);
        }
    }

    fn verdict(&self, status: WaitStatus) -> Result<(), String> {
        let doing = self.page.lanes[0].name();
        match (status, self.page.complaint()) {
            (WaitStatus::Exited(_, 0), _) => Ok(()),
            (_, Some(complaint)) => Err(complaint),
            (WaitStatus::Signaled(_, signal, _), None) => Err(format!("{doing}: {signal}")),
            (status, None) => Err(format!("{doing}: {status:?}")),
        }
    }

    /// Looks how long it has been where it is. Puts bytes back for who waits; tells who hangs.
    fn look(&mut self) -> Option<String> {
        let used = self.processor_time();
        for (lane, seen) in self.page.lanes.iter().zip(&mut self.seen) {
            if lane.count() != seen.0 {
                *seen = (lane.count(), Instant::now(), used);
            }
        }
        let [(count, since, used_then), (others, others_since, _)] = self.seen;
        // Who is merely kept from running by others does not hang.
        let had_its_turn = || used - used_then > HANG / 4 || self.sleeps();
        if since.elapsed() > HANG && had_its_turn() {
            return Some(format!("{}: hangs", self.page.lanes[0].name()));
        }
        // Of the process beside nobody knows that; and there may be none.
        if others % 2 == 1 && others_since.elapsed() > 12 * HANG {
            return Some(format!("{}, beside: hangs", self.page.lanes[1].name()));
        }
        let inside = count % 2 == 1 && since.elapsed() > WAITS;
        // Who is busy is left alone: an endless loop is not to be ended by other bytes.
        let idle = used - used_then < since.elapsed() / 4;
        if inside && idle && self.put_back.elapsed() > WAITS && self.sleeps() {
            self.put_back = Instant::now();
            let _ = kill(self.pid, PUT_BACK);
        }
        None
    }

    fn sleeps(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        stat.is_ok_and(|stat| stat.contains(") S "))
    }

    fn processor_time(&self) -> Duration {
        let time = self.clock.and_then(|clock| clock_gettime(clock).ok());
        time.map_or(Duration::ZERO, Duration::from)
    }
}

/// Does this in this very process, and puts bytes back for who waits in there.
#[allow(dead_code, reason = "for the fuzzer's targets")]
pub fn ending_waits(page: &'static Page, what: impl FnOnce()) {
    static WATCHES: std::sync::Once = std::sync::Once::new();
    what();
    // From the second time on: what is set up the first time may fork.
    WATCHES.call_once(|| {
        std::thread::spawn(move || {
            let mut watched = Watched::new(page, nix::unistd::getpid());
            while watched.look().is_none() {
                sleep(LOOK_EACH);
            }
            page.complain(&format!("{}: hangs", page.lanes[0].name()));
        });
    });
}

/// Whether a batch should stop early.
pub fn is_told_to_end(page: &Page) -> bool {
    page.told_to_end.load(SeqCst) != 0
}
