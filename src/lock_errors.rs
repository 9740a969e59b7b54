//! Why a lock of any kind was not taken, or not recovered.
#![forbid(unsafe_code)]

use std::fmt;

use crate::raw::lock::{Held, Refused};
use crate::raw::mutex::Unrecovered;

const OWNER_DIED: &str = "the process that held it died; recover it";
const POISONED: &str = "a panic left it poisoned; recover it";

/// Why `lock`, `read` or `write` gave no guard.
///
/// # Examples
/// ```
/// use commonhold::{LockError, Mutex};
/// let total = Mutex::new(0u64)?;
/// match total.lock() {
///     Ok(guard) => assert_eq!(*guard, 0),
///     Err(LockError::OwnerDied) => println!("somebody was killed; see recover()"),
///     Err(LockError::Poisoned) => println!("somebody panicked; see recover()"),
/// }
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockError {
    /// The process that held it died. Nothing was taken; `recover` takes it.
    OwnerDied,
    /// A panic unwound a guard of it. Nothing was taken; `recover` takes it.
    Poisoned,
}

/// Why `try_lock`, `try_read` or `try_write` gave no guard.
///
/// # Examples
/// ```
/// use commonhold::{Lock, TryLockError};
/// let door = Lock::new()?;
/// let held = door.lock()?;
/// assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryLockError {
    /// A living process holds it.
    WouldBlock,
    /// The process that held it died. Nothing was taken; `recover` takes it.
    OwnerDied,
    /// A panic unwound a guard of it. Nothing was taken; `recover` takes it.
    Poisoned,
}

/// Why `lock_timeout`, `lock_deadline` and their like gave no guard.
///
/// # Examples
/// ```
/// use commonhold::{Lock, LockTimeoutError};
/// use std::time::Duration;
/// let door = Lock::new()?;
/// let held = door.lock()?;
/// let refused = door.lock_timeout(Duration::from_millis(5)).unwrap_err();
/// assert_eq!(refused, LockTimeoutError::Timeout);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockTimeoutError {
    /// A living process held it all the time.
    Timeout,
    /// The process that held it died. Nothing was taken; `recover` takes it.
    OwnerDied,
    /// A panic unwound a guard of it. Nothing was taken; `recover` takes it.
    Poisoned,
}

/// Why `recover` gave no guard.
///
/// # Examples
/// ```
/// use commonhold::{Lock, RecoverError};
/// let door = Lock::new()?;
/// let held = door.lock()?;
/// assert_eq!(door.recover().unwrap_err(), RecoverError::Held);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecoverError {
    /// A living process holds it: another one recovered it first. Lock it as usual.
    Held,
    /// The bytes that were left are no value of the type; `recover_with` replaces them.
    Invalid,
}

impl From<Refused> for LockError {
    fn from(refused: Refused) -> LockError {
        match refused {
            Refused::Poisoned => LockError::Poisoned,
            // Without a deadline there is no timeout.
            Refused::OwnerDied | Refused::Timeout => LockError::OwnerDied,
        }
    }
}

impl From<Refused> for TryLockError {
    fn from(refused: Refused) -> TryLockError {
        match refused {
            Refused::Timeout => TryLockError::WouldBlock,
            Refused::OwnerDied => TryLockError::OwnerDied,
            Refused::Poisoned => TryLockError::Poisoned,
        }
    }
}

impl From<Refused> for LockTimeoutError {
    fn from(refused: Refused) -> LockTimeoutError {
        match refused {
            Refused::Timeout => LockTimeoutError::Timeout,
            Refused::OwnerDied => LockTimeoutError::OwnerDied,
            Refused::Poisoned => LockTimeoutError::Poisoned,
        }
    }
}

impl From<Held> for RecoverError {
    fn from(Held: Held) -> RecoverError {
        RecoverError::Held
    }
}

impl From<Unrecovered> for RecoverError {
    fn from(unrecovered: Unrecovered) -> RecoverError {
        match unrecovered {
            Unrecovered::Held => RecoverError::Held,
            Unrecovered::Invalid => RecoverError::Invalid,
        }
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockError::OwnerDied => OWNER_DIED,
            LockError::Poisoned => POISONED,
        })
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::WouldBlock => "a living process holds it",
            TryLockError::OwnerDied => OWNER_DIED,
            TryLockError::Poisoned => POISONED,
        })
    }
}

impl fmt::Display for LockTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockTimeoutError::Timeout => "a living process held it until the timeout",
            LockTimeoutError::OwnerDied => OWNER_DIED,
            LockTimeoutError::Poisoned => POISONED,
        })
    }
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecoverError::Held => "a living process holds it; another one recovered it first",
            RecoverError::Invalid => "what was left is no value of the type",
        })
    }
}

impl std::error::Error for LockError {}
impl std::error::Error for TryLockError {}
impl std::error::Error for LockTimeoutError {}
impl std::error::Error for RecoverError {}
