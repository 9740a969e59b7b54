//! What a forked child does with what it inherited: everything, under its own name, harming nothing.
//!
//! A program of its own with one thread, as those are that fork.

#[allow(unused_imports)]
mod children;

use children::{Child, LONG, die_here, fork, listed, stop_here, wait_until};
use commonhold::{
    Array, Buffer, Event, Lock, LockError, Mutex, Queue, RecoverError, Segment, Semaphore,
    TryLockError, Value,
};
use std::os::unix::process::parent_id;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One of everything.
struct Objects {
    _home: Option<Segment>,
    small: Value<u64>,
    large: Value<[u64; 6]>,
    row: Array<u32>,
    page: Buffer<u64>,
    door: Lock,
    books: Mutex<[u64; 4]>,
    bell: Event,
    seats: Semaphore,
    jobs: Queue<u64>,
    large_jobs: Queue<[u64; 20]>,
}

const SEATS: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Home {
    Anonymous,
    Named,
    InOneSegment,
}

impl Objects {
    fn new(home: Home) -> Objects {
        macro_rules! make {
            ($home:expr, $at:expr) => {
                Objects {
                    small: Value::create($at("small"), 0).unwrap(),
                    large: Value::create($at("large"), [0; 6]).unwrap(),
                    row: Array::create($at("row"), 8).unwrap(),
                    page: Buffer::create($at("page"), 32).unwrap(),
                    door: Lock::create($at("door")).unwrap(),
                    books: Mutex::create($at("books"), [0; 4]).unwrap(),
                    bell: Event::create($at("bell")).unwrap(),
                    seats: Semaphore::create($at("seats"), SEATS).unwrap(),
                    jobs: Queue::create($at("jobs"), 64).unwrap(),
                    large_jobs: Queue::create($at("large jobs"), 64).unwrap(),
                    _home: $home,
                }
            };
        }
        match home {
            Home::Anonymous => Objects {
                _home: None,
                small: Value::new(0).unwrap(),
                large: Value::new([0; 6]).unwrap(),
                row: Array::new(8).unwrap(),
                page: Buffer::new(32).unwrap(),
                door: Lock::new().unwrap(),
                books: Mutex::new([0; 4]).unwrap(),
                bell: Event::new().unwrap(),
                seats: Semaphore::new(SEATS).unwrap(),
                jobs: Queue::new(64).unwrap(),
                large_jobs: Queue::new(64).unwrap(),
            },
            Home::Named => make!(None, commonhold::Place::from),
            Home::InOneSegment => {
                let shop = Segment::create("shop", 1 << 20).unwrap();
                make!(Some(shop.clone()), |name| shop.at(name))
            }
        }
    }

    /// Uses each once.
    fn use_each(&self) {
        self.small.fetch_add(1);
        self.large.update(|numbers| numbers.map(|number| number + 1));
        self.row.fetch_add(1, 1).unwrap();
        let held = self.door.lock().unwrap();
        self.row.set(0, self.row.get(0).unwrap() + 1).unwrap(); // two steps, exact under the lock
        drop(held);
        self.page.write().unwrap().iter_mut().for_each(|number| *number += 1);
        let page = self.page.read().unwrap();
        assert!(page.iter().all(|number| *number == page[0]));
        drop(page);
        self.books.lock().unwrap().iter_mut().for_each(|number| *number += 1);
        let seat = self.seats.acquire();
        assert!(self.seats.available() < SEATS);
        drop(seat);
        self.jobs.send(1).unwrap();
        self.small.fetch_add(self.jobs.recv().unwrap());
        self.large_jobs.send([1; 20]).unwrap();
        self.large_jobs.lease().unwrap().done();
        self.bell.set();
        self.bell.wait();
    }

    fn use_often(&self, times: u64) {
        (0..times).for_each(|_| self.use_each());
    }

