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

/// A row of cells in a mapped segment.
#[derive(Debug)]
pub(crate) struct Cells<T> {
    bytes: Mapped<[Byte]>,
    len: usize,
    of: PhantomData<fn() -> T>,
}

impl<T: Shared> Cells<T> {
    /// Plans a row and says where its lock words are; returns its offset.
    fn plan(plan: &mut Plan, len: usize) -> Result<usize, TooLarge> {
        let size = stride::<T>().checked_mul(len).ok_or(TooLarge)?;
        let row = plan.bytes(size, align::<T>().max(ROW_ALIGN))?;
        if let Some(lock) = lock_offset::<T>() {
            let (offset, stride) = (row + lock, stride::<T>());
            plan.claims(ClaimRun { offset, stride, count: len, form: ClaimForm::Word32 });
        }
        Ok(row)
    }

    /// Views a row of `len` cells at this offset of the block.
    fn view(block: &Block, offset: usize, len: usize) -> Result<Cells<T>, Damaged> {
        let size = stride::<T>().checked_mul(len).ok_or(TooLarge)?;
        let bytes = block.many(offset, size)?;
        let aligned = (block.offset() + offset).is_multiple_of(align::<T>());
        if !aligned || align::<T>() > MAX_ALIGN {
            return Err(Damaged("cells that are not aligned"));
        }
        Ok(Cells { bytes, len, of: PhantomData })
    }

    /// Fills in a new row that nobody else sees yet.
    fn init(&self, values: &[T]) {
        for (index, value) in values.iter().enumerate().take(self.len) {
            // SAFETY: [CEL-1] view checked the row, which has more cells than index.
            unsafe { Element::in_row(self.address(), index) }.init(*value);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn address(&self) -> NonNull<u8> {
        NonNull::from(&*self.bytes).cast()
    }
}

/// An object that is made of cells.
pub(crate) trait OfCells: Object {
    type Item: Shared;

    fn cells(&self) -> &Cells<Self::Item>;
}

/// The object behind a value: one cell.
#[derive(Debug)]
pub(crate) struct Single<T>(Cells<T>);

impl<T: Shared> OfCells for Single<T> {
    type Item = T;

    fn cells(&self) -> &Cells<T> {
        &self.0
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
        Self::attach(block)?.0.init(&[first]);
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        Ok(Single(Cells::view(block, 0, 1)?))
    }
}

/// The object behind an array: the number of its cells, and the cells.
#[derive(Debug)]
pub(crate) struct Row<T>(Cells<T>);

impl<T: Shared> Row<T> {
    fn plan(len: usize) -> Result<(Plan, usize), TooLarge> {
        let mut plan = Plan::new();
        plan.one::<AtomicU64>()?;
        let row = Cells::<T>::plan(&mut plan, len)?;
        Ok((plan, row))
    }
}

impl<T: Shared> OfCells for Row<T> {
    type Item = T;

    fn cells(&self) -> &Cells<T> {
        &self.0
    }
}

impl<T: Shared> Object for Row<T> {
    /// Where cells are to be zeroed, the caller knows that zero bytes are a `T`.
    type Args<'a> = Contents<'a, T>;

    fn signature() -> Signature {
        Signature::of::<T>(Kind::Array)
    }

    fn layout(contents: &Contents<'_, T>, _rows: usize) -> Result<Layout, TooLarge> {
        Ok(Self::plan(contents.len())?.0.finish())
    }

    fn init(block: &Block, contents: Contents<'_, T>) -> Result<(), Damaged> {
        // Ordering: nobody else sees the block yet.
        block.one::<AtomicU64>(0)?.store(contents.len() as u64, Ordering::Relaxed);
        if let Contents::Copied(values) = contents {
            Self::attach(block)?.0.init(values);
        }
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        let len = block.one::<AtomicU64>(0)?.load(Ordering::Relaxed);
        let len = usize::try_from(len).map_err(|_| TooLarge)?;
        let (_, row) = Self::plan(len)?;
        Ok(Row(Cells::view(block, row, len)?))
    }
}
