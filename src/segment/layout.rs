//! How an object's parts lie in its block: planned once, the same for who creates and who opens.

/// Parts that every block starts on, so that no object shares a cache line pair with another.
pub(crate) const BLOCK_ALIGN: usize = 128;
/// The strictest alignment a part may ask for: blocks are aligned relative to a page.
pub(crate) const MAX_ALIGN: usize = 4096;

/// Where tags stand in a block, so that a segment can find and clear those of the dead without
/// knowing what the object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClaimForm {
    /// A tag in the low 24 bits of a `u32`.
    Word32,
    /// A tag in 24 bits of a `u64`, from this bit on.
    Word64 { shift: u8 },
    /// A `u32` for each participant row: generation in the upper 12 bits, a count in the lower 20.
    RowCount,
    /// No claim: an eventcount, on which those sleep who wait for what others hold.
    Sleepers,
}

/// A run of claims at equal distances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClaimRun {
    pub(crate) offset: usize,
    pub(crate) stride: usize,
    pub(crate) count: usize,
    pub(crate) form: ClaimForm,
}

impl ClaimRun {
    /// Which of the claims are a row's, in a run that has one for each.
    pub(crate) fn row(&self, row: u32) -> std::ops::Range<usize> {
        let row = row as usize;
        if row < self.count { row..row + 1 } else { 0..0 }
    }
}

/// Claim runs a block can have.
pub(crate) const MAX_CLAIM_RUNS: usize = 8;

/// Size, alignment and claims of one object.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) claims: Vec<ClaimRun>,
}

/// The parts do not fit the address space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

/// Lays parts one behind another; every call returns the offset of its part.
#[derive(Debug)]
pub(crate) struct Plan {
    end: usize,
    align: usize,
    claims: Vec<ClaimRun>,
}

impl Plan {
    pub(crate) fn new() -> Plan {
        Plan { end: 0, align: BLOCK_ALIGN, claims: Vec::with_capacity(MAX_CLAIM_RUNS) }
    }

    /// Room for one `T`.
    pub(crate) fn one<T>(&mut self) -> Result<usize, TooLarge> {
        self.many::<T>(1)
    }

    /// Room for a row of `T`.
    pub(crate) fn many<T>(&mut self, count: usize) -> Result<usize, TooLarge> {
        let size = size_of::<T>().checked_mul(count).ok_or(TooLarge)?;
        self.bytes(size, align_of::<T>())
    }

    /// Room for `size` bytes.
    pub(crate) fn bytes(&mut self, size: usize, align: usize) -> Result<usize, TooLarge> {
        if align > MAX_ALIGN {
            return Err(TooLarge);
        }
        let at = self.end.checked_next_multiple_of(align).ok_or(TooLarge)?;
        self.end =
            at.checked_add(size).filter(|end| *end <= isize::MAX as usize).ok_or(TooLarge)?;
        self.align = self.align.max(align);
        Ok(at)
    }

    /// Says where tags stand.
    pub(crate) fn claims(&mut self, run: ClaimRun) {
        debug_assert!(self.claims.len() < MAX_CLAIM_RUNS);
        self.claims.push(run);
    }

    pub(crate) fn finish(self) -> Layout {
        Layout { size: self.end, align: self.align, claims: self.claims }
    }
}
