//! Those who hold and repair a mutex, and die or stop in the middle, in processes of their own.

use crate::children::{Child, all_succeed, alone, end_child, fork, fork_here, promptly, stop_here};
use crate::raw::hook::{arm, stopped_at};
use crate::{LockError, LockTimeoutError, Mutex, MutexGuard, RecoverError, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

type Pair = [u64; 2];
const OLD: Pair = [1, 1];
const NEW: Pair = [2, 2];
const HALF: Pair = [2, 1];

fn new() -> Mutex<Pair> {
    Mutex::new(OLD).unwrap()
}

/// A child that has written one half, and is stopped.
fn half_written(pair: &Mutex<Pair>) -> Child {
    let child = fork(|| {
        let mut guard = pair.lock().unwrap();
        guard[0] = NEW[0];
        stop_here();
        guard[1] = NEW[1];
    });
    child.stopped();
    child
}

/// A mutex whose holder was killed in the middle of its write.
fn orphan() -> Mutex<Pair> {
    let pair = new();
    half_written(&pair).kill();
    pair
}

fn sleepers(pair: &Mutex<Pair>, told: Result<Pair, LockError>) -> Vec<Child> {
    let children: Vec<_> =
        (0..3).map(|_| fork(|| assert_eq!(pair.lock().map(|guard| *guard), told))).collect();
    children.iter().for_each(Child::asleep);
    children
}

/// Makes the pair NEW, whatever it was.
fn repair(pair: &Mutex<Pair>) -> MutexGuard<'_, Pair> {
    pair.lock_or_repair(|left| {
        assert!(matches!(left, Some(OLD | HALF | NEW)), "{left:?}");
        NEW
    })
}

fn panic_with(guard: MutexGuard<'_, Pair>) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        resume_unwind(Box::new("on purpose"));
    }));
}

alone! {
fn a_killed_holder_leaves_what_it_wrote_to_be_recovered() {
    for point in ["mutex.held", "half"] {
        let pair = new();
        let (holder, left) = match point {
            "half" => (half_written(&pair), HALF),
            point => (stopped_at(point, || *pair.lock().unwrap() = NEW), OLD),
        };
        let sleepers = sleepers(&pair, Err(LockError::OwnerDied));
        holder.kill_to_zombie();
        promptly("told of a killed holder", || all_succeed(sleepers));
        assert_eq!(pair.try_lock().unwrap_err(), TryLockError::OwnerDied);
        let mut guard = pair.recover().unwrap();
        assert_eq!(*guard, left);
        *guard = NEW;
        assert_eq!(pair.recover().unwrap_err(), RecoverError::Held);
        drop(guard);
        assert_eq!(*pair.try_lock().unwrap(), NEW);
    }
}
}

alone! {
fn the_one_who_repairs_may_be_killed_too() {
    let points = [
        ("lock.recover.before_cas", HALF),
        ("lock.recovered", HALF),
        ("mutex.repairing", HALF),
        ("mutex.repaired", NEW),
    ];
    for (point, left) in points {
        let pair = orphan();
        stopped_at(point, || drop(repair(&pair))).kill();
        assert_eq!(pair.lock().unwrap_err(), LockError::OwnerDied, "killed at {point}");
        let mut seen = None;
        promptly("repaired after a repairer", || drop(pair.lock_or_repair(|pair| {
            seen = pair;
            NEW
        })));
        assert_eq!(seen, Some(left), "killed at {point}");
        assert_eq!(*pair.try_lock().unwrap(), NEW);

        let pair = orphan();
        stopped_at(point, || drop(pair.recover_with(NEW))).kill();
        assert_eq!(*pair.recover().unwrap(), left, "killed at {point}");
    }
}
}

