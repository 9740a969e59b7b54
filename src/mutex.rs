//! `Mutex<T>`: a value that is locked to be reached.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::lock_errors::{LockError, LockTimeoutError, RecoverError, TryLockError};
use crate::raw::lock::Refused;
use crate::raw::mutex::{MutexClaim, RawMutex, Recovery};
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// A value in shared memory, used in place by one holder at a time.
///
/// As [`Lock`](crate::Lock), with the data inside: the guard derefs to `T`, in place and without a
/// copy. For a value that is replaced as a whole, [`Value`](crate::Value) needs no lock.
///
/// # If a process dies
/// The next user gets [`OwnerDied`](LockError::OwnerDied), within 100 ms typically, and has taken
/// nothing. The value is as the dead process left it, perhaps half changed: [`recover`](Mutex::recover)
/// takes it with a look, [`recover_with`](Mutex::recover_with) replaces it,
/// [`lock_or_repair`](Mutex::lock_or_repair) does it all in one call. A panic that unwinds a guard
/// leaves it [`Poisoned`](LockError::Poisoned), with the same way out.
///
/// # Panics
/// Taking the lock panics if the value's bytes were overwritten by something else than this crate
/// and are no `T`; using a guard that was taken before a fork panics in the child.
///
/// # Examples
/// ```
/// use commonhold::Mutex;
/// let total = Mutex::new(40u64)?;
/// *total.lock()? += 2;
/// assert_eq!(*total.lock()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "get_lock")]
pub struct Mutex<T: Shared> {
    handle: Handle<RawMutex<T>>,
}

