//! A process that goes through all deaths of one case, and tells how it went.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::case::{Case, Fates, Ground, Trial};
use crate::log::Page;
use crate::victim::{Trace, Victim};

/// In which way the victim comes to harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Killed; another goes on.
    Death,
    /// Killed; so is the next, while it goes on.
    TwoDeaths,
    /// Stopped; others go on; it goes on.
    Pause,
}

impl Manner {
    pub const ALL: [Manner; 3] = [Manner::Death, Manner::TwoDeaths, Manner::Pause];

    pub fn name(self) -> &'static str {
        match self {
            Manner::Death => "death",
            Manner::TwoDeaths => "death in recovery",
            Manner::Pause => "pause",
        }
    }

    fn applies_to(self, trial: &Trial) -> bool {
        match self {
            Manner::Death => true,
            Manner::TwoDeaths => !trial.seconds.is_empty(),
            Manner::Pause => trial.meanwhile.is_some(),
        }
    }
}

/// How many of the instructions are tried.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Every one, or only those after which something is different.
    pub every: bool,
    /// Of these, so many at most in one row of the table.
    pub most: usize,
    /// The same of pauses.
    pub pauses: usize,
    /// Deaths of the first after which a second one is tried, at most.
    pub firsts: usize,
}

/// After how many instructions of the first, and of which second, a trial has them die.
#[derive(Clone, Copy)]
struct Deaths {
    first: usize,
    second: Option<Second>,
}

#[derive(Clone, Copy)]
struct Second {
    which: usize,
    trace: usize,
    after: usize,
}

impl Deaths {
    fn one(first: usize) -> Deaths {
        Deaths { first, second: None }
    }
}

impl std::fmt::Display for Deaths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "after {}", self.first)?;
        match self.second {
            Some(Second { which, after, .. }) => write!(f, ", then number {which} after {after}"),
            None => Ok(()),
        }
    }
}

/// What a worker tells while it works: words of a shared page.
pub mod told {
    pub const LOG: usize = 7;
    pub const TRIAL: usize = 2;
    pub const INSTRUCTIONS: usize = 3;
    pub const POINTS: usize = 4;
    pub const DEATHS: usize = 5;
    pub const FAILURES: usize = 6;
    pub const PATHS: usize = 7;
    pub const LOOKED: usize = 8;
}

/// An operation of more instructions waits in some of them: beside its points, so many are tried, evenly.
const EVENLY: usize = 2000;
/// Points of an operation that is long for what it does, and first deaths of such, at most.
const LONG: usize = 60;
const LONG_FIRSTS: usize = 12;

/// After so many failures the rest of a row tells nothing new.
const ENOUGH: usize = 5;

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

pub struct Worker<'a> {
    pub case: &'a Case,
    pub manner: Manner,
    pub spread: Spread,
    pub cpu: usize,
    /// The page of the driver, and that of the victims.
    pub told: Page,
    pub page: Page,
    grounds: u64,
    /// Of the first victim, and of the seconds after deaths of it.
    traces: Vec<Trace>,
}

impl<'a> Worker<'a> {
    pub fn new(case: &'a Case, manner: Manner, spread: Spread, cpu: usize, told: Page) -> Self {
        Worker {
            case,
            manner,
            spread,
            cpu,
            told,
            page: Page::new(),
            grounds: 0,
            traces: Vec::new(),
        }
    }

    /// Goes through all trials from this one on; writes what fails to `report`.
    pub fn work(&mut self, from: usize, mut report: impl Write) {
        self.settle_down();
        let log = self.told.log(told::LOG);
        let plan = match catch_unwind(AssertUnwindSafe(|| self.plan())) {
            Ok(plan) => plan.unwrap_or_default(),
            Err(_) => {
                log.add(told::FAILURES, 1);
                let _ = writeln!(report, "before all: {}", LAST_PANIC.lock().unwrap());
                return;
            }
        };
        let mut failures = 0;
        for (number, deaths) in plan.into_iter().enumerate().skip(from) {
            log.tell(told::TRIAL, number as u64 + 1);
            log.add(told::DEATHS, if self.manner == Manner::TwoDeaths { 2 } else { 1 });
            let mut stood = Vec::new();
            let trial = AssertUnwindSafe(|| self.try_once(deaths, &mut stood));
            if catch_unwind(trial).is_ok() {
                continue;
            }
            log.add(told::FAILURES, 1);
            let message = LAST_PANIC.lock().unwrap().clone();
            let places: Vec<String> = stood.iter().map(|place| format!("{place:#x}")).collect();
            let _ = writeln!(report, "{deaths} @ {} | {message}", places.join(" "));
            failures += 1;
            if failures == ENOUGH {
                return;
            }
        }
    }

    /// On one CPU with all its victims: a step is a switch there, and nothing else runs in between.
    fn settle_down(&self) {
        let mut cpus = CpuSet::new();
        let _ = cpus.set(self.cpu);
        let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
        let (page, worker) = (self.page, nix::unistd::getpid());
        std::panic::set_hook(Box::new(move |panic| {
            let message = panic.to_string().replace('\n', " ");
            if nix::unistd::getpid() == worker {
                if let Ok(mut last) = LAST_PANIC.lock() {
                    *last = message;
                }
            } else {
                page.say(&message);
            }
        }));
    }

