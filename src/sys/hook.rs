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
    use crate::children::{Child, fork};
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    static ANY: AtomicBool = AtomicBool::new(false);
    static POINTS: Mutex<VecDeque<(&'static str, u32)>> = Mutex::new(VecDeque::new());

    /// Stops this process the first time it reaches the point `name`.
    pub(crate) fn arm(name: &'static str) {
        arm_nth(name, 0);
    }

    /// Stops this process when it reaches the point `name` after having passed it `skip` times. Of
    /// several armed one after another, each waits for the one before.
    pub(crate) fn arm_nth(name: &'static str, skip: u32) {
        POINTS.lock().unwrap().push_back((name, skip));
        ANY.store(true, Ordering::SeqCst);
    }

    /// A child that has stopped itself at the point `name` of `operation`.
    pub(crate) fn stopped_at(name: &'static str, operation: impl FnOnce()) -> Child {
        stopped_at_nth(name, 0, operation)
    }

    pub(crate) fn stopped_at_nth(name: &'static str, skip: u32, operation: impl FnOnce()) -> Child {
        let child = fork(|| {
            arm_nth(name, skip);
            operation();
        });
        child.stopped();
        child
    }

    pub(crate) fn reached(name: &'static str) {
        if !ANY.load(Ordering::Relaxed) {
            return;
        }
        let mut points = POINTS.lock().unwrap();
        match points.front_mut() {
            Some((armed, 0)) if *armed == name => points.pop_front(),
            Some((armed, skip)) if *armed == name => {
                *skip -= 1;
                return;
            }
            _ => return,
        };
        ANY.store(!points.is_empty(), Ordering::SeqCst);
        drop(points);
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).unwrap();
    }
}
#[cfg(all(test, not(loom)))]
pub(crate) use armed::{arm, arm_nth, reached, stopped_at, stopped_at_nth};
