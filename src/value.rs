//! A value that several processes share: old or new, never a mixture.
#![forbid(unsafe_code)]

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::error::Error;
use crate::integer::Integer;
use crate::raw::cell::direct::Direct;
use crate::raw::cell::object::Single;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::shared::Shared;

/// A value of type `T` in shared memory, which every process reads and replaces as a whole.
///
/// It is an atomic cell, not a lock: nothing is ever held, so nothing can be left locked or poisoned,
/// and there are no references into it. Each operation is atomic for every `T`; who sees a value also
/// sees what its writer did before writing it. For a value to be changed under a lock, over several
/// steps, there is `Mutex`.
///
/// Up to 8 bytes, an operation is an atomic instruction, or a loop around one. Larger values are kept
/// in two copies: a read copies the value out, and again if it was replaced meanwhile; writers follow
/// one another, and a writer that finds another one at work may sleep (a futex) until that is done.
///
/// The value is part of what the name in shared memory says: a `Value<u64>` is not opened as a
/// `Value<f64>`. Handles are cheap to clone, and a clone is the same value.
///
/// # If a process dies
/// The value is the old or the new one, whichever instruction the process died at. The next writer
/// goes on without noticing, within 64 ms at worst; readers never wait. A process that is only
/// *stopped* in the middle of writing a large value keeps other writers waiting; readers go on.
///
/// # Panics
/// Whatever returns a value panics when something else than this crate has overwritten the memory
/// with bytes that are no `T`. In a process made by a raw `fork`, writing a large value panics if as
/// many participants are attached as the segment was made for.
///
/// # Examples
/// ```
/// use commonhold::Value;
///
/// let hits = Value::<u64>::new(0)?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| (0..1000).for_each(|_| _ = hits.update(|n| n + 1)));
///     }
/// });
/// assert_eq!(hits.get(), 4000);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[doc(alias = "RawValue")]
pub struct Value<T: Shared> {
    cell: Direct<Single<T>>,
}

impl<T: Shared> Value<T> {
    fn over(handle: Handle<Single<T>>) -> Value<T> {
        Value { cell: handle.into() }
    }

    /// Makes an anonymous value: for children, gone with its last user.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory), and failures of the system.
    ///
    /// # Examples
    /// ```
    /// let position = commonhold::Value::new([0.0, 1.5, -3.0])?;
    /// assert_eq!(position.get(), [0.0, 1.5, -3.0]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new(init: T) -> Result<Value<T>, Error> {
        Handle::new(init).map(Value::over)
    }

    /// Makes a named value. It appears under its name with `init` in it.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if a living one has that name,
    /// [`InvalidName`](crate::ErrorKind::InvalidName),
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory), and failures of the system.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{ErrorKind, Value};
    /// # let name = format!("doc-value-create-{}", std::process::id());
    /// let value = Value::create(&name, 7_u32)?;
    /// assert_eq!(Value::<u32>::create(&name, 8).unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>, init: T) -> Result<Value<T>, Error> {
        Handle::create(at.into(), init).map(Value::over)
    }

    /// Finds a named value.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound),
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) if it is no `Value<T>`, and what else
    /// [`ErrorKind`](crate::ErrorKind) lists of files that cannot be used.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{ErrorKind, Value};
    /// # let name = format!("doc-value-open-{}", std::process::id());
    /// let value = Value::create(&name, 7_u32)?;
    /// assert_eq!(Value::<u32>::open(&name)?.get(), 7);
    /// assert_eq!(Value::<f32>::open(&name).unwrap_err().kind(), ErrorKind::TypeMismatch);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Value<T>, Error> {
        Handle::open(at.into()).map(Value::over)
    }

    /// Finds a named value, or makes it. Of any number of racing callers exactly one makes it; who
    /// finds one takes it as it is.
    ///
    /// # Errors
    /// As [`create`](Value::create) and [`open`](Value::open), without `AlreadyExists` and
    /// `NotFound`.
    ///
    /// # Examples
    /// ```
    /// use commonhold::Value;
    /// # let name = format!("doc-value-either-{}", std::process::id());
    /// let first = Value::open_or_create(&name, 1_u64)?;
    /// let second = Value::open_or_create(&name, 2_u64)?;
    /// assert_eq!(second.get(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>, init: T) -> Result<Value<T>, Error> {
        Handle::open_or_create(at.into(), init).map(Value::over)
    }

    /// Removes the name now. Who uses the value keeps it; for an anonymous one this does nothing.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a value in a segment, which lives as long
    /// as the segment; failures of the system.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{ErrorKind, Value};
    /// # let name = format!("doc-value-unlink-{}", std::process::id());
    /// let value = Value::create(&name, 7_u32)?;
    /// value.unlink()?;
    /// assert_eq!(Value::<u32>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    /// assert_eq!(value.get(), 7);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.cell.handle().unlink()
    }

    /// Returns the value. Writes nothing, and waits for nobody.
    ///
    /// # Examples
    /// ```
    /// let flag = commonhold::Value::new(true)?;
    /// assert!(flag.get());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "value")]
    #[inline]
    pub fn get(&self) -> T {
        self.cell.only().get()
    }

    /// Replaces the value.
    ///
    /// # If a process dies
    /// Killed anywhere in `set`, it has replaced the value or it has not.
    ///
    /// # Examples
    /// ```
    /// let limits = commonhold::Value::new((0..4).fold([0; 4], |mut a, i| { a[i] = i; a }))?;
    /// limits.set([9; 4]);
    /// assert_eq!(limits.get(), [9; 4]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "value")]
    #[inline]
    pub fn set(&self, value: T) {
        self.cell.only().set(self.cell.handle(), value);
    }

    /// Replaces the value and returns the previous one.
    ///
    /// # Examples
    /// ```
    /// let turn = commonhold::Value::new('a')?;
    /// assert_eq!(turn.swap('b'), 'a');
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn swap(&self, value: T) -> T {
        self.cell.only().swap(self.cell.handle(), value)
    }

    /// Replaces the value with what `f` makes of it, and returns the previous one.
    ///
    /// `f` runs again if the value was replaced meanwhile, so the update is exact. It holds nothing:
    /// when it is slow, panics, or its process is stopped or killed, nobody else notices. An `f` that
    /// itself changes this value never ends.
    ///
    /// # Examples
    /// ```
    /// let total = commonhold::Value::new(2.5)?;
    /// assert_eq!(total.update(|x| x * 2.0), 2.5);
    /// assert_eq!(total.get(), 5.0);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "get_lock")]
    #[inline]
    pub fn update(&self, mut f: impl FnMut(T) -> T) -> T {
        match self.try_update(|value| Some(f(value))) {
            Ok(previous) | Err(previous) => previous,
        }
    }

    /// Replaces the value with what `f` makes of it, unless that is `None`. Returns the previous
    /// value: `Ok` if it was replaced, `Err` if it still stands.
    ///
    /// `f` runs and holds as in [`update`](Value::update).
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Value::<u32>::new(1)?;
    /// assert_eq!(seats.try_update(|n| n.checked_sub(1)), Ok(1));
    /// assert_eq!(seats.try_update(|n| n.checked_sub(1)), Err(0));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn try_update(&self, f: impl FnMut(T) -> Option<T>) -> Result<T, T> {
        self.cell.only().try_update(self.cell.handle(), f)
    }

    /// Replaces the value with `new` if it is `current`, and returns the value found: `Ok` if it was
    /// replaced, `Err` if not.
    ///
    /// Bytes are compared: a float that is NaN equals itself, and −0.0 is not 0.0.
    ///
    /// # Examples
    /// ```
    /// let owner = commonhold::Value::<u32>::new(0)?;
    /// assert_eq!(owner.compare_exchange(0, 7), Ok(0));
    /// assert_eq!(owner.compare_exchange(0, 8), Err(7));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<T, T> {
        self.cell.only().compare_exchange(self.cell.handle(), current, new)
    }
}

