//! Processes, pools of them, and typed objects in shared memory, for programs whose processes may be
//! killed at any instruction.
//!
//! This crate gives Rust programs what Python's `multiprocessing` gives Python programs: functions in
//! processes of their own, pools of workers, and values, arrays, locks, events, semaphores and queues that
//! they share, without serialization, at the speed of the same thing between threads. And it makes a
//! promise:
//!
//! > **A process may be killed at any instruction. Nobody hangs, nothing that was committed is lost or
//! > seen twice, and no half-written data is ever seen as whole.**
//!
//! # A first program
//!
//! One process makes an object under a name; others find it there.
//!
//! ```
//! use commonhold::{Queue, Value};
//! # let pid = std::process::id();
//! # let (jobs_name, done_name) = (format!("doc-crate-jobs-{pid}"), format!("doc-crate-done-{pid}"));
//!
//! // in one process
//! let jobs = Queue::<u64>::create(&jobs_name, 1024)?;
//! let done = Value::<u64>::create(&done_name, 0)?;
//! jobs.send(7)?;
//!
//! // in any other
//! let jobs = Queue::<u64>::open(&jobs_name)?;
//! let job = jobs.recv()?;
//! Value::<u64>::open(&done_name)?.fetch_add(job);
//!
//! assert_eq!(done.get(), 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every type has the same doors: `new` (anonymous: for the children of this process), `create`, `open`,
//! `open_or_create`, `unlink`. A place is a name, a name in a [`Segment`] ([`Segment::at`]), or a name
//! with options ([`SegmentOptions::at`]). Handles are `Clone + Send + Sync`; clones and other processes
//! see the same object.
//!
//! # Which object
//!
//! | Python | here | what it is |
//! |---|---|---|
//! | `Value` | [`Value<T>`] | a cell: read and replaced as a whole, never torn, never locked to readers |
//! | `Array` | [`Array<T>`] | a row of such cells |
//! | `SharedMemory` | [`Buffer<T>`] | a slice used in place, behind a reader-writer lock |
//! | `Lock` | [`Lock`] | mutual exclusion |
//! | (locked value) | [`Mutex<T>`] | a value behind a lock, used in place |
//! | `Event` | [`Event`] | a flag that processes wait for |
//! | `Semaphore`, `BoundedSemaphore` | [`Semaphore`] | so many at a time |
//! | `Queue`, `JoinableQueue` | [`Queue<T>`] | bounded, many producers and consumers, first in first out |
//! | `Queue` of bytes | [`Queue<[T]>`](Queue#slices) | the same, of slices of any length |
//! | `Queue` of anything | [`Mailbox<T>`] | strings, vectors, your own types, handles; of any length |
//! | `connection.wait` | [`wait_any`] | sleeps until one of several things is ready |
//! | `Manager` | [`Segment`] | several objects under one name |
//! | `Process` | [`Process`] | a function in a process of its own |
//! | `Pool`, `ProcessPoolExecutor` | [`Pool`] | functions on many arguments, run by worker processes |
//! | `AsyncResult`, `Future` | [`Task`] | a result that comes later |
//!
//! What may be shared is any [`Shared`] type: plain bytes without pointers or padding, checked when they
//! are read. [`Text<N>`](Text) is a string that qualifies.
//!
//! # Processes
//!
//! [`Process::spawn`] runs this program once more, and a function there; [`init`] as the first line of
//! `main` is where the child turns off. What [can cross](Transfer) to it crosses as bytes; handles
//! lead to the same objects.
//!
//! ```
//! use commonhold::{Process, Queue};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     commonhold::init();
//!     let jobs = Queue::<u64>::new(64)?;
//!     let child = Process::spawn(produce, (jobs.clone(), 10))?;
//!     assert_eq!(jobs.iter().take(10).sum::<u64>(), 45);
//!     assert!(child.join()?.success());
//!     Ok(())
//! }
//!
//! fn produce(jobs: Queue<u64>, n: u64) {
//!     (0..n).for_each(|job| jobs.send(job).unwrap());
//! }
//! ```
//!
//! # Pools
//!
//! A [`Pool`] keeps such processes and gives them calls: one function on many arguments, or many different
//! ones, now or later. Arguments and results are whatever can cross, of any size. A task that panics, or
//! whose worker is killed, fails by itself, and says where or how.
//!
//! ```
//! use commonhold::{Pool, TaskError};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     commonhold::init();
//!     let pool = Pool::new(2)?;
//!     assert_eq!(pool.map(parse, ["7".to_owned(), "35".to_owned()])?, [7, 35]);
//!
//!     let later = pool.apply_async(parse, "seven".to_owned())?;
//!     let Err(TaskError::Panicked { message, location }) = later.get() else { panic!("no number") };
//!     println!("{message}, at {location}");
//!     Ok(())
//! }
//!
//! fn parse(text: String) -> u64 {
//!     text.parse().unwrap()
//! }
//! ```
//!
//! # Waiting
//!
//! A verb that waits comes as `x`, `try_x`, `x_timeout(Duration)` and `x_deadline(Instant)`, on the
//! monotonic clock, never early; a timeout too large to represent waits for ever. Each form has an error
//! type with only the cases it can have, and gives a value that was not sent back.
//!
//! # If a process dies
//!
//! Its claims are found by those who meet them, typically within 100 ms, by the kernel's word that the
//! process is gone; a stopped process is not robbed of anything. Of a child that [`Process`] started its
//! parent learns at once, and wakes those who wait for what it held.
//!
//! | what it held | what the others see |
//! |---|---|
//! | a [`Lock`] or [`Mutex`] | [`OwnerDied`](LockError::OwnerDied), until one of them `recover`s |
//! | a [`Buffer`] to write | likewise; to read: nothing |
//! | a [`Value`] or element in the middle of a write | the old value |
//! | [`Permit`]s | they come back |
//! | a message it was sending | it was never sent |
//! | a message it was receiving, or a [`Lease`] | it is delivered to another |
//! | a task of a [`Pool`] | it fails with [`WorkerDied`](TaskError::WorkerDied), or is tried again |
//! | the last handle to a name | the name is stale: `create` replaces it, [`gc`] removes it |
//!
//! # Fork
//!
//! A forked child may go on using every handle it inherited; it is a participant of its own from its first
//! operation on. Guards, permits and leases stay the parent's: the child's copies do nothing when
//! dropped and panic when used.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `serde` | `Serde<T>`: what serde can serialize crosses to other processes |
//! | `tracing` | spans and events, of target `commonhold`: segments and processes come and go; who died, and what was taken over |
//!
//! # Panics
//!
//! Beyond what each item says: an operation in a forked child panics when the segment's participants
//! are all alive and there is no row left for it ([`SegmentOptions::participants`]), or when the child
//! is in another PID or time namespace.
//!
//! # Limits
//!
//! Linux on x86-64 and aarch64. Whoever may write a segment is trusted not to be hostile (see SAFETY.md for
//! what even a hostile one cannot do). A peer that truncates a *named* segment's file ends the others with
//! `SIGBUS`; anonymous ones are sealed against it.
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
mod trace;

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
mod mailbox;
#[cfg(not(loom))]
mod mutex;
#[cfg(not(loom))]
mod pool;
#[cfg(not(loom))]
mod process;
#[cfg(not(loom))]
mod queue;
#[cfg(not(loom))]
mod semaphore;
#[cfg(not(loom))]
mod shared;
#[cfg(not(loom))]
mod text;
#[cfg(not(loom))]
mod transfer;
#[cfg(not(loom))]
mod value;
#[cfg(not(loom))]
mod wait_any;

