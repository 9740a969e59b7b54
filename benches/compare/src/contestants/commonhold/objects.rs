//! Locks, semaphores and values.

use std::hint::black_box;

use commonhold::{Lock, Semaphore, Value};

use crate::case::{Access, What};
use crate::contestant::{Bout, Card, Contestant, Keeper, Kind, entry};
use crate::engines::lock::Lockable;
use crate::engines::operation::{Operator, pinned};

pub struct Locks;

impl Lockable for Locks {
    const CARD: Card = Card {
        name: "commonhold Lock",
        kind: Kind::Commonhold,
        about: "`lock`, and the drop of its guard. A killed holder is told of, and its lock can be recovered.",
    };
    type Lock = Lock;

    fn takes(what: &What) -> bool {
        matches!(what, What::Lock { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        Ok(Box::new(Lock::create(place).map_err(|error| error.to_string())?))
    }

    fn open(place: &str) -> Lock {
        Lock::open(place).expect("the lock")
    }

    #[inline(always)]
    fn locked(lock: &mut Lock, work: impl FnOnce()) {
        let _guard = lock.lock().expect("nobody dies");
        work();
    }
}

pub struct Semaphores;

impl Lockable for Semaphores {
    const CARD: Card = Card {
        name: "commonhold Semaphore",
        kind: Kind::Commonhold,
        about: "`acquire`, and the drop of the permit, which comes back when its holder is killed, too.",
    };
    type Lock = Semaphore;

    fn takes(what: &What) -> bool {
        matches!(what, What::Semaphore { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        Ok(Box::new(Semaphore::create(place, 1).map_err(|error| error.to_string())?))
    }

    fn open(place: &str) -> Semaphore {
        Semaphore::open(place).expect("the semaphore")
    }

    #[inline(always)]
    fn locked(semaphore: &mut Semaphore, work: impl FnOnce()) {
        let _permit = semaphore.acquire();
        work();
    }
}

pub fn values() -> Box<dyn Contestant> {
    let card = Card {
        name: "commonhold Value<T>",
        kind: Kind::Commonhold,
        about: "`get`, `update`: the old value or the new one, whoever is killed when; a reader waits for nobody.",
    };
    Operator::boxed(card, |what| match *what {
        What::Value { bytes: 8, access } => {
            entry(move || value(0u64, access, |n| n.wrapping_add(1)))
        }
        What::Value { access, .. } => {
            entry(move || value([0u64; 8], access, |words| words.map(|word| word.wrapping_add(1))))
        }
        _ => None,
    })
}

fn value<T: commonhold::Shared>(
    init: T,
    access: Access,
    add: impl Fn(T) -> T + Copy + 'static,
) -> Result<Bout, String> {
    let value = Value::new(init).map_err(|error| error.to_string())?;
    match access {
        Access::Get => pinned(move || {
            black_box(black_box(&value).get());
        }),
        Access::Update => pinned(move || {
            black_box(black_box(&value).update(add));
        }),
    }
}
