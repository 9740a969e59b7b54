//! What lies in the directory of segments: listed, collected, removed.

use std::fs;
use std::os::fd::AsFd;

use super::header::{Facts, ROWS_AT, blocks_at, flags};
use super::named::described;
use super::{lifecycle, name, participants, process};
use crate::error::{Error, Failure};
use crate::sys::memory;

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
    let (facts, participants) = {
        let _alone = process::lock()?;
        let file = lifecycle::open_file(&path)?;
        let found = lifecycle::look_at(file.as_fd())?;
        let facts = Facts::read(file.as_fd(), found.size)?;
        let mut bytes = vec![0; blocks_at(facts.rows)];
        let read = memory::read_start(file.as_fd(), &mut bytes)
            .map_err(|error| Failure::system("reading its participants", error))?;
        let rows = bytes.get(ROWS_AT..read).unwrap_or(&[]);
        (facts, participants::attached(rows).count())
    };
    Ok(SegmentInfo {
        size: facts.size,
        creator: facts.creator,
        participants,
        capacity: facts.rows,
        persistent: facts.is(flags::PERSISTENT),
        stale: lifecycle::is_stale_now(&path)?,
        name,
    })
}
