//! This process's attachment to a segment: the mapping, the row, and who we are there.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use memmap2::MmapRaw;

use super::header::{self, Facts, Header};
use super::mapped::{Damaged, InPlace};
use super::participants::{Identity, Participants, Row};
use super::tag::Tag;
use super::{Look, Peers};
use super::{claims, lifecycle, process};
use crate::error::{ErrorKind, Failure};
use crate::sys::file_lock::FileLock;
use crate::sys::hook::point;
use crate::sys::liveness::FileId;
use crate::sys::memory::{self, MapAdvice};
use crate::sys::private::PrivateWords;
use crate::sys::process::namespaces;
use crate::sys::{membarrier, process as system};

/// A mapped segment in which this process is a participant. Dropping the last handle to it leaves
/// the segment; a process that ends without is found dead, which costs nobody anything.
#[derive(Debug)]
pub(crate) struct Attachment {
    map: ManuallyDrop<MmapRaw>,
    base: NonNull<u8>,
    facts: Facts,
    file: ManuallyDrop<OwnedFd>,
    file_id: FileId,
    /// Holds this process's tag; reads 0 in a forked child.
    seat: ManuallyDrop<PrivateWords>,
    /// The name and its file; none for an anonymous segment.
    pub(super) home: Option<(String, PathBuf)>,
    /// Blocks are reserved one by one as they are added.
    pub(super) reserve_blocks: bool,
}

// SAFETY: [MAP-1] base points into the mapping, which this owns and which any thread may reach;
// what lies there is reached through InPlace views or under claims.
unsafe impl Send for Attachment {}
// SAFETY: [MAP-1] as above.
unsafe impl Sync for Attachment {}

impl Attachment {
    /// Maps a segment and takes a row in it. The caller holds the lifecycle lock, or the segment is
    /// new and seen by nobody. `init` fills in the header of a new one.
    pub(super) fn new(
        (file, file_id): (OwnedFd, FileId),
        me: Identity,
        facts: Facts,
        advice: MapAdvice,
        home: Option<(String, PathBuf)>,
        init: bool,
    ) -> Result<Attachment, Failure> {
        membarrier::register();
        let size = usize::try_from(facts.size)
            .map_err(|_| Failure::new(ErrorKind::InvalidSize, "larger than the address space"))?;
        let map = memory::map(file.as_fd(), size, advice).map_err(|error| Failure {
            kind: ErrorKind::OutOfMemory,
            ..Failure::system("mapping it", error)
        })?;
        if advice.locked {
            map.lock().map_err(|error| Failure::system("locking its memory", error))?;
        }
        let base = NonNull::new(map.as_mut_ptr()).ok_or(Damaged("a mapping at address zero"))?;
        let seat = PrivateWords::new()
            .map_err(|error| Failure::system("mapping a page for this process", error))?;
        let attachment = Attachment {
            map: ManuallyDrop::new(map),
            base,
            facts,
            file: ManuallyDrop::new(file),
            file_id,
            seat: ManuallyDrop::new(seat),
            home,
            reserve_blocks: false,
        };
        if init {
            attachment.header().init(&facts);
        }
        point!("attach.mapped");
        if !init {
            let start = base.as_ptr() as usize;
            attachment.participants().retire_former_self(me, start..start + size);
        }
        match attachment.register(me) {
            Ok(tag) => {
                // Ordering: [AT-1] threads learn of the attachment through the handle they get.
                attachment.seat.words().word.store(tag.bits(), Ordering::Relaxed);
                Ok(attachment)
            }
            Err(failure) => {
                // Not by Drop: the caller may hold the process's lock.
                ManuallyDrop::new(attachment).dismantle(|_| ());
                Err(failure)
            }
        }
    }

    /// Tells the others when this process started, if it is the one that registered.
    pub(super) fn tell_start(&self, me: Identity) {
        self.participants().tell_start(self.me_if_registered(), me);
    }

    fn register(&self, me: Identity) -> Result<Tag, Failure> {
        self.participants().register(me, |row| claims::sweep(self, row)).ok_or_else(|| {
            Failure::new(
                ErrorKind::TooManyParticipants,
                format!("its {} participants are all alive", self.facts.rows),
            )
        })
    }

