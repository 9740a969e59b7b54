//! What the C library offers: mutexes, robust or not, and semaphores.

use std::mem::MaybeUninit;

use memmap2::MmapRaw;
use nix::libc;

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{Inlet, Link, Linked, Outlet};
use crate::engines::lock::{Lockable, Locked};
use crate::engines::message::{Content, Message};
use crate::engines::shared_file;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Locked::<Mutex<false>>::boxed(),
        Locked::<Mutex<true>>::boxed(),
        Locked::<Semaphore>::boxed(),
        Linked::<Signals>::boxed(),
    ]
}

const BYTES: usize = 4096;

struct Mutex<const ROBUST: bool>;

const NORMAL: Card = Card {
    name: "pthread mutex",
    kind: Kind::Processes,
    about: "Shared between processes. When its holder is killed, all others wait for ever.",
};
const ROBUST: Card = Card {
    name: "pthread mutex, robust",
    kind: Kind::Processes,
    about: "Shared between processes; the next one learns that the holder died.",
};

impl<const R: bool> Lockable for Mutex<R> {
    const CARD: Card = if R { ROBUST } else { NORMAL };
    type Lock = MmapRaw;

    fn takes(what: &What) -> bool {
        matches!(what, What::Lock { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        let keeper = shared_file::keep(place, BYTES)?;
        let map = shared_file::map(place, BYTES)?;
        let mut attributes = MaybeUninit::uninit();
        let shared = libc::PTHREAD_PROCESS_SHARED;
        let robust = if R { libc::PTHREAD_MUTEX_ROBUST } else { libc::PTHREAD_MUTEX_STALLED };
        // SAFETY: the attributes are initialized first; the mutex is in a mapping that is large enough.
        let codes = unsafe {
            [
                libc::pthread_mutexattr_init(attributes.as_mut_ptr()),
                libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), shared),
                libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), robust),
                libc::pthread_mutex_init(map.as_mut_ptr().cast(), attributes.as_ptr()),
            ]
        };
        if codes == [0; 4] { Ok(keeper) } else { Err("no such mutex".to_owned()) }
    }

    fn open(place: &str) -> MmapRaw {
        shared_file::open(place, BYTES)
    }

    #[inline(always)]
    fn locked(map: &mut MmapRaw, work: impl FnOnce()) {
        let mutex = map.as_mut_ptr().cast();
        // SAFETY: it was initialized, and stays mapped.
        assert_eq!(unsafe { libc::pthread_mutex_lock(mutex) }, 0);
        work();
        // SAFETY: as above, and locked by this thread.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(mutex) }, 0);
    }
}

fn make_semaphore(place: &str, permits: u32) -> Result<Keeper, String> {
    let keeper = shared_file::keep(place, BYTES)?;
    let map = shared_file::map(place, BYTES)?;
    // SAFETY: it is in a mapping that is large enough.
    match unsafe { libc::sem_init(map.as_mut_ptr().cast(), 1, permits) } {
        0 => Ok(keeper),
        _ => Err("no semaphore".to_owned()),
    }
}

#[inline(always)]
fn wait(map: &MmapRaw) {
    // SAFETY: it was initialized, and stays mapped.
    assert_eq!(unsafe { libc::sem_wait(map.as_mut_ptr().cast()) }, 0);
}

#[inline(always)]
fn post(map: &MmapRaw) {
    // SAFETY: it was initialized, and stays mapped.
    assert_eq!(unsafe { libc::sem_post(map.as_mut_ptr().cast()) }, 0);
}

struct Semaphore;

impl Lockable for Semaphore {
    const CARD: Card = Card {
        name: "sem_t",
        kind: Kind::Processes,
        about: "Shared between processes. What a killed holder had is lost.",
    };
    type Lock = MmapRaw;

    fn takes(what: &What) -> bool {
        matches!(what, What::Semaphore { .. } | What::Lock { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        make_semaphore(place, 1)
    }

    fn open(place: &str) -> MmapRaw {
        shared_file::open(place, BYTES)
    }

    #[inline(always)]
    fn locked(map: &mut MmapRaw, work: impl FnOnce()) {
        wait(map);
        work();
        post(map);
    }
}

struct Signals;

pub struct Sign(MmapRaw, u64);

impl Outlet for Sign {
    #[inline(always)]
    fn send(&mut self, _: u64, _: Content) {
        post(&self.0);
    }
}

impl Inlet for Sign {
    #[inline(always)]
    fn recv(&mut self, _: Content) -> u64 {
        wait(&self.0);
        self.1 += 1;
        self.1
    }
}

impl Link for Signals {
    const CARD: Card = Card {
        name: "sem_t, as a sign",
        kind: Kind::Processes,
        about: "`sem_post`, `sem_wait`: the waiter sleeps.",
    };
    type Outlet<M: Message> = Sign;
    type Inlet<M: Message> = Sign;

    fn takes(what: &What) -> bool {
        matches!(what, What::Signal { .. })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        make_semaphore(place, 0)
    }

    fn outlet<M: Message>(place: &str, _: &Shape) -> Sign {
        Sign(shared_file::open(place, BYTES), 0)
    }

    fn inlet<M: Message>(place: &str, shape: &Shape) -> Sign {
        Signals::outlet::<M>(place, shape)
    }
}
