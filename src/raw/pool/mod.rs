//! The pool's shared part: jobs, the workers that run them, and the bytes that go to and fro.

#[cfg(not(loom))]
pub(crate) mod answer;
pub(crate) mod bell;
pub(crate) mod board;
#[cfg(not(loom))]
pub(crate) mod heap;
#[cfg(not(loom))]
pub(crate) mod input;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
pub(crate) mod output;
#[cfg(not(loom))]
pub(crate) mod owner;
#[cfg(not(loom))]
pub(crate) mod record;
#[cfg(not(loom))]
pub(crate) mod slab;
#[cfg(not(loom))]
pub(crate) mod tell;
pub(crate) mod words;
#[cfg(not(loom))]
pub(crate) mod worker;
