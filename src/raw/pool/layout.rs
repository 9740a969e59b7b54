//! How a pool's shared part lies in its block, and how it is found there.

use super::bell::Bell;
use super::board::{Board, Words};
use super::words::MAX_WORKERS;
use crate::raw::eventcount::Eventcount;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};
use crate::segment::layout::{Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};

/// Those who wait for a job to end sleep on one of these words.
pub(crate) const BELLS: usize = 32;
/// Bytes that lie beside a job, for arguments and results that need no block of their own.
pub(crate) const INLINE: usize = 144;
/// Slabs that a pool can have at once.
pub(crate) const SLABS: usize = 128;
/// What says where a slab is takes so many bytes at most.
pub(crate) const SLAB_NAME: usize = 248;

const MAX_CELLS: u32 = 1 << 16;

/// What everybody reads and few write.
#[repr(C, align(128))]
pub(crate) struct Header {
    cells: AtomicU32,
    workers: AtomicU32,
    pub(super) used: AtomicU32,
    pub(super) sharers: AtomicU32,
    /// Not 0: workers end.
    pub(super) closing: AtomicU32,
    /// Not 0: there are more jobs than cells, so that the owner is to hear of every end.
    pub(super) crowded: AtomicU32,
}

/// A word with two cache lines of its own.
#[repr(C, align(128))]
pub(crate) struct Line(pub(super) AtomicU64);

/// The eventcount on which idle workers sleep, likewise.
#[repr(C, align(128))]
pub(crate) struct Idle(pub(super) Eventcount);

/// A bell in place, on a cache line of its own.
#[repr(C, align(64))]
pub(crate) struct BellLine(pub(super) Bell);

/// A job: its word, and what the smallest ones consist of.
///
/// | bits of `what` | meaning |
/// |---|---|
/// | 0–31 | where the function is |
/// | 32–39 | which bell tells of the end |
/// | 40–43 | how many bytes of arguments are in `argument` |
/// | 44 | SMALL: the arguments are in `argument`; there is one item |
/// | 48–51 | how many bytes of the result are in `result` |
/// | 52 | ANSWERED: the result is in `result` |
/// | 53 | HANDLES: the worker keeps alive what the results refer to, until the cell is taken |
#[repr(C, align(32))]
pub(crate) struct Cell {
    pub(super) word: AtomicU64,
    pub(super) what: AtomicU64,
    pub(super) argument: AtomicU64,
    pub(super) result: AtomicU64,
}

/// The rest of a job that is not SMALL, or whose result is not.
#[repr(C, align(256))]
pub(crate) struct Body {
    /// Items done: one store commits an item, and begins the next.
    pub(super) progress: AtomicU64,
    /// Where the job ends.
    pub(super) end: AtomicU64,
    /// 0; 1 while the owner cuts off what was not begun; 2 once it has.
    pub(super) cut: AtomicU64,
    /// How many items the arguments are of.
    pub(super) items: AtomicU64,
    /// Where the arguments lie: inline, or in a slab.
    pub(super) args: AtomicU64,
    pub(super) args_len: AtomicU64,
    /// Not 0: the arguments begin with a table of where each item's end.
    pub(super) table: AtomicU64,
    /// Where the results go: inline behind the arguments, or in a slab.
    pub(super) room: AtomicU64,
    pub(super) room_len: AtomicU64,
    /// How much room the worker asked for.
    pub(super) wanted: AtomicU64,
    /// Not 0: there is none.
    pub(super) denied: AtomicU64,
    /// The values at the beginning of the room that have no head: their length (low 32 bits) and how
    /// many they are, all ones as long as there may be more.
    pub(super) dense: AtomicU64,
    /// Where a worker goes on that takes the job up: how many records there are, and their bytes.
    pub(super) records: AtomicU64,
    pub(super) used: AtomicU64,
    pub(super) bytes: [Byte; INLINE],
}

/// A worker as it shows itself, and is told.
#[repr(C, align(64))]
pub(crate) struct Record {
    /// Generation (low 12 bits), and from bit 16 on what it does.
    pub(super) stage: AtomicU32,
    /// Not 0: it ends after the job it runs.
    pub(super) leave: AtomicU32,
    /// Moves when there is room for the results it waits with.
    pub(super) given: AtomicU32,
}

/// Where a slab is.
#[repr(C, align(256))]
pub(crate) struct SlabName {
    pub(super) generation: AtomicU32,
    pub(super) len: AtomicU32,
    pub(super) bytes: [Byte; SLAB_NAME],
}

