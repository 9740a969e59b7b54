//! What holds other values: sequences, options, results; and the types of std made of bytes or numbers.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use super::{Packer, Refused, Transfer, Unpacker};

impl<T: Transfer> Transfer for Vec<T> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        to.push_len(self.len());
        to.nested(|to| T::pack_slice(self, to))
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Vec<T>, Refused> {
        let count = from.take_len()?;
        from.nested(|from| T::unpack_vec(count, from))
    }

    fn sent(self) {
        if std::mem::needs_drop::<T>() {
            self.into_iter().for_each(T::sent);
        }
    }
}

impl<T: Transfer> Transfer for Box<[T]> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        to.push_len(self.len());
        to.nested(|to| T::pack_slice(self, to))
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Box<[T]>, Refused> {
        Vec::unpack(from).map(Vec::into_boxed_slice)
    }

    fn sent(self) {
        self.into_vec().sent();
    }
}

impl<T: Transfer, const N: usize> Transfer for [T; N] {
    const SIZE: Option<usize> = match T::SIZE {
        Some(size) if size_of::<T>() > 0 => Some(size * N),
        _ => None,
    };

    #[inline]
    fn put(&self, to: &mut [u8]) {
        let size = T::SIZE.unwrap_or(0).max(1);
        self.iter().zip(to.chunks_exact_mut(size)).for_each(|(item, to)| item.put(to));
    }

    #[inline]
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        to.nested(|to| T::pack_slice(self, to))
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Result<[T; N], Refused> {
        from.nested(T::unpack_array)
    }

    fn sent(self) {
        if std::mem::needs_drop::<T>() {
            self.into_iter().for_each(T::sent);
        }
    }
}

impl<T: Transfer> Transfer for Option<T> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        self.is_some().pack(to)?;
        self.as_ref().map_or(Ok(()), |value| to.nested(|to| value.pack(to)))
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Option<T>, Refused> {
        match bool::unpack(from)? {
            true => from.nested(T::unpack).map(Some),
            false => Ok(None),
        }
    }

    fn sent(self) {
        self.into_iter().for_each(T::sent);
    }
}

impl<T: Transfer, E: Transfer> Transfer for Result<T, E> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        self.is_ok().pack(to)?;
        to.nested(|to| match self {
            Ok(value) => value.pack(to),
            Err(error) => error.pack(to),
        })
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Result<T, E>, Refused> {
        match bool::unpack(from)? {
            true => from.nested(T::unpack).map(Ok),
            false => from.nested(E::unpack).map(Err),
        }
    }

    fn sent(self) {
        match self {
            Ok(value) => value.sent(),
            Err(error) => error.sent(),
        }
    }
}

impl Transfer for String {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        to.push_len(self.len());
        to.push(self.as_bytes());
        Ok(())
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<String, Refused> {
        String::from_utf8(Vec::unpack(from)?).map_err(|_| Refused::not_a::<String>())
    }
}

impl Transfer for PathBuf {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        let bytes = self.as_os_str().as_bytes();
        to.push_len(bytes.len());
        to.push(bytes);
        Ok(())
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<PathBuf, Refused> {
        Vec::unpack(from).map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
    }
}

impl Transfer for Duration {
    const SIZE: Option<usize> = <(u64, u32)>::SIZE;

    #[inline]
    fn put(&self, to: &mut [u8]) {
        (self.as_secs(), self.subsec_nanos()).put(to);
    }

    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        self.as_secs().pack(to)?;
        self.subsec_nanos().pack(to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Duration, Refused> {
        let (seconds, nanos) = (u64::unpack(from)?, u32::unpack(from)?);
        if nanos >= 1_000_000_000 {
            return Err(Refused::not_a::<Duration>());
        }
        Ok(Duration::new(seconds, nanos))
    }
}
