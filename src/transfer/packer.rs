//! Where a value is packed: its bytes, and what has to live until it has arrived.
#![forbid(unsafe_code)]

use std::any::Any;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::Refused;

/// Values within values are followed so deep.
pub(super) const DEPTH: u32 = 256;

/// The bytes of a value on its way, with what must be kept alive meanwhile.
///
/// Used again after [`clear`](Packer::clear), it packs numbers without allocating.
#[doc(hidden)]
#[derive(Default)]
pub struct Packer {
    bytes: Vec<u8>,
    depth: u32,
    carried: Carried,
    /// The descriptors that a new process gets with the value; none in a message.
    descriptors: Option<Vec<RawFd>>,
}

/// What must live until the value has arrived: handles of the objects it refers to, mostly.
pub(crate) type Carried = Vec<Box<dyn Any + Send + Sync>>;

impl Packer {
    /// For a value that crosses in a message.
    pub(crate) fn new() -> Packer {
        Packer::default()
    }

    /// For a value that a process is started with.
    pub(crate) fn for_start() -> Packer {
        Packer { descriptors: Some(Vec::new()), ..Packer::default() }
    }

    /// Forgets the value; keeps the room for the next.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.carried.clear();
        self.descriptors.as_mut().map(Vec::clear);
        self.depth = 0;
    }

    /// Whether something must live until the value has arrived.
    #[inline]
    pub(crate) fn carries(&self) -> bool {
        !self.carried.is_empty()
    }

    /// What was packed.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes out what must live until the value has arrived; empty for values that refer to nothing.
    pub(crate) fn take_carried(&mut self) -> Carried {
        std::mem::take(&mut self.carried)
    }

    /// Keeps something alive until the value has arrived.
    pub(crate) fn carry(&mut self, what: impl Any + Send + Sync) {
        self.carried.push(Box::new(what));
    }

    /// Whether the value goes to a process that is started with it.
    pub(crate) fn is_for_start(&self) -> bool {
        self.descriptors.is_some()
    }

    /// Has the new process get a descriptor, of which a copy is kept meanwhile, and packs its number.
    pub(crate) fn hand_over(&mut self, descriptor: BorrowedFd<'_>) -> Result<(), Refused> {
        let copy = descriptor
            .try_clone_to_owned()
            .map_err(|error| Refused::new(format!("copying a descriptor: {error}")))?;
        self.hand_over_kept(copy.as_fd())?;
        self.carry(copy);
        Ok(())
    }

    /// As [`hand_over`](Packer::hand_over), of one that belongs to what is [carried](Packer::carry).
    pub(crate) fn hand_over_kept(&mut self, descriptor: BorrowedFd<'_>) -> Result<(), Refused> {
        let Some(descriptors) = &mut self.descriptors else {
            return Err(Refused::new(
                "a descriptor crosses as an argument of `spawn` only, not in a message",
            ));
        };
        let number = descriptor.as_raw_fd();
        if !descriptors.contains(&number) {
            descriptors.push(number);
        }
        self.push(&number.to_ne_bytes());
        Ok(())
    }

    /// The descriptors that the new process gets.
    pub(crate) fn descriptors(&self) -> &[RawFd] {
        self.descriptors.as_deref().unwrap_or(&[])
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// As many bytes more, to be written to.
    #[inline]
    pub(crate) fn extend(&mut self, count: usize) -> &mut [u8] {
        let before = self.bytes.len();
        self.bytes.resize(before + count, 0);
        &mut self.bytes[before..]
    }

    /// Forgets what comes after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// A number of bytes or items that follow.
    pub(crate) fn push_len(&mut self, len: usize) {
        self.push(&(len as u64).to_ne_bytes());
    }

    /// Packs a value within a value.
    pub(crate) fn nested(
        &mut self,
        pack: impl FnOnce(&mut Packer) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        if self.depth == DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let packed = pack(self);
        self.depth -= 1;
        packed
    }
}

pub(super) fn too_deep() -> Refused {
    Refused::new(format!("values within values, more than {DEPTH} deep"))
}
