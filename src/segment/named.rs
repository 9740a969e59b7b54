//! Segments by name: of several objects, their entries, and what lies in the directory of all.

use std::fs;
use std::sync::Arc;

use super::attachment::Attachment;
use super::handle::{Handle, plan};
use super::header::{Facts, ROWS_AT, blocks_at, flags};
use super::mapped::Block;
use super::object::Object;
use super::options::SegmentOptions;
use super::place::{Place, Site};
use super::{directory, lifecycle, name, participants, process};
use crate::error::{Error, ErrorKind, Failure};
use crate::sys::memory::{self, FileLock};

use std::os::fd::AsFd;

/// How often a name may be found taken, then free again, before giving up on it.
const RACES: u32 = 10_000;

/// Shared memory with a name, for several objects with names of their own.
///
/// A segment lives as long as a process is attached to it, by a handle to it or to one of its
/// objects, unless it is [persistent](SegmentOptions::persistent). Objects are made in it by the
/// same doors as elsewhere, at [`segment.at(name)`](Segment::at), and live as long as the segment.
///
/// # If a process dies
/// Half-made objects do not exist. The segment stays while anybody else is attached; the name a last
/// killed process leaves behind is *stale*: [`open`](Segment::open) does not find it,
/// [`create`](Segment::create) replaces it, [`gc`](crate::gc) removes it.
///
/// # Examples
/// ```
/// use commonhold::{Event, Segment, Value};
/// # let name = format!("doc-segment-{}", std::process::id());
/// let shop = Segment::create(&name, 1 << 16)?;
/// let hits = Value::<u64>::create(shop.at("hits"), 0)?;
/// let open = Event::create(shop.at("open"))?;
///
/// let same = Segment::open(&name)?;
/// Value::<u64>::open(same.at("hits"))?.fetch_add(1);
/// assert_eq!(hits.get(), 1);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[doc(alias = "SharedMemoryManager")]
#[derive(Clone, Debug)]
pub struct Segment {
    attachment: Arc<Attachment>,
}

impl Segment {
    /// Starts choosing how a segment is made.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Segment::options().persistent(true).mode(0o640);
    /// ```
    pub fn options() -> SegmentOptions {
        SegmentOptions::default()
    }

