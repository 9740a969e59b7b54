//! Where a value is packed: its bytes, and what has to live until it has arrived.
#![forbid(unsafe_code)]

use std::any::Any;

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
}

/// What must live until the value has arrived: handles of the objects it refers to, mostly.
pub(crate) type Carried = Vec<Box<dyn Any + Send + Sync>>;

impl Packer {
    pub(crate) fn new() -> Packer {
        Packer::default()
    }

    /// Forgets the value; keeps the room for the next.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.carried.clear();
        self.depth = 0;
    }

    /// What was packed.
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

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
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
