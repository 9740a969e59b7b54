//! Holders, givers and takers of permits that die or stop in the middle, in processes of their own.

use crate::children::{Child, HANG, all_succeed, alone, fork, promptly, stop_here};
use crate::raw::hook::{arm, stopped_at, stopped_at_nth};
use crate::{NoPermit, Segment, Semaphore};
use std::time::{Duration, Instant};

/// What a process does, and how many of three permits there are when it has done it.
type Operation = (fn(&Semaphore), u32);
const PASS: Operation = (pass, 3);
const LOSE: Operation = (lose, 2);
const ADD: Operation = (add, 5);

fn pass(seats: &Semaphore) {
    drop(seats.acquire());
}

fn lose(seats: &Semaphore) {
    seats.acquire().forget();
}

fn add(seats: &Semaphore) {
    seats.release(2).unwrap();
}

/// Every point of every change (the n-th time it is passed), and how many of three permits there are
/// when the process was killed there.
const POINTS: [(&str, u32, Operation, u32); 15] = [
    ("semaphore.locked", 0, PASS, 3),
    ("semaphore.taking", 0, PASS, 3),
    ("semaphore.changed", 0, PASS, 3),
    ("semaphore.held", 0, PASS, 3),
    ("semaphore.locked", 1, PASS, 3),
    ("semaphore.giving_back", 0, PASS, 3),
    ("semaphore.changed", 1, PASS, 3),
    ("semaphore.given_back", 0, PASS, 3),
    ("semaphore.locked", 1, LOSE, 3),
    ("semaphore.forgetting", 0, LOSE, 2),
    ("semaphore.changed", 1, LOSE, 2),
    ("semaphore.locked", 0, ADD, 3),
    ("semaphore.releasing", 0, ADD, 5),
    ("semaphore.changed", 0, ADD, 5),
    ("semaphore.released", 0, ADD, 5),
];

fn new(permits: u32) -> Semaphore {
    Semaphore::new(permits).unwrap()
}

/// Takes all permits there are, and gives them back.
fn assert_permits(seats: &Semaphore, count: u32, what: &str) {
    let all: Vec<_> = std::iter::from_fn(|| seats.try_acquire().ok()).collect();
    assert_eq!(all.len() as u32, count, "{what}");
    assert_eq!(seats.available(), 0, "{what}");
    drop(all);
    assert_eq!(seats.available(), count, "{what}");
}

/// Children asleep for a permit.
fn sleepers(seats: &Semaphore, count: u32) -> Vec<Child> {
    let children: Vec<_> = (0..count).map(|_| fork(|| pass(seats))).collect();
    children.iter().for_each(Child::asleep);
    children
}

/// A semaphore all of whose permits a dead process holds.
fn orphan(permits: u32) -> Semaphore {
    let seats = new(permits);
    fork(|| (0..permits).for_each(|_| std::mem::forget(seats.acquire()))).succeed();
    assert_eq!(seats.available(), 0);
    seats
}

alone! {
fn a_process_killed_at_any_point_keeps_no_permit_and_loses_none() {
    for (point, skip, (operation, _), total) in POINTS {
        let what = format!("killed at {point} {skip}");
        let seats = new(3);
        let mine = seats.acquire();
        stopped_at_nth(point, skip, || operation(&seats)).kill_to_zombie();
        let another = promptly(&what, || seats.acquire_timeout(HANG).unwrap());
        drop(another);
        assert_permits(&seats, total - 1, &what);
        drop(mine);
        assert_permits(&seats, total, &what);
    }
}
}

alone! {
/// Where it has the books the others wait for it; those with a timeout not for long.
fn a_process_stopped_at_any_point_makes_no_try_wait_for_it() {
    for (point, skip, (operation, total), _) in POINTS {
        let what = format!("stopped at {point} {skip}");
        let seats = new(3);
        let mine = seats.acquire();
        let child = stopped_at_nth(point, skip, || operation(&seats));
        promptly(&what, || {
            _ = seats.try_acquire();
            _ = seats.acquire_timeout(Duration::from_millis(5));
        });
        child.resume();
        child.succeed();
        assert_permits(&seats, total - 1, &what);
        drop(mine);
        assert_permits(&seats, total, &what);
    }
}
}

alone! {
fn sleepers_get_the_permits_of_a_killed_holder() {
    let seats = new(2);
    let holder = fork(|| {
        let _both = [seats.acquire(), seats.acquire()];
        stop_here();
    });
    holder.stopped();
    let sleepers = sleepers(&seats, 4);
    holder.kill_to_zombie();
    promptly("permits of a killed holder", || all_succeed(sleepers));
    assert_permits(&seats, 2, "after all");
}
}

