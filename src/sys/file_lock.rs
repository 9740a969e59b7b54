//! Locks of whole files: the mark of who uses one, and the lock that one process has at a time.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::fs::{self, FlockOperation};
use rustix::io::{Errno, Result, retry_on_intr};

use super::clock::{Deadline, sleep};

/// Marks the file as in use by this open description, and all that inherit it. Waits in short sleeps for
/// who was killed while it looked whether the file [is unused](is_unused): the kernel ends a dead process's
/// lifecycle lock a moment before its marks. `TIMEDOUT` when another program keeps it locked for itself.
pub(crate) fn share(file: BorrowedFd<'_>) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(1);
    in_turn(PATIENCE, || fs::flock(file, FlockOperation::NonBlockingLockShared))
}

/// Takes a lock as soon as others have none; `TIMEDOUT` when that lasts for as long as `patience`.
fn in_turn(patience: Duration, mut take: impl FnMut() -> Result<()>) -> Result<()> {
    let mut deadline = None;
    let mut nap = Duration::from_micros(20);
    loop {
        match take() {
            Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR) => {
                let deadline = deadline.get_or_insert_with(|| Deadline::after(patience));
                if deadline.left().is_none() {
                    return Err(Errno::TIMEDOUT);
                }
                sleep(nap);
                nap = (nap * 2).min(Duration::from_millis(2));
            }
            result => return result,
        }
    }
}

/// True when no other open description is marked as using the file. On a file opened afresh only,
/// and under the lifecycle lock.
pub(crate) fn is_unused(fresh: BorrowedFd<'_>) -> Result<bool> {
    match retry_on_intr(|| fs::flock(fresh, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => {
            // Given back at once, not by the closing of the file: that comes after the end of the
            // lifecycle lock, where the last one out would take it for somebody's mark, and does not
            // come while a child that was forked meanwhile has the descriptor.
            fs::flock(fresh, FlockOperation::Unlock)?;
            Ok(true)
        }
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The lock of this process on a whole file. The kernel ends it with the process, and with the
/// closing of *any* descriptor of that file in this process.
#[derive(Debug)]
pub(crate) struct FileLock<'f>(BorrowedFd<'f>);

impl<'f> FileLock<'f> {
    /// Waits for it in short sleeps; its holders need microseconds, and the kernel frees a dead one's.
    /// `TIMEDOUT` when a stopped one kept it for as long as `patience`.
    pub(crate) fn take(file: BorrowedFd<'f>, patience: Duration) -> Result<FileLock<'f>> {
        in_turn(patience, || fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive))?;
        Ok(FileLock(file))
    }

    /// Takes it if nobody has it.
    pub(crate) fn at_once(file: BorrowedFd<'f>) -> Option<FileLock<'f>> {
        let taken = fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive);
        taken.is_ok().then_some(FileLock(file))
    }
}

impl FileLock<'_> {
    /// Gives back the lock on this file, through whichever descriptor of it.
    pub(crate) fn give_back(file: BorrowedFd<'_>) {
        let _ = fs::fcntl_lock(file, FlockOperation::Unlock);
    }

    /// Leaves it to the closing of the file, which comes next.
    pub(crate) fn end_by_close(self) {
        std::mem::forget(self);
    }
}

impl Drop for FileLock<'_> {
    fn drop(&mut self) {
        FileLock::give_back(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::open;
    use std::os::fd::AsFd;

    #[test]
    fn looking_whether_a_file_is_in_use_leaves_no_mark() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        let (first, second) = (open(&path).unwrap(), open(&path).unwrap());
        assert!(is_unused(first.as_fd()).unwrap());
        assert!(is_unused(second.as_fd()).unwrap(), "the first one looked, and is still open");
        share(first.as_fd()).unwrap();
        assert!(!is_unused(second.as_fd()).unwrap());
        share(second.as_fd()).unwrap();
        drop(first);
        assert!(!is_unused(open(&path).unwrap().as_fd()).unwrap());
        drop(second);
        assert!(is_unused(open(&path).unwrap().as_fd()).unwrap());
    }

    #[test]
    fn a_mark_waits_for_who_looks_whether_there_is_any() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        let (looking, other) = (open(&path).unwrap(), open(&path).unwrap());
        fs::flock(&looking, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(share(other.as_fd()), Err(Errno::TIMEDOUT));
        std::thread::scope(|scope| {
            let marking = scope.spawn(|| share(other.as_fd()));
            fs::flock(&looking, FlockOperation::Unlock).unwrap();
            assert_eq!(marking.join().unwrap(), Ok(()));
        });
        assert!(!is_unused(looking.as_fd()).unwrap());
    }
}
