//! How a new segment is made.

use super::Segment;
use super::header::flags;
use super::place::{Place, Site};
use super::tag::MAX_ROWS;
use crate::error::{Error, ErrorKind, Failure};
use crate::sys::memory::MapAdvice;

/// Participants of a segment, unless asked otherwise.
const PARTICIPANTS: u32 = 128;

/// How a new segment is made, from [`Segment::options`]; how it is mapped, where it exists already.
///
/// # Examples
/// ```
/// use commonhold::{Queue, Segment};
/// # let name = format!("doc-options-{}", std::process::id());
/// let options = Segment::options().mode(0o660).participants(512);
/// let jobs = Queue::<u64>::create(options.at(&name), 1024)?;
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until something is made at their place"]
pub struct SegmentOptions {
    pub(super) mode: u32,
    participants: u32,
    persistent: bool,
    pub(super) sparse: bool,
    huge_pages: bool,
    populate: bool,
    lock_in_memory: bool,
}

impl Default for SegmentOptions {
    fn default() -> SegmentOptions {
        SegmentOptions {
            mode: 0o600,
            participants: PARTICIPANTS,
            persistent: false,
            sparse: false,
            huge_pages: false,
            populate: false,
            lock_in_memory: false,
        }
    }
}

impl SegmentOptions {
    /// Sets the permission bits of the file, exactly, whatever the umask; 0600 unless asked.
    ///
    /// A mode that admits group or others also admits segments that *belong* to others when one is
    /// opened; without, only those of this user and of root are.
    ///
    /// # Examples
    /// ```
    /// let shared_with_my_group = commonhold::Segment::options().mode(0o660);
    /// ```
    pub fn mode(mut self, mode: u32) -> SegmentOptions {
        self.mode = mode & 0o777;
        self
    }

    /// Sets how many processes may be attached at once: 1 to 4,095; 128 unless asked.
    ///
    /// Each costs 32 bytes, and some more in every semaphore, buffer and queue of the segment.
    ///
    /// # Examples
    /// ```
    /// let for_many_workers = commonhold::Segment::options().participants(1000);
    /// ```
    pub fn participants(mut self, participants: u32) -> SegmentOptions {
        self.participants = participants;
        self
    }

    /// Sets whether the name stays when the last process leaves; otherwise the last one removes it.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-persistent-{}", std::process::id());
    /// use commonhold::{Segment, Value};
    /// let total = Value::<u64>::create(Segment::options().persistent(true).at(&name), 7)?;
    /// drop(total);
    /// assert_eq!(Value::<u64>::open(&name)?.get(), 7);
    /// commonhold::unlink(&name)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn persistent(mut self, persistent: bool) -> SegmentOptions {
        self.persistent = persistent;
        self
    }

    /// Sets whether memory is taken only when it is first touched, instead of at creation.
    ///
    /// A sparse segment costs what is used of it; but when shared memory runs out later, touching a
    /// new page of it ends the process with `SIGBUS`.
    ///
    /// # Examples
    /// ```
    /// let mostly_empty = commonhold::Segment::options().sparse(true);
    /// ```
    pub fn sparse(mut self, sparse: bool) -> SegmentOptions {
        self.sparse = sparse;
        self
    }

    /// Asks for huge pages (`MADV_HUGEPAGE`), where the kernel has them for shared memory. A
    /// `COMMONHOLD_DIR` on a file system of huge pages uses them anyway.
    ///
    /// # Examples
    /// ```
    /// let large = commonhold::Segment::options().huge_pages(true);
    /// ```
    pub fn huge_pages(mut self, huge_pages: bool) -> SegmentOptions {
        self.huge_pages = huge_pages;
        self
    }

    /// Sets whether all pages are mapped at once when this process attaches, instead of one by one
    /// when they are first touched.
    ///
    /// # Examples
    /// ```
    /// let no_faults_later = commonhold::Segment::options().populate(true);
    /// ```
    pub fn populate(mut self, populate: bool) -> SegmentOptions {
        self.populate = populate;
        self
    }

    /// Sets whether the pages are locked in memory (`mlock`) by this process. Attaching fails where
    /// `RLIMIT_MEMLOCK` forbids it.
    ///
    /// # Examples
    /// ```
    /// let never_swapped = commonhold::Segment::options().lock_in_memory(true);
    /// ```
    pub fn lock_in_memory(mut self, lock_in_memory: bool) -> SegmentOptions {
        self.lock_in_memory = lock_in_memory;
        self
    }

    /// The place of an object of its own with this name, made with these options.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-options-at-{}", std::process::id());
    /// use commonhold::{Event, Segment};
    /// let start = Event::create(Segment::options().participants(16).at(&name))?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn at<'a>(&self, name: &'a str) -> Place<'a> {
        Place { name, site: Site::Own(self.clone()) }
    }

    /// Creates a segment for several objects, with room for `bytes` bytes of them.
    ///
    /// # Errors
    /// As [`Segment::create`].
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-options-create-{}", std::process::id());
    /// let shop = commonhold::Segment::options().sparse(true).create(&name, 1 << 30)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create(&self, name: &str, bytes: usize) -> Result<Segment, Error> {
        Segment::create_with(self, name, bytes)
    }

    /// Opens a segment of several objects.
    ///
    /// # Errors
    /// As [`Segment::open`].
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-options-open-{}", std::process::id());
    /// use commonhold::Segment;
    /// let shop = Segment::create(&name, 1 << 16)?;
    /// let same = Segment::options().populate(true).open(&name)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open(&self, name: &str) -> Result<Segment, Error> {
        Segment::open_with(self, name)
    }

    /// Opens the segment with this name, or creates it.
    ///
    /// # Errors
    /// As [`Segment::open_or_create`].
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-options-either-{}", std::process::id());
    /// let shop = commonhold::Segment::options().open_or_create(&name, 1 << 16)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create(&self, name: &str, bytes: usize) -> Result<Segment, Error> {
        Segment::open_or_create_with(self, name, bytes)
    }

    pub(super) fn rows(&self) -> Result<u32, Failure> {
        if (1..=MAX_ROWS).contains(&self.participants) {
            return Ok(self.participants);
        }
        Err(Failure::new(
            ErrorKind::InvalidSize,
            format!("{} participants, expected 1 to {MAX_ROWS}", self.participants),
        ))
    }

    pub(super) fn flags(&self) -> u32 {
        if self.persistent { flags::PERSISTENT } else { 0 }
    }

    pub(super) fn advice(&self) -> MapAdvice {
        MapAdvice {
            populate: self.populate,
            huge_pages: self.huge_pages,
            locked: self.lock_in_memory,
        }
    }
}