    /// Everything is as after so many uses, and free.
    fn assert_used(&self, times: u64) {
        assert_eq!(self.small.get(), 2 * times);
        assert_eq!(self.large.get(), [times; 6]);
        assert_eq!(self.row.get(0).map(u64::from), Some(times));
        assert_eq!(self.row.get(1).map(u64::from), Some(times));
        assert_eq!(self.page.try_read().unwrap()[..], [times; 32]);
        assert_eq!(*self.books.try_lock().unwrap(), [times; 4]);
        self.assert_free();
    }

    fn assert_free(&self) {
        drop(self.door.try_lock().unwrap());
        drop(self.books.try_lock().unwrap());
        drop(self.page.try_write().unwrap());
        assert_eq!(self.seats.available(), SEATS);
        assert_eq!((self.jobs.len(), self.large_jobs.len()), (0, 0));
    }
}

fn a_child_and_its_parent_use_everything_at_once(home: Home) {
    let objects = Objects::new(home);
    let child = fork(|| objects.use_often(200));
    objects.use_often(200);
    child.succeed();
    objects.assert_used(400);
    objects.use_each();
    objects.assert_used(401);
}

fn twenty_children_use_everything_at_once(home: Home) {
    let objects = Objects::new(home);
    let children: Vec<Child> = (0..20).map(|_| fork(|| objects.use_often(20))).collect();
    children.into_iter().for_each(Child::succeed);
    objects.assert_used(400);
}

fn a_child_that_drops_everything_harms_nothing(home: Home) {
    let mut objects = Some(Objects::new(home));
    objects.as_ref().unwrap().use_each();
    for uses in [0, 3] {
        let child = fork(|| {
            let objects = objects.take().unwrap();
            objects.use_often(uses);
            drop(objects);
            stop_here();
        });
        child.stopped();
        objects.as_ref().unwrap().use_each();
        child.resume();
        child.succeed();
        objects.as_ref().unwrap().use_each();
    }
    objects.unwrap().assert_used(8);
}

fn a_parent_that_drops_everything_leaves_it_to_its_child(home: Home) {
    let mut objects = Some(Objects::new(home));
    let child = fork(|| {
        let objects = objects.take().unwrap();
        stop_here();
        objects.use_often(5);
        objects.assert_used(6);
    });
    child.stopped();
    objects.as_ref().unwrap().use_each();
    drop(objects);
    child.resume();
    child.succeed();
}

fn a_child_outlives_its_parent(home: Home) {
    let (alone, over) = (Event::new().unwrap(), Event::new().unwrap());
    fork(|| {
        let mut objects = Some(Objects::new(home));
        let before = std::process::id();
        let child = fork(|| {
            let objects = objects.take().unwrap();
            wait_until("the parent to end", || parent_id() != before);
            alone.set();
            objects.use_often(5);
            objects.assert_used(6);
            drop(objects);
            over.set();
        });
        // The child is left running: neither waited for nor killed.
        std::mem::forget(child);
        objects.as_ref().unwrap().use_each();
    })
    .succeed();
    assert!(alone.wait_timeout(LONG) && over.wait_timeout(LONG));
}

fn grandchildren_use_everything(home: Home) {
    let objects = Objects::new(home);
    fork(|| {
        // The child itself uses nothing: its child registers all the same.
        fork(|| {
            objects.use_often(10);
            fork(|| objects.use_often(10)).succeed();
        })
        .succeed();
        fork(|| objects.use_often(10)).succeed();
        objects.use_often(10);
    })
    .succeed();
    objects.use_often(10);
    objects.assert_used(50);
}

