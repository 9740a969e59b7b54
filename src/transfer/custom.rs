//! Types of the user's own: by copy where they are plain bytes, by their fields where each can cross.
#![forbid(unsafe_code)]

use super::{Packer, Refused, Unpacker};
use crate::shared::Shared;

/// Lets values of a type of your own cross to other processes: makes it a
/// [`Transfer`](trait@crate::Transfer) type.
///
/// `transfer!(Job)` is for a [`Shared`](crate::Shared) type, which crosses as a copy of its bytes.
/// `transfer!(Page { url, size })` is for a struct whose fields can all cross; every field is named, or
/// numbered in a tuple struct: `transfer!(Pair { 0, 1 })`. Such a type has no `Drop` of its own.
///
/// # Examples
/// ```
/// use commonhold::bytemuck::{CheckedBitPattern, NoUninit};
///
/// #[derive(Clone, Copy, NoUninit, CheckedBitPattern)]
/// #[repr(C)]
/// struct Job { id: u32, parts: u32 }
/// commonhold::transfer!(Job);
///
/// struct Page { url: String, size: Option<u64>, jobs: Vec<Job> }
/// commonhold::transfer!(Page { url, size, jobs });
///
/// fn can_cross<T: commonhold::Transfer>() {}
/// can_cross::<Vec<Page>>();
/// ```
#[macro_export]
macro_rules! transfer {
    ($type:ty) => {
        impl $crate::Transfer for $type {
            const SIZE: ::core::option::Option<usize> =
                ::core::option::Option::Some(::core::mem::size_of::<$type>());

            #[inline]
            fn put(&self, to: &mut [u8]) {
                $crate::__transfer::put_copy(self, to)
            }

            #[inline]
            fn get(from: &[u8]) -> ::core::option::Option<Self> {
                $crate::__transfer::get_copy(from)
            }

            #[inline]
            fn pack(
                &self,
                to: &mut $crate::__transfer::Packer,
            ) -> ::core::result::Result<(), $crate::__transfer::Refused> {
                $crate::__transfer::pack_copy(self, to)
            }

            #[inline]
            fn unpack(
                from: &mut $crate::__transfer::Unpacker<'_>,
            ) -> ::core::result::Result<Self, $crate::__transfer::Refused> {
                $crate::__transfer::unpack_copy(from)
            }
        }
    };
    ($type:ident { $($field:tt),* $(,)? }) => {
        impl $crate::Transfer for $type {
            const SIZE: ::core::option::Option<usize> = $crate::__transfer::total(&[
                $( $crate::__transfer::size_of_part(|whole: &Self| &whole.$field) ),*
            ]);

            #[allow(unused_variables)]
            #[inline]
            fn put(&self, to: &mut [u8]) {
                $( let to = $crate::__transfer::put_part(&self.$field, to); )*
            }

            #[allow(unused_mut)]
            #[inline]
            fn get(mut from: &[u8]) -> ::core::option::Option<Self> {
                let whole = $type { $( $field: $crate::__transfer::get_part(&mut from)? ),* };
                from.is_empty().then_some(whole)
            }

            #[allow(unused_variables)]
            #[inline]
            fn pack(
                &self,
                to: &mut $crate::__transfer::Packer,
            ) -> ::core::result::Result<(), $crate::__transfer::Refused> {
                $( $crate::Transfer::pack(&self.$field, to)?; )*
                ::core::result::Result::Ok(())
            }

            #[allow(unused_variables)]
            #[inline]
            fn unpack(
                from: &mut $crate::__transfer::Unpacker<'_>,
            ) -> ::core::result::Result<Self, $crate::__transfer::Refused> {
                ::core::result::Result::Ok($type { $( $field: $crate::Transfer::unpack(from)? ),* })
            }

            fn sent(self) {
                $( $crate::Transfer::sent(self.$field); )*
            }
        }
    };
}

/// Writes the bytes of a value that is nothing else.
#[doc(hidden)]
#[inline]
pub fn pack_copy<T: Shared>(value: &T, to: &mut Packer) -> Result<(), Refused> {
    to.push(bytemuck::bytes_of(value));
    Ok(())
}

/// Writes what [`pack_copy`] writes, over just as many bytes.
#[doc(hidden)]
#[inline]
pub fn put_copy<T: Shared>(value: &T, to: &mut [u8]) {
    to.copy_from_slice(bytemuck::bytes_of(value));
}

/// Reads back what [`put_copy`] wrote.
#[doc(hidden)]
#[inline]
pub fn get_copy<T: Shared>(from: &[u8]) -> Option<T> {
    bytemuck::checked::try_pod_read_unaligned(from).ok()
}

/// Reads back what [`pack_copy`] wrote.
#[doc(hidden)]
#[inline]
pub fn unpack_copy<T: Shared>(from: &mut Unpacker<'_>) -> Result<T, Refused> {
    get_copy(from.take(size_of::<T>())?).ok_or_else(Refused::not_a::<T>)
}
