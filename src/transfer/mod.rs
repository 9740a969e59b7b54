//! How a value crosses to another process: as bytes, and with what has to live until it has arrived.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | the trait |
//! | `packer.rs`, `unpacker.rs` | the bytes of a value, written and read back |
//! | `plain.rs`, `containers.rs`, `tuples.rs` | std's types |
//! | `handles.rs`, `descriptors.rs` | objects, open files |
//! | `custom.rs`, `serialized.rs` | types of the user's own |
//!
//! The bytes are this crate's and this program's own: no version, no names, the machine's order of
//! bytes. What is read back is checked all the same, byte for byte: it may have been written by a
//! process that went astray. A length is compared with the bytes that are left before anything is
//! allocated for it, and values within values are followed to a bounded depth.
#![forbid(unsafe_code)]

mod containers;
mod custom;
mod descriptors;
pub(crate) mod handles;
mod packer;
mod plain;
#[cfg(feature = "serde")]
mod serialized;
#[cfg(test)]
mod tests;
mod tuples;
mod unpacker;

use std::borrow::Cow;
use std::fmt;

pub use custom::{get_copy, pack_copy, put_copy, unpack_copy};
pub(crate) use packer::Carried;
pub use packer::Packer;
#[cfg(feature = "serde")]
pub use serialized::Serde;
pub use unpacker::Unpacker;

/// A type whose values can be handed to another process, as arguments, results and messages.
///
/// These are: the number types, `bool`, `char`, `()`; `String`, `PathBuf`, `Duration`; `Vec<T>`,
/// `Box<[T]>`, `[T; N]`, `Option<T>`, `Result<T, E>` and tuples of up to eight, each of types that can
/// cross themselves. A type of your own is one line: [`transfer!`](crate::transfer).
///
/// A value crosses as a copy of its bytes; nothing is serialized.
///
/// # Examples
/// ```
/// fn can_cross<T: commonhold::Transfer>(_: &T) {}
/// can_cross(&(7_u32, "seven".to_owned(), vec![Some('7'), None]));
/// ```
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot cross to another process",
    label = "this type does not implement `Transfer`",
    note = "for a type of your own, say `commonhold::transfer!(Type)` where it is plain bytes, or \
            `commonhold::transfer!(Type {{ field, … }})` where every field can cross",
    note = "what borrows cannot cross: hand over a `String` for a `&str`, a `Vec<T>` for a `&[T]`, \
            and for what several processes are to see, an object such as `Value` or `Queue`"
)]
pub trait Transfer: Sized + 'static {
    /// How many bytes `pack` writes, of a type for which that is always the same, whose values refer to
    /// nothing, are nothing any more once they were sent, and can always be packed. Such a type has
    /// [`put`](Transfer::put). Many of them in a row are written and read without an [`Unpacker`] for each.
    #[doc(hidden)]
    const SIZE: Option<usize> = None;

    /// Writes the value. It stays the caller's, until what carries it is on its way.
    #[doc(hidden)]
    fn pack(&self, to: &mut Packer) -> Result<(), Refused>;

    /// Writes what `pack` does, over bytes that are just as many.
    #[doc(hidden)]
    fn put(&self, to: &mut [u8]) {
        let _ = to;
        unreachable!("values of {} are not all of one size", std::any::type_name::<Self>());
    }

    /// Reads back a value of a type that has a `SIZE`, which is all of the bytes. `None`: they are none.
    #[doc(hidden)]
    #[inline]
    fn get(from: &[u8]) -> Option<Self> {
        let mut from = Unpacker::new(from);
        Self::unpack(&mut from).ok().filter(|_| from.left() == 0)
    }

    /// Reads back what `pack` wrote. Whatever else the bytes are is an error.
    #[doc(hidden)]
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused>;

    /// The value is on its way: what becomes of the one that is still here.
    #[doc(hidden)]
    fn sent(self) {}

    /// Writes several one after another, without their number.
    #[doc(hidden)]
    fn pack_slice(items: &[Self], to: &mut Packer) -> Result<(), Refused> {
        for item in items {
            if size_of::<Self>() == 0 {
                to.push(&[0]); // so that a number of items is never more than the bytes there are
            }
            item.pack(to)?;
        }
        Ok(())
    }

    /// Reads back `count` that `pack_slice` wrote.
    #[doc(hidden)]
    fn unpack_vec(count: usize, from: &mut Unpacker<'_>) -> Result<Vec<Self>, Refused> {
        // Each is a byte at least, but may be much larger here than there.
        let room = from.left().min(count.saturating_mul(size_of::<Self>()));
        let mut items = Vec::with_capacity(room / size_of::<Self>().max(1));
        for _ in 0..count {
            if size_of::<Self>() == 0 {
                from.take(1)?;
            }
            items.push(Self::unpack(from)?);
        }
        Ok(items)
    }

    /// Adds to `items` the `count` that `bytes` are, of a type that has a `SIZE`.
    #[doc(hidden)]
    #[inline]
    fn unpack_onto(items: &mut Vec<Self>, count: usize, bytes: &[u8]) -> Result<(), Refused> {
        let size = Self::SIZE.unwrap_or(0);
        if count.checked_mul(size) != Some(bytes.len()) {
            return Err(Refused::not_a::<Vec<Self>>());
        }
        items.reserve(count);
        for item in 0..count {
            let item = Self::get(&bytes[item * size..(item + 1) * size]);
            items.push(item.ok_or_else(Refused::not_a::<Self>)?);
        }
        Ok(())
    }

    /// Reads back an array that `pack_slice` wrote.
    #[doc(hidden)]
    fn unpack_array<const N: usize>(from: &mut Unpacker<'_>) -> Result<[Self; N], Refused> {
        let mut refused = None;
        let items: [Option<Self>; N] = std::array::from_fn(|_| {
            if refused.is_some() {
                return None;
            }
            let blank = if size_of::<Self>() == 0 { from.take(1).map(|_| ()) } else { Ok(()) };
            blank.and_then(|()| Self::unpack(from)).map_err(|why| refused = Some(why)).ok()
        });
        match refused {
            Some(why) => Err(why),
            None => Ok(items.map(|item| item.expect("each was read, as none was refused"))),
        }
    }
}

