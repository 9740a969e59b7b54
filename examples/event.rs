//! An event releases three waiting processes at once.
//!
//! Also shown: a waiter that is killed while it waits disturbs nobody.
use commonhold::{Event, Segment, Value};
use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

const WAITERS: u32 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(name) => child(&name),
        None => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let name = format!("event-{}", std::process::id());
    let segment = Segment::create(&name, 1 << 16)?;
    let start = Event::create(segment.at("start"))?;
    let waiting = Value::<u32>::create(segment.at("waiting"), 0)?;
    let released = Value::<u32>::create(segment.at("released"), 0)?;

    let program = std::env::current_exe()?;
    let mut children: Vec<Child> = (0..=WAITERS)
        .map(|_| Command::new(&program).arg(&name).spawn())
        .collect::<Result<_, _>>()?;
    while waiting.get() <= WAITERS {
        std::thread::sleep(Duration::from_millis(1));
    }

    children[0].kill()?;
    children[0].wait()?;
    println!("{WAITERS} processes wait, one more was killed while it waited");
    assert_eq!(released.get(), 0, "somebody did not wait");

    start.set();
    for child in &mut children[1..] {
        assert!(child.wait()?.success(), "a child failed");
    }
    println!("set: {} were released", released.get());
    assert_eq!(released.get(), WAITERS);
    Ok(())
}

fn child(name: &str) -> Result<(), Box<dyn Error>> {
    let segment = Segment::open(name)?;
    let start = Event::open(segment.at("start"))?;
    Value::<u32>::open(segment.at("waiting"))?.fetch_add(1);
    start.wait();
    Value::<u32>::open(segment.at("released"))?.fetch_add(1);
    Ok(())
}
