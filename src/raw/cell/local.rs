//! A `T` in words of eight bytes: how large values lie in shared memory, and how they get out of it.

use crate::raw::cell::pair::{Words, take};
use crate::raw::sync::AtomicU64;
use crate::segment::mapped::InPlace;
use crate::shared::Shared;
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::slice;

/// Room for a `T`, in whole words.
#[repr(C, align(8))]
pub(crate) struct Local<T>(MaybeUninit<T>);

impl<T: Shared> Local<T> {
    const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    #[inline]
    pub(crate) fn new() -> Local<T> {
        Local(MaybeUninit::uninit())
    }

    /// Fills all of it, from a copy of a `T`.
    #[inline]
    pub(crate) fn fill(&mut self, copy: &[AtomicU64]) {
        debug_assert_eq!(copy.len(), Self::WORDS);
        let words = std::ptr::from_mut(self).cast::<MaybeUninit<u64>>();
        // SAFETY: [WRD-1] a Local is WORDS aligned words, borrowed as a whole through self.
        take(copy, unsafe { slice::from_raw_parts_mut(words, Self::WORDS) });
    }

    /// The value, or `None` where the bytes are none.
    ///
    /// # Safety
    /// It was filled.
    #[inline]
    pub(crate) unsafe fn checked(self) -> Option<T> {
        // SAFETY: [BIT-1] all bytes were filled in, and every such pattern is a T::Bits, which lies
        // as T does.
        let bits = unsafe { &*self.0.as_ptr().cast::<T::Bits>() };
        if !T::is_valid_bit_pattern(bits) {
            return None;
        }
        // SAFETY: [BIT-1] the bytes were just found to be a T.
        Some(unsafe { self.0.assume_init() })
    }
}

/// One copy of a `T` in shared memory, reached as atomic words only.
#[repr(transparent)]
pub(crate) struct Copied<T>(UnsafeCell<Local<T>>);

// SAFETY: [INP-1] a shared reference to it gives access by atomic words only.
unsafe impl<T> Sync for Copied<T> {}

impl<T: Shared> Words for Copied<T> {
    #[inline]
    fn words(&self) -> &[AtomicU64] {
        let words = self.0.get().cast::<AtomicU64>();
        // SAFETY: [WRD-1] a Local is WORDS aligned words; [INP-1] an atomic takes every pattern, and
        // the copy is reached in no other way.
        unsafe { slice::from_raw_parts(words, Local::<T>::WORDS) }
    }
}

// SAFETY: [INP-1] a lock word, an atomic and two copies: all change by atomic operations only.
unsafe impl<T> InPlace for super::pair::Pair<Copied<T>> {}
