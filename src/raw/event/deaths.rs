//! Setters and waiters of an event that die or stop in the middle, in processes of their own.

use crate::Event;
use crate::children::{Child, HANG, all_succeed, alone, fork, promptly};
use crate::raw::hook::stopped_at;
use std::time::{Duration, Instant};

fn new() -> Event {
    Event::new().unwrap()
}

/// Children asleep until the event is set.
fn sleepers(event: &Event, count: u32) -> Vec<Child> {
    let children: Vec<_> = (0..count).map(|_| fork(|| event.wait())).collect();
    children.iter().for_each(Child::asleep);
    children
}

alone! {
fn a_setter_killed_or_stopped_before_its_wake_has_set() {
    for kill in [true, false] {
        let event = new();
        let sleepers = sleepers(&event, 3);
        let setter = stopped_at("event.before_wake", || event.set());
        assert!(event.is_set());
        if kill {
            setter.kill_to_zombie();
            promptly("released by a killed setter", || all_succeed(sleepers));
        } else {
            promptly("released by a stopped setter", || all_succeed(sleepers));
            setter.resume();
            setter.succeed();
        }
    }
}
}

alone! {
/// Set and cleared again while it did not run: it was waiting, so it is released.
fn a_waiter_stopped_before_its_sleep_is_released_by_a_set_it_never_saw() {
    for point in ["event.before_arm", "event.before_sleep"] {
        let event = new();
        let waiters: Vec<_> = (0..3)
            .map(|_| stopped_at(point, || assert!(event.wait_timeout(Duration::MAX))))
            .collect();
        event.set();
        event.clear();
        waiters.iter().for_each(Child::resume);
        promptly("released by a set that is over", || all_succeed(waiters));
        assert!(!event.is_set());
    }
}
}

alone! {
/// Whoever sets it then wakes nobody, as the dead one took the note of the sleepers away.
fn sleepers_find_a_set_whose_setter_was_killed_though_others_set_it_again() {
    let event = new();
    let sleepers = sleepers(&event, 3);
    stopped_at("event.before_wake", || event.set()).kill();
    event.clear();
    event.set();
    event.clear();
    promptly("released by a killed setter", || all_succeed(sleepers));
}
}

alone! {
fn killed_waiters_are_nothing() {
    let event = new();
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let point = ["event.before_arm", "event.before_sleep"][round % 2];
        let stopped = stopped_at(point, || event.wait());
        let doomed = sleepers(&event, 2);
        let survivors = sleepers(&event, 2);
        stopped.kill();
        let start = Instant::now();
        event.set();
        doomed.iter().for_each(Child::kill_to_zombie);
        all_succeed(survivors);
        slowest = slowest.max(start.elapsed());
        event.clear();
    }
    println!("slowest of 20 rounds: {slowest:?}");
    assert!(slowest < HANG);
}
}