fn a_child_holds_what_it_takes_under_its_own_name(home: Home) {
    let objects = Objects::new(home);
    objects.use_each();
    let child = fork(|| {
        let _door = objects.door.lock().unwrap();
        let _books = objects.books.lock().unwrap();
        let _page = objects.page.write().unwrap();
        let _seat = objects.seats.acquire();
        let _message = objects.jobs.send(5).map(|()| objects.jobs.lease().unwrap());
        stop_here();
    });
    child.stopped();
    assert_eq!(objects.door.try_lock().unwrap_err(), TryLockError::WouldBlock);
    assert_eq!(objects.books.try_lock().unwrap_err(), TryLockError::WouldBlock);
    assert_eq!(objects.page.try_read().unwrap_err(), TryLockError::WouldBlock);
    assert_eq!(objects.door.recover().unwrap_err(), RecoverError::Held);
    assert_eq!(objects.seats.available(), SEATS - 1);
    child.kill();
    assert_eq!(objects.door.lock().unwrap_err(), LockError::OwnerDied);
    assert_eq!(objects.books.lock().unwrap_err(), LockError::OwnerDied);
    assert_eq!(objects.page.read().unwrap_err(), LockError::OwnerDied);
    drop(objects.door.recover().unwrap());
    drop(objects.books.recover().unwrap());
    drop(objects.page.recover().unwrap());
    assert_eq!(objects.jobs.recv(), Ok(5)); // redelivered
    drop((0..SEATS).map(|_| objects.seats.acquire()).collect::<Vec<_>>());
    objects.assert_used(1);
}

