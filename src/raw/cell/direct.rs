//! A handle to cells with their address beside it, one load away.

use crate::raw::cell::element::Element;
use crate::raw::cell::object::{OfCells, Single};
use crate::segment::handle::Handle;
use crate::shared::Shared;
use std::ptr::NonNull;

/// What a value or an array is made of.
pub(crate) struct Direct<O> {
    handle: Handle<O>,
    row: NonNull<u8>,
    len: usize,
}

// SAFETY: [MAP-1] the row is reached by atomic operations only, and lives as long as the handle; the
// rest may be sent and shared.
unsafe impl<O: Send + Sync> Send for Direct<O> {}
// SAFETY: [MAP-1] as above.
unsafe impl<O: Send + Sync> Sync for Direct<O> {}

impl<O: OfCells> From<Handle<O>> for Direct<O> {
    fn from(handle: Handle<O>) -> Direct<O> {
        let cells = handle.cells();
        let (row, len) = (cells.address(), cells.len());
        Direct { handle, row, len }
    }
}

impl<O: OfCells> Direct<O> {
    #[inline]
    pub(crate) fn handle(&self) -> &Handle<O> {
        &self.handle
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<Element<'_, O::Item>> {
        // SAFETY: [CEL-1] attach viewed len cells there, which the handle keeps [MAP-1].
        (index < self.len).then(|| unsafe { Element::in_row(self.row, index) })
    }
}

impl<T: Shared> Direct<Single<T>> {
    #[inline]
    pub(crate) fn only(&self) -> Element<'_, T> {
        // SAFETY: [CEL-1] attach viewed one cell there, which the handle keeps [MAP-1].
        unsafe { Element::in_row(self.row, 0) }
    }
}

impl<O> Clone for Direct<O> {
    fn clone(&self) -> Direct<O> {
        Direct { handle: self.handle.clone(), row: self.row, len: self.len }
    }
}
