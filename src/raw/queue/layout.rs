//! How a queue lies in its block, and how one is found there.

use std::marker::PhantomData;
use std::mem::offset_of;

use super::bias::{Line, SEATS, Seat, Side};
use super::cells::{CellWords, Cells};
use super::ends::Hint;
use super::ring::{Actor, Ring, Words};
use super::sizes::Sizes;
use super::words::{CELL_TAG_AT, MAX_CAPACITY, SLOT_TAG_AT, Shape};
use crate::raw::eventcount::Eventcount;
use crate::raw::prefetch::prefetch;
use crate::raw::row_count::RowCount;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};
use crate::segment::handle::Handle;
use crate::segment::layout::{ClaimForm, ClaimRun, Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::shared::Shared;

/// What everybody reads and few write.
#[repr(C, align(128))]
pub(crate) struct Header {
    capacity: AtomicU64,
    /// A message was sent, or came back.
    pub(super) items: Eventcount,
    /// A slot became free.
    pub(super) space: Eventcount,
    /// A cell became free.
    pub(super) cells: Eventcount,
    /// Perhaps the last message was done with.
    pub(super) drained: Eventcount,
    pub(super) senders: Hint,
    pub(super) receivers: Hint,
    /// Counts leases that were given back.
    pub(super) returned: AtomicU32,
}

// SAFETY: [INP-1] atomics, and words made of them, only.
unsafe impl InPlace for Header {}

// SAFETY: [INP-1] atomics, and padding that nobody looks at.
unsafe impl InPlace for Line {}

// SAFETY: [INP-1] as above.
unsafe impl InPlace for Seats {}

/// The seats of both sides.
#[repr(C)]
struct Seats {
    tail: [Seat; SEATS],
    head: [Seat; SEATS],
}

/// Where the parts are.
struct Offsets {
    tail: usize,
    head: usize,
    seats: usize,
    senders: usize,
    receivers: usize,
    slots: usize,
    cells: usize,
    deliveries: usize,
    payload: usize,
    slot_words: usize,
    cell_count: usize,
    payload_bytes: usize,
}

fn plan<T: Shared>(shape: Shape, rows: usize) -> Result<(Offsets, Layout), TooLarge> {
    let capacity = usize::try_from(shape.capacity()).map_err(|_| TooLarge)?;
    let cell_count = Sizes::<T>::cells(capacity, rows)?;
    // Of large messages there are as many slots as cells, for their words; the ring uses the first ones.
    let slots = if Sizes::<T>::LARGE { cell_count } else { capacity };
    let slot_words = slots.checked_mul(Sizes::<T>::SLOT_WORDS).ok_or(TooLarge)?;
    let payload_bytes = cell_count.checked_mul(Sizes::<T>::CELL_BYTES).ok_or(TooLarge)?;
    let mut plan = Plan::new();
    let header = plan.one::<Header>()?;
    debug_assert_eq!(header, 0, "found before anything else is known");
    let mut offsets = Offsets {
        tail: plan.one::<Line>()?,
        head: plan.one::<Line>()?,
        // What who leaves looks at lies on the first page, which who comes has touched.
        senders: plan.many::<RowCount>(rows)?,
        receivers: plan.many::<RowCount>(rows)?,
        seats: plan.one::<Seats>()?,
        slots: plan.bytes(slot_words.checked_mul(8).ok_or(TooLarge)?, 128)?,
        cells: 0,
        deliveries: plan.many::<AtomicU32>(cell_count)?,
        payload: plan.bytes(payload_bytes, Sizes::<T>::CELL_ALIGN)?,
        slot_words,
        cell_count,
        payload_bytes,
    };
    offsets.cells = if Sizes::<T>::LARGE {
        offsets.slots + Sizes::<T>::CELL_IN_SLOT * 8
    } else {
        plan.bytes(cell_count.checked_mul(8).ok_or(TooLarge)?, 128)?
    };
    let mut claims = |offset, stride, count, form| {
        plan.claims(ClaimRun { offset, stride, count, form });
    };
    // Items, space, cells, drained.
    claims(offset_of!(Header, items), 4, 4, ClaimForm::Sleepers);
    // In the order in which tags go from word to word: from seats to the indices, and on to the slots. Who
    // copied one after its new place was cleared finds the old place cleared, too.
    for word in [offset_of!(Seat, owner), offset_of!(Seat, claimed)] {
        let form = ClaimForm::Word64 { shift: 0 };
        claims(offsets.seats + word, size_of::<Seat>(), 2 * SEATS, form);
    }
    claims(offsets.tail, offsets.head - offsets.tail, 2, ClaimForm::Word64 { shift: 0 });
    claims(offsets.senders, 4, rows, ClaimForm::RowCount);
    claims(offsets.receivers, 4, rows, ClaimForm::RowCount);
    let stride = Sizes::<T>::SLOT_WORDS * 8;
    claims(offsets.slots, stride, capacity, ClaimForm::Word64 { shift: SLOT_TAG_AT });
    let stride = Sizes::<T>::CELL_WORDS * 8;
    claims(offsets.cells, stride, cell_count, ClaimForm::Word64 { shift: CELL_TAG_AT });
    Ok((offsets, plan.finish()))
}

/// The words of the ring in a segment.
pub(crate) struct RingWords<T> {
    tail: Mapped<Line>,
    head: Mapped<Line>,
    seats: Mapped<Seats>,
    slots: Mapped<[AtomicU64]>,
    header: Mapped<Header>,
    message: PhantomData<fn() -> T>,
}

impl<T> Words for RingWords<T> {
    #[inline(always)]
    fn tail(&self) -> Side<'_> {
        Side { line: &self.tail, seats: &self.seats.tail }
    }

    #[inline(always)]
    fn head(&self) -> Side<'_> {
        Side { line: &self.head, seats: &self.seats.head }
    }

    #[inline]
    fn slot(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index * Sizes::<T>::SLOT_WORDS < self.slots.len());
        // SAFETY: [HDR-2] attach made `slots` as long as the capacity; [HDR-3] the shape masks by it.
        unsafe { self.slots.get_unchecked(index * Sizes::<T>::SLOT_WORDS) }
    }

    #[inline]
    fn space(&self) -> &Eventcount {
        &self.header.space
    }
}

