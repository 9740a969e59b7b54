//! `Semaphore`: so many at a time.
#![forbid(unsafe_code)]

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::raw::hook::point;
use crate::raw::semaphore::{Permits, RawSemaphore};
use crate::segment::Tag;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::sys::clock::Deadline;

/// A number of permits, taken and given back by any process.
///
/// A [`Permit`] is given back when it is dropped, or when its process dies. Each process can hold up
/// to 1,048,575 permits at a time; further ones it waits for.
///
/// # If a process dies
/// The permits it held come back by themselves: whoever waits for one, or tries to take one, finds
/// them within 100 ms typically. A stopped process keeps its permits. One that is stopped in the very
/// middle of an operation keeps others waiting in theirs, also where they drop a permit; those with a
/// timeout, and `try_acquire`, wait some hundred milliseconds longer at most.
///
/// # Examples
/// ```
/// use commonhold::Semaphore;
/// let seats = Semaphore::new(2)?;
/// let a = seats.acquire();
/// let b = seats.acquire();
/// assert_eq!(seats.available(), 0);
/// assert!(seats.try_acquire().is_err());
/// drop(a);
/// assert_eq!(seats.available(), 1);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone)]
pub struct Semaphore {
    handle: Handle<RawSemaphore>,
}

impl Semaphore {
    /// Makes an anonymous semaphore with this many permits.
    ///
    /// # Errors
    /// `OutOfMemory`, or `Io` when descriptors are exhausted.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Semaphore::new(3)?.available(), 3);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new(permits: u32) -> Result<Semaphore, Error> {
        Handle::new(unbounded(permits)).map(Semaphore::from)
    }

    /// Makes an anonymous semaphore that never has more than `permits` permits.
    ///
    /// # Errors
    /// As [`new`](Semaphore::new).
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Semaphore::bounded(3)?;
    /// assert!(seats.release(1).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "BoundedSemaphore")]
    pub fn bounded(permits: u32) -> Result<Semaphore, Error> {
        Handle::new(bounded(permits)).map(Semaphore::from)
    }

    /// Creates a semaphore with this many permits at this place.
    ///
    /// # Errors
    /// `AlreadyExists` if something living has the name; `InvalidName`, `OutOfMemory`,
    /// `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-semaphore-create-{}", std::process::id());
    /// let seats = commonhold::Semaphore::create(&name, 2)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>, permits: u32) -> Result<Semaphore, Error> {
        Handle::create(at.into(), unbounded(permits)).map(Semaphore::from)
    }

    /// Creates a semaphore at this place that never has more than `permits` permits.
    ///
    /// # Errors
    /// As [`create`](Semaphore::create).
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-semaphore-bounded-{}", std::process::id());
    /// let seats = commonhold::Semaphore::create_bounded(&name, 2)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create_bounded<'a>(at: impl Into<Place<'a>>, permits: u32) -> Result<Semaphore, Error> {
        Handle::create(at.into(), bounded(permits)).map(Semaphore::from)
    }

    /// Opens the semaphore at this place, bounded or not.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch`, `NotACommonhold`, `Version`, `Damaged`, `PermissionDenied`,
    /// `ForeignNamespace`, `TooManyParticipants`, `InvalidName`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-semaphore-open-{}", std::process::id());
    /// use commonhold::Semaphore;
    /// let seats = Semaphore::create(&name, 2)?;
    /// let taken = Semaphore::open(&name)?;
    /// let permit = taken.acquire();
    /// assert_eq!(seats.available(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Semaphore, Error> {
        Handle::open(at.into()).map(Semaphore::from)
    }

    /// Opens the semaphore at this place, or creates it with this many permits: of any number of
    /// callers exactly one does, and who finds one takes it as it is.
    ///
    /// # Errors
    /// As [`create`](Semaphore::create) and [`open`](Semaphore::open), without `AlreadyExists` and
    /// `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-semaphore-either-{}", std::process::id());
    /// let seats = commonhold::Semaphore::open_or_create(&name, 2)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>, permits: u32) -> Result<Semaphore, Error> {
        Handle::open_or_create(at.into(), unbounded(permits)).map(Semaphore::from)
    }

    /// Removes the semaphore's name now; users keep the semaphore. Nothing to do for an anonymous one.
    ///
    /// # Errors
    /// `NotFound` when the name is gone; `Unsupported` within a segment; `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-semaphore-unlink-{}", std::process::id());
    /// let seats = commonhold::Semaphore::create(&name, 2)?;
    /// seats.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// Takes a permit, waiting until there is one.
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Semaphore::new(1)?;
    /// let permit = seats.acquire();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn acquire(&self) -> Permit<'_> {
        loop {
            if let Ok(permit) = self.take(Deadline::Never) {
                return permit;
            }
        }
    }

    /// Takes a permit if there is one.
    ///
    /// # Errors
    /// [`NoPermit`] when all are held by living processes, or 1,048,575 by this one. Where a stopped
    /// process has the books, after some 100 ms.
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Semaphore::new(1)?;
    /// let permit = seats.try_acquire()?;
    /// assert!(seats.try_acquire().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, NoPermit> {
        self.take(Deadline::Now)
    }

    /// Takes a permit, waiting for at most `timeout`; never less.
    ///
    /// # Errors
    /// [`NoPermit`] when all were held by living processes until then.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let seats = commonhold::Semaphore::new(0)?;
    /// assert!(seats.acquire_timeout(Duration::from_millis(5)).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, NoPermit> {
        self.take(Deadline::after(timeout))
    }

    /// Takes a permit, waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`NoPermit`] when all were held by living processes until then.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// let seats = commonhold::Semaphore::new(1)?;
    /// let permit = seats.acquire_deadline(Instant::now() + Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>, NoPermit> {
        self.take(Deadline::At(deadline))
    }

    /// Adds `n` permits.
    ///
    /// # Errors
    /// [`OverRelease`] when there would be more permits than the semaphore is bounded to, or than
    /// 4,294,967,295: nothing is changed. Those that are held count.
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Semaphore::new(0)?;
    /// seats.release(2)?;
    /// assert_eq!(seats.available(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&self, n: u32) -> Result<(), OverRelease> {
        if self.handle.release(&self.handle, n) { Ok(()) } else { Err(OverRelease) }
    }

    /// How many permits are available at this moment. Those of a process that was killed count once
    /// somebody waits for or tries to take one.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Semaphore::new(3)?.available(), 3);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get_value")]
    pub fn available(&self) -> u32 {
        self.handle.available()
    }

    #[inline]
    fn take(&self, deadline: Deadline) -> Result<Permit<'_>, NoPermit> {
        let tag = self.handle.acquire(&self.handle, deadline).ok_or(NoPermit)?;
        point!("semaphore.held");
        Ok(Permit { semaphore: self, tag })
    }
}

