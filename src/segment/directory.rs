//! The objects of a segment: blocks one behind another, each with a header that says what it is.
//!
//! ```text
//! block:   fixed part (64 bytes) | claim runs (32 bytes each) | name | type | payload, aligned
//! blocks:  from `blocks_at` up to `used`; storing `used` commits the last one
//! ```
//!
//! Blocks are added under the lifecycle lock and never removed. *Dying here*: before the store of
//! `used` there is no new block; the bytes a dead creator wrote lie between `used` and `touched`, and
//! are zeroed before the next block is built over them. Readers need no lock.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::attachment::Attachment;
use super::claims::StoredRun;
use super::header;
use super::layout::{BLOCK_ALIGN, Layout, MAX_CLAIM_RUNS, TooLarge};
use super::mapped::{Block, Damaged, InPlace};
use super::object::Signature;
use crate::error::{ErrorKind, Failure};
use crate::sys::hook::point;

// Ordering:
// [D1] add: store(used, Release) ↔ walk: load(used, Acquire)   a block within `used` is complete

/// The longest type name that is stored; a longer one is compared by its hash alone.
const MAX_TYPE: usize = 128;

#[repr(C)]
struct BlockHeader {
    /// All of the block, a multiple of 128.
    size: AtomicU64,
    /// Offset of the payload in the block.
    payload: AtomicU64,
    payload_size: AtomicU64,
    fingerprint: AtomicU64,
    element_size: AtomicU64,
    element_align: AtomicU32,
    kind: AtomicU32,
    name_len: AtomicU32,
    type_len: AtomicU32,
    claim_runs: AtomicU32,
    _pad: AtomicU32,
}

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for BlockHeader {}

/// One object, as its block describes it: a checked local copy, but for its names, which few ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'s> {
    segment: &'s Attachment,
    at: usize,
    payload: usize,
    payload_size: usize,
    kind: u32,
    fingerprint: u64,
    element_size: u64,
    element_align: u32,
    claim_runs: usize,
    /// The names, which lie one behind the other.
    name: &'s [AtomicU8],
    type_name: &'s [AtomicU8],
}

impl<'s> Entry<'s> {
    pub(crate) fn name(&self) -> String {
        text(self.name)
    }

    pub(crate) fn type_name(&self) -> String {
        text(self.type_name)
    }

    fn is_named(&self, name: &str) -> bool {
        self.name.iter().map(|byte| byte.load(Ordering::Relaxed)).eq(name.bytes())
    }

    /// Says so if the block does not hold what is asked for.
    pub(crate) fn expect(&self, asked: &Signature) -> Result<(), Failure> {
        let same = self.kind == asked.kind as u32
            && self.element_size == asked.size as u64
            && self.element_align == asked.align as u32
            && self.fingerprint == fingerprint(asked);
        if same {
            return Ok(());
        }
        Err(Failure::new(
            ErrorKind::TypeMismatch,
            format!(
                "holds {}, asked for {}",
                described(&self.type_name(), self.element_size),
                described(&asked.name, asked.size as u64)
            ),
        ))
    }

    /// The runs of claims in the payload, and where that lies in the segment.
    pub(super) fn claims(&self) -> Option<(&'s [StoredRun], Range<usize>)> {
        let runs = self.segment.view_row(self.at + size_of::<BlockHeader>(), self.claim_runs)?;
        let payload = self.at + self.payload;
        Some((runs, payload..payload + self.payload_size))
    }

    /// The payload, to be viewed.
    pub(crate) fn block(&self, attachment: &Arc<Attachment>) -> Result<Block, Failure> {
        Block::new(Arc::clone(attachment), self.at + self.payload, self.payload_size)
            .ok_or_else(|| Damaged("an object beyond the end of the segment").into())
    }
}

