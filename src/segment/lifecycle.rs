//! How names come and go: create, open, leave, unlink, and what was left behind.
//!
//! * A segment appears whole: it is built as a file without a name, then linked. Who loses the race
//!   for the name sees `EEXIST`. Dying before the link leaves nothing.
//! * Every attachment marks its open description with a shared `flock`. A mapping keeps the mark even
//!   where the descriptor was closed, a forked child inherits it before it ever registers, and the
//!   kernel removes that of the dead and of what `exec` replaced, in every namespace. A name is
//!   *stale* when nobody's mark is left and it is not persistent.
//! * Attaching, leaving and removing exclude each other by a lock on the file that ends with its
//!   process (`fcntl`): a death at any instruction frees it. Nothing is changed under it but by one
//!   system call: `unlink`.
//! * Who opened a file by name and then got the lock looks whether the file still has a name: the
//!   last one out may have removed it in between. Then the name is looked up again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use super::attachment::{Attachment, size_with};
use super::header::{self, Facts, flags};
use super::options::SegmentOptions;
use super::participants::Identity;
use super::{name, process};
use crate::error::{ErrorKind, Failure};
use crate::sys::file_lock::{self, FileLock};
use crate::sys::hook::point;
use crate::sys::liveness::{self, FileId};
use crate::sys::memory::{self, FileFacts, MapAdvice};
use crate::sys::process::{Namespaces, is_in_group, namespaces, user};
use crate::trace::{event, span};

/// How long to wait for others that make, open or remove something: they need microseconds. One that
/// is stopped in there may need for ever, and is not robbed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for them only to tidy up: a name that stays is stale, and removed later.
const COURTESY: Duration = Duration::from_secs(1);

/// What is not larger is made before it is known whether its name is free, which linking it tells.
const SMALL: u64 = 64 << 10;

/// Creates a segment with this name, with room for `blocks` bytes of blocks. `fill` builds what is
/// in it, before anybody else can see it.
pub(super) fn create(
    name: &str,
    options: &SegmentOptions,
    blocks: usize,
    more_flags: u32,
    fill: impl FnOnce(&Arc<Attachment>) -> Result<(), Failure>,
) -> Result<Arc<Attachment>, Failure> {
    span!("create segment", name);
    let directory = name::directory();
    let path = name::path_in(&directory, name)?;
    process::prepare()?;
    let rows = options.rows()?;
    let too_large =
        || Failure::new(ErrorKind::InvalidSize, format!("{blocks} bytes exceed the address space"));
    let (file, found) = memory::unnamed_file(&directory, options.mode)
        .map_err(|error| no_file(&directory, error))?;
    let page = memory::page_of(file.as_fd(), &found)
        .map_err(|error| Failure::system("looking at its file system", error))?;
    let size = size_with(rows, blocks)
        .and_then(|size| size.checked_next_multiple_of(page))
        .ok_or_else(too_large)? as u64;
    if size > SMALL {
        clear_the_way(&path)?;
    }
    let now = if options.sparse { header::blocks_at(rows) as u64 } else { size };
    if options.sparse {
        memory::set_size(file.as_fd(), size).map_err(|error| no_memory(size, error))?;
    }
    memory::reserve(file.as_fd(), 0, now).map_err(|error| no_memory(now, error))?;
    file_lock::share(file.as_fd()).map_err(|error| Failure::system("marking it as used", error))?;
    let facts = new_facts(options.flags() | more_flags, size, rows);
    let home = (name.to_owned(), path.clone());
    let at = (file, found.id);
    let me = Identity::of_this_process()?;
    let segment = Arc::new(Attachment::new(at, me, facts, options.advice(), Some(home), true)?);
    fill(&segment)?;
    point!("create.built");
    publish(&segment, &path)?;
    event!(DEBUG, name, "created");
    Ok(segment)
}

