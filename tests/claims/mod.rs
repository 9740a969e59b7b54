//! Every kind of claim, as those see it who hold it and those who do not.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::children::LONG;
use commonhold::{
    Buffer, Lock, LockError, Mailbox, Mutex, Queue, RecoverError, RecvError, RecvTimeoutError,
    Segment, Semaphore, SendTimeoutError,
};
use std::mem::forget;
use std::time::Duration;

/// Several naps long.
pub const NAPS: Duration = Duration::from_millis(300);
/// Participants of each segment: so few that one of them can have every cell of a queue.
pub const ROWS: u32 = 8;
/// Permits of the semaphore.
const SEATS: u32 = 2;
const CAPACITY: usize = 4;

type Large = [u64; 20];

/// What can be claimed, each kind by itself, in a segment of few participants.
pub struct Objects {
    pub door: Lock,
    pub books: Mutex<u64>,
    pub page: Buffer<u64>,
    pub seats: Semaphore,
    pub jobs: Queue<u64>,
    pub large: Queue<Large>,
    pub slices: Queue<[u64]>,
    pub mail: Mailbox<u64>,
    /// Who comes by here takes part in the segment.
    pub turnstile: Lock,
}

impl Objects {
    pub fn new(segment: &str) -> Objects {
        let shop = Segment::options().participants(ROWS).create(segment, 1 << 16).unwrap();
        Objects {
            door: Lock::create(shop.at("door")).unwrap(),
            books: Mutex::create(shop.at("books"), 7).unwrap(),
            page: Buffer::create_from_slice(shop.at("page"), &[7; 100]).unwrap(),
            seats: Semaphore::create(shop.at("seats"), SEATS).unwrap(),
            jobs: Queue::create(shop.at("jobs"), CAPACITY).unwrap(),
            large: Queue::create(shop.at("large"), CAPACITY).unwrap(),
            slices: Queue::<[u64]>::create(shop.at("slices"), 200).unwrap(),
            mail: Mailbox::create(shop.at("mail"), 200).unwrap(),
            turnstile: Lock::create(shop.at("turnstile")).unwrap(),
        }
    }
}

/// One kind of claim.
pub struct Claim {
    pub name: &'static str,
    /// Takes it, does something, and gives it back.
    pub hold: fn(&Objects, &mut dyn FnMut()),
    /// Takes it and forgets it.
    pub leak: fn(&Objects),
    /// Others wait in vain for so long.
    pub is_held: fn(&Objects, Duration) -> bool,
    /// Others have what a dead one held: at once, or they are told and recover.
    pub is_the_deads: fn(&Objects),
    /// Nobody holds it.
    pub is_free: fn(&Objects),
    /// A panic in its holder went through it.
    pub is_unwound: fn(&Objects),
}

/// Every cell of the queue.
fn reserve_all(all: &Objects) -> Vec<commonhold::Slot<'_, Large>> {
    std::iter::from_fn(|| all.large.try_reserve().ok()).collect()
}

fn has_every_cell(all: &Objects) {
    // Whoever reserves finds them one after another; those of the dead as well.
    let slots: Vec<_> = (0..CAPACITY + ROWS as usize)
        .map_while(|_| all.large.reserve_timeout(LONG / 30).ok())
        .collect();
    assert_eq!(slots.len(), CAPACITY + ROWS as usize);
}

fn receives(all: &Objects, number: u64) {
    assert_eq!(all.jobs.recv(), Ok(number));
    assert!(all.jobs.is_empty());
    assert!(all.jobs.wait_done_timeout(LONG));
}

pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "lock",
        hold: |all, then| {
            let _held = all.door.lock().unwrap();
            then();
        },
        leak: |all| forget(all.door.lock().unwrap()),
        is_held: |all, time| {
            let held = all.door.recover().is_err_and(|error| error == RecoverError::Held);
            held && all.door.lock_timeout(time).is_err()
        },
        is_the_deads: |all| {
            assert_eq!(all.door.lock().unwrap_err(), LockError::OwnerDied);
            drop(all.door.recover().unwrap());
        },
        is_free: |all| drop(all.door.try_lock().unwrap()),
        is_unwound: |all| drop(all.door.try_lock().unwrap()),
    },
    Claim {
        name: "mutex",
        hold: |all, then| {
            let mut held = all.books.lock().unwrap();
            *held = 8;
            then();
            *held = 7;
        },
        leak: |all| {
            let mut held = all.books.lock().unwrap();
            *held = 8;
            forget(held);
        },
        is_held: |all, time| {
            let held = all.books.recover().is_err_and(|error| error == RecoverError::Held);
            held && all.books.lock_timeout(time).is_err()
        },
        is_the_deads: |all| {
            assert_eq!(all.books.lock().unwrap_err(), LockError::OwnerDied);
            let mut books = all.books.recover().unwrap();
            assert_eq!(*books, 8);
            *books = 7;
        },
        is_free: |all| assert_eq!(*all.books.try_lock().unwrap(), 7),
        is_unwound: |all| {
            assert_eq!(all.books.lock().unwrap_err(), LockError::Poisoned);
            assert_eq!(*all.books.recover().unwrap(), 8);
        },
    },
    Claim {
        name: "buffer, read",
        hold: |all, then| {
            let held = all.page.read().unwrap();
            then();
            assert_eq!(held[99], 7);
        },
        leak: |all| forget(all.page.read().unwrap()),
        is_held: |all, time| {
            all.page.try_read().is_ok_and(|page| page[0] == 7)
                && all.page.write_timeout(time).is_err()
        },
        is_the_deads: |all| all.page.write().unwrap().fill(7),
        is_free: |all| all.page.try_write().unwrap().fill(7),
        is_unwound: |all| all.page.try_write().unwrap().fill(7),
    },
    Claim {
        name: "buffer, write",
        hold: |all, then| {
            let mut held = all.page.write().unwrap();
            held[0] = 8;
            then();
            held[0] = 7;
        },
        leak: |all| forget(all.page.write().unwrap()),
        is_held: |all, time| {
            let held = all.page.recover().is_err_and(|error| error == RecoverError::Held);
            held && all.page.read_timeout(time).is_err() && all.page.try_write().is_err()
        },
        is_the_deads: |all| {
            assert_eq!(all.page.read().unwrap_err(), LockError::OwnerDied);
            assert_eq!(all.page.write().unwrap_err(), LockError::OwnerDied);
            all.page.recover().unwrap().fill(7);
        },
        is_free: |all| assert_eq!(all.page.try_write().unwrap()[..], [7; 100]),
        is_unwound: |all| {
            assert_eq!(all.page.read().unwrap_err(), LockError::Poisoned);
            assert_eq!(all.page.recover().unwrap()[0], 8);
        },
    },
    Claim {
        name: "permits",
        hold: |all, then| {
            let _held = (all.seats.acquire(), all.seats.acquire());
            then();
        },
        leak: |all| (0..SEATS).for_each(|_| forget(all.seats.acquire())),
        is_held: |all, time| all.seats.acquire_timeout(time).is_err() && all.seats.available() == 0,
        is_the_deads: |all| {
            drop((all.seats.acquire(), all.seats.acquire()));
            assert_eq!(all.seats.available(), SEATS);
        },
        is_free: |all| assert_eq!(all.seats.available(), SEATS),
        is_unwound: |all| assert_eq!(all.seats.available(), SEATS),
    },
    Claim {
        name: "lease",
        hold: |all, then| {
            all.jobs.send(1).unwrap();
            let lease = all.jobs.lease().unwrap();
            then();
            lease.done();
        },
        leak: |all| {
            all.jobs.send(1).unwrap();
            forget(all.jobs.lease().unwrap());
        },
        is_held: |all, time| {
            // It stalls nobody.
            all.jobs.send(2).unwrap();
            all.jobs.recv() == Ok(2)
                && all.jobs.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
                && !all.jobs.wait_done_timeout(Duration::from_millis(1))
        },
        is_the_deads: |all| receives(all, 1),
        is_free: |all| assert!(all.jobs.is_empty() && all.jobs.wait_done_timeout(LONG)),
        is_unwound: |all| receives(all, 1),
    },
    Claim {
        name: "lease, large",
        hold: |all, then| {
            all.large.send([1; 20]).unwrap();
            let lease = all.large.lease().unwrap();
            then();
            assert_eq!(*lease, [1; 20]);
            lease.done();
        },
        leak: |all| {
            all.large.send([1; 20]).unwrap();
            forget(all.large.lease().unwrap());
        },
        is_held: |all, time| all.large.recv_timeout(time) == Err(RecvTimeoutError::Timeout),
        is_the_deads: |all| assert_eq!(all.large.recv(), Ok([1; 20])),
        is_free: |all| assert!(all.large.wait_done_timeout(LONG)),
        is_unwound: |all| assert_eq!(all.large.recv(), Ok([1; 20])),
    },
    Claim {
        name: "reservations",
        hold: |all, then| {
            let _slots = reserve_all(all);
            then();
        },
        leak: |all| reserve_all(all).into_iter().for_each(forget),
        is_held: |all, time| {
            let refused = all.large.reserve_timeout(time).map(drop);
            refused == Err(SendTimeoutError::Timeout(())) && all.large.is_empty()
        },
        is_the_deads: has_every_cell,
        is_free: has_every_cell,
        is_unwound: has_every_cell,
    },
    Claim {
        name: "sender",
        hold: |all, then| {
            let sender = all.jobs.sender();
            sender.send(5).unwrap();
            then();
        },
        leak: |all| {
            let sender = all.jobs.sender();
            sender.send(5).unwrap();
            forget(sender);
        },
        is_held: |all, time| {
            all.jobs.len() == 1 && !all.jobs.is_closed() && {
                let first = all.jobs.recv();
                let second = all.jobs.recv_timeout(time);
                all.jobs.send(5).unwrap();
                (first, second) == (Ok(5), Err(RecvTimeoutError::Timeout))
            }
        },
        is_the_deads: |all| {
            assert_eq!(all.jobs.recv(), Ok(5));
            assert_eq!(all.jobs.recv(), Err(RecvError::Closed));
        },
        is_free: |all| {
            assert_eq!(all.jobs.recv(), Ok(5));
            assert_eq!(all.jobs.recv(), Err(RecvError::Closed));
        },
        is_unwound: |all| {
            assert_eq!(all.jobs.recv(), Ok(5));
            assert_eq!(all.jobs.recv(), Err(RecvError::Closed));
        },
    },
    Claim {
        name: "receiver",
        hold: |all, then| {
            let _receiver = all.jobs.receiver();
            fill(all);
            then();
        },
        leak: |all| {
            forget(all.jobs.receiver());
            fill(all);
        },
        is_held: |all, time| all.jobs.send_timeout(9, time) == Err(SendTimeoutError::Timeout(9)),
        is_the_deads: |all| assert!(all.jobs.send(9).is_err()),
        is_free: |all| assert!(all.jobs.send(9).is_err()),
        is_unwound: |all| assert!(all.jobs.send(9).is_err()),
    },
];

fn fill(all: &Objects) {
    (0..CAPACITY as u64).for_each(|number| all.jobs.send(number).unwrap());
}
