//! Floor 2: the state machines, in place, without names.
#![allow(unsafe_code)]

pub(crate) mod cell;
pub(crate) mod eventcount;
pub(crate) mod hook;
pub(crate) mod lock;
#[cfg(all(loom, test))]
mod loom;
pub(crate) mod queue;
pub(crate) mod spin;
pub(crate) mod sync;
#[cfg(not(loom))]
pub(crate) mod text;