alone! {
fn sleepers_go_on_after_a_giver_killed_at_any_point() {
    // The last one shows that it wakes: it is reached only where somebody is to be woken.
    for point in [
        "semaphore.locked",
        "semaphore.giving_back",
        "semaphore.given_back",
        "eventcount.before_wake",
    ] {
        let seats = new(1);
        let giver = fork(|| {
            let permit = seats.acquire();
            stop_here();
            arm(point);
            drop(permit);
        });
        giver.stopped();
        let sleepers = sleepers(&seats, 3);
        giver.resume();
        giver.stopped();
        giver.kill_to_zombie();
        promptly(&format!("after a giver killed at {point}"), || all_succeed(sleepers));
        assert_permits(&seats, 1, point);
    }
}
}

alone! {
fn the_one_who_repairs_the_books_may_be_killed_too() {
    for point in ["lock.recover.before_cas", "lock.recovered", "semaphore.recomputing", "semaphore.locked"] {
        let seats = new(2);
        stopped_at("semaphore.taking", || pass(&seats)).kill();
        stopped_at(point, || pass(&seats)).kill();
        stopped_at(point, || pass(&seats)).kill();
        let permit = promptly(&format!("after a repairer killed at {point}"), || {
            seats.acquire_timeout(HANG).unwrap()
        });
        assert_permits(&seats, 1, point);
        drop(permit);
        assert_permits(&seats, 2, point);
    }
    // Here the lock was free, and a dead one held the permits.
    let seats = orphan(2);
    stopped_at("semaphore.recomputing", || _ = seats.try_acquire()).kill();
    assert_permits(&seats, 2, "killed while recomputing");
}
}

alone! {
fn who_repairs_the_books_wakes_the_others() {
    let (reclaimed, repaired) = (orphan(2), new(2));
    let mine = repaired.acquire();
    stopped_at("semaphore.giving_back", || pass(&repaired)).kill();
    for seats in [&reclaimed, &repaired] {
        let sleeper = stopped_at("eventcount.before_sleep", || pass(seats));
        // It gives nothing back: what it wakes for is what it found.
        let repairer =
            stopped_at("eventcount.before_wake", || std::mem::forget(seats.try_acquire()));
        sleeper.resume();
        repairer.resume();
        all_succeed([sleeper, repairer]);
    }
    drop(mine);
    [reclaimed, repaired].iter().for_each(|seats| assert_permits(seats, 2, "after all"));
}
}

alone! {
fn sleepers_killed_when_woken_leave_nobody_asleep() {
    let seats = new(1);
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let permit = seats.acquire();
        let doomed = sleepers(&seats, 3);
        let survivor = sleepers(&seats, 1);
        let start = Instant::now();
        drop(permit);
        doomed.iter().for_each(Child::kill_to_zombie);
        all_succeed(survivor);
        slowest = slowest.max(start.elapsed());
    }
    println!("slowest of 20 rounds: {slowest:?}");
    assert!(slowest < HANG);
    assert_permits(&seats, 1, "after all");
}
}

alone! {
fn who_is_stopped_for_long_is_not_robbed() {
    let scenes = [
        ("semaphore.held", new(1)),
        ("semaphore.taking", new(1)),
        ("semaphore.giving_back", new(1)),
        ("semaphore.releasing", new(0)),
        ("semaphore.recomputing", orphan(1)),
    ];
    let stopped: Vec<_> = scenes
        .iter()
        .map(|(point, seats)| stopped_at(point, || match *point {
            "semaphore.releasing" => seats.release(1).unwrap(),
            _ => pass(seats),
        }))
        .collect();
    let sleepers: Vec<_> = scenes.iter().flat_map(|(_, seats)| sleepers(seats, 2)).collect();
    // Those who have slept for long nap longest.
    let doomed = new(1);
    let holder = stopped_at("semaphore.held", || pass(&doomed));
    let heirs = self::sleepers(&doomed, 3);
    let end = Instant::now() + Duration::from_secs(3);
    for (point, seats) in &scenes {
        assert_eq!(seats.acquire_deadline(end).unwrap_err(), NoPermit, "robbed at {point}");
    }
    assert!(sleepers.iter().chain(&heirs).all(Child::is_running));
    holder.kill_to_zombie();
    promptly("the permit of the dead after a long sleep", || all_succeed(heirs));
    stopped.iter().for_each(Child::resume);
    all_succeed(stopped);
    promptly("permits passed on", || all_succeed(sleepers));
    scenes.iter().for_each(|(point, seats)| assert_permits(seats, 1, point));
}
}

alone! {
/// The next participant in the row overwrites what the dead one held, before anybody has looked.
fn permits_of_the_dead_come_back_though_their_row_is_in_use_again() {
    let name = format!("test-semaphore-rows-{}", std::process::id());
    let seats = Semaphore::create(Segment::options().participants(2).at(&name), 3).unwrap();
    // Not all three: who finds none left would look.
    for _ in 0..2 {
        fork(|| std::mem::forget(seats.acquire())).succeed();
        fork(|| pass(&seats)).succeed();
    }
    assert_permits(&seats, 3, "all are back");
}
}
