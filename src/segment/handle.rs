//! The common part of every handle: the object, who we are in its segment, and the doors to it.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::attachment::Attachment;
use super::header::flags;
use super::layout::{Layout, TooLarge};
use super::mapped::Block;
use super::object::Object;
use super::options::SegmentOptions;
use super::place::{Place, Site};
use super::{Look, Peers, Tag};
use super::{anonymous, directory, lifecycle, named};
use crate::error::{Error, ErrorKind, Failure};

/// A counted handle to an object that lies in a segment.
pub(crate) struct Handle<O> {
    inner: Arc<Inner<O>>,
    /// Where the tag stands: one load away from the handle itself.
    seat: NonNull<AtomicU32>,
}

struct Inner<O> {
    object: O,
    block: Block,
    /// The object's name, where it has one.
    name: Option<String>,
    /// Whether that is a name within a segment, not a file's.
    is_entry: bool,
}

// SAFETY: [MAP-1] the seat is an atomic word that lives as long as the attachment, which inner
// keeps; the rest is an Arc of something that may be sent and shared.
unsafe impl<O: Send + Sync> Send for Handle<O> {}
// SAFETY: [MAP-1] as above.
unsafe impl<O: Send + Sync> Sync for Handle<O> {}

impl<O: Object> Handle<O> {
    /// An anonymous object.
    pub(crate) fn new(args: O::Args<'_>) -> Result<Handle<O>, Error> {
        let made = || {
            let layout = plan::<O>(&args, anonymous::ROWS as usize)?;
            let init = |block: &Block| O::init(block, args).map_err(Failure::from);
            let block = anonymous::create(&O::signature(), &layout, init)?;
            Handle::view(block, None, false)
        };
        made().map_err(|failure| Error::of(failure, "create", described::<O>(None)))
    }

    /// A new object at this place.
    pub(crate) fn create(at: Place<'_>, args: O::Args<'_>) -> Result<Handle<O>, Error> {
        let made = match &at.site {
            Site::Own(options) => Handle::create_own(options, at.name, args),
            Site::In(segment) => segment.add_object(at.name, args, false),
        };
        made.map_err(|failure| Error::of(failure, "create", described::<O>(Some(&at))))
    }

    /// The object at this place.
    pub(crate) fn open(at: Place<'_>) -> Result<Handle<O>, Error> {
        let found = match &at.site {
            Site::Own(options) => Handle::open_own(options, at.name),
            Site::In(segment) => segment.find_object(at.name),
        };
        found.map_err(|failure| Error::of(failure, "open", described::<O>(Some(&at))))
    }

    /// The object at this place, made if there is none.
    pub(crate) fn open_or_create<'a>(at: Place<'_>, args: O::Args<'a>) -> Result<Handle<O>, Error>
    where
        O::Args<'a>: Clone,
    {
        let either = match &at.site {
            Site::Own(options) => named::open_or_create(
                || Handle::open_own(options, at.name),
                || Handle::create_own(options, at.name, args.clone()),
            ),
            Site::In(segment) => segment.add_object(at.name, args, true),
        };
        either.map_err(|failure| Error::of(failure, "open or create", described::<O>(Some(&at))))
    }

    /// Removes the object's name.
    pub(crate) fn unlink(&self) -> Result<(), Error> {
        let segment = self.attachment();
        let done = match &segment.home {
            _ if self.inner.is_entry => Err(Failure::new(
                ErrorKind::Unsupported,
                "an object in a segment lives as long as the segment",
            )),
            None => Ok(()),
            Some((_, path)) => lifecycle::unlink(path, Some(segment.file_id())),
        };
        done.map_err(|failure| Error::of(failure, "unlink", self.described()))
    }

    fn create_own(
        options: &SegmentOptions,
        name: &str,
        args: O::Args<'_>,
    ) -> Result<Self, Failure> {
        let layout = plan::<O>(&args, options.rows()? as usize)?;
        let room = directory::room_for("", &layout).map_err(|TooLarge| too_large())?;
        let mut made = None;
        lifecycle::create(name, options, room, flags::SINGLE, |segment| {
            let init = |block: &Block| O::init(block, args).map_err(Failure::from);
            made = Some(directory::add(segment, "", &O::signature(), &layout, init)?);
            Ok(())
        })?;
        let block = made.ok_or_else(|| Failure::new(ErrorKind::Io, "nothing was made"))?;
        Handle::view(block, Some(name), false)
    }

