//! `Lock`: mutual exclusion between processes.
#![forbid(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::lock_errors::{LockError, LockTimeoutError, RecoverError, TryLockError};
use crate::raw::hook::point;
use crate::raw::lock::Refused;
use crate::raw::mutex::RawLock;
use crate::segment::Tag;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::sys::clock::Deadline;

/// Mutual exclusion between processes, and between the threads of each.
///
/// One process's guard holds it at a time. Taking a free one costs one compare-and-swap and no system
/// call; a contended one is waited for awake for about a microsecond, then asleep. It is not fair, and
/// a thread that locks twice waits for itself.
///
/// A lock protects what the program says it protects; [`Mutex`](crate::Mutex) holds the data itself.
/// A child forked while its parent holds a lock does not hold it, and waits for it like anyone.
///
/// # If a process dies
/// Whoever waits for or tries a lock whose holder was killed gets
/// [`OwnerDied`](LockError::OwnerDied), typically within 100 ms, and has taken nothing. One of them
/// [recovers](Lock::recover) it, after which it works as before. A stopped holder keeps its lock.
///
/// # Examples
/// ```
/// use commonhold::Lock;
/// let door = Lock::new()?;
/// {
///     let guard = door.lock()?;
///     assert!(door.is_locked());
/// } // dropping the guard unlocks
/// assert!(!door.is_locked());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Lock {
    handle: Handle<RawLock>,
}

impl Lock {
    /// Makes an anonymous lock.
    ///
    /// # Errors
    /// `OutOfMemory`, or `Io` when descriptors are exhausted.
    ///
    /// # Examples
    /// ```
    /// let door = commonhold::Lock::new()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "anonymous")]
    pub fn new() -> Result<Lock, Error> {
        Handle::new(()).map(Lock::from)
    }

