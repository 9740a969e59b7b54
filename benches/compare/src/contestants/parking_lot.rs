//! parking_lot's locks, between threads.

use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, RwLock};

use crate::contestant::{Card, Contestant, Kind};
use crate::engines::lock::{ThreadLockable, ThreadLocked};
use crate::engines::thread_value::{ThreadValue, Valued};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![ThreadLocked::<Locks>::boxed(), Valued::<Values>::boxed()]
}

struct Locks;

impl ThreadLockable for Locks {
    const CARD: Card = Card {
        name: "parking_lot Mutex",
        kind: Kind::Threads,
        about: "`lock`, and the drop of its guard.",
    };
    type Lock = Mutex<()>;

    fn new() -> Mutex<()> {
        Mutex::new(())
    }

    #[inline(always)]
    fn locked(lock: &Mutex<()>, work: impl FnOnce()) {
        let _guard = lock.lock();
        work();
    }
}

struct Values;

impl ThreadValue for Values {
    const CARD: Card = Card {
        name: "parking_lot RwLock<T>",
        kind: Kind::Threads,
        about: "Read under `read`, incremented under `write`.",
    };
    type Cell<const N: usize> = RwLock<[u64; N]>;

    fn new<const N: usize>(words: [u64; N]) -> RwLock<[u64; N]> {
        RwLock::new(words)
    }

    #[inline(always)]
    fn read<const N: usize>(cell: &RwLock<[u64; N]>) -> impl Deref<Target = [u64; N]> {
        cell.read()
    }

    #[inline(always)]
    fn write<const N: usize>(cell: &RwLock<[u64; N]>) -> impl DerefMut<Target = [u64; N]> {
        cell.write()
    }
}
