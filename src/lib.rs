//! Typed shared-memory objects for cooperating processes, safe against a kill at any instruction.
#![deny(missing_docs)]
#![deny(unsafe_code, unsafe_op_in_unsafe_fn)]
#![deny(
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    clippy::multiple_unsafe_ops_per_block
)]
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("commonhold runs on Linux, on x86-64 and aarch64");

mod raw;
mod segment;
mod sys;

#[cfg(not(loom))]
mod array;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod integer;
#[cfg(not(loom))]
mod shared;
#[cfg(not(loom))]
mod text;
#[cfg(not(loom))]
mod value;

#[cfg(not(loom))]
pub use array::{Array, IndexError, LengthError};
#[cfg(not(loom))]
pub use bytemuck;
#[cfg(not(loom))]
pub use error::{Error, ErrorKind};
#[cfg(not(loom))]
pub use integer::Integer;
#[cfg(not(loom))]
pub use segment::named::{SegmentInfo, gc, segments, unlink};
#[cfg(not(loom))]
pub use segment::place::Place;
#[cfg(not(loom))]
pub use segment::{Segment, options::SegmentOptions};
#[cfg(not(loom))]
pub use shared::Shared;
#[cfg(not(loom))]
pub use text::{Text, TextTooLong};
#[cfg(not(loom))]
pub use value::Value;