    /// Creates a lock at this place.
    ///
    /// # Errors
    /// `AlreadyExists` if something living has the name; `InvalidName`, `OutOfMemory`,
    /// `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-lock-create-{}", std::process::id());
    /// let door = commonhold::Lock::create(&name)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>) -> Result<Lock, Error> {
        Handle::create(at.into(), ()).map(Lock::from)
    }

    /// Opens the lock at this place.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch`, `NotACommonhold`, `Version`, `Damaged`, `PermissionDenied`,
    /// `ForeignNamespace`, `TooManyParticipants`, `InvalidName`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-lock-open-{}", std::process::id());
    /// use commonhold::Lock;
    /// let door = Lock::create(&name)?;
    /// let held = door.lock()?;
    /// assert!(Lock::open(&name)?.is_locked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Lock, Error> {
        Handle::open(at.into()).map(Lock::from)
    }

    /// Opens the lock at this place, or creates it: of any number of callers exactly one does.
    ///
    /// # Errors
    /// As [`create`](Lock::create) and [`open`](Lock::open), without `AlreadyExists` and `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-lock-either-{}", std::process::id());
    /// let door = commonhold::Lock::open_or_create(&name)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>) -> Result<Lock, Error> {
        Handle::open_or_create(at.into(), ()).map(Lock::from)
    }

    /// Removes the lock's name now; users keep the lock. Nothing to do for an anonymous one.
    ///
    /// # Errors
    /// `NotFound` when the name is gone; `Unsupported` within a segment; `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-lock-unlink-{}", std::process::id());
    /// let door = commonhold::Lock::create(&name)?;
    /// door.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// Takes the lock, waiting as long as a living process holds it.
    ///
    /// # Errors
    /// [`OwnerDied`](LockError::OwnerDied) when its holder was killed: nothing is taken. Never
    /// `Poisoned`: an unwinding guard unlocks.
    ///
    /// # Examples
    /// ```
    /// let door = commonhold::Lock::new()?;
    /// let guard = door.lock()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "acquire")]
    #[inline]
    pub fn lock(&self) -> Result<LockGuard<'_>, LockError> {
        Ok(self.take(Deadline::Never)?)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// [`WouldBlock`](TryLockError::WouldBlock) when a living process holds it, this one included;
    /// `OwnerDied`.
    ///
    /// # Examples
    /// ```
    /// let door = commonhold::Lock::new()?;
    /// let guard = door.try_lock()?;
    /// assert!(door.try_lock().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<LockGuard<'_>, TryLockError> {
        Ok(self.take(Deadline::Now)?)
    }

    /// Takes the lock, waiting for at most `timeout`; never less.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`.
    ///
    /// # Examples
    /// ```
    /// let door = commonhold::Lock::new()?;
    /// let guard = door.lock_timeout(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, LockTimeoutError> {
        Ok(self.take(Deadline::after(timeout))?)
    }

    /// Takes the lock, waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// let door = commonhold::Lock::new()?;
    /// let guard = door.lock_deadline(Instant::now() + Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_deadline(&self, deadline: Instant) -> Result<LockGuard<'_>, LockTimeoutError> {
        Ok(self.take(Deadline::At(deadline))?)
    }

    /// Takes the lock over from a dead holder. A free one is taken as well.
    ///
    /// What the lock protects is as the dead process left it: look at it before going on.
    ///
    /// # Errors
    /// [`Held`](RecoverError::Held) when a living process holds it: another one recovered it first.
    ///
    /// # If a process dies
    /// One that dies in here leaves the lock as it was, with itself as the dead holder at most.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Lock, LockError, RecoverError};
    ///
    /// fn lock_or_take_over(door: &Lock) -> Result<commonhold::LockGuard<'_>, LockError> {
    ///     loop {
    ///         match door.lock() {
    ///             Err(LockError::OwnerDied) => match door.recover() {
    ///                 Ok(guard) => return Ok(guard),
    ///                 Err(RecoverError::Held | RecoverError::Invalid) => continue,
    ///             },
    ///             taken => return taken,
    ///         }
    ///     }
    /// }
    /// let door = Lock::new()?;
    /// let guard = lock_or_take_over(&door)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover(&self) -> Result<LockGuard<'_>, RecoverError> {
        let tag = self.handle.recover(&self.handle)?;
        Ok(LockGuard { lock: self, tag, _not_send: PhantomData })
    }

    /// Whether anybody holds it at this moment, living or dead.
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Lock::new()?.is_locked());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.handle.is_locked()
    }

    #[inline]
    fn take(&self, deadline: Deadline) -> Result<LockGuard<'_>, Refused> {
        let tag = self.handle.lock(&self.handle, deadline)?;
        point!("lock.held");
        Ok(LockGuard { lock: self, tag, _not_send: PhantomData })
    }
}

impl From<Handle<RawLock>> for Lock {
    fn from(handle: Handle<RawLock>) -> Lock {
        Lock { handle }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lock({:?}, locked: {})", self.handle, self.is_locked())
    }
}

/// Holds a [`Lock`] until it is dropped.
///
/// Dropping it while a panic unwinds unlocks as well. A copy of it in a forked child is inert.
///
/// # Examples
/// ```
/// use commonhold::{Lock, LockGuard};
/// let door = Lock::new()?;
/// let guard: LockGuard<'_> = door.lock()?;
/// drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a lock is unlocked when its guard is dropped"]
pub struct LockGuard<'l> {
    lock: &'l Lock,
    tag: Tag,
    /// Locks are given back by the thread that took them.
    _not_send: PhantomData<*const ()>,
}

impl Drop for LockGuard<'_> {
    #[doc(alias = "release")]
    #[inline]
    fn drop(&mut self) {
        self.lock.handle.unlock(&self.lock.handle, self.tag);
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockGuard({:?})", self.lock.handle)
    }
}

impl Handled for Lock {
    type Object = RawLock;

    fn handle(&self) -> &Handle<RawLock> {
        &self.handle
    }

    fn from_handle(handle: Handle<RawLock>) -> Self {
        Lock::from(handle)
    }
}
