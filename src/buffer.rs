//! `Buffer<T>`: one slice, used in place by readers or by a writer.
#![forbid(unsafe_code)]

mod guards;

use std::fmt;
use std::time::{Duration, Instant};

use bytemuck::AnyBitPattern;

use crate::error::Error;
use crate::lock_errors::{LockError, LockTimeoutError, RecoverError, TryLockError};
use crate::raw::buffer::{RawBuffer, ReadClaim, WriteClaim};
use crate::raw::contents::Contents;
use crate::raw::lock::Refused;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

pub use guards::{BufferMut, BufferRef};

/// A slice in shared memory behind a reader-writer lock, used in place without a copy.
///
/// Any number of readers, or one writer. Writers go first: readers that come while a writer waits
/// wait too. `T` may be any plain bytes, so that what a killed writer left half-written is wrong data
/// at worst, never an invalid value.
///
/// A thread that asks for `write` while it holds a `read` guard waits for itself.
///
/// # If a process dies
/// A killed reader is nothing: a writer that waits for it goes on, within 100 ms typically. After a
/// killed writer, readers and writers get [`OwnerDied`](LockError::OwnerDied) until somebody
/// [recovers](Buffer::recover): looks at the data, mends it, goes on. A stopped process keeps what it
/// holds.
///
/// # Panics
/// Using a guard that was taken before a fork panics in the child.
///
/// # Examples
/// ```
/// use commonhold::Buffer;
/// let frame = Buffer::<u8>::new(640 * 480)?;
/// frame.write()?.fill(7);
/// assert_eq!(frame.read()?[1000], 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "SharedMemory")]
#[doc(alias = "RawArray")]
pub struct Buffer<T: Shared + AnyBitPattern> {
    handle: Handle<RawBuffer<T>>,
}

