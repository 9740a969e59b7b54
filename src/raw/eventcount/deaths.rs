//! Publishers and sleepers of an eventcount that die or stop in the middle: givers and takers of
//! permits, in processes of their own.

use super::{Eventcount, FLAG};
use crate::children::{Child, HANG, all_succeed, alone, fork, promptly};
use crate::raw::hook::stopped_at;
use crate::raw::sync::Ordering;
use crate::sys::clock::Deadline;
use crate::{NoPermit, Semaphore};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

fn new() -> Semaphore {
    Semaphore::new(0).unwrap()
}

fn taker(seats: &Semaphore) -> Child {
    let child = fork(|| seats.acquire().forget());
    child.asleep();
    child
}

alone! {
fn a_publisher_killed_or_stopped_at_any_point_keeps_nobody_asleep() {
    // Two are published, for one sleeper: so that the flag is cleared as well.
    for point in ["eventcount.before_wake", "eventcount.before_clear", "eventcount.cleared"] {
        for kill in [true, false] {
            let seats = new();
            assert_eq!(seats.acquire_timeout(Duration::from_millis(1)).unwrap_err(), NoPermit);
            let sleeper = taker(&seats);
            let late = stopped_at("eventcount.before_sleep", || seats.acquire().forget());
            let giver = stopped_at(point, || seats.release(2).unwrap());
            if kill {
                giver.kill_to_zombie();
            }
            promptly(&format!("sleeper beside a publisher at {point}"), || sleeper.succeed());
            late.resume();
            promptly(&format!("late sleeper beside a publisher at {point}"), || late.succeed());
            let next = taker(&seats);
            seats.release(1).unwrap();
            promptly("the next one", || next.succeed());
            if !kill {
                giver.resume();
                giver.succeed();
            }
            assert_eq!(seats.available(), 0);
        }
    }
}
}

alone! {
fn a_sleeper_killed_or_stopped_at_any_point_keeps_nobody_asleep() {
    for point in ["eventcount.armed", "eventcount.before_sleep"] {
        for kill in [true, false] {
            let seats = new();
            let stopped = stopped_at(point, || seats.acquire().forget());
            let sleepers = [taker(&seats), taker(&seats)];
            if kill {
                stopped.kill_to_zombie();
                seats.release(2).unwrap();
                promptly("beside a killed sleeper", || all_succeed(sleepers));
            } else {
                seats.release(2).unwrap();
                promptly("beside a stopped sleeper", || all_succeed(sleepers));
                seats.release(1).unwrap();
                stopped.resume();
                promptly("the stopped sleeper", || stopped.succeed());
            }
            assert_eq!(seats.available(), 0);
        }
    }
}
}

/// Who is between its last look and its sleep is woken by the step of the sequence only.
#[test]
fn a_publication_for_more_than_it_woke_steps_the_sequence() {
    steps_from(0);
}

#[test]
fn sequences_begin_anew() {
    steps_from(!FLAG);
}

fn steps_from(first: u32) {
    let count = Eventcount::new();
    count.0.store(first, Ordering::Relaxed);
    let published = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let ready = |_| published.load(Ordering::Relaxed).then_some(());
            count.wait(Deadline::after(HANG), ready).unwrap();
        });
        while count.0.load(Ordering::Relaxed) & FLAG == 0 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(5)); // most likely it sleeps; the test holds if not
        let before = count.0.load(Ordering::Relaxed);
        published.store(true, Ordering::Relaxed);
        count.publish_to(2);
        let next = (before & !FLAG).wrapping_add(1) & !FLAG;
        assert_eq!(count.0.load(Ordering::Relaxed) & !FLAG, next);
    });
}
