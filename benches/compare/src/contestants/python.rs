//! Python's multiprocessing and concurrent.futures, in the small programs of `python/`.

use std::process::{Command, Stdio};

use crate::case::{Access, Case, Shape, What};
use crate::contestant::{Bout, Card, Contestant, Entry, Kind, Run, entry};
use crate::engines::crew::{Crew, run_of, settle};
use crate::engines::link::{has_usual_capacity, shape_of};
use crate::engines::stream::{rehearsal, shares};
use crate::engines::task::WORKERS;
use crate::engines::trips::{decode, pause_of, run_of_trips};
use crate::support::children::Worker;
use crate::support::cpu;
use crate::support::report::Report;

const COMMON: &str = include_str!("../../python/common.py");
const LINKS: &str = include_str!("../../python/links.py");
const OBJECTS: &str = include_str!("../../python/objects.py");
const POOLS: &str = include_str!("../../python/pools.py");

/// One object of Python's; `kind` is what the program calls it.
struct Python {
    name: &'static str,
    kind: &'static str,
    about: &'static str,
    program: &'static str,
    /// Further arguments, for who takes part.
    arguments: fn(&What) -> Option<Vec<String>>,
}

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    let python = |name, kind, about, program, arguments| -> Box<dyn Contestant> {
        Box::new(Python { name, kind, about, program, arguments })
    };
    vec![
        python("Python Pipe", "pipe", "`send_bytes`, `recv_bytes`.", LINKS, pipe),
        python("Python SimpleQueue", "simple", "Of `bytes`.", LINKS, simple),
        python("Python Queue", "queue", "Of `bytes`; a thread feeds a pipe.", LINKS, any_link),
        python("Python Event", "event", "`set`; `wait` and `clear`.", LINKS, signal),
        python("Python Lock", "lock", "`with lock:`.", OBJECTS, lock),
        python("Python BoundedSemaphore", "semaphore", "`with semaphore:`.", OBJECTS, semaphore),
        python(
            "Python Value, Array",
            "",
            "`value`, `get_lock()`; 64 bytes: an `Array`.",
            OBJECTS,
            value,
        ),
        python("Python SharedMemory", "", "`multiprocessing.shared_memory`.", OBJECTS, memory),
        python("Python Process", "", "`start`, `join`, by `fork`.", OBJECTS, process),
        python("Python Pool", "pool", "`map`, `apply_async`, by `fork`.", POOLS, pool),
        python(
            "Python ProcessPoolExecutor",
            "executor",
            "`map` with chunks as `Pool` makes them, or of 1; `submit`; by `fork`.",
            POOLS,
            pool,
        ),
    ]
}

fn words(words: &[&dyn ToString]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| word.to_string()).collect())
}

fn any_link(what: &What) -> Option<Vec<String>> {
    match what {
        What::Stream(Shape { bytes, senders, receivers, capacity }) => {
            words(&[&"stream", bytes, capacity, senders, receivers])
        }
        What::RoundTrip { bytes, .. } => words(&[&"trips", bytes, &16]),
        _ => None,
    }
}

fn simple(what: &What) -> Option<Vec<String>> {
    let unusual = matches!(what, What::Stream(shape) if !has_usual_capacity(shape));
    any_link(what).filter(|_| !unusual)
}

fn pipe(what: &What) -> Option<Vec<String>> {
    let several = matches!(what, What::Stream(shape) if !shape.is_one_to_one());
    simple(what).filter(|_| !several)
}

fn signal(what: &What) -> Option<Vec<String>> {
    if matches!(what, What::Signal { .. }) { words(&[&"trips", &8, &16]) } else { None }
}

fn lock(what: &What) -> Option<Vec<String>> {
    if let What::Lock { participants } = what { words(&[participants]) } else { None }
}

fn semaphore(what: &What) -> Option<Vec<String>> {
    if let What::Semaphore { participants } = what { words(&[participants]) } else { None }
}

fn value(what: &What) -> Option<Vec<String>> {
    match what {
        What::Value { bytes, access: Access::Get } => words(&[&format!("get{bytes}")]),
        What::Value { bytes, access: Access::Update } => words(&[&format!("update{bytes}")]),
        _ => None,
    }
}

fn memory(what: &What) -> Option<Vec<String>> {
    match what {
        What::Create => words(&[&"create", &(16 << 10)]),
        What::Open => words(&[&"open", &(16 << 10)]),
        What::Segment { bytes, reserved: false } => words(&[&"create", bytes]),
        _ => None,
    }
}

fn process(what: &What) -> Option<Vec<String>> {
    if *what == What::Spawn { words(&[&"fork"]) } else { None }
}

