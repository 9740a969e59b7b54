//! Keeps a worker on each CPU, and sees to those that hang.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::freshness::key;
use crate::log::Page;
use crate::plan::{Manner, Spread};
use crate::table::{Line, Row, Table};
use crate::victim::fork_child;
use crate::worker::{Worker, told};

/// A trial that takes longer than this hangs.
const HANG: Duration = Duration::from_secs(60);

/// How often a control is tried until it is caught.
const MOST_TRIES: usize = 20;

/// After so many failures the rest of a row tells nothing new.
const ENOUGH: usize = 5;

/// A worker, as its driver sees it.
struct Running<'a> {
    pid: Pid,
    case: &'a Case,
    manner: Manner,
    told: Page,
    failures: File,
    /// A sum that rises with every trial, and since when it is what it is.
    moved: u64,
    since: Instant,
    began: Instant,
    texts: Vec<String>,
    cpu: usize,
    /// How often a control was tried.
    tries: usize,
}

pub struct Driver<'a> {
    waiting: Vec<(&'a Case, Manner)>,
    running: Vec<Running<'a>>,
    spread: Spread,
    pub table: Table,
}

impl<'a> Driver<'a> {
    /// One for all of these, in this order.
    pub fn new(mut rows: Vec<(&'a Case, Manner)>, spread: Spread, table: Table) -> Driver<'a> {
        rows.reverse();
        Driver { waiting: rows, running: Vec::new(), spread, table }
    }

    pub fn drive(&mut self) {
        let cpus = cpus();
        loop {
            for cpu in &cpus {
                if !self.running.iter().any(|running| running.cpu == *cpu)
                    && let Some((case, manner)) = self.waiting.pop()
                {
                    let running = self.start(case, manner, *cpu, Page::new(), 0);
                    self.running.push(running);
                }
            }
            if self.running.is_empty() {
                return;
            }
            let mut number = 0;
            while number < self.running.len() {
                match self.look(number) {
                    Some(row) => {
                        self.running.swap_remove(number);
                        self.table.add(row);
                    }
                    None => number += 1,
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn start(
        &self,
        case: &'a Case,
        manner: Manner,
        cpu: usize,
        told: Page,
        from: usize,
    ) -> Running<'a> {
        let (read, write) = nix::unistd::pipe().expect("a pipe");
        let spread = self.spread;
        let pid = fork_child(|| {
            let mut worker = Worker::new(case, manner, spread, cpu, told);
            worker.work(from, File::from(write.try_clone().expect("a pipe")));
            // SAFETY: ends this process at once, and with it what it holds.
            unsafe { nix::libc::_exit(0) }
        });
        let now = Instant::now();
        let failures = File::from(read);
        Running {
            pid,
            case,
            manner,
            told,
            failures,
            moved: 0,
            since: now,
            began: now,
            texts: Vec::new(),
            cpu,
            tries: 1,
        }
    }

    /// Looks after a worker. A row: it has come to its end.
    fn look(&mut self, number: usize) -> Option<Row> {
        let running = &mut self.running[number];
        let failure = running.ended()?;
        running.gather();
        if let Some(failure) = failure {
            running.texts.push(failure);
            let log = running.told.log(told::LOG);
            log.add(told::FAILURES, 1);
            // Another goes on behind the trial that this one did not survive.
            let next = log.told(told::TRIAL) as usize;
            if next > 0 && running.texts.len() < ENOUGH && !running.case.control {
                let (case, manner, told) = (running.case, running.manner, running.told);
                let (cpu, began) = (running.cpu, running.began);
                let texts = std::mem::take(&mut running.texts);
                let again = self.start(case, manner, cpu, told, next);
                self.running[number] = Running { texts, began, ..again };
                return None;
            }
        }
        let running = &self.running[number];
        // Some are caught only where others come in a certain order, which they mostly do.
        let passed = running.case.control && running.told.log(told::LOG).told(told::FAILURES) == 0;
        if passed && running.tries < MOST_TRIES {
            let (case, manner, told) = (running.case, running.manner, running.told);
            let (cpu, began, tries) = (running.cpu, running.began, running.tries + 1);
            self.running[number] =
                Running { began, tries, ..self.start(case, manner, cpu, told, 0) };
            return None;
        }
        Some(self.running[number].row())
    }
}

impl Running<'_> {
    /// Whether it has ended, or hangs and was ended; and what was wrong then.
    fn ended(&mut self) -> Option<Option<String>> {
        let log = self.told.log(told::LOG);
        let moved = log.told(told::TRIAL) + log.told(told::DEATHS) + log.told(told::LOOKED);
        if moved != self.moved {
            (self.moved, self.since) = (moved, Instant::now());
        }
        let trial = log.told(told::TRIAL);
        match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).expect("waitpid") {
            WaitStatus::Exited(_, 0) => Some(None),
            WaitStatus::StillAlive if self.since.elapsed() < HANG => None,
            WaitStatus::StillAlive => {
                let _ = kill(self.pid, Signal::SIGKILL);
                let _ = waitpid(self.pid, None);
                Some(Some(format!("trial {trial}: nobody goes on")))
            }
            status => Some(Some(format!("trial {trial}: the worker ended: {status:?}"))),
        }
    }

    /// Takes what it reported.
    fn gather(&mut self) {
        let mut text = String::new();
        let _ = self.failures.read_to_string(&mut text);
        self.texts.extend(text.lines().map(str::to_owned));
    }

    fn row(&mut self) -> Row {
        let log = self.told.log(told::LOG);
        let line = Line {
            key: key(self.case, self.manner),
            control: self.case.control,
            instructions: log.told(told::INSTRUCTIONS),
            points: log.told(told::POINTS),
            paths: log.told(told::PATHS),
            deaths: log.told(told::DEATHS),
            failures: log.told(told::FAILURES),
        };
        Row { line, texts: std::mem::take(&mut self.texts), took: self.began.elapsed() }
    }
}

/// The CPUs that this process may run on.
fn cpus() -> Vec<usize> {
    let set = nix::sched::sched_getaffinity(Pid::from_raw(0)).expect("the CPUs");
    (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).collect()
}
