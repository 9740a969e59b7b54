//! Where a value is unpacked: a cursor over bytes that are not trusted.
#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;

use super::Refused;
use super::packer::{DEPTH, too_deep};

/// The bytes of a value that arrived.
#[doc(hidden)]
pub struct Unpacker<'a> {
    bytes: &'a [u8],
    depth: u32,
    /// What this process got with the value and was not taken yet, with the sender's number of each.
    descriptors: Vec<(i32, OwnedFd)>,
    at_start: bool,
}

impl<'a> Unpacker<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Unpacker<'a> {
        Unpacker { bytes, depth: 0, descriptors: Vec::new(), at_start: false }
    }

    /// For a value that this process was started with.
    pub(crate) fn at_start(bytes: &'a [u8], descriptors: Vec<(i32, OwnedFd)>) -> Unpacker<'a> {
        Unpacker { bytes, depth: 0, descriptors, at_start: true }
    }

    /// Whether this process was started with the value.
    pub(crate) fn is_at_start(&self) -> bool {
        self.at_start
    }

    /// A descriptor that came with the value, to be taken at most once.
    pub(crate) fn take_descriptor(&mut self) -> Result<OwnedFd, Refused> {
        let number = i32::from_ne_bytes(self.take_array()?);
        self.take_descriptor_of(number)
            .ok_or_else(|| Refused::new(format!("descriptor {number} did not come with it")))
    }

    /// The descriptor of this number that came with the value, if it was not taken yet.
    pub(crate) fn take_descriptor_of(&mut self, number: i32) -> Option<OwnedFd> {
        let index = self.descriptors.iter().position(|(sent_as, _)| *sent_as == number)?;
        Some(self.descriptors.swap_remove(index).1)
    }

    /// How many bytes are left.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next `count` bytes.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Refused> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| self.short(count))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next bytes, as many as `into` has.
    #[inline]
    pub(crate) fn fill(&mut self, into: &mut [u8]) -> Result<(), Refused> {
        into.copy_from_slice(self.take(into.len())?);
        Ok(())
    }

    #[inline]
    pub(crate) fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A number of bytes or items that follow. Each is a byte at least, so that it is never more
    /// than there are bytes left.
    #[inline]
    pub(crate) fn take_len(&mut self) -> Result<usize, Refused> {
        let len = u64::from_ne_bytes(self.take_array()?);
        usize::try_from(len).ok().filter(|len| *len <= self.left()).ok_or_else(|| {
            Refused::new(format!("what arrived says {len} items, in {} bytes", self.left()))
        })
    }

    /// Unpacks a value within a value.
    #[inline]
    pub(crate) fn nested<T>(
        &mut self,
        unpack: impl FnOnce(&mut Unpacker<'a>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        if self.depth == DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let unpacked = unpack(self);
        self.depth -= 1;
        unpacked
    }

    /// Says so if there is more than was unpacked.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), Refused> {
        match self.left() {
            0 => Ok(()),
            left => Err(too_long(left)),
        }
    }

    #[cold]
    fn short(&self, asked: usize) -> Refused {
        Refused::new(format!("what arrived is too short: {} bytes for {asked}", self.left()))
    }
}

#[cold]
fn too_long(left: usize) -> Refused {
    Refused::new(format!("{left} bytes more arrived than were expected"))
}