/// Links a segment that is complete. Its name may have been taken meanwhile.
fn publish(segment: &Arc<Attachment>, path: &Path) -> Result<(), Failure> {
    loop {
        let mut state = process::lock()?;
        match memory::publish(segment.file(), path) {
            Ok(()) => {
                point!("create.linked");
                state.add(segment);
                return Ok(());
            }
            Err(Errno::EXIST) => {
                drop(state);
                clear_the_way(path)?;
            }
            Err(error) => return Err(Failure::system("linking its name", error)),
        }
    }
}

/// The facts of a segment made by this process now.
pub(super) fn new_facts(flags: u32, size: u64, rows: u32) -> Facts {
    let asked = liveness::own_identity();
    let creator = asked.map_or_else(|_| std::process::id(), |(pid, _)| pid);
    Facts { flags, size, rows, creator, namespaces: namespaces() }
}

/// Attaches to the segment with this name.
pub(super) fn open(name: &str, options: &SegmentOptions) -> Result<Arc<Attachment>, Failure> {
    span!("open segment", name);
    let path = name::path_of(name)?;
    loop {
        let mut state = process::lock()?;
        let file = open_file(&path)?;
        point!("open.opened");
        // Mostly nobody has the lock: then one look at the file serves for all there is to know. Who has to
        // wait knows first what for, and looks again.
        let at_once = FileLock::at_once(file.as_fd());
        let found = look_at(file.as_fd())?;
        if let Some(attachment) = state.find(found.id) {
            if let Some(lock) = at_once {
                lock.end_by_close();
            }
            return Ok(attachment);
        }
        check_owner(&found, options.mode)?;
        let facts = Facts::read(file.as_fd(), found.size)?;
        check_namespaces(&facts, namespaces())?;
        let later =
            || -> Result<_, Failure> { Ok((lock(file.as_fd())?, look_at(file.as_fd())?.links)) };
        let (lock, links) = at_once.map_or_else(later, |lock| Ok((lock, found.links)))?;
        point!("open.locked");
        if links == 0 {
            drop(lock);
            continue;
        }
        if is_stale(file.as_fd(), &facts)? {
            return Err(Failure::new(
                ErrorKind::NotFound,
                "what has this name was left behind by processes that ended",
            ));
        }
        file_lock::share(file.as_fd())
            .map_err(|error| Failure::system("marking it as used", error))?;
        point!("open.marked");
        // The lock outlives its borrow of the file, which moves into the attachment: it is given
        // back through the attachment's own descriptor, or ends with it.
        std::mem::forget(lock);
        let home = Some((name.to_owned(), path));
        let at = (file, found.id);
        let me = state.identity()?;
        let attachment = Attachment::new(at, me, facts, options.advice(), home, false)?;
        let attachment = Arc::new(attachment);
        point!("open.attached");
        FileLock::give_back(attachment.file());
        state.add(&attachment);
        drop(state);
        event!(DEBUG, name, "opened");
        return Ok(attachment);
    }
}

/// Attaches to a file that was not found by its name. `state` covered its opening.
pub(super) fn adopt(
    mut state: process::Guard,
    file: OwnedFd,
    found: &FileFacts,
    name: Option<&str>,
) -> Result<Arc<Attachment>, Failure> {
    if let Some(attachment) = state.find(found.id) {
        drop(file); // opened by another thread meanwhile; this descriptor goes before the state does
        return Ok(attachment);
    }
    let facts = Facts::read(file.as_fd(), found.size)?;
    check_namespaces(&facts, namespaces())?;
    let home = match name {
        Some(name) => Some((name.to_owned(), name::path_of(name)?)),
        None => None,
    };
    let lock = lock(file.as_fd())?;
    if home.is_some() {
        file_lock::share(file.as_fd())
            .map_err(|error| Failure::system("marking it as used", error))?;
    }
    std::mem::forget(lock); // as in `open`
    let is_arena = home.is_none();
    let at = (file, found.id);
    let me = state.identity()?;
    let mut attachment = Attachment::new(at, me, facts, MapAdvice::default(), home, false)?;
    attachment.reserve_blocks = is_arena;
    let attachment = Arc::new(attachment);
    FileLock::give_back(attachment.file());
    state.add(&attachment);
    Ok(attachment)
}

