//! Where a received slice goes: into a vector of what its bytes are.

use std::ptr;

use super::sink::Sink;
use crate::shared::Shared;

/// A vector of `T`, filled with bytes behind its length, which is 0 until they are found to be `T`s.
pub(crate) struct Elements<'v, T> {
    into: &'v mut Vec<T>,
    announced: usize,
    filled: usize,
}

impl<'v, T: Shared> Elements<'v, T> {
    pub(crate) fn new(into: &'v mut Vec<T>) -> Elements<'v, T> {
        const { assert!(size_of::<T>() > 0, "elements without a size") };
        Elements { into, announced: 0, filled: 0 }
    }
}

impl<T: Shared> Sink for Elements<'_, T> {
    #[inline]
    fn begin(&mut self, length: usize) -> bool {
        self.into.clear();
        (self.announced, self.filled) = (length, 0);
        if !length.is_multiple_of(size_of::<T>()) {
            return false;
        }
        self.into.reserve(length / size_of::<T>());
        true
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.announced - self.filled);
        let room = self.into.as_mut_ptr().cast::<u8>();
        // SAFETY: [BIT-1] `begin` reserved so many bytes behind the vector's length, which is 0; what is
        // filled by now lies before.
        let at = unsafe { room.add(self.filled) };
        // SAFETY: [BIT-1] as above; `bytes` are elsewhere, as the vector is borrowed mutably.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) };
        self.filled += bytes.len();
    }

    #[inline]
    fn end(&mut self) -> bool {
        let count = self.announced / size_of::<T>();
        let filled = if self.filled == self.announced { count } else { 0 };
        let bits = self.into.as_ptr().cast::<T::Bits>();
        // SAFETY: [BIT-1] so many were filled, in a vector that is aligned for them; any bytes are a Bits,
        // which lies as a T.
        let bits = unsafe { std::slice::from_raw_parts(bits, filled) };
        let whole = filled == count && bits.iter().all(T::is_valid_bit_pattern);
        if whole {
            // SAFETY: [BIT-1] so many were filled, and found to be Ts.
            unsafe { self.into.set_len(count) };
        }
        whole
    }

    fn bytes(&mut self) -> Option<&mut Vec<u8>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill<T: Shared>(into: &mut Vec<T>, parts: &[&[u8]]) -> bool {
        let mut sink = Elements::new(into);
        let length = parts.iter().map(|part| part.len()).sum();
        sink.begin(length) && {
            parts.iter().for_each(|part| sink.append(part));
            sink.end()
        }
    }

    #[test]
    fn bytes_become_elements_only_if_they_are_some() {
        let mut numbers = vec![7_u32];
        assert!(fill(&mut numbers, &[&[1, 0, 0], &[0, 2, 0, 0, 0]]));
        assert_eq!(numbers, [1, 2]);
        assert!(!fill(&mut numbers, &[&[1, 0, 0]]), "not a multiple");
        assert!(numbers.is_empty());
        let mut flags = vec![true];
        assert!(fill(&mut flags, &[&[1, 0], &[1]]));
        assert_eq!(flags, [true, false, true]);
        assert!(!fill(&mut flags, &[&[1, 2]]));
        assert!(flags.is_empty());
        assert!(fill(&mut flags, &[]));
    }
}
