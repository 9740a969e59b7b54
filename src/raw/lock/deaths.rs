//! Holders, sleepers and recoverers of a lock that die or stop in the middle, in processes of their own.

use crate::children::{Child, all_succeed, alone, fork, promptly, stop_here};
use crate::raw::hook::{arm, stopped_at};
use crate::raw::mutex::RawLock;
use crate::segment::handle::Handle;
use crate::sys::clock::Deadline;
use crate::{Lock, LockError, LockTimeoutError, RecoverError, TryLockError};
use std::time::{Duration, Instant};

fn new() -> Lock {
    Lock::new().unwrap()
}

/// A child that holds the lock, and stops there.
fn holder(door: &Lock) -> Child {
    stopped_at("lock.held", || drop(door.lock()))
}

/// A lock whose holder is dead.
fn orphan() -> Lock {
    let door = new();
    holder(&door).kill();
    door
}

/// Children asleep for the lock, that are told this.
fn sleepers(door: &Lock, told: Result<(), LockError>) -> Vec<Child> {
    let children: Vec<_> =
        (0..3).map(|_| fork(|| assert_eq!(door.lock().map(drop), told))).collect();
    children.iter().for_each(Child::asleep);
    children
}

/// A child that stops at this point of recovering the lock.
fn recoverer(door: &Lock, point: &'static str) -> Child {
    stopped_at(point, || match door.recover() {
        Ok(guard) => drop(guard),
        Err(error) => assert_eq!(error, RecoverError::Held),
    })
}

fn assert_orphaned_then_recover(door: &Lock) {
    assert_eq!(door.try_lock().unwrap_err(), TryLockError::OwnerDied);
    assert_eq!(
        door.lock_timeout(Duration::from_millis(1)).unwrap_err(),
        LockTimeoutError::OwnerDied
    );
    let guard = door.recover().unwrap();
    assert_eq!(door.recover().unwrap_err(), RecoverError::Held);
    assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
    drop(guard);
    drop(door.try_lock().unwrap());
}

/// A child that stops between freeing the lock and waking those who sleep for it.
fn stopped_before_wake(door: &Lock) -> (Child, Vec<Child>) {
    let holder = fork(|| {
        let guard = door.lock().unwrap();
        stop_here();
        arm("lock.before_wake");
        drop(guard);
    });
    holder.stopped();
    let sleepers = sleepers(door, Ok(()));
    holder.resume();
    holder.stopped();
    (holder, sleepers)
}

alone! {
fn sleepers_are_told_of_a_killed_holder() {
    let door = new();
    let holder = holder(&door);
    let sleepers = sleepers(&door, Err(LockError::OwnerDied));
    holder.kill_to_zombie();
    promptly("three told of a killed holder", || all_succeed(sleepers));
    assert_orphaned_then_recover(&door);
}
}

alone! {
fn an_unlock_that_is_killed_or_stopped_before_its_wake_is_an_unlock() {
    let door = new();
    let (stopped, sleepers) = stopped_before_wake(&door);
    stopped.kill_to_zombie();
    promptly("lock passed on after a kill before the wake", || all_succeed(sleepers));
    drop(door.try_lock().unwrap());

    let (stopped, sleepers) = stopped_before_wake(&door);
    promptly("lock passed on while the one to wake is stopped", || all_succeed(sleepers));
    stopped.resume();
    stopped.succeed();
    drop(door.try_lock().unwrap());
}
}

alone! {
/// Who has slept cannot know whether others sleep: it wakes one, whom it finds or not.
fn who_has_slept_wakes_another() {
    let door = new();
    let guard = door.lock().unwrap();
    let sleepers: Vec<_> = (0..2)
        .map(|_| fork(|| {
            arm("lock.before_wake");
            drop(door.lock().unwrap());
        }))
        .collect();
    sleepers.iter().for_each(Child::asleep);
    drop(guard);
    sleepers.iter().for_each(Child::stopped);
    sleepers.iter().for_each(Child::resume);
    all_succeed(sleepers);
    drop(door.try_lock().unwrap());
}
}

alone! {
fn one_that_dies_or_stops_before_its_sleep_is_not_waited_for() {
    let door = new();
    let guard = door.lock().unwrap();
    let wait = || drop(door.lock().unwrap());
    let killed = stopped_at("lock.before_sleep", wait);
    let stopped = stopped_at("lock.before_sleep", wait);
    let sleepers = sleepers(&door, Ok(()));
    killed.kill();
    drop(guard);
    promptly("lock passed on beside a dead and a stopped waiter", || all_succeed(sleepers));
    stopped.resume();
    stopped.succeed();
    drop(door.try_lock().unwrap());
}
}