/// This process leaves: closes its descriptor, and removes the name if it was the last.
/// Under the process's lock.
pub(super) fn leave(file: OwnedFd, id: FileId, facts: &Facts, home: Option<&(String, PathBuf)>) {
    // Before the lock is taken, which closing it would end; and before the file is opened afresh,
    // which may need the very descriptor.
    drop(file);
    point!("leave.closed");
    let Some((_, path)) = home.filter(|_| !facts.is(flags::PERSISTENT)) else { return };
    let Ok(fresh) = memory::open(path) else { return };
    let Ok(lock) = FileLock::take(fresh.as_fd(), COURTESY) else { return };
    point!("leave.locked");
    // It may be another's by now, also where it has the same number, which may have been given out again.
    let may_go = || {
        memory::facts(fresh.as_fd()).is_ok_and(|found| {
            let now = Facts::read(fresh.as_fd(), found.size);
            found.id == id && now.is_ok_and(|now| !now.is(flags::PERSISTENT))
        })
    };
    if file_lock::is_unused(fresh.as_fd()).unwrap_or(false) && may_go() {
        let _ = memory::unlink_if_same(path, id); // gone already: another removed it
        event!(DEBUG, path = %path.display(), "removed by the last one to leave");
    }
    point!("leave.done");
    lock.end_by_close();
}

/// Removes the name now, if it still leads to `expected`, or to any segment where none is expected.
pub(super) fn unlink(path: &Path, expected: Option<FileId>) -> Result<(), Failure> {
    let _alone = process::lock()?;
    let file = open_file(path)?;
    let found = look_at(file.as_fd())?;
    if expected.is_some_and(|expected| expected != found.id) {
        return Err(Failure::new(ErrorKind::NotFound, "the name leads to another segment now"));
    }
    if expected.is_none() {
        match Facts::read(file.as_fd(), found.size) {
            Ok(_) => {}
            // Not as this version would have it, but ours.
            Err(failure) if matches!(failure.kind, ErrorKind::Version | ErrorKind::Damaged) => {}
            Err(failure) => return Err(failure),
        }
    }
    let _lock = lock(file.as_fd())?;
    point!("unlink.locked");
    memory::unlink_if_same(path, found.id)
        .map_err(|error| Failure::system("removing the name", error))
}

/// Removes the name if it is stale; says whether it was.
pub(super) fn remove_if_stale(path: &Path) -> Result<bool, Failure> {
    if_stale(path, |id| match memory::unlink_if_same(path, id) {
        Ok(()) | Err(Errno::NOENT) => {
            event!(INFO, path = %path.display(), "a stale name was removed");
            Ok(())
        }
        Err(error) => Err(Failure::system("removing a stale name", error)),
    })
}

/// Whether the name is stale now.
pub(super) fn is_stale_now(path: &Path) -> Result<bool, Failure> {
    if_stale(path, |_| Ok(()))
}

fn if_stale(
    path: &Path,
    then: impl FnOnce(FileId) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let _alone = process::lock()?;
    let file = open_file(path)?;
    let found = look_at(file.as_fd())?;
    let facts = Facts::read(file.as_fd(), found.size)?;
    let _lock = lock(file.as_fd())?;
    let stale = is_stale(file.as_fd(), &facts)?;
    point!("stale.known");
    if stale {
        then(found.id)?;
    }
    Ok(stale)
}

/// Makes sure that nothing, or nothing any more, has this name.
fn clear_the_way(path: &Path) -> Result<(), Failure> {
    match remove_if_stale(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(ErrorKind::AlreadyExists, "a living segment has this name")),
        Err(failure) => match failure.kind {
            ErrorKind::NotFound => Ok(()),
            ErrorKind::NotACommonhold | ErrorKind::Damaged | ErrorKind::Version => Err(Failure {
                kind: ErrorKind::AlreadyExists,
                reason: format!("a file that is not replaced has this name: {}", failure.reason),
                source: failure.source,
            }),
            _ => Err(failure),
        },
    }
}

