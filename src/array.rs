//! A row of values that several processes share: each element old or new, never a mixture.
#![forbid(unsafe_code)]

mod arithmetic;
mod doors;
mod error;

pub use error::{IndexError, LengthError};

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::raw::cell::direct::Direct;
use crate::raw::cell::element::Element;
use crate::raw::cell::object::Row;
use crate::shared::Shared;

/// A row of elements of type `T` in shared memory, of a fixed length.
///
/// Each element is what a [`Value`](crate::Value) is: read and replaced as a whole, never locked,
/// and never half-written, under any kill. Elements stand on their own: what goes over several of
/// them ([`to_vec`](Array::to_vec), [`iter`](Array::iter), [`copy_from_slice`](Array::copy_from_slice))
/// may meet others at work in between. There are no references into an array; for one slice that is
/// used in place, there is `Buffer`.
///
/// Elements of 1, 2, 4 and 8 bytes lie packed; other sizes up to 8 take the next of these. Larger
/// ones are kept twice, with 16 bytes beside them.
///
/// # If a process dies
/// Each element is old or new, whichever instruction the process died at; see
/// [`Value`](crate::Value).
///
/// # Panics
/// Whatever returns an element panics when something else than this crate has overwritten the memory
/// with bytes that are no `T`.
///
/// # Examples
/// ```
/// use commonhold::Array;
///
/// let squares = Array::<u32>::new(5)?;
/// for i in 0..squares.len() {
///     squares.set(i, (i * i) as u32)?;
/// }
/// assert_eq!(squares.to_vec(), [0, 1, 4, 9, 16]);
/// assert_eq!(squares.get(5), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "RawArray")]
#[doc(alias = "ShareableList")]
pub struct Array<T: Shared> {
    cells: Direct<Row<T>>,
}

impl<T: Shared> Array<T> {
    /// How many elements there are.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Array::<u8>::new(3)?.len(), 3);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no elements.
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Array::<u8>::new(0)?.is_empty());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an element, or `None` beyond the last. Writes nothing, and waits for nobody.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&[5, 6])?;
    /// assert_eq!(array.get(0), Some(5));
    /// assert_eq!(array.get(2), None);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        self.cells.get(index).map(Element::get)
    }

    /// Replaces an element.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&[5, 6])?;
    /// array.set(1, 9)?;
    /// assert_eq!(array.to_vec(), [5, 9]);
    /// assert!(array.set(2, 9).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn set(&self, index: usize, value: T) -> Result<(), IndexError> {
        self.cell(index)?.set(self.cells.handle(), value);
        Ok(())
    }

    /// Replaces an element and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&[5, 6])?;
    /// assert_eq!(array.swap(1, 9)?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn swap(&self, index: usize, value: T) -> Result<T, IndexError> {
        Ok(self.cell(index)?.swap(self.cells.handle(), value))
    }

    /// Replaces an element with what `f` makes of it, and returns the previous one. `f` may run more
    /// than once and holds nothing, as in [`Value::update`](crate::Value::update).
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element; `f` was not called.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&[5.0, 6.0])?;
    /// assert_eq!(array.update(1, |x| x / 2.0)?, 6.0);
    /// assert_eq!(array.get(1), Some(3.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn update(&self, index: usize, mut f: impl FnMut(T) -> T) -> Result<T, IndexError> {
        match self.try_update(index, |value| Some(f(value)))? {
            Ok(previous) | Err(previous) => Ok(previous),
        }
    }

    /// Replaces an element with what `f` makes of it, unless that is `None`. Returns the previous
    /// one: `Ok` within if it was replaced, `Err` within if it still stands.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element; `f` was not called.
    ///
    /// # Examples
    /// ```
    /// let seats = commonhold::Array::<u32>::from_slice(&[1, 0])?;
    /// assert_eq!(seats.try_update(0, |n| n.checked_sub(1))?, Ok(1));
    /// assert_eq!(seats.try_update(1, |n| n.checked_sub(1))?, Err(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_update(
        &self,
        index: usize,
        f: impl FnMut(T) -> Option<T>,
    ) -> Result<Result<T, T>, IndexError> {
        Ok(self.cell(index)?.try_update(self.cells.handle(), f))
    }

    /// Replaces an element with `new` if it is `current`, by their bytes, and returns the one found:
    /// `Ok` within if it was replaced, `Err` within if not.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let owners = commonhold::Array::<u32>::new(4)?;
    /// assert_eq!(owners.compare_exchange(2, 0, 7)?, Ok(0));
    /// assert_eq!(owners.compare_exchange(2, 0, 8)?, Err(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn compare_exchange(
        &self,
        index: usize,
        current: T,
        new: T,
    ) -> Result<Result<T, T>, IndexError> {
        Ok(self.cell(index)?.compare_exchange(self.cells.handle(), current, new))
    }

    /// Returns the elements one after another, each as it is when its turn comes.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&[1, 2, 3])?;
    /// assert_eq!(array.iter().sum::<i32>(), 6);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.get(index).expect("the length is fixed"))
    }

    /// Copies all elements out, each as it is when its turn comes.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::from_slice(&[1, 2, 3])?;
    /// assert_eq!(array.to_vec(), [1, 2, 3]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "tolist")]
    pub fn to_vec(&self) -> Vec<T> {
        self.iter().collect()
    }

    /// Replaces all elements, one after another, each as by [`set`](Array::set).
    ///
    /// # Errors
    /// [`LengthError`] if the slice is not as long as the array; nothing was replaced.
    ///
    /// # If a process dies
    /// Some elements are replaced and the others are not; none is half-written.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<u8>::new(3)?;
    /// array.copy_from_slice(&[1, 2, 3])?;
    /// assert!(array.copy_from_slice(&[1, 2]).is_err());
    /// assert_eq!(array.to_vec(), [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn copy_from_slice(&self, values: &[T]) -> Result<(), LengthError> {
        if values.len() != self.len() {
            return Err(LengthError { expected: self.len(), found: values.len() });
        }
        for (index, value) in values.iter().enumerate() {
            self.set(index, *value).expect("the lengths are equal");
        }
        Ok(())
    }

    #[inline]
    fn cell(&self, index: usize) -> Result<Element<'_, T>, IndexError> {
        self.cells.get(index).ok_or(IndexError { index, len: self.len() })
    }
}

impl<T: Shared> Clone for Array<T> {
    fn clone(&self) -> Array<T> {
        Array { cells: self.cells.clone() }
    }
}

impl<T: Shared> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({:?}, length {})", self.cells.handle(), self.len())
    }
}

// A panic leaves no element half-written.
impl<T: Shared> UnwindSafe for Array<T> {}
impl<T: Shared> RefUnwindSafe for Array<T> {}
