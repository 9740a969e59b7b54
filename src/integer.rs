//! The integers that have arithmetic of their own in shared memory.
#![forbid(unsafe_code)]

use crate::shared::Shared;

mod sealed {
    pub trait Sealed {}
}

/// An integer of 8 to 64 bits, on which a [`Value`](crate::Value) and an [`Array`](crate::Array)
/// calculate in place.
///
/// Implemented for `i8` to `i64`, `u8` to `u64`, `isize` and `usize`; not for types of your own.
///
/// # Examples
/// ```
/// use commonhold::{Integer, Value};
///
/// fn count<T: Integer>(hits: &Value<T>, n: T) -> T {
///     hits.fetch_add(n)
/// }
///
/// let hits = Value::<u32>::new(5)?;
/// assert_eq!(count(&hits, 2), 5);
/// assert_eq!(hits.get(), 7);
/// # Ok::<(), commonhold::Error>(())
/// ```
pub trait Integer: Shared + Ord + sealed::Sealed {}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl sealed::Sealed for $integer {}
        impl Integer for $integer {}
    )*};
}

integers! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize }
