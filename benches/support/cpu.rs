//! Pinning to cores, and a clock that processes share.

use std::fs;
use std::sync::OnceLock;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Two CPUs of different cores, where there are any; else one CPU twice.
pub fn pair() -> [usize; 2] {
    static PAIR: OnceLock<[usize; 2]> = OnceLock::new();
    *PAIR.get_or_init(|| {
        let allowed = sched_getaffinity(Pid::from_raw(0)).expect("the affinity of this process");
        let cpus: Vec<usize> =
            (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect();
        let first = cpus[0];
        let other = cpus.iter().copied().find(|cpu| core_of(*cpu) != core_of(first));
        [first, other.or(cpus.get(1).copied()).unwrap_or(first)]
    })
}

/// Package and core, as far as the kernel tells.
fn core_of(cpu: usize) -> [Option<String>; 2] {
    let read =
        |what| fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/topology/{what}")).ok();
    [read("physical_package_id"), read("core_id")]
}

/// Keeps the calling thread on one CPU.
pub fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).expect("a CPU number");
    sched_setaffinity(Pid::from_raw(0), &set).expect("pinning");
}

/// Lets the calling thread run on both.
pub fn unpin() {
    let mut set = CpuSet::new();
    pair().iter().for_each(|cpu| set.set(*cpu).expect("a CPU number"));
    sched_setaffinity(Pid::from_raw(0), &set).expect("unpinning");
}

/// Nanoseconds of the monotonic clock, the same in every process.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the monotonic clock");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}