    /// Creates a segment with room for `bytes` bytes of objects and their descriptions (about 200
    /// bytes each). The memory is taken now.
    ///
    /// # Errors
    /// `AlreadyExists` if a living segment, or a file that is not one, has this name; `InvalidName`,
    /// `InvalidSize` (0 bytes), `OutOfMemory`, `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-create-{}", std::process::id());
    /// use commonhold::{ErrorKind, Segment};
    /// let shop = Segment::create(&name, 4096)?;
    /// assert_eq!(Segment::create(&name, 4096).unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create(name: &str, bytes: usize) -> Result<Segment, Error> {
        Segment::create_with(&SegmentOptions::default(), name, bytes)
    }

    /// Opens the segment with this name.
    ///
    /// # Errors
    /// `NotFound` if nothing, or nothing living, has this name; `TypeMismatch` if a single object
    /// has it; `NotACommonhold`, `Version`, `Damaged`, `PermissionDenied`, `ForeignNamespace`,
    /// `TooManyParticipants`, `InvalidName`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-open-{}", std::process::id());
    /// use commonhold::{ErrorKind, Segment};
    /// assert_eq!(Segment::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    /// ```
    pub fn open(name: &str) -> Result<Segment, Error> {
        Segment::open_with(&SegmentOptions::default(), name)
    }

    /// Opens the segment with this name, or creates it: of any number of callers exactly one does.
    ///
    /// # Errors
    /// As [`open`](Segment::open) and [`create`](Segment::create), without `NotFound` and
    /// `AlreadyExists`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-either-{}", std::process::id());
    /// let shop = commonhold::Segment::open_or_create(&name, 1 << 16)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create(name: &str, bytes: usize) -> Result<Segment, Error> {
        Segment::open_or_create_with(&SegmentOptions::default(), name, bytes)
    }

    /// The place of an object of this segment.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-at-{}", std::process::id());
    /// use commonhold::{Lock, Segment};
    /// let shop = Segment::create(&name, 1 << 16)?;
    /// let till = Lock::create(shop.at("till"))?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn at<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place { name, site: Site::In(self) }
    }

    /// The segment's name.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-name-{}", std::process::id());
    /// let shop = commonhold::Segment::create(&name, 4096)?;
    /// assert_eq!(shop.name(), Some(name.as_str()));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.attachment.home.as_ref().map(|(name, _)| name.as_str())
    }

    /// The names of the objects, in the order in which they were made.
    ///
    /// # Errors
    /// `Damaged` when the segment's memory was overwritten.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-names-{}", std::process::id());
    /// use commonhold::{Lock, Segment};
    /// let shop = Segment::create(&name, 1 << 16)?;
    /// let till = Lock::create(shop.at("till"))?;
    /// assert_eq!(shop.names()?, ["till"]);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn names(&self) -> Result<Vec<String>, Error> {
        directory::entries(&self.attachment)
            .map(|entry| entry.map(|entry| entry.name))
            .collect::<Result<_, _>>()
            .map_err(|failure| Error::of(failure, "list", self.described()))
    }

    /// Removes the segment's name now. Users keep what they have; nobody finds it any more.
    ///
    /// # Errors
    /// `NotFound` when the name is gone or leads to another segment; `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-segment-unlink-{}", std::process::id());
    /// let shop = commonhold::Segment::create(&name, 4096)?;
    /// shop.unlink()?;
    /// assert!(commonhold::Segment::open(&name).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        let Some((_, path)) = &self.attachment.home else { return Ok(()) };
        lifecycle::unlink(path, Some(self.attachment.file_id()))
            .map_err(|failure| Error::of(failure, "unlink", self.described()))
    }

    pub(super) fn create_with(
        options: &SegmentOptions,
        name: &str,
        bytes: usize,
    ) -> Result<Segment, Error> {
        Segment::create_named(options, name, bytes)
            .map_err(|failure| Error::of(failure, "create", described(name)))
    }

    pub(super) fn open_with(options: &SegmentOptions, name: &str) -> Result<Segment, Error> {
        Segment::open_named(options, name)
            .map_err(|failure| Error::of(failure, "open", described(name)))
    }

    pub(super) fn open_or_create_with(
        options: &SegmentOptions,
        name: &str,
        bytes: usize,
    ) -> Result<Segment, Error> {
        open_or_create(
            || Segment::open_named(options, name),
            || Segment::create_named(options, name, bytes),
        )
        .map_err(|failure| Error::of(failure, "open or create", described(name)))
    }

    fn create_named(options: &SegmentOptions, name: &str, bytes: usize) -> Result<Self, Failure> {
        if bytes == 0 {
            return Err(Failure::new(ErrorKind::InvalidSize, "0 bytes, expected at least 1"));
        }
        let attachment = lifecycle::create(name, options, bytes, 0, |_| Ok(()))?;
        Ok(Segment { attachment })
    }

    fn open_named(options: &SegmentOptions, name: &str) -> Result<Self, Failure> {
        let attachment = lifecycle::open(name, options)?;
        if attachment.facts().is(flags::SINGLE) {
            let held = directory::find(&attachment, "")?;
            let held = held.map_or("a single object".to_owned(), |entry| entry.type_name);
            return Err(Failure::new(
                ErrorKind::TypeMismatch,
                format!("holds {held}, asked for a segment of named objects"),
            ));
        }
        Ok(Segment { attachment })
    }

    /// Makes an object with this name; takes the one that is there, where that `suits`.
    pub(super) fn add_object<O: Object>(
        &self,
        name: &str,
        args: O::Args,
        suits: bool,
    ) -> Result<Handle<O>, Failure> {
        name::check(name)?;
        let layout = plan::<O>(&args, self.attachment.rows())?;
        let _alone = process::lock()?;
        let _lock = FileLock::take(self.attachment.file())
            .map_err(|error| Failure::system("locking the segment", error))?;
        if let Some(entry) = directory::find(&self.attachment, name)? {
            if !suits {
                let why = "the segment has an object with this name";
                return Err(Failure::new(ErrorKind::AlreadyExists, why));
            }
            entry.expect(&O::signature())?;
            return Handle::view(entry.block(&self.attachment)?, Some(name), true);
        }
        let init = |block: &Block| O::init(block, args).map_err(Failure::from);
        let block = directory::add(&self.attachment, name, &O::signature(), &layout, init)?;
        Handle::view(block, Some(name), true)
    }

    pub(super) fn find_object<O: Object>(&self, name: &str) -> Result<Handle<O>, Failure> {
        name::check(name)?;
        let entry = directory::find(&self.attachment, name)?.ok_or_else(|| {
            Failure::new(ErrorKind::NotFound, "the segment has no object with this name")
        })?;
        entry.expect(&O::signature())?;
        Handle::view(entry.block(&self.attachment)?, Some(name), true)
    }

    fn described(&self) -> String {
        described(self.name().unwrap_or("anonymous"))
    }
}

