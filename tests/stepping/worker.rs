//! A process that goes through all deaths of one case, and tells how it went.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use crate::case::{Case, Fates, Ground, Subject, Trial};
use crate::log::Page;
use crate::plan::{Fatality, Manner, Spread, Stop};
use crate::trace::{Trace, events, thin_out};
use crate::victim::{Until, Victim};

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

/// How long one may wait for another that stands still, before it is killed where it waits.
const PATIENCE: Duration = Duration::from_millis(50);

/// The same of one that is on its way to sleep; so often it is tried at full speed, and then step by step.
/// (On its way it looks at the clock: some instructions are of those alone for whom time flies.)
const HELD_UP: Duration = Duration::from_secs(1);
const AT_SPEED: usize = 2;
const TIMES: usize = 5;

/// After so many failures the rest of a row tells nothing new.
const ENOUGH: usize = 5;

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

pub struct Worker<'a> {
    case: &'a Case,
    manner: Manner,
    spread: Spread,
    cpu: usize,
    /// The page of the driver, and that of the victims.
    told: Page,
    page: Page,
    grounds: u64,
    traces: Vec<Trace>,
}

impl<'a> Worker<'a> {
    pub fn new(case: &'a Case, manner: Manner, spread: Spread, cpu: usize, told: Page) -> Self {
        let page = Page::new();
        let spread = if case.long { spread.of_long() } else { spread };
        Worker { case, manner, spread, cpu, told, page, grounds: 0, traces: Vec::new() }
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
        log.tell(told::POINTS, plan.len() as u64);
        let mut failures = 0;
        for (number, fatality) in plan.into_iter().enumerate().skip(from) {
            log.tell(told::TRIAL, number as u64 + 1);
            log.add(told::DEATHS, if self.manner == Manner::TwoDeaths { 2 } else { 1 });
            let mut stood = Vec::new();
            let trial = AssertUnwindSafe(|| self.try_once(fatality, &mut stood));
            if catch_unwind(trial).is_ok() {
                continue;
            }
            log.add(told::FAILURES, 1);
            let message = LAST_PANIC.lock().unwrap().clone();
            let places: Vec<String> = stood.iter().map(|place| format!("{place:#x}")).collect();
            let _ = writeln!(report, "{fatality} @ {} | {message}", places.join(" "));
            failures += 1;
            if failures == ENOUGH || self.case.control {
                return;
            }
        }
    }

