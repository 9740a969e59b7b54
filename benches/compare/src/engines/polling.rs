//! Tries of what cannot wait by itself: with crossbeam's `Backoff`, which spins and then yields.

use crossbeam::utils::Backoff;

/// Until there is something.
#[inline(always)]
pub fn until<T>(mut find: impl FnMut() -> Option<T>) -> T {
    let backoff = Backoff::new();
    loop {
        match find() {
            Some(found) => return found,
            None => backoff.snooze(),
        }
    }
}

/// Until it is taken; who does not take it gives it back.
#[inline(always)]
pub fn until_taken<T>(mut thing: T, mut take: impl FnMut(T) -> Result<(), T>) {
    let backoff = Backoff::new();
    while let Err(back) = take(thing) {
        thing = back;
        backoff.snooze();
    }
}
