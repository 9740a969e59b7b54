//! Another living process, that does something with the object meanwhile.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use crate::log::{Log, Page};
use crate::victim::fork_child;

/// Nobody waits longer for what nobody living holds.
pub const BOUND: Duration = Duration::from_secs(5);

/// A child that is killed with this value, unless it has come to its end.
pub struct Helper {
    pid: Pid,
    log: Log,
    page: Page,
}

impl Helper {
    pub fn start(page: Page, number: usize, f: impl FnOnce(Log)) -> Helper {
        let log = page.log(number);
        Helper { pid: fork_child(|| f(log)), log, page }
    }

    /// The same, asleep.
    pub fn asleep(page: Page, number: usize, f: impl FnOnce(Log)) -> Helper {
        let helper = Helper::start(page, number, f);
        let since = Instant::now();
        while !sleeps(helper.pid) {
            assert!(since.elapsed() < BOUND, "a helper does not sleep: {}", page.said());
            std::thread::sleep(Duration::from_micros(200));
        }
        helper
    }

    /// What it came to. It must come to its end in time.
    pub fn ends(self) -> Vec<u64> {
        let (pid, log, page) = (self.pid, self.log, self.page);
        std::mem::forget(self); // it is gone, by itself or as one that hung
        wait_for_end(pid, page);
        log.values().expect("a helper ends by saying what it came to")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

/// Whether it sleeps in a system call that waits for a word.
pub fn sleeps(pid: Pid) -> bool {
    let number = std::fs::read_to_string(format!("/proc/{pid}/syscall"));
    let futex = nix::libc::SYS_futex.to_string();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    number.is_ok_and(|line| line.split(' ').next() == Some(&futex))
        && stat.is_ok_and(|stat| stat.contains(") S "))
}

/// Waits for a child to end well, and in time.
pub fn wait_for_end(pid: Pid, page: Page) {
    let since = Instant::now();
    loop {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)).expect("waitpid") {
            WaitStatus::StillAlive => {}
            WaitStatus::Exited(_, 0) => return,
            status => panic!("{status:?} {}", page.said()),
        }
        if since.elapsed() > BOUND {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, None);
            panic!("a process waits for what nobody holds");
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// What borrows its handle, with it: a guard that a trial holds for a while.
pub struct Kept<H: 'static, G> {
    guard: ManuallyDrop<G>,
    handle: *mut H,
}

impl<H: 'static, G> Kept<H, G> {
    pub fn new(handle: H, take: impl FnOnce(&'static H) -> G) -> Kept<H, G> {
        let handle = Box::into_raw(Box::new(handle));
        // SAFETY: it is freed with this value alone, after the guard.
        let guard = ManuallyDrop::new(take(unsafe { &*handle }));
        Kept { guard, handle }
    }

    /// The same, where there may be nothing to take.
    pub fn some(handle: H, take: impl FnOnce(&'static H) -> Option<G>) -> Option<Kept<H, G>> {
        let Kept { guard, handle } = &mut *ManuallyDrop::new(Kept::new(handle, take));
        // SAFETY: the value it is taken from is not dropped, nor looked at again.
        match unsafe { ManuallyDrop::take(guard) } {
            Some(guard) => Some(Kept { guard: ManuallyDrop::new(guard), handle: *handle }),
            None => {
                // SAFETY: it came from a box, and nothing borrows it.
                drop(unsafe { Box::from_raw(*handle) });
                None
            }
        }
    }

    /// Ends the guard in this way.
    pub fn with(self, end: impl FnOnce(G)) {
        let mut kept = ManuallyDrop::new(self);
        // SAFETY: the value it is taken from is not dropped, nor looked at again.
        end(unsafe { ManuallyDrop::take(&mut kept.guard) });
        // SAFETY: it came from a box, and what borrowed it is gone.
        drop(unsafe { Box::from_raw(kept.handle) });
    }
}

impl<H: 'static, G> Drop for Kept<H, G> {
    fn drop(&mut self) {
        // SAFETY: once, here.
        unsafe { ManuallyDrop::drop(&mut self.guard) };
        // SAFETY: it came from a box, and what borrowed it is gone.
        drop(unsafe { Box::from_raw(self.handle) });
    }
}
