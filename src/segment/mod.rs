//! Floor 1: bytes with a name, and who is attached to them.
#![allow(unsafe_code)]

#[cfg(not(loom))]
pub(crate) mod attachment;
#[cfg(not(loom))]
pub(crate) mod handle;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
pub(crate) mod mapped;
#[cfg(not(loom))]
pub(crate) mod object;
#[cfg(not(loom))]
pub(crate) mod options;
pub(crate) mod peers;
#[cfg(not(loom))]
pub(crate) mod place;
pub(crate) mod tag;

pub(crate) use peers::{Look, Peers};
pub(crate) use tag::Tag;

/// stub
#[derive(Clone, Debug)]
pub struct Segment;
