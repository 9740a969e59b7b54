//! What a process does for its children when it ends: waits for them, but kills the daemons.
#![forbid(unsafe_code)]

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

use super::keeper;
use crate::sys::child::Signal;
use crate::sys::clock::Deadline;
use crate::sys::spawn;

/// Has it done at the normal end of this process, and of those forked from it, for their own.
pub(super) fn register() {
    // Ordering: a forked child inherits both, and the flag guards nothing else.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        spawn::at_exit(see_to_children);
    }
}

/// Waits for the children of this process that are to be waited for; kills the daemons first.
pub(super) extern "C" fn see_to_children() {
    let _ = catch_unwind(|| {
        let children = keeper::children();
        let (daemons, others): (Vec<_>, Vec<_>) = children
            .iter()
            .filter(|child| !child.manner.detached)
            .partition(|child| child.manner.daemon);
        for daemon in &daemons {
            let _ = daemon.signal(Signal::KILL);
        }
        for child in daemons.into_iter().chain(others) {
            let _ = child.wait(Deadline::Never);
        }
    });
}