/// Reads back a value that is all of the bytes.
#[inline]
pub(crate) fn unpack_whole<T: Transfer>(bytes: &[u8]) -> Result<T, Refused> {
    let mut from = Unpacker::new(bytes);
    let value = T::unpack(&mut from)?;
    from.finish()?;
    Ok(value)
}

/// Writes a value of one size to the first of these bytes, and returns the others.
#[doc(hidden)]
#[inline]
pub fn put_part<'t, T: Transfer>(value: &T, to: &'t mut [u8]) -> &'t mut [u8] {
    let (own, rest) = to.split_at_mut(T::SIZE.unwrap_or(0));
    value.put(own);
    rest
}

/// Reads back a value of one size from the first of these bytes, and leaves the others.
#[doc(hidden)]
#[inline]
pub fn get_part<T: Transfer>(from: &mut &[u8]) -> Option<T> {
    let (own, rest) = from.split_at_checked(T::SIZE?)?;
    *from = rest;
    T::get(own)
}

/// The size of the member of `S` that the function finds.
#[doc(hidden)]
pub const fn size_of_part<S, T: Transfer>(_: fn(&S) -> &T) -> Option<usize> {
    T::SIZE
}

/// The size of what is of these sizes, one behind another.
#[doc(hidden)]
pub const fn total(sizes: &[Option<usize>]) -> Option<usize> {
    let (mut sum, mut at) = (0, 0);
    while at < sizes.len() {
        sum = match sizes[at] {
            Some(size) => sum + size,
            None => return None,
        };
        at += 1;
    }
    Some(sum)
}

/// Why a value cannot cross, or why bytes are not the value they should be.
#[doc(hidden)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    reason: Cow<'static, str>,
}

impl Refused {
    pub(crate) fn new(reason: impl Into<Cow<'static, str>>) -> Refused {
        Refused { reason: reason.into() }
    }

    /// Bytes that are no value of this type.
    pub(crate) fn not_a<T>() -> Refused {
        Refused::new(format!("what arrived is no {}", std::any::type_name::<T>()))
    }

    /// In words.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Refused {}