/// Arithmetic, which wraps around at the limits of the type, and returns the previous value.
impl<T: Integer> Value<T> {
    /// Adds `n` and returns the previous value.
    ///
    /// # Examples
    /// ```
    /// let hits = commonhold::Value::<u8>::new(254)?;
    /// assert_eq!(hits.fetch_add(3), 254);
    /// assert_eq!(hits.get(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn fetch_add(&self, n: T) -> T {
        self.cell.only().fetch_add(n)
    }

    /// Subtracts `n` and returns the previous value.
    ///
    /// # Examples
    /// ```
    /// let balance = commonhold::Value::<i32>::new(5)?;
    /// assert_eq!(balance.fetch_sub(7), 5);
    /// assert_eq!(balance.get(), -2);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn fetch_sub(&self, n: T) -> T {
        self.cell.only().fetch_sub(n)
    }

    /// Keeps the bits that are set in `n` too, and returns the previous value.
    ///
    /// # Examples
    /// ```
    /// let mask = commonhold::Value::<u8>::new(0b1110)?;
    /// assert_eq!(mask.fetch_and(0b0111), 0b1110);
    /// assert_eq!(mask.get(), 0b0110);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn fetch_and(&self, n: T) -> T {
        self.cell.only().fetch_and(n)
    }

    /// Sets the bits that are set in `n`, and returns the previous value.
    ///
    /// # Examples
    /// ```
    /// let mask = commonhold::Value::<u8>::new(0b1100)?;
    /// assert_eq!(mask.fetch_or(0b0110), 0b1100);
    /// assert_eq!(mask.get(), 0b1110);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn fetch_or(&self, n: T) -> T {
        self.cell.only().fetch_or(n)
    }

    /// Raises the value to `n` if it is less, and returns the previous value.
    ///
    /// # Examples
    /// ```
    /// let highest = commonhold::Value::<i64>::new(-3)?;
    /// assert_eq!(highest.fetch_max(4), -3);
    /// assert_eq!(highest.fetch_max(2), 4);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn fetch_max(&self, n: T) -> T {
        self.update(|value| value.max(n))
    }

    /// Lowers the value to `n` if it is more, and returns the previous value.
    ///
    /// # Examples
    /// ```
    /// let lowest = commonhold::Value::<u16>::new(9)?;
    /// assert_eq!(lowest.fetch_min(4), 9);
    /// assert_eq!(lowest.get(), 4);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn fetch_min(&self, n: T) -> T {
        self.update(|value| value.min(n))
    }
}

impl<T: Shared> Clone for Value<T> {
    fn clone(&self) -> Value<T> {
        Value { cell: self.cell.clone() }
    }
}

impl<T: Shared> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?})", self.cell.handle())
    }
}

// A panic leaves no value half-written.
impl<T: Shared> UnwindSafe for Value<T> {}
impl<T: Shared> RefUnwindSafe for Value<T> {}

impl<T: Shared> Handled for Value<T> {
    type Object = Single<T>;

    fn handle(&self) -> &Handle<Single<T>> {
        self.cell.handle()
    }

    fn from_handle(handle: Handle<Single<T>>) -> Self {
        Value::over(handle)
    }
}
