//! A slab: memory for arguments and results that do not fit beside their jobs.
//!
//! The owner of a pool gives out blocks of its slabs; it alone knows which are free. A block belongs to
//! the job that it was made for: its arguments are written before the job is posted, its results by the
//! worker that runs the job, and read by the owner once that is done or the worker is dead.

use std::ptr;

use crate::raw::sync::{AtomicU64, Ordering};
use crate::segment::layout::{Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, Mapped};
use crate::segment::object::{Kind, Object, Signature};

/// A slab in a segment.
pub(crate) struct RawSlab {
    bytes: Mapped<[Byte]>,
}

fn plan(size: usize) -> Result<(usize, usize, Layout), TooLarge> {
    let mut plan = Plan::new();
    let len = plan.one::<AtomicU64>()?;
    let bytes = plan.bytes(size, 64)?;
    Ok((len, bytes, plan.finish()))
}

impl Object for RawSlab {
    type Args<'a> = usize;

    fn signature() -> Signature {
        Signature::plain(Kind::Slab)
    }

    fn layout(size: &usize, _rows: usize) -> Result<Layout, TooLarge> {
        Ok(plan(*size)?.2)
    }

    fn init(block: &Block, size: usize) -> Result<(), Damaged> {
        let (len, ..) = plan(size)?;
        block.one::<AtomicU64>(len)?.store(size as u64, Ordering::Relaxed);
        Ok(())
    }

    fn attach(block: &Block) -> Result<RawSlab, Damaged> {
        let len = block.one::<AtomicU64>(0)?.load(Ordering::Relaxed);
        let size = usize::try_from(len).map_err(|_| TooLarge)?;
        let (_, bytes, _) = plan(size)?;
        Ok(RawSlab { bytes: block.many(bytes, size)? })
    }
}

impl RawSlab {
    /// Bytes of a block that is the caller's for as long as it looks at them. `None`: there are none.
    pub(super) fn read(&self, at: usize, len: usize) -> Option<&[u8]> {
        read(&self.bytes, at, len)
    }

    /// Whether it is one block, which goes with its job.
    pub(super) fn is_one_block(&self) -> bool {
        self.bytes.len() > super::heap::LARGEST_SHARED
    }

    /// Where these bytes lie, of a block that is the caller's.
    pub(super) fn place(&self, at: usize, len: usize) -> Option<*mut u8> {
        place(&self.bytes, at, len)
    }

    /// Writes to a block that is the caller's. False: it has no such bytes.
    pub(super) fn write(&self, at: usize, bytes: &[u8]) -> bool {
        write(&self.bytes, at, bytes)
    }
}

/// A part of `bytes` that the caller has the claim on for as long as it looks at it.
#[inline]
pub(super) fn read(bytes: &[Byte], at: usize, len: usize) -> Option<&[u8]> {
    let part = bytes.get(at..at.checked_add(len)?)?;
    // SAFETY: [HDR-2] the part lies within the row; [CLM-1] the caller holds the job that it belongs to,
    // so nobody writes there; any byte is a u8.
    Some(unsafe { std::slice::from_raw_parts(part.as_ptr().cast(), len) })
}

/// Where a part of `bytes` lies.
#[inline]
pub(super) fn place(bytes: &[Byte], at: usize, len: usize) -> Option<*mut u8> {
    let part = bytes.get(at..at.checked_add(len)?)?;
    Some(part.as_ptr().cast::<u8>().cast_mut())
}

/// Writes into a part of `bytes` that the caller has the claim on.
#[inline]
pub(super) fn write(bytes: &[Byte], at: usize, from: &[u8]) -> bool {
    let Some(to) = place(bytes, at, from.len()) else { return false };
    // SAFETY: [HDR-2] the part lies within the row; [CLM-1] the caller holds the job that it belongs to,
    // and nobody else accesses it; `from` is local memory.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to, from.len()) };
    true
}
