//! What must be caught: a textbook lock, whose word does not say who has it.

use commonhold::Value;
use std::time::{Duration, Instant};

use crate::case::{Case, Ground, Trial};

pub fn cases() -> Vec<Case> {
    vec![Case::new("a CAS lock without an owner", "free", textbook_lock).control()]
}

/// Whether it could be taken in time.
fn lock(word: &Value<u64>) -> bool {
    let since = Instant::now();
    while word.compare_exchange(0, 1).is_err() {
        if since.elapsed() > Duration::from_millis(50) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

fn textbook_lock(ground: &Ground) -> Trial {
    let word = Value::<u64>::create(ground.segment.at("word"), 0).unwrap();
    let (own, enter) = (word.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            lock(&own);
            own.set(0);
            mark.end(&[])
        },
        move |_| {
            assert!(lock(&word), "waits for the dead");
            word.set(0);
        },
    )
}