impl<T> RingWords<T> {
    /// Fetches the slot some positions ahead: the next claims would wait for it.
    #[inline(always)]
    pub(super) fn prefetch(&self, shape: Shape, position: u64) {
        // In a shorter ring it would be taken from somebody who uses it.
        let starts_line = position.is_multiple_of(Sizes::<T>::SLOTS_A_LINE);
        if starts_line && shape.capacity() >= Sizes::<T>::MIN_PREFETCHED {
            prefetch(self.payload(shape.index(position.wrapping_add(Sizes::<T>::AHEAD))));
        }
    }

    /// Where the payload of this slot lies.
    #[inline(always)]
    pub(super) fn payload_of(&self, slot: &AtomicU64) -> *mut u8 {
        let at = std::ptr::from_ref(slot).addr() + size_of::<u64>();
        self.slots.as_ptr().with_addr(at).cast_mut().cast()
    }

    /// Where the payload of the slot lies: `SLOT_WORDS - 1` words.
    #[inline]
    pub(super) fn payload(&self, index: usize) -> *mut u8 {
        let at = index * Sizes::<T>::SLOT_WORDS + 1;
        debug_assert!(at <= self.slots.len());
        // SAFETY: [HDR-2] as in `slot`: within the row, or at its end where a payload has no size.
        unsafe { self.slots.as_ptr().add(at) }.cast_mut().cast()
    }
}

/// The words of the cells in a segment.
pub(crate) struct InCells<T> {
    cells: Mapped<[AtomicU64]>,
    slots: Mapped<[AtomicU64]>,
    count: usize,
    shape: Shape,
    message: PhantomData<fn() -> T>,
}

impl<T> InCells<T> {
    /// Fetches the word of a cell that will be taken next.
    #[inline(always)]
    pub(super) fn prefetch(&self, number: usize) {
        if let Some(word) = self.cells.get(number * Sizes::<T>::CELL_WORDS) {
            prefetch((&raw const *word).cast());
        }
    }
}

impl<T> CellWords for InCells<T> {
    #[inline]
    fn cell(&self, number: usize) -> &AtomicU64 {
        &self.cells[number * Sizes::<T>::CELL_WORDS]
    }

    #[inline]
    fn count(&self) -> usize {
        self.count
    }

