//! The futex calls on words that several processes map.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::thread::futex::{self, Flags, Timespec};

/// Sleeps while `word` holds `expected`, for `nap` at most. Spurious returns are allowed.
pub(crate) fn wait(word: &AtomicU32, expected: u32, nap: Duration) {
    let timeout = Timespec {
        tv_sec: i64::try_from(nap.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(nap.subsec_nanos()),
    };
    // Every outcome (woken, changed, interrupted, timed out) sends the caller back to its look.
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

/// Wakes up to `count` sleepers and tells how many there were.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> u32 {
    // The kernel reads the count as a signed int.
    let count = count.min(i32::MAX as u32);
    futex::wake(word, Flags::empty(), count).map_or(0, |woken| woken as u32)
}
