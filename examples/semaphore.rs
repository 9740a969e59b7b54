//! Five processes go through a semaphore of two: never more than two are inside.
//!
//! A permit is given back when it is dropped, and when its process dies: the first of the five is
//! killed inside, and its place is not lost.
use commonhold::{Segment, Semaphore, Value};
use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [name, stay] => child(name, Duration::from_millis(stay.parse()?)),
        _ => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let name = format!("semaphore-{}", std::process::id());
    let segment = Segment::create(&name, 1 << 16)?;
    let seats = Semaphore::create(segment.at("seats"), 2)?;
    let inside = Value::<u32>::create(segment.at("inside"), 0)?;
    let most = Value::<u32>::create(segment.at("most"), 0)?;

    let program = std::env::current_exe()?;
    let spawn = |stay: &str| Command::new(&program).args([&name, stay]).spawn();
    let mut victim = spawn("3600000")?;
    while inside.get() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let children: Vec<Child> = (0..4).map(|_| spawn("30")).collect::<Result<_, _>>()?;
    inside.fetch_sub(1); // it will not say so itself
    victim.kill()?;
    victim.wait()?;
    println!("killed one of five inside; the others go on");
    for mut child in children {
        assert!(child.wait()?.success(), "a child failed");
    }

    // Nothing needs to be repaired: both permits are there.
    let both = (seats.try_acquire()?, seats.try_acquire()?);
    println!("the most at once: {}; permits left: 2", most.get());
    assert!(most.get() <= 2 && seats.try_acquire().is_err());
    drop(both);
    Ok(())
}

fn child(name: &str, stay: Duration) -> Result<(), Box<dyn Error>> {
    let segment = Segment::open(name)?;
    let seats = Semaphore::open(segment.at("seats"))?;
    let inside = Value::<u32>::open(segment.at("inside"))?;
    let most = Value::<u32>::open(segment.at("most"))?;
    let _permit = seats.acquire();
    most.fetch_max(inside.fetch_add(1) + 1);
    std::thread::sleep(stay);
    inside.fetch_sub(1);
    Ok(())
}
