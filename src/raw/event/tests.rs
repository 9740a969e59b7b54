use super::*;
use crate::children::HANG;
use std::thread;

/// As if it had been set as often as its word can count.
fn set_often() -> EventWord {
    EventWord(AtomicU32::new(!SET))
}

#[test]
fn generations_begin_anew_and_release_those_who_waited() {
    let event = set_often();
    thread::scope(|scope| {
        let first = event.0.load(Ordering::Relaxed);
        let waiters = [0; 3].map(|_| scope.spawn(|| event.wait(Deadline::after(HANG))));
        event.set();
        assert_eq!(event.0.load(Ordering::Relaxed), SET, "generation 0");
        event.clear();
        assert!(EventWord::has_happened(first, event.0.load(Ordering::Relaxed)));
        // Whoever was late waits for the next one.
        event.set();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
    event.clear();
    assert!(!event.wait(Deadline::Now) && !event.is_set());
}
