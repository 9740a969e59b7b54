//! Arithmetic on the elements of arrays of integers.
#![forbid(unsafe_code)]

use super::{Array, IndexError};
use crate::integer::Integer;

/// Arithmetic, which wraps around at the limits of the type, and returns the previous element.
impl<T: Integer> Array<T> {
    /// Adds `n` to an element, and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<u8>::from_slice(&[254, 7])?;
    /// assert_eq!(array.fetch_add(0, 3)?, 254);
    /// assert_eq!(array.to_vec(), [1, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fetch_add(&self, index: usize, n: T) -> Result<T, IndexError> {
        Ok(self.cell(index)?.fetch_add(n))
    }

    /// Subtracts `n` from an element, and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<i32>::from_slice(&[5, 7])?;
    /// assert_eq!(array.fetch_sub(0, 7)?, 5);
    /// assert_eq!(array.to_vec(), [-2, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fetch_sub(&self, index: usize, n: T) -> Result<T, IndexError> {
        Ok(self.cell(index)?.fetch_sub(n))
    }

    /// Keeps the bits of an element that are set in `n` too, and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<u8>::from_slice(&[0b1110, 1])?;
    /// assert_eq!(array.fetch_and(0, 0b0111)?, 0b1110);
    /// assert_eq!(array.to_vec(), [0b0110, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fetch_and(&self, index: usize, n: T) -> Result<T, IndexError> {
        Ok(self.cell(index)?.fetch_and(n))
    }

    /// Sets the bits of an element that are set in `n`, and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<u8>::from_slice(&[0b1100, 1])?;
    /// assert_eq!(array.fetch_or(0, 0b0110)?, 0b1100);
    /// assert_eq!(array.to_vec(), [0b1110, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fetch_or(&self, index: usize, n: T) -> Result<T, IndexError> {
        Ok(self.cell(index)?.fetch_or(n))
    }

    /// Raises an element to `n` if it is less, and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<i64>::from_slice(&[-3, 7])?;
    /// assert_eq!(array.fetch_max(0, 4)?, -3);
    /// assert_eq!(array.to_vec(), [4, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fetch_max(&self, index: usize, n: T) -> Result<T, IndexError> {
        self.update(index, |value| value.max(n))
    }

    /// Lowers an element to `n` if it is more, and returns the previous one.
    ///
    /// # Errors
    /// [`IndexError`] beyond the last element.
    ///
    /// # Examples
    /// ```
    /// let array = commonhold::Array::<u16>::from_slice(&[9, 7])?;
    /// assert_eq!(array.fetch_min(0, 4)?, 9);
    /// assert_eq!(array.to_vec(), [4, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fetch_min(&self, index: usize, n: T) -> Result<T, IndexError> {
        self.update(index, |value| value.min(n))
    }
}
