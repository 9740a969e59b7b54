//! Takes leave of the dead: of children, and of what orphans they left.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::board::Board;
use super::family::{Fault, Faults};

/// Processes that end with those who started them are given so long to do so.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Reaper {
    pub kills: u64,
}

impl Reaper {
    /// Of all that have ended. False: there is no child left.
    pub fn reap(&mut self, board: &Board, faults: &mut Faults) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        loop {
            let pid = match waitid(Id::All, flags) {
                Ok(WaitStatus::StillAlive) => return true,
                Ok(status) => status.pid().expect("of a child"),
                Err(Errno::EINTR) => continue,
                Err(_) => return false,
            };
            // Before the number can be another's.
            for lane in &board.lanes {
                let (it, order) = (pid.as_raw() as u32, Ordering::SeqCst);
                let _ = lane.pid.compare_exchange(it, 0, order, order);
            }
            match waitpid(pid, None) {
                Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) => self.kills += 1,
                // 1: a worker that found its owner gone.
                Ok(WaitStatus::Exited(_, 0 | 1)) | Err(_) => {}
                Ok(status) => faults.one(Fault::Crash, || format!("{status:?}")),
            }
        }
    }

    /// Waits for all of them. False: some had to be killed for that.
    pub fn reap_all(&mut self, board: &Board, faults: &mut Faults) -> bool {
        let since = Instant::now();
        while self.reap(board, faults) {
            if since.elapsed() > LEFT_BEHIND {
                let left = children();
                faults.one(Fault::Hang, || format!("left behind: {left:?}"));
                left.iter().for_each(|pid| _ = kill(*pid, Signal::SIGKILL));
                left.iter().for_each(|pid| _ = waitpid(*pid, None));
                return false;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        true
    }
}

fn children() -> Vec<Pid> {
    let list = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}