/// Whether the name may be removed. On a file opened afresh, under its lock.
fn is_stale(fresh: BorrowedFd<'_>, facts: &Facts) -> Result<bool, Failure> {
    if facts.is(flags::PERSISTENT) {
        return Ok(false);
    }
    file_lock::is_unused(fresh)
        .map_err(|error| Failure::system("asking whether it is in use", error))
}

/// Refuses a segment whose participants' life and death cannot be seen from here.
pub(super) fn check_namespaces(facts: &Facts, here: Namespaces) -> Result<(), Failure> {
    let differs = |there: u64, here: u64| there != 0 && here != 0 && there != here;
    let there = facts.namespaces;
    let which = if differs(there.pid, here.pid) {
        format!("PID namespace {}, this process is in {}", there.pid, here.pid)
    } else if differs(there.time, here.time) {
        format!("time namespace {}, this process is in {}", there.time, here.time)
    } else {
        return Ok(());
    };
    Err(Failure::new(ErrorKind::ForeignNamespace, format!("belongs to {which}")))
}

/// Refuses a file that another user may have put in place of the one that is meant.
fn check_owner(found: &FileFacts, mode: u32) -> Result<(), Failure> {
    let trusted = found.owner == 0 || found.owner == user();
    let admitted = mode & 0o006 != 0 || (mode & 0o060 != 0 && is_in_group(found.group));
    if trusted || admitted {
        return Ok(());
    }
    Err(Failure::new(
        ErrorKind::PermissionDenied,
        format!(
            "belongs to user {}, expected this user ({}) or root; a mode that admits others was \
             not asked for",
            found.owner,
            user()
        ),
    ))
}

/// Opens a segment's file by its path.
pub(super) fn open_file(path: &Path) -> Result<OwnedFd, Failure> {
    let not_ours = |what: &str| Failure::new(ErrorKind::NotACommonhold, what);
    memory::open(path).map_err(|error| match error {
        Errno::NOENT => Failure::new(ErrorKind::NotFound, "nothing has this name"),
        Errno::LOOP => not_ours("the name is a symbolic link"),
        Errno::ISDIR => not_ours("the name is a directory"),
        Errno::NXIO | Errno::NODEV => not_ours("the name is not a regular file"),
        error => Failure::system("opening its file", error),
    })
}

/// What the open file is; refuses what is no regular file.
pub(super) fn look_at(file: BorrowedFd<'_>) -> Result<FileFacts, Failure> {
    let found =
        memory::facts(file).map_err(|error| Failure::system("looking at its file", error))?;
    if !found.is_regular {
        let what = "the name is not a regular file";
        return Err(Failure::new(ErrorKind::NotACommonhold, what));
    }
    Ok(found)
}

/// Takes the lifecycle lock of a segment. A stopped process that holds it makes this an error.
pub(super) fn lock(file: BorrowedFd<'_>) -> Result<FileLock<'_>, Failure> {
    FileLock::take(file, PATIENCE)
        .map_err(|error| Failure::system("locking it beside a process that may be stopped", error))
}

fn no_file(directory: &Path, error: Errno) -> Failure {
    Failure::system(&format!("making a file in {}", directory.display()), error)
}

pub(super) fn no_memory(size: u64, error: Errno) -> Failure {
    let kind = match error {
        Errno::NOSPC | Errno::NOMEM | Errno::FBIG | Errno::INVAL | Errno::DQUOT => {
            ErrorKind::OutOfMemory
        }
        _ => ErrorKind::Io,
    };
    Failure { kind, ..Failure::system(&format!("reserving {size} bytes"), error) }
}

#[cfg(test)]
mod tests;
