//! A slice in place, behind a reader-writer claim.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::slice;
use std::sync::atomic::AtomicU64;

use bytemuck::AnyBitPattern;

use super::contents::Contents;
use super::hook::point;
use super::lock::{Held, Refused};
use super::rwlock::{DRAINED_AT, ReaderLine, RwClaim, RwWord};
use super::sync::Ordering;
use crate::segment::handle::Handle;
use crate::segment::layout::{ClaimForm, ClaimRun, Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

#[repr(C)]
struct Head {
    claim: RwWord,
    /// Elements; written once.
    len: AtomicU64,
}

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for Head {}

/// A buffer in place.
pub(crate) struct RawBuffer<T> {
    head: Mapped<Head>,
    readers: Mapped<[ReaderLine]>,
    bytes: Mapped<[Byte]>,
    len: usize,
    _elements: PhantomData<fn() -> T>,
}

struct Parts {
    head: usize,
    readers: usize,
    bytes: usize,
}

impl<T: Shared + AnyBitPattern> RawBuffer<T> {
    fn plan(len: usize, rows: usize) -> Result<(Parts, Layout), TooLarge> {
        let mut plan = Plan::new();
        let head = plan.one::<Head>()?;
        let readers = plan.many::<ReaderLine>(rows)?;
        let bytes =
            plan.bytes(size_of::<T>().checked_mul(len).ok_or(TooLarge)?, align_of::<T>())?;
        plan.claims(ClaimRun { offset: head, stride: 4, count: 1, form: ClaimForm::Word32 });
        let drained = head + DRAINED_AT;
        plan.claims(ClaimRun { offset: drained, stride: 4, count: 1, form: ClaimForm::Sleepers });
        let stride = size_of::<ReaderLine>();
        plan.claims(ClaimRun { offset: readers, stride, count: rows, form: ClaimForm::RowCount });
        Ok((Parts { head, readers, bytes }, plan.finish()))
    }

    #[inline]
    fn claim(&self) -> RwClaim<'_> {
        RwClaim { state: &self.head.claim, readers: &self.readers }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn elements(&self) -> *mut T {
        self.bytes.as_ptr().cast_mut().cast()
    }
}

impl<T: Shared + AnyBitPattern> Object for RawBuffer<T> {
    type Args<'a> = Contents<'a, T>;

    fn signature() -> Signature {
        Signature::of::<T>(Kind::Buffer)
    }

    fn layout(contents: &Contents<'_, T>, rows: usize) -> Result<Layout, TooLarge> {
        Ok(Self::plan(contents.len(), rows)?.1)
    }

    fn init(block: &Block, contents: Contents<'_, T>) -> Result<(), Damaged> {
        // Ordering: nobody else sees the block yet.
        block.one::<Head>(0)?.len.store(contents.len() as u64, Ordering::Relaxed);
        let raw = RawBuffer::<T>::attach(block)?;
        if let Contents::Copied(elements) = contents {
            // SAFETY: [CLM-2] nobody else sees the block yet; [HDR-2] attach checked that it has room
            // for that many elements, aligned; the elements are elsewhere.
            unsafe {
                raw.elements().copy_from_nonoverlapping(elements.as_ptr(), elements.len());
            }
        }
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        let rows = block.attachment().rows();
        let head = block.one::<Head>(0)?;
        let len = usize::try_from(head.len.load(Ordering::Relaxed)).map_err(|_| TooLarge)?;
        let (parts, _) = Self::plan(len, rows)?;
        // A row of bytes is aligned anywhere; a row of T is not.
        if !(block.offset() + parts.bytes).is_multiple_of(align_of::<T>()) {
            return Err(Damaged("elements that are not aligned"));
        }
        let bytes = block.many(parts.bytes, size_of::<T>() * len)?;
        let readers = block.many(parts.readers, rows)?;
        debug_assert_eq!(parts.head, 0);
        Ok(RawBuffer { head, readers, bytes, len, _elements: PhantomData })
    }
}

/// Read access to the elements: what a read guard is made of.
pub(crate) struct ReadClaim<'h, T: Shared + AnyBitPattern> {
    handle: &'h Handle<RawBuffer<T>>,
    tag: Tag,
    /// Locks are given back by the thread that took them.
    _not_send: PhantomData<*const ()>,
}