fn unbounded(total: u32) -> Permits {
    Permits { total, limit: u32::MAX }
}

fn bounded(total: u32) -> Permits {
    Permits { total, limit: total }
}

impl From<Handle<RawSemaphore>> for Semaphore {
    fn from(handle: Handle<RawSemaphore>) -> Semaphore {
        Semaphore { handle }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Semaphore({:?}, available: {})", self.handle, self.available())
    }
}

/// One permit of a [`Semaphore`], given back when it is dropped or when its process dies.
///
/// It may be sent to another thread. A copy of it in a forked child is inert.
///
/// # Examples
/// ```
/// use commonhold::{Permit, Semaphore};
/// let seats = Semaphore::new(1)?;
/// let permit: Permit<'_> = seats.acquire();
/// drop(permit);
/// assert_eq!(seats.available(), 1);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[must_use = "a permit is given back when it is dropped"]
pub struct Permit<'s> {
    semaphore: &'s Semaphore,
    tag: Tag,
}

impl Permit<'_> {
    /// Lets the permit disappear: the semaphore has one less for ever, until
    /// [`release`](Semaphore::release) adds one.
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Semaphore::new(2)?;
    /// seats.acquire().forget();
    /// assert_eq!(seats.available(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn forget(self) {
        let handle = &self.semaphore.handle;
        handle.forget(handle, self.tag);
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        let handle = &self.semaphore.handle;
        handle.give_back(handle, self.tag);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({:?})", self.semaphore.handle)
    }
}

/// All permits are held by living processes.
///
/// # Examples
/// ```
/// use commonhold::{NoPermit, Semaphore};
/// assert_eq!(Semaphore::new(0)?.try_acquire().unwrap_err(), NoPermit);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoPermit;

impl fmt::Display for NoPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("living processes hold all permits")
    }
}

impl std::error::Error for NoPermit {}

/// More permits were released than the semaphore may have; none was.
///
/// # Examples
/// ```
/// use commonhold::{OverRelease, Semaphore};
/// assert_eq!(Semaphore::bounded(1)?.release(1), Err(OverRelease));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverRelease;

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there would be more permits than the semaphore may have; none was added")
    }
}

impl std::error::Error for OverRelease {}

impl Handled for Semaphore {
    type Object = RawSemaphore;

    fn handle(&self) -> &Handle<RawSemaphore> {
        &self.handle
    }

    fn from_handle(handle: Handle<RawSemaphore>) -> Self {
        Semaphore::from(handle)
    }
}
