//! What can be wrong with an index or a slice.
#![forbid(unsafe_code)]

use std::fmt;

/// An index is not less than the length.
///
/// # Examples
/// ```
/// let array = commonhold::Array::<u8>::new(3)?;
/// let error = array.set(3, 1).unwrap_err();
/// assert_eq!((error.index, error.len), (3, 3));
/// assert_eq!(error.to_string(), "index 3 of an array of length 3");
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexError {
    /// The index asked for.
    pub index: usize,
    /// The number of elements there are.
    pub len: usize,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {} of an array of length {}", self.index, self.len)
    }
}

impl std::error::Error for IndexError {}

/// A slice is not as long as the array it was to be copied into.
///
/// # Examples
/// ```
/// let array = commonhold::Array::<u8>::new(3)?;
/// let error = array.copy_from_slice(&[1, 2]).unwrap_err();
/// assert_eq!((error.expected, error.found), (3, 2));
/// assert_eq!(error.to_string(), "a slice of length 2 for an array of length 3");
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LengthError {
    /// The length of the array.
    pub expected: usize,
    /// The length of the slice.
    pub found: usize,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a slice of length {} for an array of length {}", self.found, self.expected)
    }
}

impl std::error::Error for LengthError {}