/// Write access to the elements: what a write guard is made of.
pub(crate) struct WriteClaim<'h, T: Shared + AnyBitPattern> {
    handle: &'h Handle<RawBuffer<T>>,
    tag: Tag,
    /// Whether the thread was unwinding already when it took it: then its end tells nothing.
    unwinding: bool,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: [CLM-1] sharing the claim shares `&[T]`, and `T` is Sync.
unsafe impl<T: Shared + AnyBitPattern> Sync for ReadClaim<'_, T> {}
// SAFETY: [CLM-1] as above.
unsafe impl<T: Shared + AnyBitPattern> Sync for WriteClaim<'_, T> {}

impl<'h, T: Shared + AnyBitPattern> ReadClaim<'h, T> {
    #[inline]
    pub(crate) fn take(
        handle: &'h Handle<RawBuffer<T>>,
        deadline: Deadline,
    ) -> Result<Self, Refused> {
        let tag = handle.claim().read(handle, deadline)?;
        point!("buffer.reading");
        Ok(ReadClaim { handle, tag, _not_send: PhantomData })
    }
}

impl<'h, T: Shared + AnyBitPattern> WriteClaim<'h, T> {
    fn new(handle: &'h Handle<RawBuffer<T>>, tag: Tag) -> Self {
        WriteClaim { handle, tag, unwinding: std::thread::panicking(), _not_send: PhantomData }
    }

    #[inline]
    pub(crate) fn take(
        handle: &'h Handle<RawBuffer<T>>,
        deadline: Deadline,
    ) -> Result<Self, Refused> {
        let tag = handle.claim().write(handle, deadline)?;
        point!("buffer.writing");
        Ok(WriteClaim::new(handle, tag))
    }

    /// Takes over what is free, poisoned, or held by a dead writer.
    pub(crate) fn recover(handle: &'h Handle<RawBuffer<T>>) -> Result<Self, Held> {
        let tag = handle.claim().recover(handle)?;
        Ok(WriteClaim::new(handle, tag))
    }
}

#[inline]
fn check<T: Shared + AnyBitPattern>(handle: &Handle<RawBuffer<T>>, tag: Tag) {
    assert!(
        handle.me_if_registered() == tag,
        "a guard taken before a fork is used in the child, which does not hold the buffer"
    );
}

impl<T: Shared + AnyBitPattern> Deref for ReadClaim<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        check(self.handle, self.tag);
        // SAFETY: [CLM-1] the claim excludes writers while self lives; [HDR-2] that many elements,
        // aligned; any bytes are a T; [MAP-1] the handle keeps them.
        unsafe { slice::from_raw_parts(self.handle.elements(), self.handle.len()) }
    }
}

impl<T: Shared + AnyBitPattern> Deref for WriteClaim<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        check(self.handle, self.tag);
        // SAFETY: [CLM-1] [HDR-2] [MAP-1] as for a reader.
        unsafe { slice::from_raw_parts(self.handle.elements(), self.handle.len()) }
    }
}

impl<T: Shared + AnyBitPattern> DerefMut for WriteClaim<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        check(self.handle, self.tag);
        // SAFETY: [CLM-1] the claim excludes everybody else, and self is borrowed mutably; [HDR-2]
        // [MAP-1] as for a reader.
        unsafe { slice::from_raw_parts_mut(self.handle.elements(), self.handle.len()) }
    }
}

impl<T: Shared + AnyBitPattern> Drop for ReadClaim<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.handle.claim().read_unlock(self.handle, self.tag);
    }
}

impl<T: Shared + AnyBitPattern> Drop for WriteClaim<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() && !self.unwinding {
            self.handle.claim().poison(self.handle, self.tag);
        } else {
            self.handle.claim().write_unlock(self.handle, self.tag);
        }
    }
}
