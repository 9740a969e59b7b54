//! The memory files behind segments: made, sized, reserved, mapped and linked.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::buffer::spare_capacity;
use rustix::fs::{
    self, AtFlags, CWD, FallocateFlags, FileType, MemfdFlags, Mode, OFlags, SealFlags,
};
use rustix::io::{Errno, Result, retry_on_intr};

use super::liveness::FileId;
use super::process::page_size;

/// What takes more than this is done in parts, and refused beforehand where it cannot be.
const LARGE: u64 = 4 << 20;
/// What is reserved in one step at least.
const SMALLEST: u64 = 4096;

/// What an open file is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileFacts {
    pub(crate) id: FileId,
    pub(crate) size: u64,
    pub(crate) is_regular: bool,
    pub(crate) links: u64,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    mode: u32,
    block: u64,
}

/// Makes a file without a name in `directory`.
pub(crate) fn unnamed_file(directory: &Path, mode: u32) -> Result<(OwnedFd, FileFacts)> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let asked = Mode::from_raw_mode(mode);
    let file = retry_on_intr(|| fs::open(directory, flags, asked))?;
    let found = facts(file.as_fd())?;
    if found.mode != mode {
        fs::fchmod(&file, asked)?; // exactly as asked, whatever the umask
    }
    Ok((file, found))
}

