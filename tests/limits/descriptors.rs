//! Descriptors run out: at every number of them.

use crate::children::{alone, fork, stop_here};
use crate::kinds::{KINDS, segment_with_an_object};
use crate::{assert_says, limit, try_with_each};
use commonhold::{
    Buffer, Error, ErrorKind, Event, Lock, LockError, Mailbox, Place, Pool, Process, Queue,
    Segment, Semaphore, Value, Waitable, wait_any,
};
use nix::sys::resource::Resource;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn too_many(error: &Error) {
    assert_says(error, ErrorKind::Io, &["Too many open files"]);
}

/// A new process may have been started, and have found none itself.
fn too_many_for_a_child(error: &Error) {
    let text = error.to_string();
    let ended = "the new process ended before it could run";
    assert!(text.contains("Too many open files") || text.contains(ended), "{text}");
}

fn at_every_number(what: &str, verb: fn() -> Result<(), Error>, refused: fn(&Error)) {
    try_with_each(Resource::RLIMIT_NOFILE, 0..100, what, verb, refused);
}

fn square(n: u64) -> u64 {
    n * n
}

alone! {
    fn what_is_made_and_found() {
        at_every_number("create", || (KINDS[0].create)(Place::from("x")), too_many);
        at_every_number("open or create", || (KINDS[8].open_or_create)(Place::from("x")), too_many);
        at_every_number("anonymous", || (KINDS[0].new)(), too_many);
        at_every_number("large and anonymous", || Buffer::<u8>::new(5 << 20).map(drop), too_many);
        at_every_number("a segment", || segment_with_an_object("x"), too_many);
        let _kept = Segment::create("kept", 4096).unwrap();
        let _door = Lock::create("door").unwrap();
        at_every_number("open a segment", || Segment::open("kept").map(drop), too_many);
        at_every_number("open", || Lock::open("door").map(drop), too_many);
        at_every_number("list", || commonhold::segments().map(drop), too_many);
        at_every_number("collect", || commonhold::gc().map(drop), too_many);
    }

    fn processes() {
        fn one_more() -> Result<(), Error> {
            let count = Value::<u32>::new(0)?;
            let child = Process::spawn(|count: Value<u32>| _ = count.fetch_add(1), count.clone())?;
            assert!(child.join()?.success());
            assert_eq!(count.get(), 1);
            Ok(())
        }
        at_every_number("spawn", one_more, too_many_for_a_child);
        fn a_copy() -> Result<(), Error> {
            assert!(Process::fork(|| ())?.join()?.success());
            Ok(())
        }
        at_every_number("fork", a_copy, too_many);
    }

    fn a_pool() {
        fn squares() -> Result<(), Error> {
            let pool = Pool::new(2)?;
            let all = pool.map(square, 0..100).unwrap();
            assert_eq!(all, (0..100).map(square).collect::<Vec<_>>());
            Ok(())
        }
        at_every_number("a pool", squares, too_many_for_a_child);
    }

    /// A message is received with its handle, or its receipt says why not; and the next one is.
    fn a_handle_in_a_message() {
        let mail = Mailbox::<(Lock, u32)>::create("mail", 4096).unwrap();
        let (door, refusals) = (Lock::create("door").unwrap(), Value::<u32>::new(0).unwrap());
        for most in 0..20 {
            mail.send((door.clone(), most)).unwrap();
            mail.send((door.clone(), most + 100)).unwrap();
            fork(|| {
                limit(Resource::RLIMIT_NOFILE, u64::from(most));
                std::panic::set_hook(Box::new(|_| ()));
                let first = catch_unwind(AssertUnwindSafe(|| mail.try_recv().unwrap()));
                let _ = std::panic::take_hook();
                limit(Resource::RLIMIT_NOFILE, u64::MAX);
                match first {
                    Ok((door, number)) => {
                        assert_eq!(number, most);
                        drop(door.lock().unwrap());
                    }
                    Err(panic) => {
                        let text = panic.downcast::<String>().unwrap();
                        assert!(text.contains("Too many open files"), "{text}");
                        refusals.fetch_add(1);
                    }
                }
                let (door, number) = mail.try_recv().unwrap();
                assert_eq!(number, most + 100);
                drop(door.lock().unwrap());
            })
            .succeed();
        }
        assert!((1..20).contains(&refusals.get()), "{refusals:?}");
        // With the next message this process lets go of what it kept for those.
        mail.send((door, 0)).unwrap();
        mail.recv().unwrap();
    }

    /// With no descriptor to be had everything that is there works, the dead are found, and sleepers wake.
    fn what_is_there_needs_none() {
        let (door, seats) = (Lock::new().unwrap(), Semaphore::new(1).unwrap());
        let (jobs, bell) = (Queue::<u64>::new(4).unwrap(), Event::new().unwrap());
        let (page, mail) = (Buffer::<u64>::new(8).unwrap(), Mailbox::<String>::new(100).unwrap());
        let hold_everything = || fork(|| {
            let _all = (door.lock().unwrap(), seats.acquire(), page.write().unwrap());
            stop_here();
        });
        fork(|| {
            limit(Resource::RLIMIT_NOFILE, 0);
            assert!(std::fs::File::open("/proc/self/stat").is_err());
            let none = Duration::from_millis(1);
            assert!(wait_any(&[&jobs as &dyn Waitable, &bell, &mail], Some(none)).is_empty());
            let holder = hold_everything();
            holder.stopped();
            assert!(door.lock_timeout(Duration::from_millis(100)).is_err());
            assert_eq!(door.recover().unwrap_err(), commonhold::RecoverError::Held);
            holder.kill_to_zombie();
            assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
            drop(door.recover().unwrap());
            drop(seats.acquire());
            drop(page.recover().unwrap());
            let sleeper = fork(|| {
                assert!(!wait_any(&[&jobs as &dyn Waitable, &bell, &mail], None).is_empty());
                assert_eq!(jobs.recv(), Ok(7));
                assert_eq!(mail.recv().unwrap(), "seven");
                bell.set();
            });
            limit(Resource::RLIMIT_NOFILE, u64::MAX); // to look whether it sleeps
            sleeper.asleep();
            limit(Resource::RLIMIT_NOFILE, 0);
            jobs.send(7).unwrap();
            mail.send("seven".to_owned()).unwrap();
            bell.wait();
            sleeper.succeed();
        })
        .succeed();
        drop(door.lock().unwrap());
    }
}
