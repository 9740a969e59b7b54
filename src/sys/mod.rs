//! Floor 0: the only place that talks to the kernel.
#![allow(unsafe_code)]

#[cfg(not(loom))]
pub(crate) mod bell;
#[cfg(not(loom))]
pub(crate) mod child;
pub(crate) mod clock;
#[cfg(not(loom))]
pub(crate) mod file_lock;
#[cfg(not(loom))]
pub(crate) mod futex;
pub(crate) mod hook;
#[cfg(not(loom))]
pub(crate) mod line;
pub(crate) mod liveness;
#[cfg(not(loom))]
pub(crate) mod membarrier;
#[cfg(not(loom))]
pub(crate) mod memory;
pub(crate) mod per_process;
pub(crate) mod private;
pub(crate) mod process;
#[cfg(not(loom))]
pub(crate) mod program;
#[cfg(not(loom))]
pub(crate) mod spawn;
pub(crate) mod thread;
