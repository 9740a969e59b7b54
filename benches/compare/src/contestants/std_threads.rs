//! The standard library, between threads.

use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, RwLock};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::lock::{ThreadLockable, ThreadLocked};
use crate::engines::thread_link::{
    Gives, Receiving, Sending, Takes, ThreadLink, Threaded, passes, waiting_ends,
};
use crate::engines::thread_message::Passed;
use crate::engines::thread_value::{ThreadValue, Valued};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Channel>::boxed(), ThreadLocked::<Locks>::boxed(), Valued::<Values>::boxed()]
}

struct Channel;

waiting_ends!(SyncSender, Receiver);

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

struct Values;

impl ThreadValue for Values {
    const CARD: Card = Card {
        name: "std RwLock<T>",
        kind: Kind::Threads,
        about: "Read under `read`, incremented under `write`.",
    };
    type Cell<const N: usize> = RwLock<[u64; N]>;

    fn new<const N: usize>(words: [u64; N]) -> RwLock<[u64; N]> {
        RwLock::new(words)
    }

    #[inline(always)]
    fn read<const N: usize>(cell: &RwLock<[u64; N]>) -> impl Deref<Target = [u64; N]> {
        cell.read().expect("no panic")
    }

    #[inline(always)]
    fn write<const N: usize>(cell: &RwLock<[u64; N]>) -> impl DerefMut<Target = [u64; N]> {
        cell.write().expect("no panic")
    }
}
