//! raw_sync in memory of shared_memory: locks, events; and that memory itself.

use raw_sync::Timeout;
use raw_sync::events::{BusyEvent, Event, EventImpl, EventInit, EventState};
use raw_sync::locks::{LockImpl, LockInit, Mutex};
use shared_memory::{Shmem, ShmemConf};

use super::bare::{room_for, touch};
use crate::case::{Shape, What};
use crate::contestant::{Bout, Card, Contestant, Keeper, Kind, entry};
use crate::engines::link::{EvenLink, Linked};
use crate::engines::lock::{Lockable, Locked};
use crate::engines::message::Message;
use crate::engines::operation::{Operator, opened, pinned};
use crate::engines::rendezvous::fresh_place;
use crate::engines::sign::{Counted, Sign};
use crate::support::children::serve;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Locked::<Locks>::boxed(),
        Linked::<Signals<Event>>::boxed(),
        Linked::<Signals<BusyEvent>>::boxed(),
        memory(),
    ]
}

fn make(place: &str, size: usize) -> Result<Shmem, String> {
    ShmemConf::new().os_id(place).size(size).create().map_err(|error| error.to_string())
}

fn open(place: &str) -> Shmem {
    ShmemConf::new().os_id(place).open().expect("the memory")
}

struct Locks;

impl Lockable for Locks {
    const CARD: Card = Card {
        name: "raw_sync Mutex",
        kind: Kind::Processes,
        about: "In memory of shared_memory. When its holder is killed, all others wait for ever.",
    };
    type Lock = (Box<dyn LockImpl>, Shmem);

    fn takes(what: &What) -> bool {
        matches!(what, What::Lock { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        let memory = make(place, 4096)?;
        // SAFETY: the memory is larger than the lock, and kept beside it.
        let lock = unsafe { Mutex::new(memory.as_ptr(), std::ptr::null_mut()) };
        Ok(Box::new((lock.map_err(|error| error.to_string())?.0, memory)))
    }

    fn open(place: &str) -> Self::Lock {
        let memory = open(place);
        // SAFETY: as above; it was initialized.
        let lock = unsafe { Mutex::from_existing(memory.as_ptr(), std::ptr::null_mut()) };
        (lock.expect("the lock").0, memory)
    }

    #[inline(always)]
    fn locked((lock, _): &mut Self::Lock, work: impl FnOnce()) {
        let _guard = lock.lock().expect("a lock");
        work();
    }
}

/// Which event, and where it is at its best.
trait Sort: EventInit + 'static {
    const CARD: Card;
    const SLEEPS: bool;
}

impl Sort for Event {
    const CARD: Card = Card {
        name: "raw_sync Event",
        kind: Kind::Processes,
        about: "With automatic reset; the waiter sleeps.",
    };
    const SLEEPS: bool = true;
}

impl Sort for BusyEvent {
    const CARD: Card = Card {
        name: "raw_sync BusyEvent",
        kind: Kind::Processes,
        about: "With automatic reset; the waiter spins.",
    };
    const SLEEPS: bool = false;
}

struct Signals<S>(std::marker::PhantomData<fn() -> S>);

/// An event, and the memory it is in.
pub struct Signalled(Box<dyn EventImpl>, #[expect(dead_code, reason = "it is kept")] Shmem);

impl Sign for Signalled {
    #[inline(always)]
    fn set(&mut self) {
        self.0.set(EventState::Signaled).expect("an event");
    }

    #[inline(always)]
    fn wait(&mut self) {
        self.0.wait(Timeout::Infinite).expect("an event");
    }
}

impl<S: Sort> EvenLink for Signals<S> {
    const CARD: Card = S::CARD;
    type End<M: Message> = Counted<Signalled>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Signal { asleep } if S::SLEEPS || !asleep)
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        let memory = make(place, 4096)?;
        // SAFETY: the memory is larger than the event, and kept beside it.
        let event = unsafe { S::new(memory.as_ptr(), true) };
        Ok(Box::new((event.map_err(|error| error.to_string())?.0, memory)))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Counted<Signalled> {
        let memory = open(place);
        // SAFETY: as above; it was initialized.
        let event = unsafe { S::from_existing(memory.as_ptr()) };
        Counted::of(Signalled(event.expect("the event").0, memory))
    }
}

const MEMORY: &str = "shared_memory";

fn memory() -> Box<dyn Contestant> {
    let card = Card {
        name: MEMORY,
        kind: Kind::Processes,
        about: "Bytes with a name, not reserved: where memory is short, a user of it is ended by SIGBUS.",
    };
    let enter = |what: &What| match *what {
        What::Create => entry(|| create(16 << 10)),
        What::Open => entry(open_again),
        What::Segment { bytes, reserved: false } => entry(move || create(bytes as usize)),
        _ => None,
    };
    Box::new(Operator { card, enter, play: |_, seat| keep(&seat.place) })
}

fn create(bytes: usize) -> Result<Bout, String> {
    room_for(bytes as u64)?;
    let place = fresh_place();
    pinned(move || touch(make(&place, bytes).expect("memory").as_ptr(), bytes as u64))
}

fn open_again() -> Result<Bout, String> {
    opened(MEMORY, |place| touch(open(place).as_ptr(), 16 << 10))
}

fn keep(place: &str) {
    let _memory = make(place, 16 << 10).expect("memory");
    serve(|_| "kept".to_owned());
}
