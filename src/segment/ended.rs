//! What to do at once when another process is known to have ended: mark it, and wake who waits for it.
//!
//! Nobody depends on it: who meets a claim of the dead finds out by itself. It only saves the sleepers
//! the rest of their naps.

use std::time::Duration;

use super::claims;
use super::process;
use crate::trace::event;

/// How long it may wait for other threads that make or open something.
const PATIENCE: Duration = Duration::from_millis(20);

/// Makes the end of a process known in every segment that this process is attached to. `start`: by which it is
/// told from others that had its number; none as long as it is not reaped, as there are no others.
pub(crate) fn make_known(pid: u32, start: Option<u32>) {
    if start == Some(0) {
        return; // another process may have the number by now
    }
    let Some(all) = process::lock_within(PATIENCE).map(|state| state.all()) else { return };
    for segment in all {
        for dead in segment.participants().bury_process(pid, start) {
            event!(INFO, pid, row = dead.row(), "a participant is dead");
            claims::wake_sleepers(&segment, dead);
        }
    }
}