    fn ground(&mut self) -> Ground {
        self.grounds += 1;
        Ground::new(self.page, self.grounds)
    }

    /// After which instructions of the first, and of the second, a trial has them die.
    fn plan(&mut self) -> Option<Vec<Deaths>> {
        // What this process does once, it does now.
        let ground = self.ground();
        let trial = (self.case.build)(&ground);
        if !self.manner.applies_to(&trial) {
            return None;
        }
        let seconds = trial.seconds.len();
        drop((trial, ground));
        let trace = self.trace_first();
        let log = self.told.log(told::LOG);
        let points = self.points(&trace);
        let instructions = trace.instructions as u64;
        let firsts = if self.case.long { LONG_FIRSTS } else { usize::MAX }.min(self.spread.firsts);
        let firsts = thin_out(events(&trace), firsts);
        self.traces.push(trace);
        if self.manner != Manner::TwoDeaths {
            log.tell(told::INSTRUCTIONS, instructions);
            log.tell(told::POINTS, points.len() as u64);
            return Some(points.into_iter().map(Deaths::one).collect());
        }
        let mut seen = BTreeSet::new();
        log.tell(told::INSTRUCTIONS, 0);
        let mut plan = Vec::new();
        for (which, first) in (0..seconds).flat_map(|which| firsts.iter().map(move |f| (which, *f)))
        {
            log.add(told::LOOKED, 1);
            let trace = self.trace_second(which, first);
            // Of another length is another path.
            if seen.insert((which, trace.instructions)) {
                let second = |after| Second { which, trace: self.traces.len(), after };
                let points = self.points(&trace).into_iter();
                plan.extend(points.map(|after| Deaths { first, second: Some(second(after)) }));
                log.add(told::INSTRUCTIONS, trace.instructions as u64);
                self.traces.push(trace);
            }
        }
        let plan = thin_out(plan, self.spread.most);
        log.tell(told::PATHS, seen.len() as u64);
        log.tell(told::POINTS, plan.len() as u64);
        Some(plan)
    }

    /// After which instructions to try. What the dead had read is of no use to anybody, but one that stood
    /// still goes on with it: so every instruction counts there.
    fn points(&self, trace: &Trace) -> Vec<usize> {
        let pause = self.manner == Manner::Pause;
        let most = if self.case.long { self.spread.most.min(LONG) } else { self.spread.most };
        let every = || thin_out((0..=trace.instructions).collect(), EVENLY);
        let all = match (pause, self.spread.every && !self.case.long) {
            (true, _) => every(),
            (false, false) => events(trace),
            (false, true) => {
                let both: BTreeSet<usize> = every().into_iter().chain(events(trace)).collect();
                both.into_iter().collect()
            }
        };
        thin_out(all, if pause { self.spread.pauses } else { most })
    }

    fn first(&self, trial: &mut Trial) -> Victim {
        let victim = Victim::start(self.page, 0, &trial.victim);
        if let Some(f) = trial.once_it_stands.take() {
            f();
        }
        victim
    }

    fn trace_first(&mut self) -> Trace {
        let ground = self.ground();
        let mut trial = (self.case.build)(&ground);
        let mut victim = self.first(&mut trial);
        victim.trace(&ground.memory())
    }

    fn trace_second(&mut self, which: usize, first: usize) -> Trace {
        let ground = self.ground();
        let mut trial = (self.case.build)(&ground);
        let mut victim = self.first(&mut trial);
        victim.run(&self.traces[0], first);
        victim.die();
        let mut next = Victim::start(self.page, 1, &trial.seconds[which]);
        next.trace(&ground.memory())
    }

    fn try_once(&mut self, deaths: Deaths, stood: &mut Vec<usize>) {
        let ground = self.ground();
        let mut trial = (self.case.build)(&ground);
        let mut victim = self.first(&mut trial);
        victim.run(&self.traces[0], deaths.first);
        stood.push(victim.stands_at());
        match self.manner {
            Manner::Pause => {
                trial.meanwhile.expect("something to do meanwhile")();
                victim.go_on();
            }
            _ => victim.die(),
        }
        let mut fates = Fates { first: self.page.log(0).values(), second: None };
        if let Some(Second { which, trace, after }) = deaths.second {
            let mut next = Victim::start(self.page, 1, &trial.seconds[which]);
            next.run(&self.traces[trace], after);
            stood.push(next.stands_at());
            next.die();
            fates.second = Some((which, self.page.log(1).values()));
        }
        (trial.check)(&fates);
    }
}

/// Before the first instruction, and after each that changed something.
fn events(trace: &Trace) -> Vec<usize> {
    std::iter::once(0).chain(trace.events.iter().copied()).collect()
}

/// So many of them at most, evenly, with the first and the last.
fn thin_out<T: Copy>(all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    (0..most).map(|number| all[number * (all.len() - 1) / (most - 1)]).collect()
}
