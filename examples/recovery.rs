//! `kill -9` of a process that holds a lock, in the middle of a change, and the recovery.
//!
//! 100 lie in two accounts. The child moves 40 and is killed between taking and giving. The parent
//! waits for the lock, learns that its owner died, sees what it left, repairs it, and goes on.
use commonhold::{Event, LockError, Mutex, Segment};
use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(name) => child(&name),
        None => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let name = format!("recovery-{}", std::process::id());
    let segment = Segment::create(&name, 1 << 16)?;
    let accounts = Mutex::create(segment.at("accounts"), [100_i64, 0])?;
    let halfway = Event::create(segment.at("halfway"))?;

    let mut holder = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    halfway.wait();
    assert!(accounts.try_lock().is_err(), "the child holds it");
    holder.kill()?;
    holder.wait()?;
    println!("killed process {}, which held the lock", holder.id());

    let asked = Instant::now();
    let refused = accounts.lock().map(drop);
    println!("lock: {refused:?} after {:?}", asked.elapsed());
    assert_eq!(refused, Err(LockError::OwnerDied));

    // Of several that try, one recovers; the others get `Held`, and lock as usual.
    let mut guard = accounts.recover()?;
    println!("what it left: {:?}, {} missing", *guard, 100 - guard.iter().sum::<i64>());
    *guard = [100, 0];
    drop(guard);

    // `lock_or_repair` is all of this in one call.
    let guard = accounts.lock_or_repair(|_left| [100, 0]);
    println!("repaired: {:?}", *guard);
    assert_eq!(guard.iter().sum::<i64>(), 100);
    Ok(())
}

fn child(name: &str) -> Result<(), Box<dyn Error>> {
    let segment = Segment::open(name)?;
    let accounts = Mutex::<[i64; 2]>::open(segment.at("accounts"))?;
    let halfway = Event::open(segment.at("halfway"))?;
    let mut guard = accounts.lock()?;
    guard[0] -= 40;
    halfway.set();
    std::thread::sleep(Duration::from_secs(3600)); // killed here
    guard[1] += 40;
    Ok(())
}