    pub(super) fn participants(&self) -> Participants<'_> {
        Participants {
            header: self.header(),
            rows: self.row_table(),
            file: self.file_id,
            turn: &self.seat.words().turn,
        }
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: [HDR-1] a segment has room for its header, checked before it was mapped; [MAP-1]
        // self keeps the mapping, whose start is aligned to a page; [INP-1] Header is InPlace.
        unsafe { self.base.cast::<Header>().as_ref() }
    }

    fn row_table(&self) -> &[Row] {
        self.view_row(header::ROWS_AT, self.rows()).unwrap_or(&[])
    }

    /// How many participant rows the segment has.
    pub(crate) fn rows(&self) -> usize {
        self.facts.rows as usize
    }

    /// Where the blocks begin.
    pub(crate) fn first_block(&self) -> usize {
        header::blocks_at(self.facts.rows)
    }

    /// Bytes mapped.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn file_id(&self) -> FileId {
        self.file_id
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The address of a byte of the mapping.
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.len(), "offset {offset} is outside of the mapping");
        // SAFETY: [MAP-1] the offset lies in the mapping, checked above.
        unsafe { self.base.add(offset) }
    }

    /// The `T` at this offset, if it lies in the mapping and is aligned.
    pub(crate) fn view<T: InPlace>(&self, offset: usize) -> Option<&T> {
        self.view_row(offset, 1).and_then(|row| row.first())
    }

    /// A row of `T` at this offset, if it lies in the mapping and is aligned.
    pub(crate) fn view_row<T: InPlace>(&self, offset: usize, count: usize) -> Option<&[T]> {
        let size = size_of::<T>().checked_mul(count)?;
        let fits = offset.checked_add(size)? <= self.len();
        if !fits || !offset.is_multiple_of(align_of::<T>()) {
            return None;
        }
        let at = self.at(offset).cast::<T>().as_ptr();
        // SAFETY: [HDR-2] bounds and alignment were checked above; [MAP-1] self keeps the mapping;
        // [INP-1] T may be looked at while others change it.
        Some(unsafe { std::slice::from_raw_parts(at, count) })
    }

    /// Takes the memory of these bytes, where the segment was not reserved as a whole.
    pub(super) fn reserve(&self, at: usize, size: usize) -> Result<(), Failure> {
        if !self.reserve_blocks {
            return Ok(());
        }
        memory::reserve(self.file(), at as u64, size as u64)
            .map_err(|error| Failure::system(&format!("reserving {size} bytes"), error))
    }

    /// Zeroes what a creator that died left between these offsets, beyond the committed blocks.
    pub(super) fn make_zero(&self, from: usize, to: usize) -> Result<(), Failure> {
        let touched = &self.header().touched;
        let dirty = (touched.load(Ordering::Relaxed) as usize).min(to);
        if let Some(bytes) = dirty.checked_sub(from) {
            let outside = Damaged("a block beyond the end of the segment");
            let words: &[std::sync::atomic::AtomicU8] =
                self.view_row(from, bytes).ok_or(outside)?;
            words.iter().for_each(|byte| byte.store(0, Ordering::Relaxed));
        }
        // Acquire: no store to the block comes before it, so a death leaves nothing beyond `touched`.
        touched.fetch_max(to as u64, Ordering::AcqRel);
        Ok(())
    }

    /// Says that the file is about to go on beyond what is mapped.
    pub(crate) fn extends_beyond(&self) {
        self.header().set_extended();
    }

    /// The word that holds this process's tag; it lives as long as the attachment.
    pub(crate) fn seat(&self) -> NonNull<AtomicU32> {
        self.seat.word_address()
    }

    /// Gives everything back, the file through `leave`. At most once, as the last thing.
    fn dismantle(&mut self, leave: impl FnOnce(OwnedFd)) {
        // First the mapping: it keeps the open file, and with it the mark that the file is in use.
        // SAFETY: [MAP-1] the fields are taken once, here, where nobody else has the attachment:
        // whoever could reach the mapping held a handle.
        unsafe { ManuallyDrop::drop(&mut self.map) };
        // SAFETY: [MAP-1] as above.
        leave(unsafe { ManuallyDrop::take(&mut self.file) });
        // SAFETY: [MAP-1] as above.
        unsafe { ManuallyDrop::drop(&mut self.seat) };
    }

    /// Registers a forked child, which found no tag in its seat.
    #[cold]
    fn register_fork(&self) -> Tag {
        let registered = process::lock().and_then(|_alone| {
            let now = self.me_if_registered();
            if !now.is_nobody() {
                return Ok(now);
            }
            lifecycle::check_namespaces(&self.facts, namespaces())?;
            let _lock = FileLock::take(self.file(), Duration::MAX)
                .map_err(|error| Failure::system("locking the segment", error))?;
            let me = Identity::of_this_process().unwrap_or_else(|_| Identity::without_start());
            let tag = self.register(me)?;
            self.seat.words().word.store(tag.bits(), Ordering::Relaxed); // [AT-1]
            Ok(tag)
        });
        match registered {
            Ok(tag) => tag,
            Err(failure) => panic!(
                "a forked process cannot take part in a commonhold segment: {}",
                failure.reason
            ),
        }
    }
}

impl Peers for Attachment {
    #[inline]
    fn me(&self) -> Tag {
        let tag = self.me_if_registered();
        if tag.is_nobody() { self.register_fork() } else { tag }
    }

    #[inline]
    fn me_if_registered(&self) -> Tag {
        Tag::from_bits(self.seat.words().word.load(Ordering::Relaxed)) // [AT-1]
    }

    fn is_dead(&self, tag: Tag, look: Look) -> bool {
        self.participants().is_dead(tag, look)
    }

    fn take_over<R>(&self, dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        self.participants().take_over(self.me(), dead, cas)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let me = self.me_if_registered();
        if !me.is_nobody() {
            if claims::holds_guards(self, me) {
                return; // a guard was leaked: it stays held, and mapped, while this process lives
            }
            self.participants().retire(me);
        }
        point!("leave.retired");
        let alone = process::lock();
        let (id, facts, home) = (self.file_id, self.facts, self.home.take());
        self.dismantle(|file| {
            lifecycle::leave(file, id, &facts, home.as_ref());
            drop(alone);
        });
    }
}

/// The smallest segment that has room for these blocks.
pub(super) fn size_with(rows: u32, blocks: usize) -> Option<usize> {
    header::blocks_at(rows).checked_add(blocks)?.checked_next_multiple_of(system::page_size())
}

#[cfg(test)]
mod tests;
