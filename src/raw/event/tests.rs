use super::*;
use crate::children::HANG;
use std::thread;

/// As if it had been set as often as its word can count.
fn set_often() -> EventWord {
    EventWord(AtomicU32::new(!SET))
}

fn wait(event: &EventWord, deadline: Deadline) -> bool {
    event.sleep(event.load(), deadline)
}

#[test]
fn generations_begin_anew_and_release_those_who_waited() {
    let event = set_often();
    thread::scope(|scope| {
        let first = event.0.load(Ordering::Relaxed);
        let waiters = [0; 3].map(|_| scope.spawn(|| wait(&event, Deadline::after(HANG))));
        event.set();
        assert_eq!(event.0.load(Ordering::Relaxed), SET, "generation 0");
        event.clear();
        assert!(EventWord::has_happened(first, event.0.load(Ordering::Relaxed)));
        // Whoever was late waits for the next one.
        event.set();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
    event.clear();
    assert!(!wait(&event, Deadline::Now) && !event.is_set());
}

#[test]
fn a_setter_sees_who_sleeps_and_forgets_it() {
    let event = EventWord(AtomicU32::new(0));
    let first = event.load();
    assert_eq!(event.arm(first), first | SLEEPERS);
    assert_eq!(event.arm(first), event.load(), "armed twice");
    assert!(!event.is_set() && !EventWord::has_happened(first, event.load()));
    event.set();
    assert_eq!(event.load(), GENERATION | SET);
    assert!(EventWord::has_happened(first, event.load()));
    // Who comes late changes nothing, and does not sleep.
    let armed = event.arm(first);
    assert_eq!(event.load(), GENERATION | SET);
    event.clear();
    assert_ne!(event.load(), armed);
    assert!(event.sleep(first, Deadline::Now));
}

#[test]
fn what_was_set_when_a_watch_began_has_happened() {
    let event = EventWord(AtomicU32::new(0));
    event.set();
    let first = event.load();
    event.clear();
    assert!(EventWord::has_happened(first, event.load()));
}
