//! The pool's shared part: jobs, the workers that run them, and the bytes that go to and fro.

pub(crate) mod bell;
pub(crate) mod board;
#[cfg(not(loom))]
pub(crate) mod heap;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
pub(crate) mod owner;
#[cfg(not(loom))]
pub(crate) mod record;
#[cfg(not(loom))]
pub(crate) mod slab;
pub(crate) mod words;
#[cfg(not(loom))]
pub(crate) mod worker;
