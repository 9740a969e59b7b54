//! Segments of several objects, with names of their own.

use std::sync::Arc;

use super::attachment::Attachment;
use super::handle::{Handle, plan};
use super::header::flags;
use super::mapped::Block;
use super::object::Object;
use super::options::SegmentOptions;
use super::place::{Place, Site};
use super::{directory, lifecycle, name, process};
use crate::error::{Error, ErrorKind, Failure};

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
            .map(|entry| entry.map(|entry| entry.name()))
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

    /// The attachment that keeps the segment.
    pub(crate) fn attachment(&self) -> &Arc<Attachment> {
        &self.attachment
    }

    pub(super) fn over(attachment: Arc<Attachment>) -> Segment {
        Segment { attachment }
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
            let held = held.map_or("a single object".to_owned(), |entry| entry.type_name());
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
        args: O::Args<'_>,
        suits: bool,
    ) -> Result<Handle<O>, Failure> {
        name::check(name)?;
        let layout = plan::<O>(&args, self.attachment.rows())?;
        let _alone = process::lock()?;
        let _lock = lifecycle::lock(self.attachment.file())?;
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

/// How an error speaks of a segment.
pub(super) fn described(name: &str) -> String {
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