impl<T: Shared> Mutex<T> {
    /// Makes an anonymous mutex with this value.
    ///
    /// # Errors
    /// `OutOfMemory`, or `Io` when descriptors are exhausted.
    ///
    /// # Examples
    /// ```
    /// let pair = commonhold::Mutex::new([1u32, 2])?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new(init: T) -> Result<Mutex<T>, Error> {
        Handle::new(init).map(Mutex::from)
    }

    /// Creates a mutex with this value at this place.
    ///
    /// # Errors
    /// `AlreadyExists` if something living has the name; `InvalidName`, `OutOfMemory`,
    /// `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mutex-create-{}", std::process::id());
    /// let total = commonhold::Mutex::create(&name, 0u64)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>, init: T) -> Result<Mutex<T>, Error> {
        Handle::create(at.into(), init).map(Mutex::from)
    }

    /// Opens the mutex at this place.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch`, `NotACommonhold`, `Version`, `Damaged`, `PermissionDenied`,
    /// `ForeignNamespace`, `TooManyParticipants`, `InvalidName`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mutex-open-{}", std::process::id());
    /// use commonhold::Mutex;
    /// let total = Mutex::create(&name, 7u64)?;
    /// assert_eq!(*Mutex::<u64>::open(&name)?.lock()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Mutex<T>, Error> {
        Handle::open(at.into()).map(Mutex::from)
    }

    /// Opens the mutex at this place, or creates it with this value: of any number of callers exactly
    /// one does, and who finds one takes it as it is.
    ///
    /// # Errors
    /// As [`create`](Mutex::create) and [`open`](Mutex::open), without `AlreadyExists` and `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mutex-either-{}", std::process::id());
    /// let total = commonhold::Mutex::open_or_create(&name, 0u64)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>, init: T) -> Result<Mutex<T>, Error> {
        Handle::open_or_create(at.into(), init).map(Mutex::from)
    }

    /// Removes the mutex's name now; users keep the mutex. Nothing to do for an anonymous one.
    ///
    /// # Errors
    /// `NotFound` when the name is gone; `Unsupported` within a segment; `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mutex-unlink-{}", std::process::id());
    /// let total = commonhold::Mutex::create(&name, 0u64)?;
    /// total.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// Locks the value, waiting as long as a living process holds it.
    ///
    /// # Errors
    /// [`OwnerDied`](LockError::OwnerDied) when its holder was killed,
    /// [`Poisoned`](LockError::Poisoned) after a panic: nothing is taken.
    ///
    /// # Examples
    /// ```
    /// let total = commonhold::Mutex::new(1u64)?;
    /// *total.lock()? += 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "acquire")]
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError> {
        self.take(Deadline::Never)
    }

    /// Locks the value if it is free.
    ///
    /// # Errors
    /// [`WouldBlock`](TryLockError::WouldBlock) when a living process holds it, `OwnerDied`,
    /// `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let total = commonhold::Mutex::new(1u64)?;
    /// let guard = total.try_lock()?;
    /// assert!(total.try_lock().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.take(Deadline::Now)
    }

    /// Locks the value, waiting for at most `timeout`; never less.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// let total = commonhold::Mutex::new(1u64)?;
    /// *total.lock_timeout(std::time::Duration::from_secs(1))? += 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>, LockTimeoutError> {
        self.take(Deadline::after(timeout))
    }

    /// Locks the value, waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`Timeout`](LockTimeoutError::Timeout), `OwnerDied`, `Poisoned`.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// let total = commonhold::Mutex::new(1u64)?;
    /// *total.lock_deadline(Instant::now() + Duration::from_secs(1))? += 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_deadline(&self, deadline: Instant) -> Result<MutexGuard<'_, T>, LockTimeoutError> {
        self.take(Deadline::At(deadline))
    }

    /// Takes what is free, poisoned, or held by the dead; the guard gives the value as it was left.
    ///
    /// # Errors
    /// [`Held`](RecoverError::Held) when a living process holds it: another one recovered it first.
    /// [`Invalid`](RecoverError::Invalid) when the bytes that were left are no `T`: it stays to be
    /// recovered, by [`recover_with`](Mutex::recover_with).
    ///
    /// # If a process dies
    /// One that dies in here, or with the guard, leaves it to be recovered again.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{LockError, Mutex};
    /// let total = Mutex::new(1u64)?;
    /// let other = total.clone();
    /// let _ = std::thread::spawn(move || {
    ///     let guard = other.lock().unwrap();
    ///     panic!("while holding it");
    /// })
    /// .join();
    /// assert_eq!(total.lock().unwrap_err(), LockError::Poisoned);
    /// let mut guard = total.recover()?;
    /// *guard = 0; // look at it, mend it
    /// drop(guard);
    /// assert_eq!(*total.lock()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover(&self) -> Result<MutexGuard<'_, T>, RecoverError> {
        Ok(MutexGuard { claim: MutexClaim::recover(&self.handle)? })
    }

    /// Takes what is free, poisoned, or held by the dead, and replaces the value.
    ///
    /// # Errors
    /// [`Held`](RecoverError::Held) when a living process holds it.
    ///
    /// # Examples
    /// ```
    /// let total = commonhold::Mutex::new(1u64)?;
    /// assert_eq!(*total.recover_with(5)?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover_with(&self, value: T) -> Result<MutexGuard<'_, T>, RecoverError> {
        Ok(MutexGuard { claim: Recovery::begin(&self.handle)?.finish(|_| value) })
    }

    /// Locks the value; where its holder died or panicked, takes it over and repairs it.
    ///
    /// `repair` is called by the one caller that takes over, with the value as it was left, or `None`
    /// if that is no `T`; what it returns is the value from then on. If it panics, the value stays to
    /// be recovered.
    ///
    /// # Examples
    /// ```
    /// let total = commonhold::Mutex::new(1u64)?;
    /// let guard = total.lock_or_repair(|left| left.unwrap_or(0));
    /// assert_eq!(*guard, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_or_repair(&self, repair: impl FnOnce(Option<T>) -> T) -> MutexGuard<'_, T> {
        loop {
            if let Ok(guard) = self.lock() {
                return guard;
            }
            // Not what somebody else has repaired and given back by now.
            if let Ok(recovery) = Recovery::begin_if_dead(&self.handle) {
                return MutexGuard { claim: recovery.finish(repair) };
            }
        }
    }

    #[inline]
    fn take<E: From<Refused>>(&self, deadline: Deadline) -> Result<MutexGuard<'_, T>, E> {
        match MutexClaim::lock(&self.handle, deadline) {
            Ok(claim) => Ok(MutexGuard { claim }),
            Err(refused) => Err(refused),
        }
    }
}

impl<T: Shared> Clone for Mutex<T> {
    fn clone(&self) -> Self {
        Mutex { handle: self.handle.clone() }
    }
}

impl<T: Shared> From<Handle<RawMutex<T>>> for Mutex<T> {
    fn from(handle: Handle<RawMutex<T>>) -> Mutex<T> {
        Mutex { handle }
    }
}

impl<T: Shared> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutex({:?})", self.handle)
    }
}

/// Holds a [`Mutex`] until it is dropped; derefs to its value.
///
/// # Panics
/// Its deref panics in a child that was forked while its parent held it: the child does not.
///
/// # Examples
/// ```
/// use commonhold::{Mutex, MutexGuard};
/// let total = Mutex::new(1u64)?;
/// let mut guard: MutexGuard<'_, u64> = total.lock()?;
/// *guard += 1;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a mutex is unlocked when its guard is dropped"]
pub struct MutexGuard<'m, T: Shared> {
    claim: MutexClaim<'m, T>,
}

impl<T: Shared> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.claim
    }
}

impl<T: Shared> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.claim
    }
}

impl<T: Shared + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MutexGuard").field(&**self).finish()
    }
}

impl<T: Shared> Handled for Mutex<T> {
    type Object = RawMutex<T>;

    fn handle(&self) -> &Handle<RawMutex<T>> {
        &self.handle
    }

    fn from_handle(handle: Handle<RawMutex<T>>) -> Self {
        Mutex::from(handle)
    }
}
