//! What a new row of elements holds.

/// Zeros, or a copy of what the caller has.
#[derive(Debug)]
pub(crate) enum Contents<'c, T> {
    Zeroed(usize),
    Copied(&'c [T]),
}

impl<T> Clone for Contents<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Contents<'_, T> {}

impl<T> Contents<'_, T> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Contents::Zeroed(len) => *len,
            Contents::Copied(elements) => elements.len(),
        }
    }
}