#[cfg(all(test, not(loom)))]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
#[path = "../tests/children/mod.rs"]
mod children;

#[cfg(all(test, not(loom)))]
test_support!();

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
    mailbox::Mailbox,
    mutex::{Mutex, MutexGuard},
    pool::{Imap, ImapUnordered, MapError, MapOptions, Pool, PoolOptions, Task, TaskError},
    process::{
        ExitStatus, Function, Process, ProcessInfo, ProcessOptions, active_children, cpu_count,
        current, init, parent, run_parallel,
    },
    queue::{
        IntoIter, Iter, Lease, Message, Queue, Receiver, RecvError, RecvTimeoutError, SendError,
        SendSliceError, SendSliceTimeoutError, SendTimeoutError, Sender, Slot, TryRecvError,
        TrySendError, TrySendSliceError,
    },
    segment::Segment,
    segment::inventory::{SegmentInfo, gc, segments, unlink},
    segment::options::SegmentOptions,
    segment::place::Place,
    semaphore::{NoPermit, OverRelease, Permit, Semaphore},
    shared::Shared,
    text::{Text, TextTooLong},
    transfer::Transfer,
    value::Value,
    wait_any::{Waitable, wait_any},
};

#[cfg(not(loom))]
#[doc(hidden)]
pub use process::before_main as __before_main;

#[cfg(all(feature = "serde", not(loom)))]
pub use transfer::Serde;

/// What [`transfer!`] needs of this crate.
#[cfg(not(loom))]
#[doc(hidden)]
pub mod __transfer {
    pub use crate::transfer::{
        Packer, Refused, Unpacker, get_copy, pack_copy, put_copy, unpack_copy,
    };
    pub use crate::transfer::{get_part, put_part, size_of_part, total};
}