    /// On one CPU with all its victims: a step is a switch there, and nothing else runs in between.
    fn settle_down(&self) {
        let mut cpus = CpuSet::new();
        let _ = cpus.set(self.cpu);
        let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
        // What a victim started is this process's to bury.
        let _ = nix::sys::prctl::set_child_subreaper(true);
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

    fn plan(&mut self) -> Option<Vec<Fatality>> {
        // What this process does once, it does now.
        let ground = self.ground();
        let trial = (self.case.build)(&ground);
        if !self.manner.applies_to(&trial) {
            return None;
        }
        let seconds = trial.seconds.len();
        let by_steps = matches!(trial.subject, Subject::WithThreads(_));
        drop((trial, ground));
        let plan = match self.manner {
            Manner::Death | Manner::Pause => self.plan_one(by_steps),
            Manner::TwoDeaths => self.plan_two(seconds),
            Manner::Beside => self.plan_beside(seconds),
        };
        Some(plan)
    }

    fn plan_one(&mut self, by_steps: bool) -> Vec<Fatality> {
        let trace = self.trace_first();
        let log = self.told.log(told::LOG);
        log.tell(told::INSTRUCTIONS, trace.instructions as u64);
        let points = match self.manner {
            Manner::Pause => self.spread.pauses(&trace),
            _ if by_steps => self.spread.by_steps(&trace),
            _ => self.spread.deaths(&trace),
        };
        self.traces.push(trace);
        let one = |after| Fatality { first: Stop { trace: 0, after }, second: None };
        points.into_iter().map(one).collect()
    }

    /// A second death at all instructions of each path that is gone after some first death.
    fn plan_two(&mut self, seconds: usize) -> Vec<Fatality> {
        let trace = self.trace_first();
        let firsts = thin_out(events(&trace), self.spread.firsts);
        self.traces.push(trace);
        let log = self.told.log(told::LOG);
        let mut seen = BTreeSet::new();
        let mut plan = Vec::new();
        log.tell(told::INSTRUCTIONS, 0);
        for (which, after) in (0..seconds).flat_map(|which| firsts.iter().map(move |f| (which, *f)))
        {
            log.add(told::LOOKED, 1);
            let first = Stop { trace: 0, after };
            let trace = self.trace_second(which, Some(first));
            // Of another length is another path.
            if seen.insert((which, trace.instructions)) {
                log.add(told::INSTRUCTIONS, trace.instructions as u64);
                let points = self.spread.second_deaths(&trace, self.case.long);
                let second = |after| Some((which, Stop { trace: self.traces.len(), after }));
                plan.extend(points.into_iter().map(|p| Fatality { first, second: second(p) }));
                self.traces.push(trace);
            }
        }
        log.tell(told::PATHS, seen.len() as u64);
        thin_out(plan, self.spread.most)
    }

    /// The first's death at all of its instructions, for each place where another stands still beside it.
    fn plan_beside(&mut self, seconds: usize) -> Vec<Fatality> {
        let log = self.told.log(told::LOG);
        let mut plan = Vec::new();
        let mut paths = 0;
        log.tell(told::INSTRUCTIONS, 0);
        for which in 0..seconds {
            let other = self.trace_second(which, None);
            let stops = self.spread.stops(&other);
            self.traces.push(other);
            let trace = self.traces.len() - 1;
            for after in stops {
                log.add(told::LOOKED, 1);
                let second = (which, Stop { trace, after });
                let own = self.trace_beside(second);
                log.add(told::INSTRUCTIONS, own.instructions as u64);
                paths += 1;
                let points = self.spread.deaths_beside(&own, self.case.long);
                let first = |after| Stop { trace: self.traces.len(), after };
                let second = Some(second);
                plan.extend(points.into_iter().map(|p| Fatality { first: first(p), second }));
                self.traces.push(own);
            }
        }
        log.tell(told::PATHS, paths);
        thin_out(plan, self.spread.most)
    }

    fn first(&self, trial: &mut Trial) -> Victim {
        let victim = match &mut trial.subject {
            Subject::Child(operation) => Victim::start(self.page, 0, operation),
            Subject::WithThreads(operation) => Victim::start(self.page, 0, operation).by_steps(),
            Subject::Stranger(find) => Victim::seize(self.page, find()),
        };
        if let Some(f) = trial.once_it_stands.take() {
            f();
        }
        victim
    }

    /// It is long, but does not hang.
    fn goes_on(&self) {
        self.told.log(told::LOG).add(told::LOOKED, 1);
    }

    fn second(&self, trial: &Trial, which: usize) -> Victim {
        Victim::start(self.page, 1, &trial.seconds[which])
    }

    fn trace_first(&mut self) -> Trace {
        let ground = self.ground();
        let mut trial = (self.case.build)(&ground);
        let until = if trial.waits { Until::Asleep } else { Until::Done };
        self.first(&mut trial).trace(until, || self.goes_on())
    }

    /// Of who comes after the first died there, or after it came to stand before its first instruction.
    fn trace_second(&mut self, which: usize, first: Option<Stop>) -> Trace {
        let ground = self.ground();
        let mut trial = (self.case.build)(&ground);
        let mut victim = self.first(&mut trial);
        let Some(Stop { trace, after }) = first else {
            return self.second(&trial, which).trace(Until::Asleep, || self.goes_on());
        };
        victim.run(&self.traces[trace], after);
        victim.die();
        self.second(&trial, which).trace(Until::Done, || self.goes_on())
    }

    /// Of the first, while another stands still.
    fn trace_beside(&mut self, (which, Stop { trace, after }): (usize, Stop)) -> Trace {
        let ground = self.ground();
        let mut trial = (self.case.build)(&ground);
        let mut victim = self.first(&mut trial);
        let mut other = self.second(&trial, which);
        other.run(&self.traces[trace], after);
        victim.trace(Until::Asleep, || self.goes_on())
    }

    fn try_once(&mut self, fatality: Fatality, stood: &mut Vec<usize>) {
        for time in 0..TIMES {
            let ground = self.ground();
            let mut trial = (self.case.build)(&ground);
            let mut victim = self.first(&mut trial);
            if time >= AT_SPEED {
                victim = victim.by_steps();
            }
            let fates = match self.manner {
                Manner::Death | Manner::TwoDeaths => self.die(&trial, victim, fatality, stood),
                Manner::Beside => self.die_beside(&trial, victim, fatality, stood),
                Manner::Pause if trial.waits => {
                    match self.wait(&mut trial, victim, fatality, stood) {
                        Some(fates) => fates,
                        None => continue,
                    }
                }
                Manner::Pause => self.pause(&mut trial, victim, fatality, stood),
            };
            return (trial.check)(&fates);
        }
        panic!("it does not come to where it did when it was traced");
    }

    fn die(
        &self,
        trial: &Trial,
        mut victim: Victim,
        Fatality { first, second }: Fatality,
        stood: &mut Vec<usize>,
    ) -> Fates {
        victim.run(&self.traces[first.trace], first.after);
        stood.push(victim.stands_at());
        victim.die();
        let mut fates = Fates { first: self.page.log(0).values(), second: None, beside: false };
        if let Some((which, stop)) = second {
            let mut next = self.second(trial, which);
            next.run(&self.traces[stop.trace], stop.after);
            stood.push(next.stands_at());
            next.die();
            fates.second = Some((which, self.page.log(1).values()));
        }
        fates
    }

    fn die_beside(
        &self,
        trial: &Trial,
        mut victim: Victim,
        Fatality { first, second }: Fatality,
        stood: &mut Vec<usize>,
    ) -> Fates {
        let (which, stop) = second.expect("two of them");
        let mut other = self.second(trial, which);
        other.run(&self.traces[stop.trace], stop.after);
        stood.push(other.stands_at());
        victim.run_while(&self.traces[first.trace], first.after, Some(PATIENCE));
        victim.die();
        let first = self.page.log(0).values();
        other.go_on();
        Fates { first, second: Some((which, self.page.log(1).values())), beside: true }
    }

    fn pause(
        &self,
        trial: &mut Trial,
        mut victim: Victim,
        Fatality { first, .. }: Fatality,
        stood: &mut Vec<usize>,
    ) -> Fates {
        victim.run(&self.traces[first.trace], first.after);
        stood.push(victim.stands_at());
        trial.meanwhile.take().expect("something to do meanwhile")();
        victim.go_on();
        Fates { first: self.page.log(0).values(), second: None, beside: false }
    }

    /// A pause on the way to sleep. None: it slept before it came there, as one may that was held up.
    fn wait(
        &self,
        trial: &mut Trial,
        mut victim: Victim,
        Fatality { first, .. }: Fatality,
        stood: &mut Vec<usize>,
    ) -> Option<Fates> {
        if !victim.run_while(&self.traces[first.trace], first.after, Some(HELD_UP)) {
            return None;
        }
        stood.push(victim.stands_at());
        trial.meanwhile.take().expect("something to do meanwhile")();
        victim.go_on_awake();
        Some(Fates { first: self.page.log(0).values(), second: None, beside: false })
    }
}
