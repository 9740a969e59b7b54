//! The common part of every handle: the object, and the doors to it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::attachment::Attachment;
use super::mapped::Block;
use super::object::Object;
use super::place::Place;
use crate::error::Error;

/// A counted handle to an object that lies in a segment.
pub(crate) struct Handle<O> {
    inner: Arc<Inner<O>>,
}

struct Inner<O> {
    object: O,
    block: Block,
}

impl<O: Object> Handle<O> {
    /// An anonymous object.
    pub(crate) fn new(args: O::Args) -> Result<Handle<O>, Error> {
        let _ = args;
        todo!()
    }
    pub(crate) fn create(at: Place<'_>, args: O::Args) -> Result<Handle<O>, Error> {
        let _ = (at, args);
        todo!()
    }
    pub(crate) fn open(at: Place<'_>) -> Result<Handle<O>, Error> {
        let _ = at;
        todo!()
    }
    pub(crate) fn open_or_create(at: Place<'_>, args: O::Args) -> Result<Handle<O>, Error> {
        let _ = (at, args);
        todo!()
    }
    pub(crate) fn unlink(&self) -> Result<(), Error> {
        todo!()
    }
}

impl<O> Handle<O> {
    #[inline]
    pub(crate) fn attachment(&self) -> &Attachment {
        self.inner.block.attachment()
    }
}

impl<O> Deref for Handle<O> {
    type Target = O;

    #[inline]
    fn deref(&self) -> &O {
        &self.inner.object
    }
}

impl<O> Clone for Handle<O> {
    fn clone(&self) -> Self {
        Handle { inner: Arc::clone(&self.inner) }
    }
}

impl<O> fmt::Debug for Handle<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anonymous")
    }
}
