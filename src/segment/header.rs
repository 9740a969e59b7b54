//! The first bytes of a segment: what it is, checked before anything else is believed.
//!
//! | bytes | content |
//! |---|---|
//! | 0–127 | written once: magic, version, flags (but for "extended"), size, rows, creator, namespaces |
//! | 128–255 | deaths, next row, used and touched bytes |
//! | 256… | the participants' rows, 32 bytes each |
//! | then, at the next multiple of 128 | the blocks (see `directory`) |

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::layout::BLOCK_ALIGN;
use super::mapped::InPlace;
use super::participants::Row;
use super::tag::MAX_ROWS;
use crate::error::{ErrorKind, Failure};
use crate::sys::memory;
use crate::sys::process::Namespaces;

const MAGIC: u64 = u64::from_le_bytes(*b"commhold");
/// The version of everything that lies in a segment.
pub(crate) const VERSION: u32 = 3;
/// Where the rows begin.
pub(crate) const ROWS_AT: usize = size_of::<Header>();

/// Flags of the header.
pub(crate) mod flags {
    /// The name outlives its users.
    pub(crate) const PERSISTENT: u32 = 1;
    /// One object without a name, not several with names.
    pub(crate) const SINGLE: u32 = 2;
    /// The file goes on beyond what is mapped. Set before it does, at any time.
    pub(crate) const EXTENDED: u32 = 4;
}

/// The header in place.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Header {
    magic: AtomicU64,
    version: AtomicU32,
    flags: AtomicU32,
    size: AtomicU64,
    rows: AtomicU32,
    creator: AtomicU32,
    pid_namespace: AtomicU64,
    time_namespace: AtomicU64,
    _once: [AtomicU64; 10],
    /// Moves when a participant was found dead, before its row is given out again.
    pub(crate) deaths: AtomicU32,
    /// Where the search for a free row begins.
    pub(crate) next_row: AtomicU32,
    /// End of the blocks that are complete. Storing it commits a block.
    pub(crate) used: AtomicU64,
    /// End of the bytes that ever were written to, in blocks that were never committed too.
    pub(crate) touched: AtomicU64,
    _changing: [AtomicU64; 13],
}

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for Header {}

/// The part of the header that never changes, read once and checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) flags: u32,
    pub(crate) size: u64,
    pub(crate) rows: u32,
    pub(crate) creator: u32,
    pub(crate) namespaces: Namespaces,
}

impl Facts {
    /// Reads and checks the header of a file of `file_size` bytes.
    pub(crate) fn read(file: BorrowedFd<'_>, file_size: u64) -> Result<Facts, Failure> {
        let mut bytes = [0; 56];
        let read = memory::read_start(file, &mut bytes)
            .map_err(|error| Failure::system("reading the header", error))?;
        if read == 0 {
            return Err(not_ours("the file is empty"));
        }
        let facts = Facts::parse(&bytes[..read])?;
        facts.check(file_size)?;
        Ok(facts)
    }

    fn parse(bytes: &[u8]) -> Result<Facts, Failure> {
        let u64_at = |at: usize| {
            let field = bytes.get(at..at + 8).and_then(|field| field.try_into().ok());
            field.map(u64::from_le_bytes)
        };
        let pair_at = |at: usize| u64_at(at).map(|both| (both as u32, (both >> 32) as u32));
        if u64_at(0) != Some(MAGIC) {
            return Err(not_ours("the file does not begin as a commonhold segment does"));
        }
        let truncated = || damaged(format!("the file is truncated after {} bytes", bytes.len()));
        let (version, flags) = pair_at(8).ok_or_else(truncated)?;
        if version != VERSION {
            return Err(Failure::new(
                ErrorKind::Version,
                format!("holds layout version {version}, expected {VERSION}"),
            ));
        }
        let (rows, creator) = pair_at(24).ok_or_else(truncated)?;
        Ok(Facts {
            flags,
            size: u64_at(16).ok_or_else(truncated)?,
            rows,
            creator,
            namespaces: Namespaces {
                pid: u64_at(32).ok_or_else(truncated)?,
                time: u64_at(40).ok_or_else(truncated)?,
            },
        })
    }

    fn check(&self, file_size: u64) -> Result<(), Failure> {
        let extended = self.is(flags::EXTENDED) && self.size < file_size;
        if self.size != file_size && !extended {
            return Err(damaged(format!(
                "the file has {file_size} bytes, its header says {}",
                self.size
            )));
        }
        if self.rows == 0 || self.rows > MAX_ROWS {
            return Err(damaged(format!(
                "its header says {} participants, expected 1 to {MAX_ROWS}",
                self.rows
            )));
        }
        if (blocks_at(self.rows) as u64) > self.size {
            return Err(damaged(format!(
                "{} participants do not fit its {} bytes",
                self.rows, self.size
            )));
        }
        Ok(())
    }

    pub(crate) fn is(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

impl Header {
    /// Says that the file goes on beyond what is mapped. Before it does: who looks at the length of the
    /// file and then at this finds the two in agreement.
    pub(super) fn set_extended(&self) {
        if self.flags.load(Ordering::Relaxed) & flags::EXTENDED == 0 {
            self.flags.fetch_or(flags::EXTENDED, Ordering::AcqRel);
        }
    }

    /// Fills in the header of a new segment, which is all zeros.
    pub(crate) fn init(&self, facts: &Facts) {
        // Ordering: nobody else sees the segment before it is linked or handed to a child.
        let relaxed = Ordering::Relaxed;
        self.flags.store(facts.flags, relaxed);
        self.size.store(facts.size, relaxed);
        self.rows.store(facts.rows, relaxed);
        self.creator.store(facts.creator, relaxed);
        self.pid_namespace.store(facts.namespaces.pid, relaxed);
        self.time_namespace.store(facts.namespaces.time, relaxed);
        let begin = blocks_at(facts.rows) as u64;
        self.used.store(begin, relaxed);
        self.touched.store(begin, relaxed);
        self.version.store(VERSION, relaxed);
        self.magic.store(MAGIC, Ordering::Release);
    }
}

/// Where the blocks begin.
pub(crate) fn blocks_at(rows: u32) -> usize {
    (ROWS_AT + rows as usize * size_of::<Row>()).next_multiple_of(BLOCK_ALIGN)
}

fn not_ours(why: &str) -> Failure {
    Failure::new(ErrorKind::NotACommonhold, why)
}

fn damaged(why: String) -> Failure {
    Failure::new(ErrorKind::Damaged, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_lies_as_documented() {
        assert_eq!(size_of::<Header>(), 256);
        assert_eq!(std::mem::offset_of!(Header, deaths), 128);
        assert_eq!(std::mem::offset_of!(Header, time_namespace), 40);
    }
}
