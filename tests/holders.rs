//! Who holds something and stops, forks, becomes another program, ends, leaks or unwinds: the paused keep
//! what they hold, the dead do not, for every kind of claim alike.

mod children;

use children::{
    Child, LONG, all_succeed, alone, die_here, directory, fork, listed, promptly, stop_here,
    wait_until,
};
use commonhold::{
    Buffer, Event, Lock, LockError, Mailbox, Mutex, Queue, RecoverError, RecvError,
    RecvTimeoutError, Segment, Semaphore, SendTimeoutError,
};
use std::mem::forget;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

/// Several naps long.
const NAPS: Duration = Duration::from_millis(300);
/// Permits of the semaphore.
const SEATS: u32 = 2;
const CAPACITY: usize = 4;

type Large = [u64; 20];

/// What can be claimed, each kind by itself.
struct Objects {
    door: Lock,
    books: Mutex<u64>,
    page: Buffer<u64>,
    seats: Semaphore,
    jobs: Queue<u64>,
    large: Queue<Large>,
    slices: Queue<[u64]>,
    mail: Mailbox<u64>,
}

impl Objects {
    fn new(number: usize) -> Objects {
        let name = format!("large-{number}");
        // So few cells that one process can have them all.
        let few = Segment::options().participants(8);
        Objects {
            door: Lock::new().unwrap(),
            books: Mutex::new(7).unwrap(),
            page: Buffer::from_slice(&[7; 100]).unwrap(),
            seats: Semaphore::new(SEATS).unwrap(),
            jobs: Queue::new(CAPACITY).unwrap(),
            large: Queue::create(few.at(&name), CAPACITY).unwrap(),
            slices: Queue::<[u64]>::new(200).unwrap(),
            mail: Mailbox::new(200).unwrap(),
        }
    }
}

/// One kind of claim.
struct Claim {
    name: &'static str,
    /// Takes it, does something, and gives it back.
    hold: fn(&Objects, &mut dyn FnMut()),
    /// Takes it and forgets it.
    leak: fn(&Objects),
    /// Others wait in vain for so long.
    is_held: fn(&Objects, Duration) -> bool,
    /// Others have what a dead one held: at once, or they are told and recover.
    is_the_deads: fn(&Objects),
    /// Nobody holds it.
    is_free: fn(&Objects),
    /// A panic in its holder went through it.
    is_unwound: fn(&Objects),
}

/// Every cell of the queue.
fn reserve_all(all: &Objects) -> Vec<commonhold::Slot<'_, Large>> {
    std::iter::from_fn(|| all.large.try_reserve().ok()).collect()
}

fn has_every_cell(all: &Objects) {
    // Whoever reserves finds them one after another; those of the dead as well.
    let slots: Vec<_> =
        (0..CAPACITY + 8).map_while(|_| all.large.reserve_timeout(LONG / 30).ok()).collect();
    assert_eq!(slots.len(), CAPACITY + 8);
}

fn receives(all: &Objects, number: u64) {
    assert_eq!(all.jobs.recv(), Ok(number));
    assert!(all.jobs.is_empty());
    assert!(all.jobs.wait_done_timeout(LONG));
}

