//! Several that want one lock, each time to increment a counter that nothing else protects.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use memmap2::MmapRaw;

use crate::case::{Case, What};
use crate::contestant::{Bout, Card, Contestant, Entry, Keeper, Run, Seat, entry};
use crate::engines::crew::{Crew, run_of, serve};
use crate::engines::rendezvous::{Files, fresh_place, path};
use crate::engines::shared_file;
use crate::support::cpu;
use crate::support::report::Report;

/// Outside the lock: without it, results have two stable values.
const WORK: Duration = Duration::from_nanos(200);

/// A lock that processes share.
pub trait Lockable: Send + Sync + 'static {
    const CARD: Card;
    type Lock;

    /// How many participants a case has, if it is one for this.
    fn takes(what: &What) -> bool;
    fn make(place: &str) -> Result<Keeper, String>;
    fn open(place: &str) -> Self::Lock;
    /// Does the work while it is locked.
    fn locked(lock: &mut Self::Lock, work: impl FnOnce());
}

/// A lock of the threads of one process.
pub trait ThreadLockable: Send + Sync + 'static {
    const CARD: Card;
    type Lock: Sync + 'static;

    fn new() -> Self::Lock;
    fn locked(lock: &Self::Lock, work: impl FnOnce());
}

pub struct Locked<L>(PhantomData<L>);
pub struct ThreadLocked<L>(PhantomData<L>);

impl<L: Lockable> Locked<L> {
    pub fn boxed() -> Box<dyn Contestant> {
        Box::new(Locked::<L>(PhantomData))
    }
}

impl<L: ThreadLockable> ThreadLocked<L> {
    pub fn boxed() -> Box<dyn Contestant> {
        Box::new(ThreadLocked::<L>(PhantomData))
    }
}

pub fn participants(what: &What) -> Option<usize> {
    match *what {
        What::Lock { participants } | What::Semaphore { participants } => Some(participants),
        _ => None,
    }
}

fn counter(place: &str) -> Result<MmapRaw, String> {
    shared_file::map(&format!("{place}-counter"), 4096)
}

/// Not atomic: the lock is what makes it right.
#[inline(always)]
fn increment(counter: *mut u64) {
    // SAFETY: it is in a mapping, or a box, that lives; whoever gets here holds the lock.
    unsafe { counter.write_volatile(counter.read_volatile() + 1) };
}

fn read(counter: *mut u64) -> u64 {
    // SAFETY: as above; nobody increments now.
    unsafe { counter.read_volatile() }
}

/// Steps of a loop that take about [`WORK`], when nobody is in the way.
fn steps() -> u64 {
    const TRIED: u64 = 100_000;
    let time = |_| {
        let start = Instant::now();
        work(TRIED);
        start.elapsed()
    };
    let fastest = (0..10).map(time).min().unwrap_or(WORK);
    (WORK.as_secs_f64() * TRIED as f64 / fastest.as_secs_f64()).ceil() as u64
}

#[inline(always)]
fn work(steps: u64) {
    for step in 0..steps {
        black_box(step);
    }
}

/// So many times.
#[inline(always)]
fn add(count: u64, steps: u64, mut locked: impl FnMut()) -> u64 {
    for _ in 0..count {
        locked();
        work(steps);
    }
    count
}

fn told(run: Run, count: u64, all: u64) -> Run {
    Run { took: run.took.mul_f64(count as f64 / all as f64), ..run }
}

fn counted(before: u64, after: u64, all: u64) -> Result<(), String> {
    if after - before == all {
        return Ok(());
    }
    Err(format!("it let two in at once: {} counted of {all}", after - before))
}

impl<L: Lockable> Contestant for Locked<L> {
    fn card(&self) -> Card {
        L::CARD
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        let participants = participants(&case.what).filter(|_| L::takes(&case.what))?;
        entry(move || enter::<L>(case, participants))
    }

    fn play(&self, case: &Case, seat: &Seat) {
        cpu::pin(seat.cpu);
        let map = counter(&seat.place).expect("the counter");
        let counter = map.as_mut_ptr().cast::<u64>();
        let mut lock = L::open(&seat.place);
        let steps = if participants(&case.what) == Some(1) { 0 } else { steps() };
        serve(|count| {
            let count = count.parse().expect("a number");
            let report =
                Report::of(|| add(count, steps, || L::locked(&mut lock, || increment(counter))));
            report.to_line()
        });
    }
}

fn enter<L: Lockable>(case: &Case, participants: usize) -> Result<Bout, String> {
    cpu::unpin(); // children inherit it
    let place = fresh_place();
    let keeper = L::make(&place)?;
    let map = counter(&place)?;
    let files = Files(vec![path(&format!("{place}-counter"))]);
    let seat = |number: usize| Seat {
        contestant: L::CARD.name.to_owned(),
        case: case.id(),
        side: "lock".to_owned(),
        number,
        cpu: cpu::pair()[number % 2],
        place: place.clone(),
    };
    let mut crew = Crew::seated((0..participants).map(seat))?;
    let mut run = move |count: u64| {
        let (_keeper, _files) = (&keeper, &files);
        let share = count.div_ceil(participants as u64);
        let counter = map.as_mut_ptr().cast::<u64>();
        let before = read(counter);
        let answers = crew.order(&share.to_string())?;
        let reports: Vec<Report> = answers.iter().map(|line| Report::from_line(line)).collect();
        let all = share * participants as u64;
        counted(before, read(counter), all)?;
        Ok(told(run_of(&reports, participants > 2), count, all))
    };
    run(1000)?;
    Ok(Box::new(run))
}

/// What is incremented, between threads.
struct Counter(UnsafeCell<u64>);

// SAFETY: it is touched under the lock only, or when nobody else is there.
unsafe impl Sync for Counter {}

impl<L: ThreadLockable> Contestant for ThreadLocked<L> {
    fn card(&self) -> Card {
        L::CARD
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        let What::Lock { participants } = case.what else { return None };
        entry(move || enter_threads::<L>(participants))
    }
}

fn enter_threads<L: ThreadLockable>(participants: usize) -> Result<Bout, String> {
    let lock = Box::new(L::new());
    let counter = Box::new(Counter(UnsafeCell::new(0)));
    let steps = if participants == 1 { 0 } else { steps() };
    let run = move |count: u64| {
        cpu::unpin();
        let share = count.div_ceil(participants as u64);
        let (lock, counter) = (&*lock, &*counter);
        let before = read(counter.0.get());
        let adder = |number: usize| {
            cpu::pin(cpu::pair()[number % 2]);
            Report::of(|| add(share, steps, || L::locked(lock, || increment(counter.0.get()))))
        };
        let reports: Vec<Report> = thread::scope(|scope| {
            let adders: Vec<_> =
                (0..participants).map(|number| scope.spawn(move || adder(number))).collect();
            adders.into_iter().map(|one| one.join().expect("an adder")).collect()
        });
        let all = share * participants as u64;
        counted(before, read(counter.0.get()), all)?;
        Ok(told(run_of(&reports, participants > 2), count, all))
    };
    run(1000)?;
    Ok(Box::new(run))
}
