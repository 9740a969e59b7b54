//! Typed shared-memory objects for cooperating processes, safe against a kill at any instruction.
#![deny(missing_docs)]
#![deny(unsafe_code, unsafe_op_in_unsafe_fn)]
#![deny(
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    clippy::multiple_unsafe_ops_per_block
)]
// Models of the state machines compile floors 0 to 2 in part, and use less.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("commonhold runs on Linux, on x86-64 and aarch64");

mod raw;
mod segment;
mod sys;

#[cfg(not(loom))]
mod array;
#[cfg(not(loom))]
mod buffer;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod event;
#[cfg(not(loom))]
mod integer;
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
mod text;
#[cfg(not(loom))]
mod value;

#[cfg(all(test, not(loom)))]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
#[path = "../tests/children/mod.rs"]
mod children;

pub use bytemuck;
#[cfg(not(loom))]
pub use {
    array::{Array, IndexError, LengthError},
    buffer::{Buffer, BufferMut, BufferRef},
    error::{Error, ErrorKind},
    event::Event,
    integer::Integer,
    lock::{Lock, LockGuard},
    lock_errors::{LockError, LockTimeoutError, RecoverError, TryLockError},
    mutex::{Mutex, MutexGuard},
    queue::{
        IntoIter, Iter, Lease, Message, Queue, Receiver, RecvError, RecvTimeoutError, SendError,
        SendTimeoutError, Sender, Slot, TryRecvError, TrySendError,
    },
    segment::Segment,
    segment::named::{SegmentInfo, gc, segments, unlink},
    segment::options::SegmentOptions,
    segment::place::Place,
    semaphore::{NoPermit, OverRelease, Permit, Semaphore},
    shared::Shared,
    text::{Text, TextTooLong},
    value::Value,
};
