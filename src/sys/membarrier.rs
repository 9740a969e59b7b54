//! The asymmetric fence between those who publish and those who go to sleep.
//!
//! A publisher stores, then loads a flag; a sleeper stores the flag, then loads what was published.
//! One of the two must see the other's store. The dear half is the sleeper's:
//! `membarrier(GLOBAL_EXPEDITED)` makes every registered process execute a full barrier, so that a
//! registered publisher gets by with a compiler fence. Registration is inherited by `fork` and lost
//! by `exec`, as is the memory of it here.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};
use std::time::Duration;

use rustix::thread::{MembarrierCommand, membarrier};

use super::clock::sleep;

const UNTRIED: u8 = 0;
const REGISTERED: u8 = 1;
const UNAVAILABLE: u8 = 2;

/// How long to wait in place of a fence that the kernel refuses to make others execute.
const UNFENCED_WAIT: Duration = Duration::from_millis(1);

static STATE: AtomicU8 = AtomicU8::new(UNTRIED);

/// Registers this process, once. Every attach does so before it publishes anything.
pub(crate) fn register() {
    // Ordering: [MB-1] registration is idempotent; the state guards no other memory.
    if STATE.load(Ordering::Relaxed) == UNTRIED {
        let state = match membarrier(MembarrierCommand::RegisterGlobalExpedited) {
            Ok(()) => REGISTERED,
            Err(_) => UNAVAILABLE,
        };
        STATE.store(state, Ordering::Relaxed); // [MB-1]
    }
}

/// The publisher's half: between its store and its load of the sleepers' flag.
#[inline]
pub(crate) fn publisher_fence() {
    if STATE.load(Ordering::Relaxed) == REGISTERED {
        compiler_fence(Ordering::SeqCst); // [MB-2] ↔ sleeper_fence
    } else {
        fence(Ordering::SeqCst); // [MB-2] ↔ sleeper_fence
    }
}

/// The sleeper's half: between setting the flag and its last look.
/// False: publishers of other processes may have missed the flag; sleep briefly only.
#[must_use]
pub(crate) fn sleeper_fence() -> bool {
    fence(Ordering::SeqCst); // [MB-2] ↔ publisher_fence of unregistered processes
    // Also tried where registering failed: the others may be registered.
    membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}

/// Whether the publisher's half costs nothing in this process.
#[inline]
pub(crate) fn is_registered() -> bool {
    STATE.load(Ordering::Relaxed) == REGISTERED // [MB-1]
}

/// The publisher's half, in a process that [is registered](is_registered).
#[inline(always)]
pub(crate) fn light_fence() {
    compiler_fence(Ordering::SeqCst); // [MB-2] ↔ heavy_fence
}

/// The sleeper's half for who goes on instead: publishers of other processes see what was stored
/// before, or what they stored before is seen after.
pub(crate) fn heavy_fence() {
    if !sleeper_fence() {
        // Not called for elsewhere: a store leaves its core's buffer within microseconds, and a load
        // that comes after it in program order and retired was made before.
        sleep(UNFENCED_WAIT); // [MB-2]
    }
}
