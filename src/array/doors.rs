//! Making and finding arrays.
#![forbid(unsafe_code)]

use bytemuck::Zeroable;

use super::Array;
use crate::error::Error;
use crate::raw::cell::object::Row;
use crate::raw::contents::Contents;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::shared::Shared;

/// New arrays of zero bytes.
impl<T: Shared + Zeroable> Array<T> {
    /// Makes an anonymous array of `len` zeros: for children, gone with its last user.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory), and failures of the system.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<f64>::new(3)?;
    /// assert_eq!(array.to_vec(), [0.0; 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new(len: usize) -> Result<Array<T>, Error> {
        Handle::new(Contents::Zeroed(len)).map(Array::over)
    }

    /// Makes a named array of `len` zeros.
    ///
    /// # Errors
    /// As [`Value::create`](crate::Value::create).
    ///
    /// # Examples
    /// ```
    /// use commonhold::Array;
    /// # let name = format!("doc-array-create-{}", std::process::id());
    /// let array = Array::<u16>::create(&name, 100)?;
    /// assert_eq!(array.len(), 100);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>, len: usize) -> Result<Array<T>, Error> {
        Handle::create(at.into(), Contents::Zeroed(len)).map(Array::over)
    }

    /// Finds a named array, or makes one of `len` zeros. Of any number of racing callers exactly one
    /// makes it; who finds one takes it as it is, also when its length is another.
    ///
    /// # Errors
    /// As [`Value::open_or_create`](crate::Value::open_or_create).
    ///
    /// # Examples
    /// ```
    /// use commonhold::Array;
    /// # let name = format!("doc-array-either-{}", std::process::id());
    /// let first = Array::<u8>::open_or_create(&name, 10)?;
    /// let second = Array::<u8>::open_or_create(&name, 20)?;
    /// assert_eq!(second.len(), 10);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>, len: usize) -> Result<Array<T>, Error> {
        Handle::open_or_create(at.into(), Contents::Zeroed(len)).map(Array::over)
    }
}

impl<T: Shared> Array<T> {
    fn over(handle: Handle<Row<T>>) -> Array<T> {
        Array { cells: handle.into() }
    }

    /// Makes an anonymous array that holds what the slice holds.
    ///
    /// # Errors
    /// As [`new`](Array::new).
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&['a', 'b'])?;
    /// assert_eq!(array.get(1), Some('b'));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn from_slice(values: &[T]) -> Result<Array<T>, Error> {
        Handle::new(Contents::Copied(values)).map(Array::over)
    }

    /// Makes a named array that holds what the slice holds, from the moment it appears.
    ///
    /// # Errors
    /// As [`Value::create`](crate::Value::create).
    ///
    /// # Examples
    /// ```
    /// use commonhold::Array;
    /// # let name = format!("doc-array-slice-{}", std::process::id());
    /// let array = Array::create_from_slice(&name, &[1.5, 2.5])?;
    /// assert_eq!(Array::<f64>::open(&name)?.to_vec(), [1.5, 2.5]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create_from_slice<'a>(
        at: impl Into<Place<'a>>,
        values: &[T],
    ) -> Result<Array<T>, Error> {
        Handle::create(at.into(), Contents::Copied(values)).map(Array::over)
    }

    /// Finds a named array. Its length is what it was made with.
    ///
    /// # Errors
    /// As [`Value::open`](crate::Value::open).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Array, ErrorKind};
    /// # let name = format!("doc-array-open-{}", std::process::id());
    /// let array = Array::<u16>::create(&name, 100)?;
    /// assert_eq!(Array::<u16>::open(&name)?.len(), 100);
    /// assert_eq!(Array::<u32>::open(&name).unwrap_err().kind(), ErrorKind::TypeMismatch);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Array<T>, Error> {
        Handle::open(at.into()).map(Array::over)
    }

    /// Removes the name now. Who uses the array keeps it; for an anonymous one this does nothing.
    ///
    /// # Errors
    /// As [`Value::unlink`](crate::Value::unlink).
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Array, ErrorKind};
    /// # let name = format!("doc-array-unlink-{}", std::process::id());
    /// let array = Array::<u16>::create(&name, 100)?;
    /// array.unlink()?;
    /// assert_eq!(Array::<u16>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.cells.handle().unlink()
    }
}

impl<T: Shared> Handled for Array<T> {
    type Object = Row<T>;

    fn handle(&self) -> &Handle<Row<T>> {
        self.cells.handle()
    }

    fn from_handle(handle: Handle<Row<T>>) -> Self {
        Array::over(handle)
    }
}
