//! A futex lock of three states in shared memory: free, held, held with sleepers.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::MmapRaw;
use rustix::thread::futex;

use crate::case::What;
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::lock::Lockable;
use crate::engines::shared_file::{self, PAGE};

const FREE: u32 = 0;
const HELD: u32 = 1;
const SLEEPERS: u32 = 2;
/// Looks before it sleeps, as std's mutex does.
const SPINS: u32 = 100;

pub struct FutexLock;

#[cold]
fn wait(word: &AtomicU32) {
    for _ in 0..SPINS {
        if word.load(Ordering::Relaxed) != HELD {
            break;
        }
        spin_loop();
    }
    if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
        return;
    }
    while word.swap(SLEEPERS, Ordering::Acquire) != FREE {
        let _ = futex::wait(word, futex::Flags::empty(), SLEEPERS, None);
    }
}

#[cold]
fn wake(word: &AtomicU32) {
    futex::wake(word, futex::Flags::empty(), 1).expect("a futex");
}

impl Lockable for FutexLock {
    const CARD: Card = Card {
        name: "futex lock",
        kind: Kind::Limit,
        about: "Free, held, held with sleepers; it spins a little before it sleeps.",
    };
    type Lock = MmapRaw;

    fn takes(what: &What) -> bool {
        matches!(what, What::Lock { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        shared_file::keep(place, PAGE)
    }

    fn open(place: &str) -> MmapRaw {
        shared_file::open(place, PAGE)
    }

    #[inline(always)]
    fn locked(map: &mut MmapRaw, work: impl FnOnce()) {
        // SAFETY: within the mapping, aligned, and only used as an atomic.
        let word = unsafe { &*map.as_mut_ptr().cast::<AtomicU32>() };
        if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            wait(word);
        }
        work();
        if word.swap(FREE, Ordering::Release) == SLEEPERS {
            wake(word);
        }
    }
}
