//! What the C library shares between processes: its semaphore, and its mutex that is called robust.

use nix::errno::Errno;
use nix::libc;
use shared_memory::Shmem;
use std::mem::MaybeUninit;

use super::memory::shared;
use super::{Control, PATIENCE};

/// [`PATIENCE`] from now, on the clock that these wait by.
fn deadline() -> libc::timespec {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: there is room for the time.
    let got = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr()) };
    assert_eq!(got, 0);
    // SAFETY: the call succeeded, so it is written.
    let mut at = unsafe { now.assume_init() };
    at.tv_sec += PATIENCE.as_secs() as libc::time_t;
    at
}

pub struct Semaphore(Shmem);

impl Semaphore {
    pub fn new(permits: u32) -> Semaphore {
        let semaphore = Semaphore(shared(size_of::<libc::sem_t>()));
        // SAFETY: it fits at the start of a page, and nobody uses it yet.
        let made = unsafe { libc::sem_init(semaphore.raw(), 1, permits) };
        assert_eq!(made, 0);
        semaphore
    }

    fn raw(&self) -> *mut libc::sem_t {
        self.0.as_ptr().cast()
    }
}

impl Control for Semaphore {
    fn take(&self) -> bool {
        let until = deadline();
        loop {
            // SAFETY: it was made in memory that is mapped as long as `self` lives.
            let took = unsafe { libc::sem_timedwait(self.raw(), &until) } == 0;
            // One that was stopped and goes on is interrupted.
            if took || Errno::last() != Errno::EINTR {
                return took;
            }
        }
    }

    fn give(&self) {
        // SAFETY: as above.
        let gave = unsafe { libc::sem_post(self.raw()) };
        assert_eq!(gave, 0);
    }

    fn memory(&self) -> &Shmem {
        &self.0
    }
}

/// Who finds that its holder died makes it consistent, and has it.
pub struct RobustMutex(Shmem);

impl RobustMutex {
    pub fn new() -> RobustMutex {
        let mutex = RobustMutex(shared(size_of::<libc::pthread_mutex_t>()));
        let mut attributes = MaybeUninit::uninit();
        let at = attributes.as_mut_ptr();
        // SAFETY: made first, then changed, while nobody else has them; the mutex fits at the start of
        // a page.
        let made = unsafe {
            [
                libc::pthread_mutexattr_init(at),
                libc::pthread_mutexattr_setpshared(at, libc::PTHREAD_PROCESS_SHARED),
                libc::pthread_mutexattr_setrobust(at, libc::PTHREAD_MUTEX_ROBUST),
                libc::pthread_mutex_init(mutex.raw(), at),
            ]
        };
        assert_eq!(made, [0; 4]);
        mutex
    }

    fn raw(&self) -> *mut libc::pthread_mutex_t {
        self.0.as_ptr().cast()
    }
}

impl Control for RobustMutex {
    fn take(&self) -> bool {
        // SAFETY: it was made in memory that is mapped as long as `self` lives.
        match unsafe { libc::pthread_mutex_timedlock(self.raw(), &deadline()) } {
            0 => true,
            // SAFETY: it is this thread's now.
            libc::EOWNERDEAD => unsafe { libc::pthread_mutex_consistent(self.raw()) == 0 },
            _ => false,
        }
    }

    fn give(&self) {
        // SAFETY: it is this thread's.
        let gave = unsafe { libc::pthread_mutex_unlock(self.raw()) };
        assert_eq!(gave, 0);
    }

    fn memory(&self) -> &Shmem {
        &self.0
    }
}
