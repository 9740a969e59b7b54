//! Tuples of up to eight.
#![forbid(unsafe_code)]

use super::{Packer, Refused, Transfer, Unpacker, get_part, put_part, total};

macro_rules! tuples {
    ($(($($member:ident $index:tt),+))*) => {$(
        impl<$($member: Transfer),+> Transfer for ($($member,)+) {
            const SIZE: Option<usize> = total(&[$($member::SIZE),+]);

            #[inline]
            fn put(&self, to: &mut [u8]) {
                $( let to = put_part(&self.$index, to); )+
                let _ = to;
            }

            #[inline]
            fn get(mut from: &[u8]) -> Option<Self> {
                let whole = ($( get_part::<$member>(&mut from)?, )+);
                from.is_empty().then_some(whole)
            }

            #[inline]
            fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
                $( self.$index.pack(to)?; )+
                Ok(())
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
                Ok(($( $member::unpack(from)?, )+))
            }

            fn sent(self) {
                $( self.$index.sent(); )+
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