alone! {
/// Who is killed on waking has taken the wake with it, or even the lock.
fn sleepers_killed_when_woken_leave_nobody_asleep() {
    let door = new();
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let guard = door.lock().unwrap();
        let doomed: Vec<_> = (0..3).map(|_| fork(|| drop(door.lock()))).collect();
        doomed.iter().for_each(Child::asleep);
        let survivor = fork(|| while door.lock().is_err() && door.recover().is_err() {});
        survivor.asleep();
        let start = Instant::now();
        drop(guard);
        doomed.iter().for_each(Child::kill_to_zombie);
        survivor.succeed();
        slowest = slowest.max(start.elapsed());
        if door.is_locked() {
            drop(door.recover().unwrap());
        }
    }
    println!("slowest of 20 rounds: {slowest:?}");
    assert!(slowest < crate::children::HANG);
}
}

alone! {
fn the_one_who_recovers_may_be_killed_too() {
    for point in ["lock.recover.before_cas", "lock.recovered"] {
        let door = orphan();
        let second = recoverer(&door, point);
        second.kill();
        let sleepers = sleepers_of_an_orphan(&door);
        promptly("told of a killed recoverer", || all_succeed(sleepers));
        let third = recoverer(&door, point);
        third.kill();
        assert_orphaned_then_recover(&door);
    }
}
}

fn sleepers_of_an_orphan(door: &Lock) -> Vec<Child> {
    (0..3).map(|_| fork(|| assert_eq!(door.lock().map(drop), Err(LockError::OwnerDied)))).collect()
}

alone! {
/// It had seen it held; by the time it asks whether the holder lives, that has unlocked and ended.
fn a_holder_that_unlocked_and_ended_has_not_died_with_the_lock() {
    let door = new();
    for timed in [false, true] {
        let holder = holder(&door);
        let waiter = stopped_at("lock.before_look", || match timed {
            false => drop(door.lock().unwrap()),
            true => assert_eq!(door.try_lock().map(drop), Err(TryLockError::WouldBlock)),
        });
        holder.resume();
        holder.succeed();
        waiter.resume();
        waiter.succeed();
    }
}
}

alone! {
/// It holds nothing yet: others may recover, and it learns that.
fn one_that_is_stopped_before_it_takes_over_finds_it_taken() {
    let door = orphan();
    let stopped = recoverer(&door, "lock.recover.before_cas");
    let guard = promptly("recovered beside a stopped one", || door.recover().unwrap());
    stopped.resume();
    stopped.succeed();
    assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
    drop(guard);
    drop(door.try_lock().unwrap());
}
}

alone! {
fn who_is_stopped_for_long_is_not_robbed() {
    let held = new();
    let recovered = orphan();
    let stopped = [holder(&held), recoverer(&recovered, "lock.recovered")];
    // Those who have slept for long nap longest.
    let doomed = new();
    let doomed_holder = holder(&doomed);
    let told = self::sleepers(&doomed, Err(LockError::OwnerDied));
    let doors = [&held, &recovered];
    let sleepers = doors.map(|door| sleepers(door, Ok(())));
    let end = Instant::now() + Duration::from_secs(3);
    for door in doors {
        let refused = door.lock_deadline(end).unwrap_err();
        assert_eq!(refused, LockTimeoutError::Timeout);
        assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(door.recover().unwrap_err(), RecoverError::Held);
    }
    assert!(sleepers.iter().flatten().chain(&told).all(Child::is_running));
    doomed_holder.kill_to_zombie();
    promptly("told after a long sleep", || all_succeed(told));
    stopped.iter().for_each(Child::resume);
    all_succeed(stopped);
    promptly("lock passed on", || all_succeed(sleepers.into_iter().flatten()));
    doors.iter().for_each(|door| drop(door.try_lock().unwrap()));
}
}

/// What a lock protects only for a few instructions is waited for also by those without time.
#[test]
fn a_passed_deadline_waits_shortly_for_an_internal_lock() {
    let word = Handle::<RawLock>::new(()).unwrap();
    let tag = word.lock(&word, Deadline::Now).unwrap();
    for deadline in [Deadline::Now, Deadline::At(Instant::now())] {
        let start = Instant::now();
        assert_eq!(word.lock_or_repair(&word, deadline, |_| unreachable!()), None);
        assert!(start.elapsed() >= Duration::from_millis(64));
    }
    word.unlock(&word, tag);
}
