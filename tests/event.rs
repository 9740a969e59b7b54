//! What an `Event` promises to several processes, and to the threads of each.

mod children;

use children::{Child, LONG, all_succeed, alone, fork, promptly};
use commonhold::{Event, Value};
use std::thread;
use std::time::{Duration, Instant};

fn new() -> Event {
    Event::new().unwrap()
}

/// Children asleep until the event is set.
fn waiters(event: &Event, count: u32) -> Vec<Child> {
    let children: Vec<_> = (0..count).map(|_| fork(|| event.wait())).collect();
    children.iter().for_each(Child::asleep);
    children
}

alone! {
    fn set_releases_all_who_wait_and_all_who_will() {
        let event = new();
        let waiters = waiters(&event, 3);
        assert!(waiters.iter().all(Child::is_running));
        event.set();
        promptly("three released", || all_succeed(waiters));
        assert!(event.is_set());
        fork(|| event.wait()).succeed();
        event.clear();
        fork(|| assert!(!event.is_set() && !event.wait_timeout(Duration::from_millis(5)))).succeed();
    }

    fn those_who_wait_are_released_though_it_is_cleared_at_once() {
        let event = new();
        for round in 0..40 {
            let waiters = waiters(&event, 2);
            event.set();
            event.clear();
            all_succeed(waiters);
            assert!(!event.is_set(), "round {round}");
        }
    }

    /// Each waits for a step it has not seen; a step that was missed would hold both up for ever.
    fn two_processes_pass_a_ball_with_threads_that_watch() {
        const ROUNDS: u32 = 2_000;
        let (ping, pong) = (new(), new());
        let passed = Value::<u32>::new(0).unwrap();
        let play = |mine: &Event, theirs: &Event| {
            for _ in 0..ROUNDS {
                mine.wait();
                mine.clear();
                passed.fetch_add(1);
                theirs.set();
            }
        };
        let other = fork(|| thread::scope(|scope| {
            scope.spawn(|| play(&pong, &ping));
            // Watches both, and changes nothing.
            while passed.get() < 2 * ROUNDS {
                _ = ping.wait_timeout(Duration::from_millis(1)) || pong.is_set();
            }
        }));
        ping.set();
        play(&ping, &pong);
        other.succeed();
        assert_eq!(passed.get(), 2 * ROUNDS);
    }

    fn a_named_event_is_one_event() {
        let name = format!("test-event-{}", std::process::id());
        let event = Event::create(&name).unwrap();
        let child = fork(|| Event::open(&name).unwrap().wait());
        let again = Event::open(&name).unwrap();
        child.asleep();
        again.set();
        child.succeed();
        assert!(event.is_set());
    }

    fn a_killed_waiter_blocks_nobody() {
        let event = new();
        let killed = waiters(&event, 2);
        let waiters = waiters(&event, 2);
        killed.into_iter().for_each(Child::kill);
        event.set();
        promptly("released beside killed ones", || all_succeed(waiters));
    }

    fn what_was_done_before_set_is_seen_after_it() {
        for round in 1..=200 {
            let (event, value) = (new(), Value::<u64>::new(0).unwrap());
            let child = fork(|| {
                value.set(round);
                event.set();
            });
            event.wait();
            assert_eq!(value.get(), round);
            child.succeed();
        }
    }
}

#[test]
fn a_timed_wait_never_ends_early() {
    let event = new();
    for millis in [0, 1, 3, 10, 70, 150] {
        let timeout = Duration::from_millis(millis);
        let start = Instant::now();
        assert!(!event.wait_timeout(timeout));
        assert!(start.elapsed() >= timeout, "{millis} ms");
        let deadline = Instant::now() + timeout;
        assert!(!event.wait_deadline(deadline));
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn a_set_event_is_seen_without_time_and_a_timeout_too_large_waits() {
    let event = new();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| event.wait_timeout(Duration::MAX));
        thread::sleep(Duration::from_millis(10));
        assert!(!waiter.is_finished());
        event.set();
        assert!(waiter.join().unwrap());
    });
    assert!(event.wait_timeout(Duration::ZERO));
    assert!(event.wait_deadline(Instant::now()));
}

#[test]
fn set_and_clear_twice_are_as_once() {
    let event = new();
    event.clear();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.clear();
    assert!(!event.is_set());
    assert!(
        !event.wait_timeout(Duration::from_millis(1)),
        "a set that is over releases no later one"
    );
}

#[test]
fn threads_are_released_too() {
    let event = new();
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| event.wait_timeout(LONG))).collect();
        thread::sleep(Duration::from_millis(5));
        event.set();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
}