fn described(name: &str) -> String {
    format!("segment {name:?}")
}

/// Opens what is there or creates it, as often as others come in between.
pub(super) fn open_or_create<T>(
    open: impl Fn() -> Result<T, Failure>,
    create: impl Fn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut races = 0;
    loop {
        match open() {
            Err(failure) if failure.kind == ErrorKind::NotFound => {}
            done => return done,
        }
        match create() {
            Err(failure) if failure.kind == ErrorKind::AlreadyExists && races < RACES => {
                races += 1;
            }
            done => return done,
        }
    }
}

/// What can be seen of a segment from outside.
///
/// # Examples
/// ```
/// # let name = format!("doc-info-{}", std::process::id());
/// let shop = commonhold::Segment::create(&name, 4096)?;
/// let all = commonhold::segments()?;
/// let info = all.iter().find(|info| info.name() == name).unwrap();
/// assert_eq!((info.participants(), info.is_stale()), (1, false));
/// assert!(info.size() >= 4096 && !info.is_persistent() && info.capacity() == 128);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SegmentInfo {
    name: String,
    size: u64,
    creator: u32,
    participants: usize,
    capacity: u32,
    persistent: bool,
    stale: bool,
}

impl SegmentInfo {
    /// Its name.
    ///
    /// # Examples
    /// ```
    /// for info in commonhold::segments()? {
    ///     println!("{}", info.name());
    /// }
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in bytes.
    ///
    /// # Examples
    /// ```
    /// let bytes: u64 = commonhold::segments()?.iter().map(|info| info.size()).sum();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The process that made it, which may have ended.
    ///
    /// # Examples
    /// ```
    /// let mine = std::process::id();
    /// let made_here = commonhold::segments()?.iter().filter(|i| i.creator() == mine).count();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn creator(&self) -> u32 {
        self.creator
    }

    /// How many processes are attached to it, or died attached and were not yet found.
    ///
    /// # Examples
    /// ```
    /// let busy = commonhold::segments()?.iter().any(|info| info.participants() > 100);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn participants(&self) -> usize {
        self.participants
    }

    /// How many processes can be attached to it.
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::segments()?.iter().all(|info| info.capacity() > 0));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Whether it outlives its users.
    ///
    /// # Examples
    /// ```
    /// let kept = commonhold::segments()?.into_iter().filter(|info| info.is_persistent());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Whether all its users ended, so that [`gc`] would remove it.
    ///
    /// # Examples
    /// ```
    /// let left_behind = commonhold::segments()?.iter().filter(|info| info.is_stale()).count();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}

