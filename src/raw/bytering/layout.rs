//! How a byte ring lies in its block, and how one is found there.

use std::marker::PhantomData;
use std::mem::offset_of;
use std::ptr;

use super::annex::Annex;
use super::ring::{ByteRing, RecvLine, SendLine, Side, Store};
use super::sink::Sink;
use super::words::{Extent, MAX_UNITS, UNIT};
use crate::raw::biased::{SEATS, Seat};
use crate::raw::eventcount::Eventcount;
use crate::raw::prefetch::prefetch;
use crate::raw::queue::ends::Hint;
use crate::raw::queue::layout::Args;
use crate::raw::row_count::RowCount;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};
use crate::segment::layout::{ClaimForm, ClaimRun, Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, InPlace, Mapped};
use crate::segment::object::{Object, Signature};

/// Bytes of a cache line, and how many are fetched ahead at most.
const LINE: usize = 64;
const MOST_FETCHED: usize = 2048;

/// What everybody reads and few write.
#[repr(C, align(128))]
pub(crate) struct Header {
    /// Of the ring, in units; written once.
    units: AtomicU64,
    /// What the longest message in the ring may take, in bytes: what was asked for; written once.
    pub(super) capacity: AtomicU64,
    /// A message was sent.
    pub(super) items: Eventcount,
    /// A message was received.
    pub(super) space: Eventcount,
    pub(super) senders: Hint,
    pub(super) receivers: Hint,
}

// SAFETY: [INP-1] atomics, and words made of them, only.
unsafe impl InPlace for Header {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for SendLine {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for RecvLine {}

// SAFETY: [INP-1] atomics, and padding that nobody looks at.
unsafe impl InPlace for Seat {}

/// An index word with two cache lines of its own.
#[repr(C, align(128))]
pub(crate) struct Line {
    index: AtomicU64,
    /// Of `tail`: whether the ring is closed.
    closed: AtomicU32,
}

// SAFETY: [INP-1] atomics, and padding that nobody looks at.
unsafe impl InPlace for Line {}

/// Where the parts are.
struct Offsets {
    send_line: usize,
    tail: usize,
    recv_line: usize,
    head: usize,
    /// Those of the senders, then those of the receivers.
    seats: usize,
    senders: usize,
    receivers: usize,
    units: usize,
}

fn plan(extent: Extent, rows: usize) -> Result<(Offsets, Layout), TooLarge> {
    let mut plan = Plan::new();
    let header = plan.one::<Header>()?;
    debug_assert_eq!(header, 0, "found before anything else is known");
    let offsets = Offsets {
        send_line: plan.one::<SendLine>()?,
        tail: plan.one::<Line>()?,
        recv_line: plan.one::<RecvLine>()?,
        head: plan.one::<Line>()?,
        seats: plan.many::<Seat>(2 * SEATS)?,
        senders: plan.many::<RowCount>(rows)?,
        receivers: plan.many::<RowCount>(rows)?,
        units: plan.bytes(extent.units() as usize * UNIT, 128)?,
    };
    let mut claims = |offset, stride, count, form| {
        plan.claims(ClaimRun { offset, stride, count, form });
    };
    // The word of a biased lock comes first in it.
    claims(offsets.send_line + offset_of!(SendLine, lock), 4, 1, ClaimForm::Word32);
    claims(offsets.send_line + offset_of!(SendLine, turn), 4, 1, ClaimForm::Word32);
    claims(offsets.recv_line + offset_of!(RecvLine, lock), 4, 1, ClaimForm::Word32);
    let owners = offsets.seats + offset_of!(Seat, owner);
    claims(owners, size_of::<Seat>(), 2 * SEATS, ClaimForm::Word64 { shift: 0 });
    claims(offsets.senders, 4, rows, ClaimForm::RowCount);
    claims(offsets.receivers, 4, rows, ClaimForm::RowCount);
    Ok((offsets, plan.finish()))
}

/// A ring of so many units has room for the longest message and its header.
fn extent(capacity: usize) -> Result<Extent, TooLarge> {
    if capacity == 0 {
        return Err(TooLarge);
    }
    let units = capacity.div_ceil(UNIT) as u64 + 1;
    Extent::new(units.max(2)).filter(|_| units <= MAX_UNITS).ok_or(TooLarge)
}

/// The words and units of a ring in a segment.
pub(crate) struct Places {
    send_line: Mapped<SendLine>,
    tail: Mapped<Line>,
    recv_line: Mapped<RecvLine>,
    head: Mapped<Line>,
    seats: Mapped<[Seat]>,
    units: Mapped<[Byte]>,
    extent: Extent,
    pub(super) annex: Annex,
}

impl Places {
    /// The address of a unit, and how many bytes there are from it to the end of the row.
    #[inline]
    fn at(&self, index: u32) -> (*mut u8, usize) {
        let offset = index as usize * UNIT;
        debug_assert!(offset < self.units.len());
        // SAFETY: [HDR-2] attach made `units` as long as the extent; [HDR-3] the extent's `index` is
        // within it.
        let at = unsafe { self.units.as_ptr().add(offset) };
        (at.cast_mut().cast(), self.units.len() - offset)
    }
}

#[cfg(test)]
impl Places {
    /// Writes over all units but the first of each record.
    pub(super) fn overwrite_payload(&self, with: u8) {
        use super::words::Record;
        let mut index = 0;
        while index < self.extent.units() {
            let units = Record::of(self.word(index)).units();
            for payload in index + 1..(index + units).min(self.extent.units()) {
                self.put_bytes(payload, &[with; UNIT]);
            }
            index += units;
        }
    }

