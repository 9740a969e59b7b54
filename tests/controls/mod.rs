//! What must be caught: things of others, in shared memory, that do not outlive a death.
//!
//! Each is made before its users are forked, and is one thing that a user takes and gives back. Who finds
//! it gone for [`PATIENCE`] while nobody alive has it, has caught it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

mod memory;
mod posix;
mod raw;
mod vyukov;

pub use posix::{RobustMutex, Semaphore};
pub use raw::{RawEvent, RawMutex};
pub use vyukov::Ring;

use shared_memory::Shmem;
use std::time::Duration;

/// Whole seconds: `raw_sync` does not carry fractions, and returns early.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// One thing to take and to give back: the lock, the only permit, the signal, the only message.
pub trait Control {
    /// Whether it could be taken within [`PATIENCE`].
    fn take(&self) -> bool;

    fn give(&self);

    /// All that its users share.
    fn memory(&self) -> &Shmem;
}

/// Makes a new one.
pub type Make = fn() -> Box<dyn Control>;

/// All of them, by name.
pub const ALL: [(&str, Make); 5] = [
    ("raw_sync Mutex", || Box::new(RawMutex::new())),
    ("raw_sync Event", || Box::new(RawEvent::new())),
    ("sem_t", || Box::new(Semaphore::new(1))),
    ("robust pthread mutex", || Box::new(RobustMutex::new())),
    ("Vyukov's ring", || Box::new(Ring::<1>::with_message())),
];