// SAFETY: [INP-1] atomics, and words made of them, only.
unsafe impl InPlace for Header {}
// SAFETY: [INP-1] an atomic, and padding that nobody looks at.
unsafe impl InPlace for Line {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for Idle {}
// SAFETY: [INP-1] as above.
unsafe impl InPlace for BellLine {}
// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for Cell {}
// SAFETY: [INP-1] atomics, and bytes that change through raw pointers, only.
unsafe impl InPlace for Body {}
// SAFETY: [INP-1] atomics, and padding that nobody looks at.
unsafe impl InPlace for Record {}
// SAFETY: [INP-1] atomics, and bytes that change through raw pointers, only.
unsafe impl InPlace for SlabName {}

/// Where the parts are.
struct Offsets {
    head: usize,
    tail: usize,
    idle: usize,
    bells: usize,
    records: usize,
    places: usize,
    cells: usize,
    bodies: usize,
    slabs: usize,
}

/// How large a pool's shared part is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Jobs at a time; a power of two.
    pub(crate) cells: u32,
    /// Workers at a time.
    pub(crate) workers: u32,
}

impl Size {
    fn check(self) -> Result<Size, TooLarge> {
        let cells = self.cells.is_power_of_two() && self.cells <= MAX_CELLS;
        let workers = (1..=MAX_WORKERS).contains(&(self.workers as usize));
        if cells && workers { Ok(self) } else { Err(TooLarge) }
    }

    fn places(self) -> usize {
        2 * self.cells as usize
    }
}

fn plan(size: Size) -> Result<(Offsets, Layout), TooLarge> {
    let Size { cells, workers } = size.check()?;
    let mut plan = Plan::new();
    let header = plan.one::<Header>()?;
    debug_assert_eq!(header, 0, "found before anything else is known");
    let offsets = Offsets {
        head: plan.one::<Line>()?,
        tail: plan.one::<Line>()?,
        idle: plan.one::<Idle>()?,
        bells: plan.many::<BellLine>(BELLS)?,
        records: plan.many::<Record>(workers as usize)?,
        places: plan.many::<AtomicU32>(size.places())?,
        cells: plan.many::<Cell>(cells as usize)?,
        bodies: plan.many::<Body>(cells as usize)?,
        slabs: plan.many::<SlabName>(SLABS)?,
    };
    Ok((offsets, plan.finish()))
}

/// The words of the board in a segment.
pub(crate) struct InBlock {
    pub(super) header: Mapped<Header>,
    head: Mapped<Line>,
    tail: Mapped<Line>,
    idle: Mapped<Idle>,
    pub(super) cells: Mapped<[Cell]>,
    places: Mapped<[AtomicU32]>,
}

impl Words for InBlock {
    #[inline]
    fn word(&self, cell: usize) -> &AtomicU64 {
        &self.cells[cell].word
    }

    #[inline]
    fn cells(&self) -> usize {
        self.cells.len()
    }

    #[inline]
    fn used(&self) -> &AtomicU32 {
        &self.header.used
    }

    #[inline]
    fn place(&self, position: u64) -> &AtomicU32 {
        // There are a power of two of them.
        &self.places[position as usize & (self.places.len() - 1)]
    }

    #[inline]
    fn places(&self) -> usize {
        self.places.len()
    }

    #[inline]
    fn head(&self) -> &AtomicU64 {
        &self.head.0
    }

    #[inline]
    fn tail(&self) -> &AtomicU64 {
        &self.tail.0
    }

    #[inline]
    fn work(&self) -> &Eventcount {
        &self.idle.0
    }

    #[inline]
    fn sharers(&self) -> u32 {
        self.header.sharers.load(Ordering::Relaxed)
    }
}

/// The shared part of a pool.
pub(crate) struct RawPool {
    pub(crate) board: Board<InBlock>,
    pub(super) bells: Mapped<[BellLine]>,
    pub(super) records: Mapped<[Record]>,
    pub(super) bodies: Mapped<[Body]>,
    pub(super) slabs: Mapped<[SlabName]>,
}

impl Object for RawPool {
    type Args<'a> = Size;

    fn signature() -> Signature {
        Signature::plain(Kind::Pool)
    }

    fn layout(size: &Size, _rows: usize) -> Result<Layout, TooLarge> {
        Ok(plan(*size)?.1)
    }

    fn init(block: &Block, size: Size) -> Result<(), Damaged> {
        let header = block.one::<Header>(0)?;
        // Nobody else sees the block yet, and what hands it on orders this. The rest starts as zero.
        header.cells.store(size.cells, Ordering::Relaxed);
        header.workers.store(size.workers, Ordering::Relaxed);
        Ok(())
    }

    fn attach(block: &Block) -> Result<RawPool, Damaged> {
        let header = block.one::<Header>(0)?;
        let size = Size {
            cells: header.cells.load(Ordering::Relaxed),
            workers: header.workers.load(Ordering::Relaxed),
        };
        let (at, _) = plan(size).map_err(|TooLarge| Damaged("a pool of impossible size"))?;
        let words = InBlock {
            header,
            head: block.one(at.head)?,
            tail: block.one(at.tail)?,
            idle: block.one(at.idle)?,
            cells: block.many(at.cells, size.cells as usize)?,
            places: block.many(at.places, size.places())?,
        };
        Ok(RawPool {
            board: Board { words },
            bells: block.many(at.bells, BELLS)?,
            records: block.many(at.records, size.workers as usize)?,
            bodies: block.many(at.bodies, size.cells as usize)?,
            slabs: block.many(at.slabs, SLABS)?,
        })
    }
}
