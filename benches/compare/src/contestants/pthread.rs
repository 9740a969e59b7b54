//! What the C library offers: mutexes, robust or not, and semaphores.

use std::mem::MaybeUninit;

use memmap2::MmapRaw;
use nix::libc;

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{EvenLink, Linked};
use crate::engines::lock::{Lockable, Locked};
use crate::engines::message::Message;
use crate::engines::shared_file::{self, PAGE, keep_page};
use crate::engines::sign::{Counted, Sign};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Locked::<Mutex<false>>::boxed(),
        Locked::<Mutex<true>>::boxed(),
        Locked::<Semaphore>::boxed(),
        Linked::<Signals>::boxed(),
    ]
}

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
        let mut attributes = MaybeUninit::uninit();
        let shared = libc::PTHREAD_PROCESS_SHARED;
        let robust = if R { libc::PTHREAD_MUTEX_ROBUST } else { libc::PTHREAD_MUTEX_STALLED };
        let mut codes = [1; 4];
        let keeper = keep_page(place, |at| {
            // SAFETY: the attributes are initialized first; a page is large enough for the mutex.
            codes = unsafe {
                [
                    libc::pthread_mutexattr_init(attributes.as_mut_ptr()),
                    libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), shared),
                    libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), robust),
                    libc::pthread_mutex_init(at.cast(), attributes.as_ptr()),
                ]
            };
        })?;
        if codes == [0; 4] { Ok(keeper) } else { Err("no such mutex".to_owned()) }
    }

    fn open(place: &str) -> MmapRaw {
        shared_file::open(place, PAGE)
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
    let mut code = 1;
    // SAFETY: a page is large enough for it.
    let keeper = keep_page(place, |at| code = unsafe { libc::sem_init(at.cast(), 1, permits) })?;
    if code == 0 { Ok(keeper) } else { Err("no semaphore".to_owned()) }
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
        shared_file::open(place, PAGE)
    }

    #[inline(always)]
    fn locked(map: &mut MmapRaw, work: impl FnOnce()) {
        wait(map);
        work();
        post(map);
    }
}

struct Signals;

pub struct Posted(MmapRaw);

impl Sign for Posted {
    #[inline(always)]
    fn set(&mut self) {
        post(&self.0);
    }

    #[inline(always)]
    fn wait(&mut self) {
        wait(&self.0);
    }
}

impl EvenLink for Signals {
    const CARD: Card = Card {
        name: "sem_t, as a sign",
        kind: Kind::Processes,
        about: "`sem_post`, `sem_wait`: the waiter sleeps.",
    };
    type End<M: Message> = Counted<Posted>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Signal { .. })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        make_semaphore(place, 0)
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Counted<Posted> {
        Counted::of(Posted(shared_file::open(place, PAGE)))
    }
}
