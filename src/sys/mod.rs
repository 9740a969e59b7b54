//! Floor 0: the only place that talks to the kernel.
#![allow(unsafe_code)]

pub(crate) mod clock;
#[cfg(not(loom))]
pub(crate) mod futex;
pub(crate) mod hook;
#[cfg(not(loom))]
pub(crate) mod liveness;
#[cfg(not(loom))]
pub(crate) mod membarrier;
#[cfg(not(loom))]
pub(crate) mod memory;
#[cfg(not(loom))]
pub(crate) mod private;
pub(crate) mod process;
pub(crate) mod thread;