fn pool(what: &What) -> Option<Vec<String>> {
    match what {
        What::Tasks { micros, one_by_one: true } => words(&[&"one_by_one", &WORKERS, micros]),
        What::Tasks { micros, one_by_one: false } => words(&[&"chunks", &WORKERS, micros]),
        What::OneTask => words(&[&"one", &WORKERS, &0]),
        What::PoolStart => words(&[&"start", &WORKERS, &0]),
        _ => None,
    }
}

/// The first word that a program of objects wants.
fn object(what: &What) -> Option<&'static str> {
    match what {
        What::Lock { .. } | What::Semaphore { .. } => Some("lock"),
        What::Value { .. } => Some("value"),
        What::Create | What::Open | What::Segment { .. } => Some("memory"),
        What::Spawn => Some("process"),
        _ => None,
    }
}

impl Contestant for Python {
    fn card(&self) -> Card {
        Card { name: self.name, kind: Kind::Processes, about: self.about }
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        let arguments = (self.arguments)(&case.what)?;
        entry(move || {
            if let What::Segment { bytes, .. } = case.what {
                super::bare::room_for(bytes)?;
            }
            let crew = self.start(&case.what, &arguments)?;
            match case.what {
                What::Stream(shape) => stream(crew, shape),
                What::RoundTrip { .. } | What::Signal { .. } => trips(crew, case),
                What::Lock { participants } | What::Semaphore { participants } => {
                    locks(crew, participants as u64)
                }
                What::Value { .. } | What::Create | What::Open | What::Segment { .. } => {
                    operations(crew, false)
                }
                _ => operations(crew, true),
            }
        })
    }
}

impl Python {
    fn start(&self, what: &What, arguments: &[String]) -> Result<Crew, String> {
        cpu::unpin(); // children inherit it
        let there = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            return Err("there is no python3".to_owned());
        }
        let [here, there] = cpu::pair().map(|cpu| cpu.to_string());
        let mut command = Command::new("python3");
        command.arg("-c").arg(format!("{COMMON}\n{}", self.program)).args(object(what));
        command.args(Some(self.kind).filter(|kind| !kind.is_empty())).args(arguments);
        Ok(Crew::of(Worker::run(command.args([here, there]))))
    }
}

/// What one order was answered.
fn reports(crew: &mut Crew, order: &str) -> Result<(Vec<Report>, String), String> {
    let answer = crew.order(order)?.remove(0);
    let (lines, rest) = answer.split_once('#').unwrap_or((&answer, ""));
    Ok((lines.split('|').map(Report::from_line).collect(), rest.to_owned()))
}

fn stream(mut crew: Crew, shape: Shape) -> Result<Bout, String> {
    let mut run = move |verb: &str, count: u64| {
        let (sent, received) = shares(&shape, count);
        let (reports, _) = reports(&mut crew, &format!("{verb} {sent} {received}"))?;
        let (senders, receivers) = reports.split_at(shape.senders);
        settle(senders, receivers)?;
        let run = run_of(&reports, !shape.is_one_to_one());
        let all = sent * shape.senders as u64;
        Ok(Run { took: run.took.mul_f64(count as f64 / all as f64), ..run })
    };
    run("whole", rehearsal(&shape))?;
    Ok(Box::new(move |count| run("ends", count)))
}

fn trips(mut crew: Crew, case: &Case) -> Result<Bout, String> {
    let pause = pause_of(case);
    let shape = shape_of(&case.what).ok_or("no shape")?;
    let mut run = move |verb: &str, count: u64| {
        let order = format!("{verb} {count} {}", pause.as_micros());
        let (reports, times) = reports(&mut crew, &order)?;
        settle(&reports[..1], &reports[1..])?;
        Ok::<Run, String>(run_of_trips(run_of(&reports, !pause.is_zero()), decode(&times)))
    };
    run("whole", 50.min(rehearsal(&shape)))?;
    Ok(Box::new(move |count| run("ends", count)))
}

fn locks(mut crew: Crew, participants: u64) -> Result<Bout, String> {
    Ok(Box::new(move |count| {
        let share = count.div_ceil(participants);
        let (reports, _) = reports(&mut crew, &share.to_string())?;
        let run = run_of(&reports, participants > 2);
        let part = count as f64 / (share * participants) as f64;
        Ok(Run { took: run.took.mul_f64(part), ..run })
    }))
}

fn operations(mut crew: Crew, shares_cores: bool) -> Result<Bout, String> {
    Ok(Box::new(move |count| {
        let (reports, _) = reports(&mut crew, &count.to_string())?;
        Ok(run_of(&reports, shares_cores))
    }))
}
