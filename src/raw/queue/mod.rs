//! The queue: a ring of slots, cells beside it, and who is at either end.

pub(crate) mod cells;
pub(crate) mod recovery;
pub(crate) mod ring;
pub(crate) mod words;

#[cfg(not(loom))]
mod done;
#[cfg(not(loom))]
pub(crate) mod ends;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
pub(crate) mod local;
#[cfg(not(loom))]
mod payload;
#[cfg(not(loom))]
pub(crate) mod recv;
#[cfg(not(loom))]
pub(crate) mod send;
