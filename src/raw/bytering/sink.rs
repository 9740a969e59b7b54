//! Where a received message goes.

/// What is filled with the bytes of a message, in one or two parts.
pub(crate) trait Sink {
    /// Begins a message of so many bytes, in place of the contents. False: no message has so many.
    fn begin(&mut self, length: usize) -> bool;

    /// Takes the next bytes, no more in all than were announced.
    fn append(&mut self, bytes: &[u8]);

    /// Ends the message. False: the bytes are not what they should be, and the contents are none.
    fn end(&mut self) -> bool;

    /// The vector, for a message that lies elsewhere; `None` where no such one can come.
    fn bytes(&mut self) -> Option<&mut Vec<u8>>;
}

impl Sink for &mut Vec<u8> {
    #[inline]
    fn begin(&mut self, length: usize) -> bool {
        self.clear();
        self.reserve(length);
        true
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn end(&mut self) -> bool {
        true
    }

    fn bytes(&mut self) -> Option<&mut Vec<u8>> {
        Some(self)
    }
}
