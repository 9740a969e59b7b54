//! Dies at every instruction: operations run step by step, and are killed after each.
//!
//! A worker forks a victim, which stops where its operation begins. The worker lets it run k
//! instructions by `PTRACE_SINGLESTEP`, and kills it. Then the worker, another process of the same
//! object, goes on using it, and checks all of its state. See tests/README.md.

mod carried;
mod case;
mod cases;
mod helper;
mod log;
mod oracle;
mod table;
mod victim;
mod worker;

#[allow(unused_imports)]
#[path = "../children/mod.rs"]
mod children;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use case::{Case, Short};
use log::Page;
use table::{Row, Table};
use victim::fork_child;
use worker::{Manner, Spread, Worker, told};

/// A trial that takes longer than this hangs.
const HANG: Duration = Duration::from_secs(20);

/// A worker, as its driver sees it.
struct Running<'a> {
    pid: Pid,
    case: &'a Case,
    manner: Manner,
    told: Page,
    failures: File,
    trial: u64,
    since: Instant,
    began: Instant,
    hung: Vec<String>,
    cpu: usize,
}

struct Driver<'a> {
    waiting: Vec<(&'a Case, Manner)>,
    running: Vec<Running<'a>>,
    spread: Spread,
    table: Table,
}

fn main() {
    let names = children::PrivateNames::new();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let full = std::env::var("COMMONHOLD_STEPPING").is_ok_and(|form| form == "full");
    let changes = std::env::var("COMMONHOLD_STEPPING").is_ok_and(|form| form == "changes");
    let spread = match full || changes {
        true => Spread { every: full, most: usize::MAX, pauses: usize::MAX, firsts: usize::MAX },
        false => Spread { every: false, most: SHORT, pauses: PAUSES, firsts: 2 },
    };
    let cases = cases::all();
    let all = cases.iter().flat_map(|case| Manner::ALL.map(|manner| (case, manner)));
    let mut waiting: Vec<(&Case, Manner)> = all
        .filter(|(case, manner)| {
            let name = format!("{}, {}, {}.", case.operation, case.path, manner.name());
            asked.is_empty() || asked.iter().any(|part| name.contains(part.as_str()))
        })
        .collect();
    if !full && !changes && asked.is_empty() {
        waiting.retain(|(case, manner)| match case.short {
            Short::Nothing => false,
            Short::Once => *manner != Manner::TwoDeaths,
            Short::Twice => true,
        });
    }
    waiting.reverse();
    let began = Instant::now();
    let mut driver = Driver { waiting, running: Vec::new(), spread, table: Table::default() };
    driver.drive();
    let _ = commonhold::gc();
    driver.table.print(began.elapsed());
    drop(names);
    if !driver.table.is_well() {
        std::process::exit(101);
    }
}

/// Deaths of one row of the table, in the short form, at most.
const SHORT: usize = 24;
/// The same of pauses.
const PAUSES: usize = 60;

impl<'a> Driver<'a> {
    fn drive(&mut self) {
        let cpus: Vec<usize> = {
            let set = nix::sched::sched_getaffinity(Pid::from_raw(0)).expect("the CPUs");
            (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).collect()
        };
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
                        // Each time: who is interrupted keeps what there is.
                        if let Some(path) = std::env::var_os("COMMONHOLD_STEPPING_TABLE") {
                            std::fs::write(path, self.table.markdown()).expect("the table's file");
                        }
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
            drop(read.try_clone());
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
            trial: 0,
            since: now,
            began: now,
            hung: Vec::new(),
            cpu,
        }
    }

    /// Looks after a worker. A row: it has come to its end.
    fn look(&mut self, number: usize) -> Option<Row> {
        let running = &mut self.running[number];
        let log = running.told.log(told::LOG);
        let trial = log.told(told::TRIAL) + log.told(told::DEATHS) + log.told(told::LOOKED);
        if trial != running.trial {
            (running.trial, running.since) = (trial, Instant::now());
        }
        let status = waitpid(running.pid, Some(WaitPidFlag::WNOHANG)).expect("waitpid");
        let hangs = running.since.elapsed() > HANG;
        let failure = match status {
            WaitStatus::Exited(_, 0) => None,
            WaitStatus::StillAlive if !hangs => return None,
            WaitStatus::StillAlive => {
                let _ = kill(running.pid, Signal::SIGKILL);
                let _ = waitpid(running.pid, None);
                Some(format!("trial {}: nobody goes on", log.told(told::TRIAL)))
            }
            status => {
                Some(format!("trial {}: the worker ended: {status:?}", log.told(told::TRIAL)))
            }
        };
        let mut text = String::new();
        let _ = running.failures.read_to_string(&mut text);
        running.hung.extend(text.lines().map(str::to_owned));
        let began = running.began;
        if let Some(failure) = failure {
            running.hung.push(failure);
            log.add(told::FAILURES, 1);
            let next = log.told(told::TRIAL) as usize;
            if next > 0 && running.hung.len() < 5 && !running.case.control {
                let hung = std::mem::take(&mut running.hung);
                let (case, manner, told, cpu) =
                    (running.case, running.manner, running.told, running.cpu);
                let again = self.start(case, manner, cpu, told, next);
                self.running[number] = Running { hung, began, ..again };
                return None;
            }
        }
        let running = &mut self.running[number];
        let row = Row {
            operation: running.case.operation,
            path: running.case.path,
            manner: running.manner,
            control: running.case.control,
            instructions: log.told(told::INSTRUCTIONS),
            points: log.told(told::POINTS),
            paths: log.told(told::PATHS),
            deaths: log.told(told::DEATHS),
            failures: log.told(told::FAILURES),
            texts: std::mem::take(&mut running.hung),
            took: began.elapsed(),
        };
        let _ = std::io::stdout().flush();
        Some(row)
    }
}
