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
mod buffer;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod event;
#[cfg(not(loom))]
mod lock;
#[cfg(not(loom))]
mod lock_errors;
#[cfg(not(loom))]
mod mutex;
#[cfg(not(loom))]
mod queue;
#[cfg(not(loom))]
mod semaphore;
#[cfg(not(loom))]
mod shared;

#[cfg(not(loom))]
pub use buffer::{Buffer, BufferMut, BufferRef};
#[cfg(not(loom))]
pub use bytemuck;
#[cfg(not(loom))]
pub use error::{Error, ErrorKind};
#[cfg(not(loom))]
pub use event::Event;
#[cfg(not(loom))]
pub use lock::{Lock, LockGuard};
#[cfg(not(loom))]
pub use lock_errors::{LockError, LockTimeoutError, RecoverError, TryLockError};
#[cfg(not(loom))]
pub use mutex::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub use queue::{
    IntoIter, Iter, Lease, Message, Queue, Receiver, RecvError, RecvTimeoutError, SendError,
    SendTimeoutError, Sender, Slot, TryRecvError, TrySendError,
};
#[cfg(not(loom))]
pub use segment::named::{SegmentInfo, gc, segments, unlink};
#[cfg(not(loom))]
pub use segment::place::Place;
#[cfg(not(loom))]
pub use segment::{Segment, options::SegmentOptions};
#[cfg(not(loom))]
pub use semaphore::{NoPermit, OverRelease, Permit, Semaphore};
#[cfg(not(loom))]
pub use shared::Shared;
