//! Numbers, and what lies in memory as one.
#![forbid(unsafe_code)]

use super::{Packer, Refused, Transfer, Unpacker};

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Transfer for $number {
            const SIZE: Option<usize> = Some(size_of::<$number>());

            #[inline]
            fn put(&self, to: &mut [u8]) {
                to.copy_from_slice(bytemuck::bytes_of(self));
            }

            #[inline]
            fn get(from: &[u8]) -> Option<Self> {
                from.try_into().ok().map(<$number>::from_ne_bytes)
            }

            #[inline]
            fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
                to.push(bytemuck::bytes_of(self));
                Ok(())
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
                Ok(<$number>::from_ne_bytes(from.take_array()?))
            }

            fn pack_slice(items: &[Self], to: &mut Packer) -> Result<(), Refused> {
                to.push(bytemuck::cast_slice(items));
                Ok(())
            }

            fn unpack_vec(count: usize, from: &mut Unpacker<'_>) -> Result<Vec<Self>, Refused> {
                let bytes = from.take(count.saturating_mul(size_of::<Self>()))?;
                let mut items = vec![<$number>::default(); count];
                bytemuck::cast_slice_mut(&mut items).copy_from_slice(bytes);
                Ok(items)
            }

            #[inline]
            fn unpack_onto(
                items: &mut Vec<Self>,
                count: usize,
                bytes: &[u8],
            ) -> Result<(), Refused> {
                let (each, rest) = bytes.as_chunks();
                if each.len() != count || !rest.is_empty() {
                    return Err(Refused::not_a::<Vec<$number>>());
                }
                items.extend(each.iter().map(|bytes| <$number>::from_ne_bytes(*bytes)));
                Ok(())
            }

            fn unpack_array<const N: usize>(
                from: &mut Unpacker<'_>,
            ) -> Result<[Self; N], Refused> {
                let mut items = [<$number>::default(); N];
                from.fill(bytemuck::cast_slice_mut(&mut items))?;
                Ok(items)
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

impl Transfer for bool {
    const SIZE: Option<usize> = u8::SIZE;

    #[inline]
    fn put(&self, to: &mut [u8]) {
        u8::from(*self).put(to);
    }

    #[inline]
    fn get(from: &[u8]) -> Option<bool> {
        match from {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    #[inline]
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        u8::from(*self).pack(to)
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Result<bool, Refused> {
        bool::get(from.take(1)?).ok_or_else(Refused::not_a::<bool>)
    }
}

impl Transfer for char {
    const SIZE: Option<usize> = u32::SIZE;

    #[inline]
    fn put(&self, to: &mut [u8]) {
        u32::from(*self).put(to);
    }

    #[inline]
    fn get(from: &[u8]) -> Option<char> {
        char::from_u32(u32::get(from)?)
    }

    #[inline]
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        u32::from(*self).pack(to)
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Result<char, Refused> {
        char::get(from.take(4)?).ok_or_else(Refused::not_a::<char>)
    }
}

impl Transfer for () {
    const SIZE: Option<usize> = Some(0);

    #[inline]
    fn put(&self, _: &mut [u8]) {}

    #[inline]
    fn get(from: &[u8]) -> Option<()> {
        from.is_empty().then_some(())
    }

    #[inline]
    fn pack(&self, _: &mut Packer) -> Result<(), Refused> {
        Ok(())
    }

    #[inline]
    fn unpack(_: &mut Unpacker<'_>) -> Result<(), Refused> {
        Ok(())
    }
}
