//! Messages in and out of slots and cells, by who holds the claim on them.

use std::mem::MaybeUninit;
use std::ptr;

use super::layout::RawQueue;
use super::sizes::Sizes;
use crate::raw::sync::AtomicU64;
use crate::shared::Shared;

/// The message was copied, and its place is still the caller's: give that back, then call this.
///
/// # Panics
/// When the bytes are no `T`.
#[inline]
pub(crate) fn checked<T: Shared>(bits: T::Bits) -> T {
    if !T::is_valid_bit_pattern(&bits) {
        invalid::<T>();
    }
    // SAFETY: [BIT-1] found valid above; T lies as its Bits do.
    unsafe { ptr::read((&raw const bits).cast::<T>()) }
}

#[cold]
#[inline(never)]
pub(crate) fn invalid<T>() -> ! {
    panic!(
        "a message is no {}: its memory was overwritten, or its sender's type is another one",
        std::any::type_name::<T>()
    );
}

impl<T: Shared> RawQueue<T> {
    /// Writes a message into a slot that the caller claimed.
    #[inline]
    pub(super) fn write_slot(&self, position: u64, value: &T) {
        self.write_slot_at(self.ring.slot(position), value);
    }

    /// Writes a message into this slot, which the caller claimed.
    #[inline(always)]
    pub(super) fn write_slot_at(&self, slot: &AtomicU64, value: &T) {
        debug_assert!(!Sizes::<T>::LARGE);
        let at = self.ring.words.payload_of(slot).cast::<T>();
        // SAFETY: [HDR-2] a slot has room for a small T; [CLM-1] its claimant alone accesses it.
        unsafe { ptr::write_unaligned(at, *value) }
    }

    /// Reads the message from a slot that the caller claimed.
    #[inline]
    pub(super) fn read_slot(&self, position: u64) -> T::Bits {
        self.read_slot_at(self.ring.slot(position))
    }

    /// Reads the message from this slot, which the caller claimed.
    #[inline(always)]
    pub(super) fn read_slot_at(&self, slot: &AtomicU64) -> T::Bits {
        debug_assert!(!Sizes::<T>::LARGE);
        let at = self.ring.words.payload_of(slot).cast::<T::Bits>();
        // SAFETY: [HDR-2] a slot has room for a small T; [CLM-1] its claimant alone accesses it;
        // [BIT-1] any bytes are a Bits.
        unsafe { ptr::read_unaligned(at) }
    }

    /// Writes the number of a large message's cell into a slot that the caller claimed.
    #[inline]
    pub(super) fn write_number(&self, slot: &AtomicU64, number: usize) {
        debug_assert!(Sizes::<T>::LARGE);
        let at = self.ring.words.payload_of(slot).cast::<u64>();
        // SAFETY: [HDR-2] a slot of large messages has room for a u64; [CLM-1] as above.
        unsafe { ptr::write(at, number as u64) }
    }

    /// Reads the number of a large message's cell; `None` where none such can have been written.
    #[inline]
    pub(super) fn read_number(&self, slot: &AtomicU64) -> Option<usize> {
        debug_assert!(Sizes::<T>::LARGE);
        let at = self.ring.words.payload_of(slot).cast::<u64>();
        // SAFETY: [HDR-2] a slot of large messages has room for a u64; [CLM-1] as above.
        let number = unsafe { ptr::read(at) };
        usize::try_from(number).ok().filter(|number| *number < self.deliveries.len())
    }

    /// Where a cell's message lies. The caller holds the cell while it uses this.
    ///
    /// # Panics
    /// When there is no such cell.
    #[inline]
    pub(crate) fn cell_payload(&self, number: usize) -> *mut T {
        assert!(number < self.deliveries.len());
        // SAFETY: [HDR-3] there is such a cell; [HDR-2] attach checked that all of them lie in the
        // block, aligned.
        let at = unsafe { self.payload.as_ptr().add(number * Sizes::<T>::CELL_BYTES) };
        at.cast_mut().cast()
    }

    #[inline]
    pub(super) fn write_cell(&self, number: usize, value: &T) {
        let at = self.cell_payload(number);
        // SAFETY: [HDR-2] aligned and within the block; [CLM-1] the caller holds the cell.
        unsafe { ptr::copy_nonoverlapping(value, at, 1) }
    }

    #[inline]
    pub(super) fn read_cell(&self, number: usize) -> T::Bits {
        let at = self.cell_payload(number).cast::<T::Bits>();
        // SAFETY: [HDR-2] aligned and within the block; [CLM-1] the caller holds the cell; [BIT-1]
        // any bytes are a Bits.
        unsafe { ptr::read(at) }
    }

    /// Moves a small message from its slot to a cell; the caller holds both.
    #[inline]
    pub(super) fn copy_to_cell(&self, position: u64, number: usize) {
        let bits = MaybeUninit::new(self.read_slot(position));
        let at = self.cell_payload(number).cast::<MaybeUninit<T::Bits>>();
        // SAFETY: [HDR-2] aligned and within the block; [CLM-1] the caller holds the cell.
        unsafe { ptr::write(at, bits) }
    }

    /// Whether the message in a cell that the caller holds is a `T`.
    #[inline]
    pub(super) fn cell_is_valid(&self, number: usize) -> bool {
        let at = self.cell_payload(number).cast::<T::Bits>();
        // SAFETY: [HDR-2] aligned and within the block; [CLM-1] the caller holds the cell; [BIT-1]
        // any bytes are a Bits.
        T::is_valid_bit_pattern(unsafe { &*at })
    }

    /// Writes over the messages in all slots, as this crate never does.
    #[cfg(test)]
    pub(crate) fn overwrite_slots(&self, with: u64) {
        for position in 0..self.ring.shape.capacity() {
            let at = self.ring.words.payload(self.ring.shape.index(position)).cast::<u64>();
            // SAFETY: [HDR-2] a slot of the messages that tests use this for has room for a u64.
            unsafe { ptr::write(at, with) }
        }
    }
}