alone! {
fn several_repair_and_one_does_it() {
    for _ in 0..20 {
        let count = Mutex::new(0_u64).unwrap();
        stopped_at("mutex.held", || drop(count.lock())).kill();
        let children: Vec<_> = (0..4)
            .map(|_| fork(|| {
                let mut guard = count.lock_or_repair(|left| left.unwrap() + 100);
                *guard += 1;
            }))
            .collect();
        all_succeed(children);
        assert_eq!(*count.lock().unwrap(), 104);
    }
}
}

alone! {
/// It was told that the holder died; when it gets to it, another has repaired and gone on.
fn what_was_repaired_meanwhile_is_not_repaired_again() {
    let pair = orphan();
    let late = stopped_at("lock.recover.before_cas", || {
        let guard = pair.lock_or_repair(|_| unreachable!("repaired twice"));
        assert_eq!(*guard, [7, 7]);
    });
    *repair(&pair) = [7, 7];
    late.resume();
    late.succeed();
}
}

alone! {
fn a_panicking_holder_that_is_killed_before_it_tells_has_told() {
    let pair = new();
    let panicking = fork(|| {
        let guard = pair.lock().unwrap();
        stop_here();
        arm("lock.abandoned");
        panic_with(guard);
    });
    panicking.stopped();
    let sleepers = sleepers(&pair, Err(LockError::Poisoned));
    panicking.resume();
    panicking.stopped();
    panicking.kill_to_zombie();
    promptly("told of a panic", || all_succeed(sleepers));
    assert_eq!(pair.try_lock().unwrap_err(), TryLockError::Poisoned);
    assert_eq!(*pair.recover().unwrap(), OLD);
    drop(pair.try_lock().unwrap());
}
}

alone! {
fn who_is_stopped_for_long_is_not_robbed() {
    let scenes = [
        (new(), None),
        (new(), Some("mutex.held")),
        (orphan(), Some("lock.recovered")),
        (orphan(), Some("mutex.repairing")),
        (orphan(), Some("mutex.repaired")),
    ];
    let stopped: Vec<_> = scenes
        .iter()
        .map(|(pair, point)| match point {
            None => half_written(pair),
            Some(point) => stopped_at(point, || *repair(pair) = NEW),
        })
        .collect();
    let sleepers: Vec<_> = scenes.iter().flat_map(|(pair, _)| sleepers(pair, Ok(NEW))).collect();
    let repairers: Vec<_> = scenes
        .iter()
        .map(|(pair, _)| fork(|| assert_eq!(*pair.lock_or_repair(|_| unreachable!("robbed")), NEW)))
        .collect();
    let end = Instant::now() + Duration::from_secs(3);
    for (pair, _) in &scenes {
        assert_eq!(pair.lock_deadline(end).unwrap_err(), LockTimeoutError::Timeout);
        assert_eq!(pair.recover().unwrap_err(), RecoverError::Held);
        assert_eq!(pair.recover_with(OLD).unwrap_err(), RecoverError::Held);
    }
    assert!(sleepers.iter().chain(&repairers).all(Child::is_running));
    stopped.iter().for_each(Child::resume);
    all_succeed(stopped);
    promptly("mutexes passed on", || all_succeed(sleepers.into_iter().chain(repairers)));
}
}

alone! {
/// The child comes out of it with a copy of the claim, which is not its own.
fn a_repair_that_forks_repairs_in_one_process() {
    for unwinds in [false, true] {
        let pair = orphan();
        let mut forked = None;
        let repaired = catch_unwind(AssertUnwindSafe(|| pair.lock_or_repair(|_| {
            forked = Some(fork_here());
            match &forked {
                Some(Some(_)) => NEW,
                _ if unwinds => resume_unwind(Box::new("on purpose")),
                _ => [9, 9],
            }
        })));
        let Some(child) = forked.unwrap() else { end_child(repaired.is_err()) };
        child.succeed();
        assert_eq!(pair.recover().unwrap_err(), RecoverError::Held);
        assert_eq!(*repaired.unwrap(), NEW);
        assert_eq!(*pair.try_lock().unwrap(), NEW);
    }
}
}
