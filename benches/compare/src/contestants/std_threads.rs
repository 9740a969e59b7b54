//! The standard library, between threads.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, RwLock};

use crate::case::{Access, Shape, What};
use crate::contestant::{Bout, Card, Contestant, Kind, entry};
use crate::engines::lock::{ThreadLockable, ThreadLocked};
use crate::engines::operation::{Operator, pinned};
use crate::engines::thread_link::{Gives, Receiving, Sending, Takes, ThreadLink, Threaded, passes};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Channel>::boxed(), ThreadLocked::<Locks>::boxed(), values()]
}

struct Channel;

impl<P> Gives<P> for SyncSender<P> {
    #[inline(always)]
    fn give(&mut self, message: P) {
        assert!(self.send(message).is_ok());
    }
}

impl<P> Takes<P> for Receiver<P> {
    #[inline(always)]
    fn take(&mut self) -> P {
        self.recv().expect("a sender")
    }
}

impl ThreadLink for Channel {
    const CARD: Card = Card {
        name: "std sync_channel",
        kind: Kind::Threads,
        about: "Bounded. Spins a little, then sleeps.",
    };
    type Outlet<P: Passed> = Sending<SyncSender<P>, P>;
    type Inlet<P: Passed> = Receiving<Receiver<P>, P>;

    fn takes(what: &What) -> bool {
        passes(what, true) && !matches!(what, What::Stream(shape) if shape.receivers > 1)
    }

    fn ends<P: Passed>(shape: &Shape) -> (Vec<Self::Outlet<P>>, Vec<Self::Inlet<P>>) {
        let (sender, receiver) = sync_channel(shape.capacity);
        let senders = (0..shape.senders).map(|_| Sending::by(sender.clone())).collect();
        (senders, vec![Receiving::by(receiver)])
    }
}

struct Locks;

impl ThreadLockable for Locks {
    const CARD: Card = Card {
        name: "std Mutex",
        kind: Kind::Threads,
        about: "`lock`, and the drop of its guard.",
    };
    type Lock = Mutex<()>;

    fn new() -> Mutex<()> {
        Mutex::new(())
    }

    #[inline(always)]
    fn locked(lock: &Mutex<()>, work: impl FnOnce()) {
        let _guard = lock.lock().expect("no panic");
        work();
    }
}

fn values() -> Box<dyn Contestant> {
    let card = Card {
        name: "std RwLock<T>",
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
    use std::hint::black_box;
    let value = Box::new(RwLock::new([0u64; N]));
    match access {
        Access::Get => pinned(move || {
            black_box(*black_box(&value).read().expect("no panic"));
        }),
        Access::Update => pinned(move || {
            let mut words = black_box(&value).write().expect("no panic");
            words.iter_mut().for_each(|word| *word = word.wrapping_add(1));
        }),
    }
}