/// What these bytes say, if they do.
fn text(bytes: &[AtomicU8]) -> String {
    let bytes: Vec<u8> = bytes.iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn described(name: &str, size: u64) -> String {
    match size {
        0 => name.to_owned(),
        1 => format!("{name} (1 byte)"),
        _ => format!("{name} ({size} bytes)"),
    }
}

/// Where the objects end: within the segment, whatever it says.
fn end_of_blocks(segment: &Attachment) -> usize {
    let used = segment.header().used.load(Ordering::Acquire); // [D1]
    usize::try_from(used).unwrap_or(usize::MAX).min(segment.len())
}

/// The objects of a segment, in the order in which they were made.
pub(crate) fn entries<'s>(
    segment: &'s Attachment,
) -> impl Iterator<Item = Result<Entry<'s>, Failure>> {
    let end = end_of_blocks(segment);
    let mut at = header::blocks_at(segment.rows() as u32);
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let entry = read_entry(segment, at, end);
        at = match &entry {
            Ok((_, next)) => *next,
            Err(_) => end,
        };
        Some(entry.map(|(entry, _)| entry).map_err(Failure::from))
    })
}

/// The object with this name, if there is one.
pub(crate) fn find<'s>(segment: &'s Attachment, name: &str) -> Result<Option<Entry<'s>>, Failure> {
    for entry in entries(segment) {
        let entry = entry?;
        if entry.is_named(name) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// The object whose payload begins at this offset of the segment, if one does.
pub(crate) fn find_at(segment: &Attachment, payload: u64) -> Result<Option<Entry<'_>>, Failure> {
    let end = end_of_blocks(segment);
    let mut at = header::blocks_at(segment.rows() as u32);
    while at < end {
        // Only sizes are followed on the way: an arena may hold thousands of objects.
        let damaged = Damaged("an object whose description does not fit");
        let fixed: &BlockHeader = segment.view(at).ok_or(damaged)?;
        let size = usize::try_from(fixed.size.load(Ordering::Relaxed)).map_err(|_| damaged)?;
        let next = at.checked_add(size).filter(|next| size > 0 && *next <= end).ok_or(damaged)?;
        if (at as u64..next as u64).contains(&payload) {
            let (entry, _) = read_entry(segment, at, end)?;
            let starts_there = (entry.at + entry.payload) as u64 == payload;
            return Ok(starts_there.then_some(entry));
        }
        at = next;
    }
    Ok(None)
}

fn read_entry(segment: &Attachment, at: usize, end: usize) -> Result<(Entry<'_>, usize), Damaged> {
    let damaged = Damaged("an object whose description does not fit");
    let fixed: &BlockHeader = segment.view(at).ok_or(damaged)?;
    let load = |field: &AtomicU64| usize::try_from(field.load(Ordering::Relaxed)).ok();
    let size = load(&fixed.size).ok_or(damaged)?;
    let next = at.checked_add(size).ok_or(damaged)?;
    if size < size_of::<BlockHeader>() || !size.is_multiple_of(BLOCK_ALIGN) || next > end {
        return Err(damaged);
    }
    let claim_runs = fixed.claim_runs.load(Ordering::Relaxed) as usize;
    if claim_runs > MAX_CLAIM_RUNS {
        return Err(damaged);
    }
    let names = at + size_of::<BlockHeader>() + claim_runs * size_of::<StoredRun>();
    let name_len = fixed.name_len.load(Ordering::Relaxed) as usize;
    let type_len = fixed.type_len.load(Ordering::Relaxed) as usize;
    let payload = load(&fixed.payload).ok_or(damaged)?;
    let payload_size = load(&fixed.payload_size).ok_or(damaged)?;
    if payload.checked_add(payload_size).is_none_or(|payload_end| payload_end > size) {
        return Err(damaged);
    }
    // Else many short blocks could have names as long as all of them.
    if names + name_len + type_len > at + payload {
        return Err(damaged);
    }
    let entry = Entry {
        segment,
        at,
        payload,
        payload_size,
        kind: fixed.kind.load(Ordering::Relaxed),
        fingerprint: fixed.fingerprint.load(Ordering::Relaxed),
        element_size: fixed.element_size.load(Ordering::Relaxed),
        element_align: fixed.element_align.load(Ordering::Relaxed),
        claim_runs,
        name: segment.view_row(names, name_len).ok_or(damaged)?,
        type_name: segment.view_row(names + name_len, type_len).ok_or(damaged)?,
    };
    Ok((entry, next))
}

/// How many bytes a segment needs for this object at most, wherever its blocks begin.
pub(crate) fn room_for(name: &str, layout: &Layout) -> Result<usize, TooLarge> {
    let described = size_of::<BlockHeader>()
        + layout.claims.len() * size_of::<StoredRun>()
        + name.len()
        + MAX_TYPE;
    described
        .checked_add(layout.align)
        .and_then(|size| size.checked_add(layout.size))
        .and_then(|size| size.checked_next_multiple_of(BLOCK_ALIGN))
        .ok_or(TooLarge)
}

