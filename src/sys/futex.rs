//! The futex calls on words that several processes map.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::ClockId;
use rustix::thread::futex::{self, Flags, Timespec, Wait, WaitFlags, WaitPtr, WaitvFlags};

use super::clock::now_nanos;

/// Sleeps while `word` holds `expected`, for `nap` at most. Spurious returns are allowed.
pub(crate) fn wait(word: &AtomicU32, expected: u32, nap: Duration) {
    let timeout = Timespec {
        tv_sec: i64::try_from(nap.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(nap.subsec_nanos()),
    };
    // Every outcome (woken, changed, interrupted, timed out) sends the caller back to its look.
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

/// Words that one call can sleep on.
pub(crate) const MOST: usize = 128;

/// Sleeps while each of these words (the first [`MOST`] of them) holds what is expected of it, for
/// `nap` at most. Spurious returns are allowed. False: the kernel cannot; it slept on the first one only.
pub(crate) fn wait_any(words: &[(&AtomicU32, u32)], nap: Duration) -> bool {
    let wait = |(word, expected): &(&AtomicU32, u32)| {
        let mut wait = Wait::new();
        wait.val = u64::from(*expected);
        wait.uaddr = WaitPtr::new(word.as_ptr().cast());
        wait.flags = WaitFlags::SIZE_U32;
        wait
    };
    let waits: Vec<Wait> = words.iter().take(MOST).map(wait).collect();
    let until = now_nanos().saturating_add(u64::try_from(nap.as_nanos()).unwrap_or(u64::MAX));
    let until = Timespec {
        tv_sec: i64::try_from(until / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (until % 1_000_000_000) as i64,
    };
    let slept = futex::waitv(&waits, WaitvFlags::empty(), Some(&until), ClockId::Monotonic);
    // A kernel without the call, or a program that may not make it. All else sends the caller back to its look.
    let denied = matches!(slept, Err(Errno::NOSYS | Errno::PERM | Errno::INVAL));
    if let (true, Some((word, expected))) = (denied, words.first()) {
        self::wait(word, *expected, nap.min(UNHEARD_NAP));
    }
    !denied
}

/// How long to sleep where not every wake is heard.
const UNHEARD_NAP: Duration = Duration::from_millis(1);

/// Wakes up to `count` sleepers and tells how many there were.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> u32 {
    // The kernel reads the count as a signed int.
    let count = count.min(i32::MAX as u32);
    futex::wake(word, Flags::empty(), count).map_or(0, |woken| woken as u32)
}