const CLAIMS: &[Claim] = &[
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

/// One of each kind of claim, on objects of its own, with what a child of ours does with it.
fn with_each(act: impl Fn(&Claim, &Objects)) -> Vec<(&'static Claim, Objects, Child)> {
    let each = CLAIMS.iter().enumerate().map(|(number, claim)| {
        let all = Objects::new(number);
        let child = fork(|| act(claim, &all));
        (claim, all, child)
    });
    each.collect()
}

/// A holder of each that stands still.
fn stopped_holders() -> Vec<(&'static Claim, Objects, Child)> {
    let each = with_each(|claim, all| (claim.hold)(all, &mut stop_here));
    each.iter().for_each(|(.., child)| child.stopped());
    each
}

/// Others wait for all of them at once, in vain.
fn are_held(each: &[(&'static Claim, Objects, Child)]) {
    let waiters: Vec<_> = each
        .iter()
        .map(|(claim, all, _)| {
            fork(|| assert!((claim.is_held)(all, NAPS), "{} was taken", claim.name))
        })
        .collect();
    all_succeed(waiters);
}

/// Names whose last user ended without dropping it are stale; of those who are just ending, soon.
fn tidy() {
    wait_until("the names to be stale", || {
        commonhold::gc().unwrap();
        listed(&directory()).is_empty()
    });
}

fn are_the_deads(each: &[(&'static Claim, Objects)]) {
    for (claim, all) in each {
        promptly(claim.name, || (claim.is_the_deads)(all));
    }
}

alone! {
    fn the_stopped_keep_what_they_hold_and_go_on() {
        let each = stopped_holders();
        are_held(&each);
        for (claim, all, child) in each {
            child.resume();
            child.succeed();
            promptly(claim.name, || (claim.is_free)(&all));
        }
        tidy();
    }

    fn the_stopped_that_are_killed_are_dead_at_once() {
        let mut dead = Vec::new();
        for (claim, all, child) in stopped_holders() {
            child.kill();
            dead.push((claim, all));
        }
        are_the_deads(&dead);
    }

    fn nobody_has_to_wait_for_a_zombie() {
        let (mut dead, mut zombies) = (Vec::new(), Vec::new());
        for (claim, all, child) in stopped_holders() {
            child.kill_to_zombie();
            zombies.push(child);
            dead.push((claim, all));
        }
        are_the_deads(&dead);
    }

    /// A stopped process is one that others wait for; when it goes, they are told.
    fn who_waits_for_a_stopped_one_learns_of_its_death() {
        for (claim, all, child) in stopped_holders() {
            let waiter = fork(|| (claim.is_the_deads)(&all));
            waiter.asleep();
            child.kill();
            promptly(claim.name, || waiter.succeed());
        }
        tidy();
    }

    fn who_became_another_program_is_dead() {
        let each = with_each(|claim, all| {
            (claim.leak)(all);
            stop_here();
            panic!("{}", Command::new("sleep").arg("100").exec());
        });
        each.iter().for_each(|(.., child)| child.stopped());
        are_held(&each);
        each.iter().for_each(|(.., child)| child.resume());
        let is_another = |child: &Child| {
            let name = std::fs::read_to_string(format!("/proc/{}/comm", child.pid()));
            name.is_ok_and(|name| name.trim() == "sleep")
        };
        for (claim, all, child) in &each {
            wait_until("another program", || is_another(child));
            promptly(claim.name, || (claim.is_the_deads)(all));
            assert!(child.is_running());
        }
    }

    /// What a thread leaks stays held by its process, until that ends, in whatever way.
    fn what_a_thread_leaked_is_its_processs() {
        let each = with_each(|claim, all| {
            std::thread::scope(|scope| {
                scope.spawn(|| (claim.leak)(all)).join().unwrap();
            });
            stop_here();
        });
        each.iter().for_each(|(.., child)| child.stopped());
        are_held(&each);
        for (claim, all, child) in each {
            child.resume();
            child.succeed(); // an exit, with it in hand
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        tidy();
    }

    /// A process ends while another of its threads holds it.
    fn what_another_thread_holds_at_an_exit_is_a_dead_ones() {
        let each = with_each(|claim, all| {
            let (told, held) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    (claim.hold)(all, &mut || {
                        told.send(()).unwrap();
                        std::thread::park_timeout(LONG);
                    });
                });
                held.recv().unwrap();
                children::end_child(true);
            });
        });
        for (claim, all, child) in each {
            child.succeed();
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        tidy();
    }

    fn what_a_panic_went_through_is_given_back_or_poisoned() {
        let each = with_each(|claim, all| {
            std::panic::set_hook(Box::new(|_| ()));
            let hold = || (claim.hold)(all, &mut || panic!("in the middle"));
            assert!(catch_unwind(AssertUnwindSafe(hold)).is_err());
            stop_here(); // alive
        });
        for (claim, all, child) in each {
            child.stopped();
            promptly(claim.name, || (claim.is_unwound)(&all));
        }
        tidy();
    }

    /// A copy of a holder, which does nothing, keeps nothing; nor does what it drops give it back.
    fn a_copy_of_a_dead_holder_keeps_nothing() {
        let over = Event::new().unwrap();
        let each = with_each(|claim, all| {
            (claim.hold)(all, &mut || {
                forget(fork(|| assert!(over.wait_timeout(LONG)))); // it lives on
                die_here();
            });
        });
        for (claim, all, child) in each {
            child.was_killed();
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        over.set();
        tidy();
    }

    /// An end that is alone on its side keeps nobody from it, stopped or dead, and loses nothing.
    fn who_was_alone_on_a_side_and_stands_still_stops_nobody() {
        for dies in [false, true] {
            let all = Objects::new(0);
            let owner = fork(|| {
                for number in 0..100 {
                    all.jobs.send(number).unwrap();
                    all.jobs.recv().unwrap();
                    all.mail.send(number).unwrap();
                    all.mail.recv().unwrap();
                    all.slices.send(&[number]).unwrap();
                    all.slices.recv().unwrap();
                }
                all.jobs.send(200).unwrap();
                all.mail.send(200).unwrap();
                all.slices.send(&[200]).unwrap();
                stop_here();
                all.jobs.send(300).unwrap();
                all.mail.send(300).unwrap();
                all.slices.send(&[300]).unwrap();
            });
            owner.stopped();
            for number in [201, 202] {
                promptly("beside an owner", || {
                    all.jobs.send(number).unwrap();
                    all.mail.send(number).unwrap();
                    all.slices.send(&[number]).unwrap();
                    assert_eq!(all.jobs.recv(), Ok(number - 1));
                    assert_eq!(all.mail.recv(), Ok(number - 1));
                    assert_eq!(all.slices.recv().unwrap(), [number - 1]);
                });
            }
            let last: &[u64] = match dies {
                true => {
                    owner.kill();
                    &[202]
                }
                false => {
                    owner.resume();
                    owner.succeed();
                    &[202, 300]
                }
            };
            for number in last {
                assert_eq!(all.jobs.recv(), Ok(*number));
                assert_eq!(all.mail.recv(), Ok(*number));
                assert_eq!(all.slices.recv().unwrap(), [*number]);
            }
            assert!(all.jobs.is_empty() && all.mail.is_empty() && all.slices.is_empty());
        }
    }
}
