//! One value of up to eight bytes: an atomic word.
//!
//! Every operation is one atomic instruction or a loop around one, so there is no instant at which
//! anything is held: a death, a pause or a fork anywhere leaves the old value or the new one.

use crate::raw::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::shared::Shared;
use bytemuck::{Pod, bytes_of, bytes_of_mut};

// Ordering:
// [C4] set, swap, update, exchange: Release ↔ get and what returns the previous value: Acquire
//      who sees a value sees what its writer did before

/// The native atomics, as far as a cell needs them.
pub(crate) trait Word {
    type Bits: Pod + Eq;

    fn load(&self) -> Self::Bits;
    fn store(&self, bits: Self::Bits);
    fn swap(&self, bits: Self::Bits) -> Self::Bits;
    fn cas(&self, from: Self::Bits, to: Self::Bits) -> Result<Self::Bits, Self::Bits>;
    /// May fail for no reason.
    fn cas_weak(&self, from: Self::Bits, to: Self::Bits) -> Result<Self::Bits, Self::Bits>;
    fn fetch_add(&self, bits: Self::Bits) -> Self::Bits;
    fn fetch_sub(&self, bits: Self::Bits) -> Self::Bits;
    fn fetch_and(&self, bits: Self::Bits) -> Self::Bits;
    fn fetch_or(&self, bits: Self::Bits) -> Self::Bits;
}

macro_rules! word {
    ($($atomic:ident $bits:ident)*) => {$(
        impl Word for $atomic {
            type Bits = $bits;

            #[inline]
            fn load(&self) -> $bits {
                self.load(Ordering::Acquire) // [C4]
            }
            #[inline]
            fn store(&self, bits: $bits) {
                self.store(bits, Ordering::Release); // [C4]
            }
            #[inline]
            fn swap(&self, bits: $bits) -> $bits {
                self.swap(bits, Ordering::AcqRel) // [C4]
            }
            #[inline]
            fn cas(&self, from: $bits, to: $bits) -> Result<$bits, $bits> {
                self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire) // [C4]
            }
            #[inline]
            fn cas_weak(&self, from: $bits, to: $bits) -> Result<$bits, $bits> {
                self.compare_exchange_weak(from, to, Ordering::AcqRel, Ordering::Acquire) // [C4]
            }
            #[inline]
            fn fetch_add(&self, bits: $bits) -> $bits {
                self.fetch_add(bits, Ordering::AcqRel) // [C4]
            }
            #[inline]
            fn fetch_sub(&self, bits: $bits) -> $bits {
                self.fetch_sub(bits, Ordering::AcqRel) // [C4]
            }
            #[inline]
            fn fetch_and(&self, bits: $bits) -> $bits {
                self.fetch_and(bits, Ordering::AcqRel) // [C4]
            }
            #[inline]
            fn fetch_or(&self, bits: $bits) -> $bits {
                self.fetch_or(bits, Ordering::AcqRel) // [C4]
            }
        }
    )*};
}

word! { AtomicU8 u8 AtomicU16 u16 AtomicU32 u32 AtomicU64 u64 }

/// The bits of a `T` that is no larger than they are; what they have over is zero.
#[inline]
pub(crate) fn pack<T: Shared, B: Pod>(value: T) -> B {
    let mut bits = B::zeroed();
    bytes_of_mut(&mut bits)[..size_of::<T>()].copy_from_slice(bytes_of(&value));
    bits
}

/// The `T` in these bits, if it is one.
#[inline]
pub(crate) fn unpack<T: Shared, B: Pod>(bits: B) -> Option<T> {
    bytemuck::checked::try_pod_read_unaligned(&bytes_of(&bits)[..size_of::<T>()]).ok()
}