    fn open_own(options: &SegmentOptions, name: &str) -> Result<Self, Failure> {
        let segment = lifecycle::open(name, options)?;
        if !segment.facts().is(flags::SINGLE) {
            return Err(Failure::new(
                ErrorKind::TypeMismatch,
                format!("holds a segment of named objects, asked for {}", O::signature().name),
            ));
        }
        let entry = directory::find(&segment, "")?
            .ok_or_else(|| Failure::new(ErrorKind::Damaged, "holds no object"))?;
        entry.expect(&O::signature())?;
        Handle::view(entry.block(&segment)?, Some(name), false)
    }

    /// A handle to what lies in this block.
    pub(super) fn view(block: Block, name: Option<&str>, is_entry: bool) -> Result<Self, Failure> {
        let object = O::attach(&block)?;
        let seat = block.attachment().seat();
        let name = name.map(str::to_owned);
        Ok(Handle { inner: Arc::new(Inner { object, block, name, is_entry }), seat })
    }

    fn described(&self) -> String {
        let segment = self.attachment().home.as_ref().map(|(name, _)| name.as_str());
        let within = segment.filter(|_| self.inner.is_entry);
        describe_as::<O>(self.inner.name.as_deref(), within)
    }
}

/// A type of the public surface that is a handle to an object.
pub(crate) trait Handled: Sized {
    type Object: Object;

    fn handle(&self) -> &Handle<Self::Object>;
    fn from_handle(handle: Handle<Self::Object>) -> Self;
}

/// Plans an object's block; refuses what exceeds the address space.
pub(super) fn plan<O: Object>(args: &O::Args<'_>, rows: usize) -> Result<Layout, Failure> {
    O::layout(args, rows).map_err(|TooLarge| too_large())
}

fn too_large() -> Failure {
    Failure::new(
        ErrorKind::InvalidSize,
        "the size is 0 where that is none, or exceeds the address space",
    )
}

/// How an error speaks of an object: `queue "jobs"`, `value "hits" in segment "shop"`.
fn described<O: Object>(at: Option<&Place<'_>>) -> String {
    let within = at.and_then(|at| match &at.site {
        Site::Own(_) => None,
        Site::In(segment) => segment.name(),
    });
    describe_as::<O>(at.map(|at| at.name), within)
}

fn describe_as<O: Object>(name: Option<&str>, within: Option<&str>) -> String {
    let kind = O::signature().kind.name().to_lowercase();
    match (name, within) {
        (None, _) => format!("anonymous {kind}"),
        (Some(name), None) => format!("{kind} {name:?}"),
        (Some(name), Some(segment)) => format!("{kind} {name:?} in segment {segment:?}"),
    }
}

impl<O> Handle<O> {
    /// Where the object lies in its segment.
    pub(crate) fn offset(&self) -> u64 {
        self.inner.block.offset() as u64
    }

    /// What keeps the object's segment.
    pub(crate) fn kept(&self) -> &Arc<Attachment> {
        self.inner.block.attachment()
    }

    #[inline]
    pub(crate) fn attachment(&self) -> &Attachment {
        self.inner.block.attachment()
    }

    #[cold]
    #[inline(never)]
    fn me_forked(&self) -> Tag {
        self.attachment().me()
    }
}

impl<O> Peers for Handle<O> {
    #[inline]
    fn me(&self) -> Tag {
        let tag = self.me_if_registered();
        if tag.is_nobody() { self.me_forked() } else { tag }
    }

    #[inline]
    fn me_if_registered(&self) -> Tag {
        // SAFETY: [MAP-1] the seat lives as long as the attachment, which inner keeps.
        let seat = unsafe { self.seat.as_ref() };
        Tag::alone(seat.load(Ordering::Relaxed)) // [AT-1]
    }

    fn is_dead(&self, tag: Tag, look: Look) -> bool {
        self.attachment().is_dead(tag, look)
    }

    fn take_over<R>(&self, dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        self.attachment().take_over(dead, cas)
    }
}

impl<O> Deref for Handle<O> {
    type Target = O;

    #[inline]
    fn deref(&self) -> &O {
        &self.inner.object
    }
}

impl<O> Clone for Handle<O> {
    fn clone(&self) -> Self {
        Handle { inner: Arc::clone(&self.inner), seat: self.seat }
    }
}

impl<O> fmt::Debug for Handle<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner.name {
            Some(name) => write!(f, "{name:?}"),
            None => f.write_str("anonymous"),
        }
    }
}

// A panic between two steps of an operation leaves shared memory as a death would: recoverable.
impl<O> std::panic::UnwindSafe for Handle<O> {}
impl<O> std::panic::RefUnwindSafe for Handle<O> {}
