//! A shared counter: 4 processes × 25,000 increments are 100,000. Or are they?
//!
//! `Value::update` is atomic, a `Mutex` admits one process at a time; reading and writing back without
//! either loses what others added in between.
use commonhold::{Event, Mutex, Segment, Value};
use std::error::Error;
use std::process::{Child, Command};

const PROCESSES: u64 = 4;
const INCREMENTS: u64 = 25_000;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(name) => child(&name),
        None => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    // Several objects in one segment: the children need one name only.
    let name = format!("counter-{}", std::process::id());
    let segment = Segment::create(&name, 1 << 16)?;
    let start = Event::create(segment.at("start"))?;
    let updated = Value::<u64>::create(segment.at("updated"), 0)?;
    let locked = Mutex::<u64>::create(segment.at("locked"), 0)?;
    let careless = Value::<u64>::create(segment.at("careless"), 0)?;

    let program = std::env::current_exe()?;
    let children: Vec<Child> = (0..PROCESSES)
        .map(|_| Command::new(&program).arg(&name).spawn())
        .collect::<Result<_, _>>()?;
    start.set();
    for mut child in children {
        assert!(child.wait()?.success(), "a child failed");
    }

    let expected = PROCESSES * INCREMENTS;
    println!("{PROCESSES} processes × {INCREMENTS} increments = {expected}");
    println!("  with Value::update    {:>7}", updated.get());
    println!("  with Mutex            {:>7}", *locked.lock()?);
    println!("  with get, then set    {:>7}  (the rest was lost)", careless.get());
    assert_eq!(updated.get(), expected);
    assert_eq!(*locked.lock()?, expected);
    Ok(())
}

fn child(name: &str) -> Result<(), Box<dyn Error>> {
    let segment = Segment::open(name)?;
    let updated = Value::<u64>::open(segment.at("updated"))?;
    let locked = Mutex::<u64>::open(segment.at("locked"))?;
    let careless = Value::<u64>::open(segment.at("careless"))?;
    Event::open(segment.at("start"))?.wait();
    for _ in 0..INCREMENTS {
        updated.update(|n| n + 1);
        *locked.lock()? += 1;
        careless.set(careless.get() + 1);
    }
    Ok(())
}