fn what_the_parent_holds_is_inert_in_a_child(home: Home) {
    let objects = Objects::new(home);
    let other = Buffer::from_slice(&[7_u8; 5]).unwrap();
    objects.jobs.send(9).unwrap();
    objects.large_jobs.send([9; 20]).unwrap();

    let mut door = Some(objects.door.lock().unwrap());
    let mut books = Some(objects.books.lock().unwrap());
    let mut page = Some(objects.page.write().unwrap());
    let mut reader = Some(other.read().unwrap());
    let mut seat = Some(objects.seats.acquire());
    let mut lease = Some(objects.jobs.lease().unwrap());
    let mut large_lease = Some(objects.large_jobs.lease().unwrap());
    let mut slot = Some(objects.large_jobs.reserve().unwrap());
    books.as_mut().unwrap()[0] = 1;

    fork(|| {
        std::panic::set_hook(Box::new(|_| ()));
        let panics = |what: &str, f: &mut dyn FnMut()| {
            assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "{what} was not inert");
        };
        panics("a mutex's guard", &mut || _ = books.as_ref().unwrap()[0]);
        panics("a mutex's guard", &mut || books.as_mut().unwrap()[0] = 2);
        panics("a buffer's writer", &mut || page.as_mut().unwrap()[0] = 2);
        panics("a buffer's reader", &mut || _ = reader.as_ref().unwrap()[0]);
        panics("a lease", &mut || _ = **lease.as_ref().unwrap());
        panics("a large lease", &mut || _ = large_lease.as_ref().unwrap()[0]);
        panics("a slot", &mut || slot.as_mut().unwrap()[0] = 2);
        let _ = std::panic::take_hook();
        drop((door.take(), books.take(), page.take(), reader.take(), seat.take()));
        drop((lease.take(), large_lease.take(), slot.take()));
        // Dropping released nothing.
        assert_eq!(objects.door.try_lock().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(objects.books.try_lock().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(objects.page.try_read().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(other.try_write().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(objects.seats.available(), SEATS - 1);
        assert!(objects.jobs.try_recv().is_err() && objects.large_jobs.try_recv().is_err());
    })
    .succeed();
    // Nor did its end.
    fork(|| {
        assert_eq!(objects.door.try_lock().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(objects.seats.available(), SEATS - 1);
        assert!(objects.jobs.try_recv().is_err());
    })
    .succeed();

    assert_eq!(books.as_ref().unwrap()[0], 1);
    books.as_mut().unwrap()[0] = 0;
    page.as_mut().unwrap().fill(0);
    assert_eq!(reader.as_ref().unwrap()[..], [7; 5]);
    assert_eq!(*lease.take().unwrap(), 9); // and given back
    large_lease.take().unwrap().done();
    let mut slot = slot.take().unwrap();
    slot.fill(4);
    slot.send().unwrap();
    drop((door, books, page, reader, seat));
    assert_eq!(objects.jobs.recv(), Ok(9));
    assert_eq!(objects.large_jobs.recv(), Ok([4; 20]));
    drop(other.try_write().unwrap());
    objects.assert_used(0);
}

/// The child has the guard's bytes and the mapping, but the parent held it, and is dead.
fn what_a_killed_parent_held_is_a_dead_ones_to_its_child(home: Home) {
    let over = Event::new().unwrap();
    fork(|| {
        let objects = Objects::new(home);
        let before = std::process::id();
        let mut held = Some((
            objects.door.lock().unwrap(),
            objects.books.lock().unwrap(),
            objects.seats.acquire(),
        ));
        held.as_mut().unwrap().1[0] = 1;
        let child = fork(|| {
            wait_until("the parent to end", || parent_id() != before);
            assert_eq!(objects.door.lock().unwrap_err(), LockError::OwnerDied);
            drop(held.take()); // the inherited copies
            assert_eq!(objects.door.lock().unwrap_err(), LockError::OwnerDied);
            drop(objects.door.recover().unwrap());
            assert_eq!(objects.books.lock().unwrap_err(), LockError::OwnerDied);
            let mut books = objects.books.recover().unwrap();
            assert_eq!(*books, [1, 0, 0, 0]);
            books[0] = 0;
            drop(books);
            drop((0..SEATS).map(|_| objects.seats.acquire()).collect::<Vec<_>>());
            objects.assert_used(0);
            objects.use_each();
            over.set();
        });
        std::mem::forget(child);
        die_here()
    })
    .was_killed();
    assert!(over.wait_timeout(LONG));
}

/// The child is forked between two uses, over and over, and each has to register.
fn generations_of_children_come_and_go(home: Home) {
    let objects = Objects::new(home);
    for _ in 0..300 {
        fork(|| objects.use_each()).succeed();
    }
    objects.assert_used(300);
}

fn main() {
    let names = children::PrivateNames::new();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("COMMONHOLD_DIR", names.path()) };
    macro_rules! tests {
        ($($name:ident)*) => { [$((stringify!($name), $name as fn(Home))),*] };
    }
    let tests = tests! {
        a_child_and_its_parent_use_everything_at_once
        twenty_children_use_everything_at_once
        a_child_that_drops_everything_harms_nothing
        a_parent_that_drops_everything_leaves_it_to_its_child
        a_child_outlives_its_parent
        grandchildren_use_everything
        a_child_holds_what_it_takes_under_its_own_name
        what_the_parent_holds_is_inert_in_a_child
        what_a_killed_parent_held_is_a_dead_ones_to_its_child
        generations_of_children_come_and_go
    };
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let homes = [Home::Anonymous, Home::Named, Home::InOneSegment];
    let (mut passed, mut failed, mut left_out) = (0, 0, 0);
    println!("\nrunning {} tests", tests.len() * homes.len());
    for (name, test) in tests {
        for home in homes {
            let name = format!("{name}::{home:?}");
            if !asked.is_empty() && !asked.iter().any(|part| name.contains(part.as_str())) {
                left_out += 1;
                continue;
            }
            children::end_if_it_hangs();
            let result = catch_unwind(AssertUnwindSafe(|| {
                test(home);
                // A child that exits with what it inherited is as one that was killed; of those
                // that outlived their parents the last is just ending.
                wait_until("the names to be stale", || {
                    commonhold::gc().unwrap();
                    listed(names.path()).is_empty()
                });
            }));
            println!("test {name} ... {}", if result.is_ok() { "ok" } else { "FAILED" });
            *(if result.is_ok() { &mut passed } else { &mut failed }) += 1;
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; \
         {left_out} filtered out\n"
    );
    drop(names);
    if failed > 0 {
        std::process::exit(101);
    }
}
