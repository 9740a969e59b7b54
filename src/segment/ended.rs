//! What to do at once when another process is known to have ended: mark it, and wake who waits for it.
//!
//! Nobody depends on it: who meets a claim of the dead finds out by itself. It only saves the sleepers
//! the rest of their naps.

use super::claims;
use super::process;

/// Makes the end of a process known in every segment that this process is attached to.
pub(crate) fn make_known(pid: u32, start: u64) {
    let Ok(all) = process::lock().map(|state| state.all()) else { return };
    for segment in all {
        for dead in segment.participants().bury_process(pid, start) {
            claims::wake_sleepers(&segment, dead);
        }
    }
}