    fn slot_of(&self, position: u64) -> &AtomicU64 {
        &self.slots[self.shape.index(position) * Sizes::<T>::SLOT_WORDS]
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn large(&self) -> bool {
        Sizes::<T>::LARGE
    }
}

/// A queue of `T` in a segment.
pub struct RawQueue<T> {
    pub(super) ring: Ring<RingWords<T>>,
    pub(super) header: Mapped<Header>,
    /// The segment's count of deaths.
    pub(super) deaths: Mapped<AtomicU32>,
    pub(super) cells: Cells<InCells<T>>,
    pub(super) deliveries: Mapped<[AtomicU32]>,
    pub(super) payload: Mapped<[Byte]>,
    pub(super) senders: Mapped<[RowCount]>,
    pub(super) receivers: Mapped<[RowCount]>,
}

/// A participant of a queue's segment, acting on the queue.
pub(super) type Me<'a, T> = Actor<'a, Handle<RawQueue<T>>>;

/// What a new queue is told.
#[derive(Clone, Copy)]
pub struct Args {
    pub(crate) capacity: usize,
    /// The position to start at: a test of the wrap starts near the last.
    #[cfg(test)]
    pub(crate) start: u64,
}

impl Args {
    pub(crate) fn new(capacity: usize) -> Args {
        Args {
            capacity,
            #[cfg(test)]
            start: 0,
        }
    }

    fn shape(&self) -> Result<Shape, TooLarge> {
        let capacity = self.capacity.checked_next_power_of_two().ok_or(TooLarge)? as u64;
        if self.capacity == 0 || capacity > MAX_CAPACITY {
            return Err(TooLarge);
        }
        Shape::new(capacity).ok_or(TooLarge)
    }
}

impl<T: Shared> Object for RawQueue<T> {
    type Args<'a> = Args;

    fn signature() -> Signature {
        Signature::of::<T>(Kind::Queue)
    }

    fn layout(args: &Args, rows: usize) -> Result<Layout, TooLarge> {
        Ok(plan::<T>(args.shape()?, rows)?.1)
    }

    fn init(block: &Block, args: Args) -> Result<(), Damaged> {
        let shape = args.shape()?;
        let header = block.one::<Header>(0)?;
        // Nobody else sees the block yet, and what publishes it orders this. The rest starts as zero.
        header.capacity.store(shape.capacity(), Ordering::Relaxed);
        #[cfg(test)]
        start_at::<T>(block, shape, args.start)?;
        Ok(())
    }

    fn attach(block: &Block) -> Result<RawQueue<T>, Damaged> {
        let header = block.one::<Header>(0)?;
        let capacity = header.capacity.load(Ordering::Relaxed);
        let shape = Shape::new(capacity).ok_or(Damaged("a queue of impossible capacity"))?;
        let (at, _) = plan::<T>(shape, block.attachment().rows())?;
        let rows = block.attachment().rows();
        let slots = block.many::<AtomicU64>(at.slots, at.slot_words)?;
        let words = RingWords {
            tail: block.one(at.tail)?,
            head: block.one(at.head)?,
            seats: block.one(at.seats)?,
            slots: slots.clone(),
            header: header.clone(),
            message: PhantomData,
        };
        let cell_words = (at.cell_count - 1) * Sizes::<T>::CELL_WORDS + 1;
        let cells = InCells {
            cells: block.many(at.cells, cell_words)?,
            slots,
            count: at.cell_count,
            shape,
            message: PhantomData,
        };
        let payload = block.many::<Byte>(at.payload, at.payload_bytes)?;
        if !(&raw const *payload).cast::<u8>().addr().is_multiple_of(Sizes::<T>::CELL_ALIGN) {
            return Err(Damaged("cells that are not aligned"));
        }
        Ok(RawQueue {
            ring: Ring { words, shape },
            header,
            deaths: Mapped::in_segment(block.attachment(), |segment| &segment.header().deaths),
            cells: Cells { words: cells },
            deliveries: block.many(at.deliveries, at.cell_count)?,
            payload,
            senders: block.many(at.senders, rows)?,
            receivers: block.many(at.receivers, rows)?,
        })
    }
}

/// Makes a new queue look as if `start` messages had gone through it.
#[cfg(test)]
fn start_at<T: Shared>(block: &Block, shape: Shape, start: u64) -> Result<(), Damaged> {
    use super::words::Index;
    use crate::segment::Tag;
    let (at, _) = plan::<T>(shape, block.attachment().rows())?;
    let slots = block.many::<AtomicU64>(at.slots, at.slot_words)?;
    for ahead in 0..shape.capacity() {
        let position = shape.advanced(start, ahead);
        let slot = &slots[shape.index(position) * Sizes::<T>::SLOT_WORDS];
        slot.store(shape.empty(position), Ordering::Relaxed);
    }
    for index in [at.tail, at.head] {
        block.one::<Line>(index)?.index.store(Index::word(start, Tag::NOBODY), Ordering::Relaxed);
    }
    Ok(())
}