/// Makes an anonymous file.
pub(crate) fn memfd() -> Result<OwnedFd> {
    fs::memfd_create("commonhold", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
}

/// Gives an anonymous file its size; it cannot shrink any more.
pub(crate) fn set_least_size(file: BorrowedFd<'_>, size: u64) -> Result<()> {
    set_size(file, size)?;
    fs::fcntl_add_seals(file, SealFlags::SHRINK | SealFlags::SEAL)
}

/// In what units the file's memory is mapped: the size of a page, and of a huge one where the file
/// system consists of those.
pub(crate) fn page_of(file: BorrowedFd<'_>, found: &FileFacts) -> Result<usize> {
    let page = page_size();
    if found.block == page as u64 {
        return Ok(page);
    }
    let block = usize::try_from(fs::fstatvfs(file)?.f_bsize).unwrap_or(0);
    Ok(if block.is_power_of_two() { block } else { 1 })
}

pub(crate) fn set_size(file: BorrowedFd<'_>, size: u64) -> Result<()> {
    refuse_beyond_limit(size)?;
    retry_on_intr(|| fs::ftruncate(file, size))
}

/// Takes the memory of this range now, so that a lack of it is an error here, not a fault later. The file
/// reaches to its end from then on.
///
/// In parts: there are kernels whose tmpfs undoes a reservation that a signal interrupts, so that a
/// program with a fast timer would never get through a large one. The faster the timer, the smaller
/// are the parts.
pub(crate) fn reserve(file: BorrowedFd<'_>, offset: u64, size: u64) -> Result<()> {
    refuse_beyond_limit(offset.saturating_add(size))?;
    if size > LARGE {
        refuse_the_impossible(file, size)?;
    }
    let (mut done, mut most) = (0, LARGE);
    while done < size {
        let part = (size - done).min(most);
        match fs::fallocate(file, FallocateFlags::empty(), offset + done, part) {
            Ok(()) => done += part,
            Err(Errno::INTR) => most = (most / 2).max(SMALLEST),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Refuses at once what would fill the file system before it failed, or the machine: the kernel does not
/// know when that is out of memory. It would take all there is, then end processes.
fn refuse_the_impossible(file: BorrowedFd<'_>, size: u64) -> Result<()> {
    let system = fs::fstatvfs(file)?;
    if system.f_blocks != 0 && size > system.f_bavail.saturating_mul(system.f_frsize) {
        return Err(Errno::NOSPC);
    }
    if available_memory().is_some_and(|available| size > available) {
        return Err(Errno::NOMEM);
    }
    Ok(())
}

/// Bytes of memory and swap that can be had without ending anybody; `None` where that is not told.
fn available_memory() -> Option<u64> {
    // A sixteenth stays for those who need some while this is taken.
    memory_and_swap("MemAvailable", "SwapFree").map(|free| free / 16 * 15)
}

/// Bytes of memory and swap that the machine has.
fn all_memory() -> Option<u64> {
    memory_and_swap("MemTotal", "SwapTotal")
}

fn memory_and_swap(memory: &str, swap: &str) -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib_of = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
    };
    Some((kib_of(memory)? + kib_of(swap).unwrap_or(0)) * 1024)
}

/// Writes to the file from this offset on, beyond its end too. On failure a part may be written.
pub(crate) fn write_at(file: BorrowedFd<'_>, mut bytes: &[u8], mut offset: u64) -> Result<()> {
    let size = bytes.len() as u64;
    refuse_beyond_limit(offset.saturating_add(size))?;
    if size > LARGE {
        refuse_the_impossible(file, size)?;
    }
    while !bytes.is_empty() {
        let written = retry_on_intr(|| rustix::io::pwrite(file, bytes, offset))?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Fills a vector, as far as it has room and `length` bytes at least, with the file from this offset on.
pub(crate) fn read_at(
    file: BorrowedFd<'_>,
    into: &mut Vec<u8>,
    length: usize,
    offset: u64,
) -> Result<()> {
    while into.len() < length {
        let at = offset + into.len() as u64;
        if retry_on_intr(|| rustix::io::pread(file, spare_capacity(into), at))? == 0 {
            return Err(Errno::NODATA);
        }
    }
    Ok(())
}

/// Gives back the memory of this range; it reads as zeros.
pub(crate) fn make_hole(file: BorrowedFd<'_>, offset: u64, size: u64) -> Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fs::fallocate(file, flags, offset, size))
}

/// How many bytes of memory the file takes.
pub(crate) fn bytes_held(file: BorrowedFd<'_>) -> Result<u64> {
    Ok(u64::try_from(fs::fstat(file)?.st_blocks).unwrap_or(0).saturating_mul(512))
}

/// How many bytes of this range take memory, in pages.
#[cfg(test)]
pub(crate) fn bytes_held_from(file: BorrowedFd<'_>, mut at: u64, end: u64) -> u64 {
    let mut held = 0;
    while let Ok(data) = fs::seek(file, fs::SeekFrom::Data(at))
        && data < end
    {
        at = fs::seek(file, fs::SeekFrom::Hole(data)).unwrap_or(end).min(end);
        held += at - data;
    }
    held
}

/// Whether the file system, or the machine, has less memory than that in all.
pub(crate) fn could_never_hold(file: BorrowedFd<'_>, size: u64) -> bool {
    let system = fs::fstatvfs(file).ok().filter(|system| system.f_blocks != 0);
    let room = system.map(|system| system.f_blocks.saturating_mul(system.f_frsize));
    size > LARGE
        && (room.is_some_and(|room| size > room) || all_memory().is_some_and(|all| size > all))
}

/// Refuses a file that would end beyond this process's limit: the kernel would end the process by a signal.
fn refuse_beyond_limit(end: u64) -> Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    if limit.is_some_and(|limit| end > limit) { Err(Errno::FBIG) } else { Ok(()) }
}

/// Gives the unnamed `file` its name; `EXIST` when something has that name.
pub(crate) fn publish(file: BorrowedFd<'_>, path: &Path) -> Result<()> {
    // Ordering: a hint, that guards nothing.
    static DENIED: AtomicBool = AtomicBool::new(false);
    if !DENIED.load(Ordering::Relaxed) {
        match fs::linkat(file, "", CWD, path, AtFlags::EMPTY_PATH) {
            // Before Linux 6.10 for the privileged only; or the directory is gone.
            Err(Errno::NOENT) => {}
            linked => return linked,
        }
    }
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::linkat(CWD, unnamed.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)
        .inspect(|()| DENIED.store(true, Ordering::Relaxed))
}

/// Opens a file that exists, to read and write. Follows no link, and waits for no pipe's peer.
pub(crate) fn open(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    retry_on_intr(|| fs::open(path, flags, Mode::empty()))
}

/// Opens a file anew by a link of `/proc` to an open one.
pub(crate) fn reopen(link: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    retry_on_intr(|| fs::open(link, flags, Mode::empty()))
}

/// Which file has this name; a link is itself.
pub(crate) fn id_of(path: &Path) -> Option<FileId> {
    fs::lstat(path).ok().map(|stat| FileId { device: stat.st_dev, inode: stat.st_ino })
}

/// Which file a link of `/proc` to an open one leads to.
pub(crate) fn id_of_open(link: &Path) -> Option<FileId> {
    fs::stat(link).ok().map(|stat| FileId { device: stat.st_dev, inode: stat.st_ino })
}

pub(crate) fn facts(file: BorrowedFd<'_>) -> Result<FileFacts> {
    let stat = fs::fstat(file)?;
    Ok(FileFacts {
        id: FileId { device: stat.st_dev, inode: stat.st_ino },
        size: u64::try_from(stat.st_size).unwrap_or(0),
        is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        links: stat.st_nlink as u64,
        owner: stat.st_uid,
        group: stat.st_gid,
        mode: stat.st_mode & 0o7777,
        block: u64::try_from(stat.st_blksize).unwrap_or(0),
    })
}

/// Removes `path` if it still leads to this file.
pub(crate) fn unlink_if_same(path: &Path, id: FileId) -> Result<()> {
    let now = fs::lstat(path)?;
    if (FileId { device: now.st_dev, inode: now.st_ino }) != id {
        return Err(Errno::NOENT);
    }
    fs::unlink(path)
}

/// Reads from the start of the file as far as it goes.
pub(crate) fn read_start(file: BorrowedFd<'_>, into: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match retry_on_intr(|| rustix::io::pread(file, &mut into[done..], done as u64))? {
            0 => break,
            read => done += read,
        }
    }
    Ok(done)
}

/// How a segment's memory is prepared when it is mapped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MapAdvice {
    pub(crate) populate: bool,
    pub(crate) huge_pages: bool,
    pub(crate) locked: bool,
}

/// Maps the first `size` bytes of the file, shared. They are not yet locked.
pub(crate) fn map(
    file: BorrowedFd<'_>,
    size: usize,
    advice: MapAdvice,
) -> std::io::Result<MmapRaw> {
    let mut options = MmapOptions::new();
    options.len(size);
    if advice.populate {
        options.populate();
    }
    let map = options.map_raw(file.as_raw_fd())?;
    if advice.huge_pages {
        // A hint: a kernel without huge pages for shared memory works with small ones.
        let _ = map.advise(Advice::HugePage);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_not_removed() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let old = open(&path).unwrap();
        let old_id = facts(old.as_fd()).unwrap().id;
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "new").unwrap();
        assert_eq!(unlink_if_same(&path, old_id), Err(Errno::NOENT));
        let new_id = facts(open(&path).unwrap().as_fd()).unwrap().id;
        unlink_if_same(&path, new_id).unwrap();
        assert!(!path.exists());
    }
}
