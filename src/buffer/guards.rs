//! Access to a buffer's elements, for as long as a guard lives.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytemuck::AnyBitPattern;

use crate::raw::buffer::{ReadClaim, WriteClaim};
use crate::shared::Shared;

/// Read access to a [`Buffer`](crate::Buffer), until it is dropped; derefs to the elements.
///
/// # Panics
/// Its deref panics in a child that was forked while its parent held it: the child does not.
///
/// # Examples
/// ```
/// use commonhold::{Buffer, BufferRef};
/// let primes = Buffer::from_slice(&[2u32, 3, 5])?;
/// let guard: BufferRef<'_, u32> = primes.read()?;
/// assert_eq!(guard.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a buffer is unlocked when its guard is dropped"]
pub struct BufferRef<'b, T: Shared + AnyBitPattern> {
    pub(super) claim: ReadClaim<'b, T>,
}

/// Write access to a [`Buffer`](crate::Buffer), until it is dropped; derefs to the elements.
///
/// A panic that unwinds it leaves the buffer poisoned.
///
/// # Panics
/// Its deref panics in a child that was forked while its parent held it: the child does not.
///
/// # Examples
/// ```
/// use commonhold::{Buffer, BufferMut};
/// let frame = Buffer::<u8>::new(4)?;
/// let mut guard: BufferMut<'_, u8> = frame.write()?;
/// guard[0] = 1;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a buffer is unlocked when its guard is dropped"]
pub struct BufferMut<'b, T: Shared + AnyBitPattern> {
    pub(super) claim: WriteClaim<'b, T>,
}

impl<T: Shared + AnyBitPattern> Deref for BufferRef<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.claim
    }
}

impl<T: Shared + AnyBitPattern> Deref for BufferMut<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.claim
    }
}

impl<T: Shared + AnyBitPattern> DerefMut for BufferMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.claim
    }
}

impl<T: Shared + AnyBitPattern + fmt::Debug> fmt::Debug for BufferRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BufferRef").field(&&**self).finish()
    }
}

impl<T: Shared + AnyBitPattern + fmt::Debug> fmt::Debug for BufferMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BufferMut").field(&&**self).finish()
    }
}
