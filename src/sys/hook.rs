//! Points at which a test stops a process, in the middle of an operation.
//!
//! Outside of the crate's own unit tests a point is nothing at all. Under them, a process that
//! [`arm`]ed a point raises `SIGSTOP` when it gets there; its parent sees it stopped by `waitpid`,
//! and kills it there, or lets it go on.

/// Marks a point of a state machine by name.
#[cfg(any(not(test), loom))]
macro_rules! point {
    ($name:literal) => {};
}
#[cfg(all(test, not(loom)))]
macro_rules! point {
    ($name:literal) => {
        $crate::sys::hook::reached($name)
    };
}
pub(crate) use point;

#[cfg(all(test, not(loom)))]
mod armed {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    static ANY: AtomicBool = AtomicBool::new(false);
    static POINT: Mutex<Option<(&'static str, u32)>> = Mutex::new(None);

    /// Stops this process the first time it reaches the point `name`.
    pub(crate) fn arm(name: &'static str) {
        arm_nth(name, 0);
    }

    /// Stops this process when it reaches the point `name` after having passed it `skip` times.
    pub(crate) fn arm_nth(name: &'static str, skip: u32) {
        *POINT.lock().unwrap() = Some((name, skip));
        ANY.store(true, Ordering::SeqCst);
    }

    pub(crate) fn reached(name: &'static str) {
        if !ANY.load(Ordering::Relaxed) {
            return;
        }
        let mut point = POINT.lock().unwrap();
        match &mut *point {
            Some((armed, 0)) if *armed == name => *point = None,
            Some((armed, skip)) if *armed == name => {
                *skip -= 1;
                return;
            }
            _ => return,
        }
        drop(point);
        ANY.store(false, Ordering::SeqCst);
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).unwrap();
    }
}
#[cfg(all(test, not(loom)))]
pub(crate) use armed::{arm, arm_nth, reached};
