//! Cells as objects of a segment: one of them, or a row.

use crate::raw::cell::element::{Element, align, lock_offset, stride};
use crate::raw::contents::Contents;
use crate::segment::layout::{ClaimForm, ClaimRun, Layout, MAX_ALIGN, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::shared::Shared;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows begin on a cache line.
const ROW_ALIGN: usize = 64;

/// The bytes of a row of cells.
#[derive(Debug)]
struct Cells<T> {
    bytes: Mapped<[Byte]>,
    of: PhantomData<fn() -> T>,
}

impl<T: Shared> Cells<T> {
    /// Plans a row and says where its lock words are; returns its offset.
    fn plan(plan: &mut Plan, count: usize) -> Result<usize, TooLarge> {
        let size = stride::<T>().checked_mul(count).ok_or(TooLarge)?;
        let row = plan.bytes(size, align::<T>().max(ROW_ALIGN))?;
        if let Some(lock) = lock_offset::<T>() {
            let (offset, stride) = (row + lock, stride::<T>());
            plan.claims(ClaimRun { offset, stride, count, form: ClaimForm::Word32 });
        }
        Ok(row)
    }

    /// Views a row of `count` cells at this offset of the block.
    fn view(block: &Block, offset: usize, count: usize) -> Result<Cells<T>, Damaged> {
        let size = stride::<T>().checked_mul(count).ok_or(TooLarge)?;
        let bytes = block.many::<Byte>(offset, size)?;
        let aligned = (block.offset() + offset).is_multiple_of(align::<T>());
        if !aligned || align::<T>() > MAX_ALIGN {
            return Err(Damaged("cells that are not aligned"));
        }
        Ok(Cells { bytes, of: PhantomData })
    }

    /// # Safety
    /// The row has more cells than `index`.
    #[inline]
    unsafe fn at(&self, index: usize) -> Element<'_, T> {
        let row = NonNull::from(&*self.bytes).cast::<u8>();
        // SAFETY: [HDR-2] view checked that the row lies in the block.
        let cell = unsafe { row.add(index * stride::<T>()) };
        // SAFETY: [MAP-1] self keeps the mapping; [CEL-1] view checked the alignment, the stride
        // keeps it, and the signature checked at attach says that these are cells of a T.
        unsafe { Element::new(cell) }
    }
}

/// The object behind a value: one cell.
#[derive(Debug)]
pub(crate) struct Single<T>(Cells<T>);

impl<T: Shared> Single<T> {
    #[inline]
    pub(crate) fn cell(&self) -> Element<'_, T> {
        // SAFETY: [CEL-1] attach viewed one cell.
        unsafe { self.0.at(0) }
    }
}

impl<T: Shared> Object for Single<T> {
    /// The first value.
    type Args<'a> = T;

    fn signature() -> Signature {
        Signature::of::<T>(Kind::Value)
    }

    fn layout(_first: &T, _rows: usize) -> Result<Layout, TooLarge> {
        let mut plan = Plan::new();
        Cells::<T>::plan(&mut plan, 1)?;
        Ok(plan.finish())
    }

    fn init(block: &Block, first: T) -> Result<(), Damaged> {
        Self::attach(block)?.cell().init(first);
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        Ok(Single(Cells::view(block, 0, 1)?))
    }
}

/// The object behind an array: the number of its cells, and the cells.
#[derive(Debug)]
pub(crate) struct Row<T> {
    cells: Cells<T>,
    len: usize,
}

impl<T: Shared> Row<T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn cell(&self, index: usize) -> Option<Element<'_, T>> {
        // SAFETY: [CEL-1] attach viewed len cells.
        (index < self.len).then(|| unsafe { self.cells.at(index) })
    }

    fn plan(len: usize) -> Result<(Plan, usize), TooLarge> {
        let mut plan = Plan::new();
        plan.one::<AtomicU64>()?;
        let row = Cells::<T>::plan(&mut plan, len)?;
        Ok((plan, row))
    }
}

impl<T: Shared> Object for Row<T> {
    type Args<'a> = Contents<'a, T>;

    fn signature() -> Signature {
        Signature::of::<T>(Kind::Array)
    }

    fn layout(contents: &Contents<'_, T>, _rows: usize) -> Result<Layout, TooLarge> {
        Ok(Self::plan(contents.len())?.0.finish())
    }

    fn init(block: &Block, contents: Contents<'_, T>) -> Result<(), Damaged> {
        let len = contents.len();
        let (_, row) = Self::plan(len)?;
        // Whoever publishes the block orders this before any attach.
        block.one::<AtomicU64>(0)?.store(len as u64, Ordering::Relaxed);
        if let Contents::Copied(values) = contents {
            let row = Row { cells: Cells::view(block, row, len)?, len };
            for (index, value) in values.iter().enumerate() {
                row.cell(index).ok_or(Damaged("a row shorter than itself"))?.init(*value);
            }
        }
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        let len = block.one::<AtomicU64>(0)?.load(Ordering::Relaxed);
        let len = usize::try_from(len).map_err(|_| TooLarge)?;
        let (_, row) = Self::plan(len)?;
        Ok(Row { cells: Cells::view(block, row, len)?, len })
    }
}
