//! parking_lot's locks, between threads.

use std::hint::black_box;

use parking_lot::{Mutex, RwLock};

use crate::case::{Access, What};
use crate::contestant::{Bout, Card, Contestant, Kind, entry};
use crate::engines::lock::{ThreadLockable, ThreadLocked};
use crate::engines::operation::{Operator, pinned};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![ThreadLocked::<Locks>::boxed(), values()]
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

fn values() -> Box<dyn Contestant> {
    let card = Card {
        name: "parking_lot RwLock<T>",
        kind: Kind::Threads,
        about: "Read under `read`, incremented under `write`.",
    };
    Operator::boxed(card, |what| match *what {
        What::Value { bytes: 8, access } => entry(move || value::<1>(access)),
        What::Value { access, .. } => entry(move || value::<8>(access)),
        _ => None,
    })
}

fn value<const N: usize>(access: Access) -> Result<Bout, String> {
    let value = Box::new(RwLock::new([0u64; N]));
    match access {
        Access::Get => pinned(move || {
            black_box(*black_box(&value).read());
        }),
        Access::Update => pinned(move || {
            let mut words = black_box(&value).write();
            words.iter_mut().for_each(|word| *word = word.wrapping_add(1));
        }),
    }
}
