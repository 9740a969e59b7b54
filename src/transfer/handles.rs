//! Handles of objects: they cross as references to the segment in which the object lies.
//!
//! ```text
//!   name, if any | device | inode | descriptor                             to a process that starts
//!   name, if any | device | inode | pid | descriptor | creator             in a message
//!   then, but for a segment: where in it the object lies
//! ```
//! Whoever carries the bytes keeps the attachment (and with it the descriptor), and a sender or receiver
//! keeps counting, until the value has arrived.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use bytemuck::AnyBitPattern;

use super::{Packer, Refused, Transfer, Unpacker};
use crate::error::Failure;
use crate::queue::{Message, Queue, Receiver, Sender};
use crate::segment::Segment;
use crate::segment::attachment::Attachment;
use crate::segment::handle::{Handle, Handled};
use crate::segment::object::Object;
use crate::segment::reference::{Reference, Way};
use crate::shared::Shared;
use crate::sys::liveness::FileId;
use crate::{Array, Buffer, Event, Lock, Mailbox, Mutex, Semaphore, Value};

fn pack_segment(segment: &Arc<Attachment>, to: &mut Packer) -> Result<(), Refused> {
    let Reference { name, file } = segment.reference();
    (name, file.device, file.inode).pack(to)?;
    to.carry(Arc::clone(segment));
    if to.is_for_start() {
        return to.hand_over_kept(segment.file().as_fd());
    }
    let descriptor = segment.file().as_raw_fd();
    (std::process::id(), descriptor, segment.facts().creator).pack(to)
}

fn unpack_segment(from: &mut Unpacker<'_>) -> Result<(Reference, Way), Refused> {
    let (name, device, inode) = <(Option<String>, u64, u64)>::unpack(from)?;
    let way = if from.is_at_start() {
        let number = i32::unpack(from)?;
        Way::HandedOver(from.take_descriptor_of(number))
    } else {
        let (pid, descriptor, creator) = Transfer::unpack(from)?;
        Way::Through { pid, descriptor, creator }
    };
    Ok((Reference { name, file: FileId { device, inode } }, way))
}

/// Packs a handle of any kind of object.
pub(crate) fn pack<O>(handle: &Handle<O>, to: &mut Packer) -> Result<(), Refused> {
    pack_segment(handle.kept(), to)?;
    handle.offset().pack(to)
}

/// Reads back what [`pack`] wrote.
pub(crate) fn unpack<O: Object>(from: &mut Unpacker<'_>) -> Result<Handle<O>, Refused> {
    let (reference, way) = unpack_segment(from)?;
    let at = u64::unpack(from)?;
    Handle::find_by(&reference, way, at).map_err(|failure| lost(&O::signature().name, failure))
}

fn lost(what: &str, failure: Failure) -> Refused {
    match failure.source {
        Some(source) => Refused::new(format!("finding a {what}: {}: {source}", failure.reason)),
        None => Refused::new(format!("finding a {what}: {}", failure.reason)),
    }
}

macro_rules! handles {
    ($($handle:ty $(, $param:ident: $($bound:path),+)?;)*) => {$(
        impl$(<$param: $($bound +)+>)? Transfer for $handle {
            fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
                pack(self.handle(), to)
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
                unpack(from).map(Handled::from_handle)
            }
        }
    )*};
}

handles! {
    Value<T>, T: Shared;
    Array<T>, T: Shared;
    Buffer<T>, T: Shared, AnyBitPattern;
    Mutex<T>, T: Shared;
    Mailbox<T>, T: Transfer;
    Lock;
    Event;
    Semaphore;
}

impl<M: Message + ?Sized> Transfer for Queue<M> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        pack(self.handle(), to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
        unpack(from).map(Handled::from_handle)
    }
}

impl<M: Message + ?Sized> Transfer for Sender<M> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        to.carry(self.clone()); // counts until it has arrived
        pack(self.queue().handle(), to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
        Queue::unpack(from).map(|queue| queue.sender())
    }
}

impl<M: Message + ?Sized> Transfer for Receiver<M> {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        to.carry(self.clone()); // counts until it has arrived
        pack(self.queue().handle(), to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
        Queue::unpack(from).map(|queue| queue.receiver())
    }
}

impl Transfer for Segment {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        pack_segment(self.attachment(), to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
        let (reference, way) = unpack_segment(from)?;
        Segment::find_by(&reference, way).map_err(|failure| lost("segment", failure))
    }
}