/// Lists the segments on this machine that this process may open, in the order of their names.
///
/// Files that are not segments of this version are passed over.
///
/// # Errors
/// `Io`, `PermissionDenied` or `NotFound` when the directory of segments cannot be read.
///
/// # Examples
/// ```
/// for info in commonhold::segments()? {
///     println!("{} ({} bytes), {} attached", info.name(), info.size(), info.participants());
/// }
/// # Ok::<(), commonhold::Error>(())
/// ```
pub fn segments() -> Result<Vec<SegmentInfo>, Error> {
    Ok(names("list")?.into_iter().filter_map(|name| info(name).ok()).collect())
}

/// Removes every stale name: segments that nobody is attached to, left by processes that were
/// killed. Returns the names, sorted.
///
/// Names in use, persistent ones, and files that are not segments stay; so do those that this
/// process has no permission to remove.
///
/// # Errors
/// `Io`, `PermissionDenied` or `NotFound` when the directory of segments cannot be read.
///
/// # Examples
/// ```
/// for name in commonhold::gc()? {
///     println!("removed {name}");
/// }
/// # Ok::<(), commonhold::Error>(())
/// ```
pub fn gc() -> Result<Vec<String>, Error> {
    let removed = |name: &String| {
        name::path_of(name).and_then(|path| lifecycle::remove_if_stale(&path)).unwrap_or(false)
    };
    Ok(names("collect")?.into_iter().filter(removed).collect())
}

/// Removes a segment's name now, in use or not. Users keep what they have; nobody finds it any more.
///
/// # Errors
/// `NotFound`, `InvalidName`, `PermissionDenied`; `NotACommonhold` for a file that is not a segment,
/// which stays.
///
/// # Examples
/// ```
/// # let name = format!("doc-unlink-{}", std::process::id());
/// let door = commonhold::Lock::create(&name)?;
/// commonhold::unlink(&name)?;
/// assert_eq!(commonhold::unlink(&name).unwrap_err().kind(), commonhold::ErrorKind::NotFound);
/// # Ok::<(), commonhold::Error>(())
/// ```
pub fn unlink(name: &str) -> Result<(), Error> {
    name::path_of(name)
        .and_then(|path| lifecycle::unlink(&path, None))
        .map_err(|failure| Error::of(failure, "unlink", described(name)))
}

/// The names in the directory of segments that could be segments', sorted.
fn names(operation: &'static str) -> Result<Vec<String>, Error> {
    let directory = name::directory();
    let listed = fs::read_dir(&directory).map_err(|error| {
        let what = format!("segments in {}", directory.display());
        Error::of(Failure::system("reading the directory", error), operation, what)
    })?;
    let mut names: Vec<String> = listed
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name::check(name).is_ok())
        .collect();
    names.sort();
    Ok(names)
}

fn info(name: String) -> Result<SegmentInfo, Failure> {
    let path = name::path_of(&name)?;
    let (found, facts, participants) = {
        let _alone = process::lock()?;
        let file = lifecycle::open_file(&path)?;
        let found = lifecycle::look_at(file.as_fd())?;
        let facts = Facts::read(file.as_fd(), found.size)?;
        let mut bytes = vec![0; blocks_at(facts.rows)];
        let read = memory::read_start(file.as_fd(), &mut bytes)
            .map_err(|error| Failure::system("reading its participants", error))?;
        let rows = bytes.get(ROWS_AT..read).unwrap_or(&[]);
        (found, facts, participants::attached(rows).count())
    };
    Ok(SegmentInfo {
        size: found.size,
        creator: facts.creator,
        participants,
        capacity: facts.rows,
        persistent: facts.is(flags::PERSISTENT),
        stale: lifecycle::is_stale_now(&path)?,
        name,
    })
}
