//! Floor 2: the state machines, in place, without names.
#![allow(unsafe_code)]

pub(crate) mod biased;
#[cfg(not(loom))]
pub(crate) mod buffer;
pub(crate) mod bytering;
pub(crate) mod cell;
#[cfg(not(loom))]
pub(crate) mod contents;
#[cfg(not(loom))]
pub(crate) mod event;
pub(crate) mod eventcount;
pub(crate) mod lock;
#[cfg(all(loom, test))]
mod loom;
#[cfg(not(loom))]
pub(crate) mod mutex;
pub(crate) mod pool;
#[cfg(not(loom))]
mod prefetch;
pub(crate) mod queue;
#[cfg(not(loom))]
mod row_count;
#[cfg(not(loom))]
mod rwlock;
#[cfg(not(loom))]
pub(crate) mod semaphore;
pub(crate) mod spin;
pub(crate) mod sync;
#[cfg(not(loom))]
pub(crate) mod text;
#[cfg(not(loom))]
pub(crate) mod watch;

pub(crate) use crate::sys::hook;