/// Adds an object: the caller holds the lifecycle lock and knows that the name is free. `init` fills
/// in the payload, which is all zeros; the object exists when this returns.
pub(crate) fn add(
    segment: &Arc<Attachment>,
    name: &str,
    signature: &Signature,
    layout: &Layout,
    init: impl FnOnce(&Block) -> Result<(), Failure>,
) -> Result<Block, Failure> {
    let header = segment.header();
    let at = header.used.load(Ordering::Relaxed) as usize;
    let begin = header::blocks_at(segment.rows() as u32);
    if !(begin..=segment.len()).contains(&at) || !at.is_multiple_of(BLOCK_ALIGN) {
        return Err(Damaged("an end of its objects that cannot be").into());
    }
    let type_name = clipped(&signature.name);
    let names = at + size_of::<BlockHeader>() + layout.claims.len() * size_of::<StoredRun>();
    let payload = (names + name.len() + type_name.len()).next_multiple_of(layout.align);
    let end = payload
        .checked_add(layout.size)
        .and_then(|end| end.checked_next_multiple_of(BLOCK_ALIGN))
        .filter(|end| *end <= segment.len())
        .ok_or_else(|| no_room(segment, at, layout))?;

    segment.reserve(at, end - at)?;
    segment.make_zero(at, end)?;
    describe(segment, at, end, payload, name, type_name, signature, layout)?;
    let block = Block::new(Arc::clone(segment), payload, layout.size)
        .ok_or(Damaged("an object beyond the end of the segment"))?;
    init(&block)?;
    point!("add.built");
    header.used.store(end as u64, Ordering::Release); // [D1]
    point!("add.committed");
    Ok(block)
}

fn no_room(segment: &Attachment, at: usize, layout: &Layout) -> Failure {
    Failure::new(
        ErrorKind::OutOfMemory,
        format!(
            "needs {} bytes and its description, the segment has {} of {} left",
            layout.size,
            segment.len().saturating_sub(at),
            segment.len()
        ),
    )
}

#[expect(clippy::too_many_arguments, reason = "the fields of one record")]
fn describe(
    segment: &Attachment,
    at: usize,
    end: usize,
    payload: usize,
    name: &str,
    type_name: &str,
    signature: &Signature,
    layout: &Layout,
) -> Result<(), Damaged> {
    let outside = Damaged("a block beyond the end of the segment");
    // Ordering: nobody reads the block before [D1].
    let relaxed = Ordering::Relaxed;
    let fixed: &BlockHeader = segment.view(at).ok_or(outside)?;
    fixed.size.store((end - at) as u64, relaxed);
    fixed.payload.store((payload - at) as u64, relaxed);
    fixed.payload_size.store(layout.size as u64, relaxed);
    fixed.fingerprint.store(fingerprint(signature), relaxed);
    fixed.element_size.store(signature.size as u64, relaxed);
    fixed.element_align.store(signature.align as u32, relaxed);
    fixed.kind.store(signature.kind as u32, relaxed);
    fixed.name_len.store(name.len() as u32, relaxed);
    fixed.type_len.store(type_name.len() as u32, relaxed);
    fixed.claim_runs.store(layout.claims.len() as u32, relaxed);
    let runs_at = at + size_of::<BlockHeader>();
    let runs: &[StoredRun] = segment.view_row(runs_at, layout.claims.len()).ok_or(outside)?;
    for (stored, run) in runs.iter().zip(&layout.claims) {
        stored.store(run);
    }
    let text_at = runs_at + size_of_val(runs);
    let text: &[AtomicU8] =
        segment.view_row(text_at, name.len() + type_name.len()).ok_or(outside)?;
    for (stored, byte) in text.iter().zip(name.bytes().chain(type_name.bytes())) {
        stored.store(byte, relaxed);
    }
    Ok(())
}

/// The type's name as far as it is stored.
fn clipped(name: &str) -> &str {
    let mut end = name.len().min(MAX_TYPE);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// What tells types apart: FNV-1a (64 bits) of the whole name.
fn fingerprint(signature: &Signature) -> u64 {
    signature.name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