impl<T: Shared + AnyBitPattern> Buffer<T> {
    /// Makes an anonymous buffer of `len` elements, all zero.
    ///
    /// # Errors
    /// `InvalidSize` when it exceeds the address space; `OutOfMemory`; `Io` when descriptors are
    /// exhausted.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(*commonhold::Buffer::<u32>::new(3)?.read()?, [0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(len: usize) -> Result<Buffer<T>, Error> {
        Handle::new(Contents::Zeroed(len)).map(Buffer::from)
    }

    /// Makes an anonymous buffer with a copy of these elements.
    ///
    /// # Errors
    /// As [`new`](Buffer::new).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(*commonhold::Buffer::from_slice(&[1.5, 2.5])?.read()?, [1.5, 2.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_slice(elements: &[T]) -> Result<Buffer<T>, Error> {
        Handle::new(Contents::Copied(elements)).map(Buffer::from)
    }

    /// Creates a buffer of `len` elements at this place, all zero.
    ///
    /// # Errors
    /// `AlreadyExists` if something living has the name; `InvalidName`, `InvalidSize`, `OutOfMemory`,
    /// `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-buffer-create-{}", std::process::id());
    /// let frame = commonhold::Buffer::<u8>::create(&name, 4096)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>, len: usize) -> Result<Buffer<T>, Error> {
        Handle::create(at.into(), Contents::Zeroed(len)).map(Buffer::from)
    }

    /// Creates a buffer with a copy of these elements at this place.
    ///
    /// # Errors
    /// As [`create`](Buffer::create).
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-buffer-slice-{}", std::process::id());
    /// let primes = commonhold::Buffer::create_from_slice(&name, &[2u32, 3, 5])?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create_from_slice<'a>(
        at: impl Into<Place<'a>>,
        elements: &[T],
    ) -> Result<Buffer<T>, Error> {
        Handle::create(at.into(), Contents::Copied(elements)).map(Buffer::from)
    }

    /// Opens the buffer at this place.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch`, `NotACommonhold`, `Version`, `Damaged`, `PermissionDenied`,
    /// `ForeignNamespace`, `TooManyParticipants`, `InvalidName`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-buffer-open-{}", std::process::id());
    /// use commonhold::Buffer;
    /// let primes = Buffer::create_from_slice(&name, &[2u32, 3, 5])?;
    /// assert_eq!(Buffer::<u32>::open(&name)?.len(), 3);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Buffer<T>, Error> {
        Handle::open(at.into()).map(Buffer::from)
    }

    /// Opens the buffer at this place, or creates one of `len` zero elements: of any number of callers
    /// exactly one does, and who finds one takes it as it is.
    ///
    /// # Errors
    /// As [`create`](Buffer::create) and [`open`](Buffer::open), without `AlreadyExists` and
    /// `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-buffer-either-{}", std::process::id());
    /// let frame = commonhold::Buffer::<u8>::open_or_create(&name, 4096)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>, len: usize) -> Result<Buffer<T>, Error> {
        Handle::open_or_create(at.into(), Contents::Zeroed(len)).map(Buffer::from)
    }

    /// Removes the buffer's name now; users keep the buffer. Nothing to do for an anonymous one.
    ///
    /// # Errors
    /// `NotFound` when the name is gone; `Unsupported` within a segment; `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-buffer-unlink-{}", std::process::id());
    /// let frame = commonhold::Buffer::<u8>::create(&name, 4096)?;
    /// frame.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// How many elements it has.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Buffer::<u64>::new(8)?.len(), 8);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.handle.len()
    }

    /// Whether it has no elements.
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Buffer::<u64>::new(0)?.is_empty());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the elements lie in this process's memory, while a handle to the buffer lives. For
    /// foreign code that reads or writes them under its own `unsafe`, while a guard is held.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(16)?;
    /// assert!(!frame.as_ptr().is_null());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn as_ptr(&self) -> *mut T {
        self.handle.elements()
    }

    /// Reads the elements, waiting as long as a living writer is inside or waits.
    ///
    /// # Errors
    /// [`OwnerDied`](LockError::OwnerDied) after a writer was killed,
    /// [`Poisoned`](LockError::Poisoned) after one panicked, until somebody recovers.
    ///
    /// # Examples
    /// ```
    /// let sum: u32 = commonhold::Buffer::from_slice(&[1u32, 2, 3])?.read()?.iter().sum();
    /// assert_eq!(sum, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&self) -> Result<BufferRef<'_, T>, LockError> {
        Ok(self.take_read(Deadline::Never)?)
    }

    /// Reads the elements if no writer is inside or waits.
    ///
    /// # Errors
    /// [`WouldBlock`](TryLockError::WouldBlock), also when this process reads 1,048,575 times already;
    /// `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// let writing = frame.write()?;
    /// assert!(frame.try_read().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_read(&self) -> Result<BufferRef<'_, T>, TryLockError> {
        Ok(self.take_read(Deadline::Now)?)
    }

    /// Reads the elements, waiting for at most `timeout`; never less.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// let guard = frame.read_timeout(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_timeout(&self, timeout: Duration) -> Result<BufferRef<'_, T>, LockTimeoutError> {
        Ok(self.take_read(Deadline::after(timeout))?)
    }

    /// Reads the elements, waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// let guard = frame.read_deadline(std::time::Instant::now())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_deadline(&self, deadline: Instant) -> Result<BufferRef<'_, T>, LockTimeoutError> {
        Ok(self.take_read(Deadline::At(deadline))?)
    }

    /// Writes the elements, waiting as long as anybody living is inside.
    ///
    /// # Errors
    /// [`OwnerDied`](LockError::OwnerDied) after a writer was killed,
    /// [`Poisoned`](LockError::Poisoned) after one panicked, until somebody recovers.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// frame.write()?[2] = 9;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self) -> Result<BufferMut<'_, T>, LockError> {
        Ok(self.take_write(Deadline::Never)?)
    }

    /// Writes the elements if nobody is inside.
    ///
    /// # Errors
    /// [`WouldBlock`](TryLockError::WouldBlock), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// let reading = frame.read()?;
    /// assert!(frame.try_write().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_write(&self) -> Result<BufferMut<'_, T>, TryLockError> {
        Ok(self.take_write(Deadline::Now)?)
    }

    /// Writes the elements, waiting for at most `timeout`; never less.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// frame.write_timeout(std::time::Duration::from_secs(1))?.fill(1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_timeout(&self, timeout: Duration) -> Result<BufferMut<'_, T>, LockTimeoutError> {
        Ok(self.take_write(Deadline::after(timeout))?)
    }

    /// Writes the elements, waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let frame = commonhold::Buffer::<u8>::new(4)?;
    /// frame.write_deadline(std::time::Instant::now())?.fill(1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_deadline(&self, deadline: Instant) -> Result<BufferMut<'_, T>, LockTimeoutError> {
        Ok(self.take_write(Deadline::At(deadline))?)
    }

    /// Takes what is free, poisoned, or was left by a dead writer; the guard gives the elements as
    /// they were left.
    ///
    /// # Errors
    /// [`Held`](RecoverError::Held) when anybody living is inside: another one recovered it first, or a
    /// reader is stopped at the door.
    ///
    /// # If a process dies
    /// One that dies in here, or with the guard, leaves it to be recovered again.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Buffer, BufferMut, LockError, RecoverError};
    ///
    /// fn write_or_mend(frame: &Buffer<u8>) -> BufferMut<'_, u8> {
    ///     loop {
    ///         if let Ok(guard) = frame.write() {
    ///             return guard;
    ///         }
    ///         if let Ok(mut guard) = frame.recover() {
    ///             guard.fill(0); // half-written: start afresh
    ///             return guard;
    ///         }
    ///     }
    /// }
    /// let frame = Buffer::<u8>::new(4)?;
    /// let guard = write_or_mend(&frame);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn recover(&self) -> Result<BufferMut<'_, T>, RecoverError> {
        Ok(BufferMut { claim: WriteClaim::recover(&self.handle)? })
    }

    fn take_read(&self, deadline: Deadline) -> Result<BufferRef<'_, T>, Refused> {
        ReadClaim::take(&self.handle, deadline).map(|claim| BufferRef { claim })
    }

    fn take_write(&self, deadline: Deadline) -> Result<BufferMut<'_, T>, Refused> {
        WriteClaim::take(&self.handle, deadline).map(|claim| BufferMut { claim })
    }
}

impl<T: Shared + AnyBitPattern> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Buffer { handle: self.handle.clone() }
    }
}

impl<T: Shared + AnyBitPattern> From<Handle<RawBuffer<T>>> for Buffer<T> {
    fn from(handle: Handle<RawBuffer<T>>) -> Buffer<T> {
        Buffer { handle }
    }
}

impl<T: Shared + AnyBitPattern> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({:?}, len: {})", self.handle, self.len())
    }
}

impl<T: Shared + AnyBitPattern> Handled for Buffer<T> {
    type Object = RawBuffer<T>;

    fn handle(&self) -> &Handle<RawBuffer<T>> {
        &self.handle
    }

    fn from_handle(handle: Handle<RawBuffer<T>>) -> Self {
        Buffer::from(handle)
    }
}
