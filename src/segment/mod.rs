//! Floor 1: bytes with a name, and who is attached to them.
#![allow(unsafe_code)]

pub(crate) mod peers;
pub(crate) mod tag;

#[cfg(not(loom))]
mod anonymous;
#[cfg(not(loom))]
pub(crate) mod attachment;
#[cfg(not(loom))]
mod claims;
#[cfg(not(loom))]
mod directory;
#[cfg(not(loom))]
pub(crate) mod ended;
#[cfg(not(loom))]
pub(crate) mod handle;
#[cfg(not(loom))]
mod header;
#[cfg(not(loom))]
pub(crate) mod inventory;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
mod lifecycle;
#[cfg(not(loom))]
pub(crate) mod mapped;
#[cfg(not(loom))]
mod name;
#[cfg(not(loom))]
pub(crate) mod named;
#[cfg(not(loom))]
pub(crate) mod object;
#[cfg(not(loom))]
pub(crate) mod options;
#[cfg(not(loom))]
mod participants;
#[cfg(not(loom))]
pub(crate) mod place;
#[cfg(not(loom))]
pub(crate) mod process;
#[cfg(not(loom))]
pub(crate) mod reference;

#[cfg(not(loom))]
pub use named::Segment;
pub(crate) use peers::{Look, Peers};
pub(crate) use tag::Tag;
