//! What one process tells another so that it finds an object, and how the other finds it.
//!
//! A reference says which file the segment is (device and inode), its name where it has one, and
//! where in it the object lies. The file is reached
//!
//! 1. where this process is attached to it: there;
//! 2. by a descriptor that came with it, where this process was started with the reference;
//! 3. by its name, where that leads to this very file;
//! 4. through the descriptors of the process that made the reference, then of the segment's creator,
//!    then of every process that this one may look at: any living user has it open.
//!
//! Each is opened only after it was seen to be the right file, and looked at again when it is open.
//! Nothing else is believed: the header is checked as at every opening, the object's place is found in
//! the directory, and its type compared.
//!
//! *Who made the reference dies*: 1 to 3 do not need it, and 4 finds another user as long as there is
//! one. Whoever carries a reference keeps a handle until it has arrived, so that there is.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use super::attachment::Attachment;
use super::handle::Handle;
use super::header::flags;
use super::named::Segment;
use super::object::Object;
use super::options::SegmentOptions;
use super::{directory, lifecycle, name, process};
use crate::error::{ErrorKind, Failure};
use crate::sys::liveness::{self, FileId};
use crate::sys::memory;

/// Which segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reference {
    pub(crate) name: Option<String>,
    pub(crate) file: FileId,
}

/// By which way it is reached, besides its name.
#[derive(Debug)]
pub(crate) enum Way {
    /// By a descriptor that this process was started with, if it was not used already.
    HandedOver(Option<OwnedFd>),
    /// By this descriptor of a process that has it open, or by others of the segment's users.
    Through { pid: u32, descriptor: i32, creator: u32 },
}

impl Attachment {
    pub(crate) fn reference(&self) -> Reference {
        let name = self.home.as_ref().map(|(name, _)| name.clone());
        Reference { name, file: self.file_id() }
    }
}

impl Reference {
    /// Attaches to the segment.
    fn attach(&self, way: Way) -> Result<Arc<Attachment>, Failure> {
        if let Some(attached) = process::lock()?.find(self.file) {
            return Ok(attached);
        }
        if let Way::HandedOver(descriptor) = way {
            return self.attach_by(descriptor.ok_or_else(|| self.unreachable())?);
        }
        let path = self.name.as_deref().and_then(|name| name::path_of(name).ok());
        if let (Some(name), Some(path)) = (&self.name, path)
            && memory::id_of(&path) == Some(self.file)
        {
            // Whoever sent it is trusted to have admitted the owner.
            let options = SegmentOptions::default().mode(0o666);
            match lifecycle::open(name, &options) {
                Ok(attached) if attached.file_id() == self.file => return Ok(attached),
                Ok(_) => {}
                Err(failure) if failure.kind == ErrorKind::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
        self.attach_through_users(way)
    }

    fn attach_through_users(&self, way: Way) -> Result<Arc<Attachment>, Failure> {
        let Way::Through { pid, descriptor, creator } = way else {
            return Err(self.unreachable());
        };
        let first = self.attach_through(&pid.to_string(), descriptor);
        first.or_else(|why| {
            // Not there any more, or not under that number.
            let others = [pid, creator].into_iter().chain(liveness::all());
            let open =
                others.filter_map(|pid| Some((pid, liveness::descriptor_of(pid, self.file)?)));
            open.map(|(pid, descriptor)| self.attach_through(&pid.to_string(), descriptor))
                .find(Result::is_ok)
                .unwrap_or(Err(why))
        })
    }

    /// Attaches by a descriptor that this process was started with. What has a name is marked by an open
    /// description of each process's own; a lock is its own by any.
    fn attach_by(&self, descriptor: OwnedFd) -> Result<Arc<Attachment>, Failure> {
        if self.name.is_some() {
            return self.attach_through("self", descriptor.as_raw_fd());
        }
        let alone = process::lock()?;
        let found = lifecycle::look_at(descriptor.as_fd())?;
        if found.id != self.file {
            return Err(self.unreachable());
        }
        lifecycle::adopt(alone, descriptor, &found, None)
    }

    /// Attaches by a descriptor of a process.
    fn attach_through(&self, pid: &str, descriptor: i32) -> Result<Arc<Attachment>, Failure> {
        let path = PathBuf::from(format!("/proc/{pid}/fd/{descriptor}"));
        if memory::id_of_open(&path) != Some(self.file) {
            return Err(self.unreachable());
        }
        let alone = process::lock()?; // covers the opening, and the closing where it is another file
        let file = memory::reopen(&path)
            .map_err(|error| Failure::system(&format!("opening {}", path.display()), error))?;
        let found = lifecycle::look_at(file.as_fd())?;
        if found.id != self.file {
            return Err(self.unreachable());
        }
        lifecycle::adopt(alone, file, &found, self.name.as_deref())
    }

    fn unreachable(&self) -> Failure {
        let what = match &self.name {
            Some(name) => format!("the segment {name:?}"),
            None => "the anonymous segment of an object".to_owned(),
        };
        Failure::new(
            ErrorKind::NotFound,
            format!("{what} is gone, with every process that used it"),
        )
    }
}

impl<O: Object> Handle<O> {
    /// The object at this place of the segment.
    pub(crate) fn find_by(reference: &Reference, way: Way, at: u64) -> Result<Handle<O>, Failure> {
        let segment = reference.attach(way)?;
        let entry = directory::find_at(&segment, at)?.ok_or_else(|| {
            Failure::new(ErrorKind::NotFound, "there is no object at this place of the segment")
        })?;
        entry.expect(&O::signature())?;
        let block = entry.block(&segment)?;
        match &segment.home {
            None => Handle::view(block, None, false),
            Some((name, _)) if segment.facts().is(flags::SINGLE) => {
                Handle::view(block, Some(name), false)
            }
            Some(_) => Handle::view(block, Some(&entry.name()), true),
        }
    }
}

impl Segment {
    /// The segment of several objects.
    pub(crate) fn find_by(reference: &Reference, way: Way) -> Result<Segment, Failure> {
        let attachment = reference.attach(way)?;
        if attachment.facts().is(flags::SINGLE) {
            let what = "holds a single object, expected a segment of named objects";
            return Err(Failure::new(ErrorKind::TypeMismatch, what));
        }
        Ok(Segment::over(attachment))
    }
}
