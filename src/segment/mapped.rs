//! Typed views into a mapped block, each keeping the mapping alive.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

use super::attachment::Attachment;
use super::layout::TooLarge;
use crate::error::{ErrorKind, Failure};

/// A type that may be looked at in place, in memory that other processes change.
///
/// # Safety
/// Every bit pattern is a valid value; it has no padding that matters, holds no pointers, needs no
/// drop, and changes only through atomics or raw pointers ([`Byte`]), so that `&Self` is right while
/// others write.
pub(crate) unsafe trait InPlace: Sync {}

// SAFETY: [INP-1] an atomic integer takes every bit pattern and changes by atomic operations only.
unsafe impl InPlace for AtomicU8 {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for AtomicU16 {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for AtomicU32 {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for AtomicU64 {}

/// A byte of payload: reached through raw pointers by who holds the claim on it.
#[repr(transparent)]
pub(crate) struct Byte(UnsafeCell<u8>);

// SAFETY: [INP-1] a shared reference to it gives no access; a pointer does, under a claim.
unsafe impl Sync for Byte {}
// SAFETY: [INP-1] every pattern is a byte, and it changes through raw pointers only.
unsafe impl InPlace for Byte {}

/// A part of a block that does not lie where it should: the segment is damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damaged(pub(crate) &'static str);

impl From<Damaged> for Failure {
    fn from(Damaged(what): Damaged) -> Failure {
        Failure::new(ErrorKind::Damaged, what)
    }
}

impl From<TooLarge> for Damaged {
    fn from(_: TooLarge) -> Damaged {
        Damaged("an object larger than the address space")
    }
}

/// A `T` in a mapped segment.
pub(crate) struct Mapped<T: ?Sized> {
    attachment: Arc<Attachment>,
    at: NonNull<T>,
}

// SAFETY: [MAP-1] it is a shared reference to a Sync value, with what keeps that reference valid.
unsafe impl<T: ?Sized + Sync> Send for Mapped<T> {}
// SAFETY: [MAP-1] as above.
unsafe impl<T: ?Sized + Sync> Sync for Mapped<T> {}

impl<T: InPlace> Mapped<T> {
    /// Something of the segment itself.
    pub(crate) fn in_segment(
        attachment: &Arc<Attachment>,
        what: impl FnOnce(&Attachment) -> &T,
    ) -> Mapped<T> {
        let at = NonNull::from(what(attachment));
        Mapped { attachment: Arc::clone(attachment), at }
    }
}

impl<T: ?Sized + Sync> Deref for Mapped<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: [MAP-1] the attachment keeps the mapping; [HDR-2] Block checked bounds and
        // alignment; [INP-1] T may be looked at while others change it.
        unsafe { self.at.as_ref() }
    }
}

impl<T: ?Sized> Clone for Mapped<T> {
    fn clone(&self) -> Self {
        Mapped { attachment: Arc::clone(&self.attachment), at: self.at }
    }
}

impl<T: ?Sized> fmt::Debug for Mapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped({:p})", self.at)
    }
}

/// The bytes of one object in a mapped segment.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    attachment: Arc<Attachment>,
    offset: usize,
    size: usize,
}

impl Block {
    /// A block whose bytes lie within the mapping.
    pub(crate) fn new(attachment: Arc<Attachment>, offset: usize, size: usize) -> Option<Block> {
        let end = offset.checked_add(size)?;
        (end <= attachment.len()).then_some(Block { attachment, offset, size })
    }

    pub(crate) fn attachment(&self) -> &Arc<Attachment> {
        &self.attachment
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The `T` at `offset` of this block.
    pub(crate) fn one<T: InPlace>(&self, offset: usize) -> Result<Mapped<T>, Damaged> {
        let at = self.locate(offset, size_of::<T>(), align_of::<T>())?;
        Ok(Mapped { attachment: Arc::clone(&self.attachment), at: at.cast() })
    }

    /// The row of `count` `T`s from `offset` of this block on.
    pub(crate) fn many<T: InPlace>(
        &self,
        offset: usize,
        count: usize,
    ) -> Result<Mapped<[T]>, Damaged> {
        let size = size_of::<T>().checked_mul(count).ok_or(TooLarge)?;
        let at = self.locate(offset, size, align_of::<T>())?;
        let row = ptr::slice_from_raw_parts_mut(at.as_ptr().cast::<T>(), count);
        let at = NonNull::new(row).ok_or(Damaged("a part at address zero"))?;
        Ok(Mapped { attachment: Arc::clone(&self.attachment), at })
    }

    fn locate(&self, offset: usize, size: usize, align: usize) -> Result<NonNull<u8>, Damaged> {
        let fits = offset.checked_add(size).is_some_and(|end| end <= self.size);
        if !fits {
            return Err(Damaged("a part beyond the end of its object"));
        }
        let from_base = self.offset + offset;
        if !from_base.is_multiple_of(align) {
            return Err(Damaged("a part that is not aligned"));
        }
        Ok(self.attachment.at(from_base))
    }
}
