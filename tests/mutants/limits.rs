//! What a process that is judged may take, and how long it may live.

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

/// Address space beyond what the process has at first.
pub const MORE: u64 = 256 << 20;
/// The same of one with threads, each of which has a stack and a heap.
pub const MORE_WITH_THREADS: u64 = 2 << 30;
/// A sanitizer has terabytes of address space, and no use for a limit of it.
const SANITIZED: u64 = 1 << 40;

/// Ends with its parent; may take so much memory, and as many descriptors as there are.
pub fn set(more: u64) {
    end_with_parent();
    if let Some(size) = address_space().filter(|size| *size < SANITIZED) {
        let _ = setrlimit(Resource::RLIMIT_AS, size + more, size + more);
    }
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

pub fn end_with_parent() {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
}

fn address_space() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').next()?.parse::<u64>().ok()? * 4096)
}