    /// One of the words of the ring, or of the units that are in use first.
    pub(super) fn any_word(&self, which: usize) -> &AtomicU64 {
        match which % 9 {
            0 => &self.tail.index,
            1 => &self.head.index,
            2 => &self.send_line.seen,
            3 => &self.recv_line.seen,
            unit => {
                let (at, _) = self.at(unit as u32 - 4);
                // SAFETY: [HDR-2] a unit has room for a u64, aligned; [MAP-1] self keeps it.
                unsafe { &*at.cast::<AtomicU64>() }
            }
        }
    }
}

impl Store for Places {
    #[inline]
    fn send_line(&self) -> &SendLine {
        &self.send_line
    }

    #[inline]
    fn tail(&self) -> &AtomicU64 {
        &self.tail.index
    }

    #[inline]
    fn closed(&self) -> &AtomicU32 {
        &self.tail.closed
    }

    #[inline]
    fn recv_line(&self) -> &RecvLine {
        &self.recv_line
    }

    #[inline]
    fn head(&self) -> &AtomicU64 {
        &self.head.index
    }

    #[inline]
    fn seats(&self) -> [&[Seat]; 2] {
        let (send, recv) = self.seats.split_at(SEATS);
        [send, recv]
    }

    #[inline]
    fn extent(&self) -> Extent {
        self.extent
    }

    #[inline]
    fn put_word(&self, index: u32, word: u64) {
        let (at, _) = self.at(index);
        // SAFETY: [HDR-2] a unit has room for a u64, aligned; [CLM-1] the senders' lock is the caller's,
        // and the unit is not the receivers'.
        unsafe { at.cast::<u64>().write(word) }
    }

    #[inline]
    fn word(&self, index: u32) -> u64 {
        let (at, _) = self.at(index);
        // SAFETY: [HDR-2] a unit holds a u64, aligned; [CLM-1] the receivers' lock is the caller's, and
        // the unit is not the senders'.
        unsafe { at.cast::<u64>().read() }
    }

    #[inline]
    fn prefetch(&self, index: u32, units: u32) {
        let (at, there) = self.at(index);
        let lines = (units as usize * UNIT).min(there).min(MOST_FETCHED).div_ceil(LINE);
        for line in 0..lines {
            prefetch(at.wrapping_add(line * LINE));
        }
    }

    #[inline]
    fn put_bytes(&self, index: u32, bytes: &[u8]) {
        let (at, room) = self.at(index);
        assert!(bytes.len() <= room);
        // SAFETY: [HDR-2] so many bytes are in the row, as was just checked; [CLM-1] as in `put_word`;
        // `bytes` are elsewhere, as nobody borrows a ring's own.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) }
    }

    #[inline]
    fn append_bytes(&self, index: u32, length: usize, into: &mut impl Sink) {
        let (at, there) = self.at(index);
        assert!(length <= there);
        // SAFETY: [HDR-2] so many bytes are in the row, as was just checked; [CLM-1] as in `word`, until
        // the receivers' lock is given back; [MAP-1] self keeps them.
        into.append(unsafe { std::slice::from_raw_parts(at, length) });
    }

    fn repair_send(&self, of: &Side<'_, Self>) {
        self.annex.repair_send(of);
    }

    fn repair_recv(&self, of: &Side<'_, Self>) {
        self.annex.repair_recv(of);
    }
}

/// What a ring carries, for whoever opens it.
#[allow(private_interfaces, reason = "part of a sealed trait, out of reach")]
pub trait Carried: 'static {
    fn signature() -> Signature;
}

/// A byte ring in a segment, for messages that are `C`.
pub struct RawBytes<C> {
    pub(super) ring: ByteRing<Places>,
    pub(super) header: Mapped<Header>,
    pub(super) senders: Mapped<[RowCount]>,
    pub(super) receivers: Mapped<[RowCount]>,
    /// What was asked for: longer messages do not go through the ring.
    pub(super) capacity: usize,
    carried: PhantomData<fn() -> C>,
}

impl<C: Carried> Object for RawBytes<C> {
    /// With the length of the longest message, in bytes.
    type Args<'a> = Args;

    fn signature() -> Signature {
        C::signature()
    }

    fn layout(args: &Args, rows: usize) -> Result<Layout, TooLarge> {
        Ok(plan(extent(args.capacity)?, rows)?.1)
    }

    fn init(block: &Block, Args { capacity, .. }: Args) -> Result<(), Damaged> {
        // Nobody else sees the block yet, and what publishes it orders this. The rest starts as zero.
        let header = block.one::<Header>(0)?;
        header.units.store(u64::from(extent(capacity)?.units()), Ordering::Relaxed);
        header.capacity.store(capacity as u64, Ordering::Relaxed);
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        let header = block.one::<Header>(0)?;
        let units = header.units.load(Ordering::Relaxed);
        let extent = Extent::new(units).ok_or(Damaged("a ring of impossible size"))?;
        let capacity = usize::try_from(header.capacity.load(Ordering::Relaxed))
            .ok()
            .filter(|capacity| *capacity <= extent.longest())
            .ok_or(Damaged("a ring that is smaller than its longest message"))?;
        let rows = block.attachment().rows();
        let (at, _) = plan(extent, rows)?;
        let store = Places {
            send_line: block.one(at.send_line)?,
            tail: block.one(at.tail)?,
            recv_line: block.one(at.recv_line)?,
            head: block.one(at.head)?,
            seats: block.many(at.seats, 2 * SEATS)?,
            units: block.many(at.units, extent.units() as usize * UNIT)?,
            extent,
            annex: Annex::of(block),
        };
        Ok(RawBytes {
            ring: ByteRing { store },
            header,
            senders: block.many(at.senders, rows)?,
            receivers: block.many(at.receivers, rows)?,
            capacity,
            carried: PhantomData,
        })
    }
}
