//! How a round goes: who takes part, on which cores, and how hard it is struck.

use fastrand::Rng;
use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Lanes whose participants mostly come to their end, and so can tell how long they waited.
    pub survivors: usize,
    pub victims: usize,
    /// All on one core, so that one who was woken has not yet run when the next thing happens.
    pub pinned: bool,
    /// In real time, where that is permitted; with `pinned` only.
    pub in_real_time: bool,
    /// One in so many releases kills whoever it woke.
    pub strikes: u32,
    /// Microseconds between blows.
    pub pace: (u64, u64),
}

impl Manner {
    pub fn any(rng: &mut Rng, pinned: bool) -> Manner {
        Manner {
            survivors: rng.usize(2..4),
            victims: rng.usize(3..7),
            pinned,
            in_real_time: pinned && rng.bool(),
            strikes: if pinned { rng.u32(1..4) } else { 16 },
            pace: (150, 600),
        }
    }

    pub fn calm(self) -> bool {
        self.pace.0 == u64::MAX
    }
}

/// The driver, and everybody it forks, stays on one core while this lives.
pub struct Pinned {
    before: CpuSet,
    in_real_time: bool,
}

const ABOVE: i32 = 2;
const BELOW: i32 = 1;

impl Pinned {
    pub fn new(manner: &Manner) -> Option<Pinned> {
        let me = Pid::from_raw(0);
        let before = sched_getaffinity(me).ok().filter(|_| manner.pinned)?;
        let mut one = CpuSet::new();
        let first = (0..CpuSet::count()).find(|cpu| before.is_set(*cpu) == Ok(true))?;
        one.set(first).ok()?;
        sched_setaffinity(me, &one).ok()?;
        Some(Pinned {
            before,
            in_real_time: manner.in_real_time && schedule(libc::SCHED_FIFO, ABOVE),
        })
    }

    /// For a participant of this round: the driver goes before it.
    pub fn take_part(&self) {
        if self.in_real_time {
            schedule(libc::SCHED_FIFO, BELOW);
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.in_real_time {
            schedule(libc::SCHED_OTHER, 0);
        }
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}

/// Whether it is permitted.
fn schedule(policy: i32, priority: i32) -> bool {
    // SAFETY: all zeros is one of its values.
    let mut how: libc::sched_param = unsafe { std::mem::zeroed() };
    how.sched_priority = priority;
    // SAFETY: concerns this thread alone.
    unsafe { libc::sched_setscheduler(0, policy, &how) == 0 }
}
