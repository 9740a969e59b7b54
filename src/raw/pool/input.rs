//! What a job consists of, as its worker sees it.

use super::memory::Memory;
use super::owner::SMALL;

/// What a job consists of.
pub(crate) struct Input {
    /// Where the function is.
    pub(crate) function: u32,
    /// How many items the arguments are of.
    pub(super) items: u32,
    pub(super) args: Args,
}

pub(super) enum Args {
    Small([u8; SMALL], usize),
    Memory { memory: Memory, len: usize, table: bool },
}

/// The arguments of a job's items.
pub(crate) struct Arguments<'a> {
    table: Option<&'a [u8]>,
    bytes: &'a [u8],
    each: usize,
}

impl Input {
    /// The arguments of all items.
    ///
    /// # Panics
    /// When there are none: the pool's memory was overwritten.
    #[inline]
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        match &self.args {
            Args::Small(bytes, len) => Arguments { table: None, bytes: &bytes[..*len], each: *len },
            Args::Memory { memory, len, table } => {
                let all = memory.read(0, *len).expect("arguments within the pool's memory");
                Arguments::new(all, self.items, *table)
            }
        }
    }
}

impl<'a> Arguments<'a> {
    /// Of so many items, with a table of their ends or all of one length.
    pub(super) fn new(all: &'a [u8], items: u32, table: bool) -> Arguments<'a> {
        let table = if table { items as usize * size_of::<u32>() } else { 0 };
        let (table, bytes) = all.split_at_checked(table).unwrap_or((&[], &[]));
        let each = bytes.len() / (items as usize).max(1);
        Arguments { table: Some(table).filter(|table| !table.is_empty()), bytes, each }
    }

    /// Whether all are of one length.
    pub(super) fn is_uniform(&self) -> bool {
        self.table.is_none()
    }

    /// Those of all items, one behind another, if each is of this length.
    pub(crate) fn row(&self, each: usize) -> Option<&'a [u8]> {
        Some(self.bytes).filter(|_| self.is_uniform() && self.each == each)
    }

    /// The bytes of one item's. `None`: the pool's memory was overwritten.
    #[inline]
    pub(crate) fn of(&self, item: u32) -> Option<&'a [u8]> {
        let item = item as usize;
        let Some(table) = self.table else {
            let from = item * self.each;
            return self.bytes.get(from..from + self.each);
        };
        let end = |item: usize| {
            let entry = table.get(item * 4..item * 4 + 4)?;
            Some(u32::from_ne_bytes(entry.try_into().ok()?) as usize)
        };
        let from = if item == 0 { 0 } else { end(item - 1)? };
        self.bytes.get(from..end(item)?)
    }
}
