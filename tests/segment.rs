//! What a segment promises: how long it lives, how it is made, and several objects in one.

mod children;

use children::{Child, alone, directory, fork, listed, stop_here};
use commonhold::{Array, Buffer, ErrorKind, Event, Lock, LockError, Mutex, Segment, Value};
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

fn kind<T>(result: Result<T, commonhold::Error>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

fn text<T>(result: Result<T, commonhold::Error>) -> String {
    result.map(drop).unwrap_err().to_string()
}

fn metadata(name: &str) -> fs::Metadata {
    fs::metadata(directory().join(name)).unwrap()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Lets this process have so many descriptors and no more.
fn limit_descriptors(count: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, count, hard).unwrap();
}

/// Opens `/dev/null` until no descriptor is left.
fn take_all_descriptors() -> Vec<std::os::fd::OwnedFd> {
    std::iter::from_fn(|| nix::fcntl::open("/dev/null", OFlag::O_RDONLY, Mode::empty()).ok())
        .collect()
}

// How long it lives

alone! {
    fn a_segment_lives_until_its_last_user_has_left() {
        let shop = Segment::create("shop", 1 << 16).unwrap();
        let till = Value::create(shop.at("till"), 1_u64).unwrap();
        let user = fork(|| {
            let shop = Segment::open("shop").unwrap();
            let till = Value::<u64>::open(shop.at("till")).unwrap();
            drop(shop);
            stop_here();
            assert_eq!(till.get(), 3);
        });
        user.stopped();
        drop(shop);
        till.set(2); // an object keeps its segment
        assert_eq!(Segment::open("shop").unwrap().names().unwrap(), ["till"]);
        till.set(3);
        drop(till);
        assert_eq!(listed(&directory()), ["shop"]); // the child's
        user.resume();
        user.succeed();
        commonhold::gc().unwrap(); // it ended with what it had inherited
        assert!(listed(&directory()).is_empty());
    }

    fn a_segment_opened_twice_dropped_once_and_forked_goes_on() {
        let first = Segment::create("twice", 1 << 16).unwrap();
        let hits = Value::create(first.at("hits"), 0_u64).unwrap();
        let before = descriptors();
        let second = Segment::open("twice").unwrap();
        let again = Value::<u64>::open(second.at("hits")).unwrap();
        assert_eq!(descriptors(), before, "a process attaches once");
        drop(first);
        again.fetch_add(1);
        fork(|| {
            again.fetch_add(1);
            drop((second.clone(), hits.clone(), again.clone()));
            let third = Segment::open("twice").unwrap();
            Value::<u64>::open(third.at("hits")).unwrap().fetch_add(1);
        })
        .succeed();
        assert_eq!(hits.get(), 3);
        // A child that drops everything it inherited.
        let mut all = Some((second, hits, again));
        fork(|| drop(all.take())).succeed();
        let (second, hits, again) = all.unwrap();
        assert_eq!((hits.get(), again.get()), (3, 3));
        assert_eq!(kind(Segment::create("twice", 100)), ErrorKind::AlreadyExists);
        drop((hits, again));
        assert_eq!(second.names().unwrap(), ["hits"]);
        drop(second);
        assert!(listed(&directory()).is_empty());
    }

    fn a_child_that_never_touched_it_is_the_last_out() {
        let mut door = Some(Lock::create("door").unwrap());
        let heir = fork(|| {
            stop_here();
            assert_eq!(listed(&directory()), ["door"]);
            drop(door.take());
            assert!(listed(&directory()).is_empty());
        });
        heir.stopped();
        drop(door.take());
        assert_eq!(listed(&directory()), ["door"]);
        heir.resume();
        heir.succeed();
    }

    fn a_persistent_segment_stays_with_what_is_in_it() {
        let options = Segment::options().persistent(true);
        fork(|| {
            let shop = options.create("kept", 1 << 16).unwrap();
            let door = Lock::create(shop.at("door")).unwrap();
            Value::create(shop.at("total"), 7_u64).unwrap();
            std::mem::forget(door.lock().unwrap());
            children::die_here()
        })
        .was_killed();
        assert!(commonhold::gc().unwrap().is_empty());
        let info = &commonhold::segments().unwrap()[0];
        assert!(info.is_persistent() && !info.is_stale());
        let shop = Segment::open("kept").unwrap();
        assert_eq!(Value::<u64>::open(shop.at("total")).unwrap().get(), 7);
        let door = Lock::open(shop.at("door")).unwrap();
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
        drop(door.recover().unwrap());
        drop((door, shop));
        assert_eq!(kind(Segment::create("kept", 100)), ErrorKind::AlreadyExists);
        assert_eq!(Segment::open_or_create("kept", 1).unwrap().names().unwrap().len(), 2);
        assert_eq!(listed(&directory()), ["kept"]);
        commonhold::unlink("kept").unwrap();
    }

    /// It keeps pid and start time, and is another program all the same.
    fn a_process_that_became_another_program_starts_anew() {
        const AGAIN: &str = "COMMONHOLD_TEST_AGAIN";
        if let Ok(step) = std::env::var(AGAIN) {
            let door = Lock::open("door").unwrap();
            // Its former self's lock is a dead one's, also to itself, at once.
            assert_eq!(door.try_lock().unwrap_err(), commonhold::TryLockError::OwnerDied, "{step}");
            stop_here();
            drop(door.lock().unwrap());
            return;
        }
        let door = Lock::create("door").unwrap();
        let ready = Event::new().unwrap();
        let child = fork(|| {
            // What it has inherited ends with the program; its row is of this one's registration.
            let door = Lock::open("door").unwrap();
            std::mem::forget(door.lock().unwrap());
            ready.set();
            let arguments: Vec<String> = std::env::args().skip(1).collect();
            let this = std::env::current_exe().unwrap();
            panic!("{}", Command::new(this).args(arguments).env(AGAIN, "again").exec());
        });
        ready.wait();
        child.stopped();
        let attached = commonhold::segments().unwrap()[0].participants();
        assert_eq!(attached, 2, "the child's former rows were given back");
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
        drop(door.recover().unwrap());
        child.resume();
        child.succeed();
    }
}

// Memory

alone! {
    fn new_memory_is_zero_also_when_recycled() {
        for _ in 0..50 {
            let row = Buffer::<u64>::create("dirty", 10_000).unwrap();
            assert!(row.read().unwrap().iter().all(|word| *word == 0));
            row.write().unwrap().fill(u64::MAX);
        }
        for _ in 0..50 {
            let row = Buffer::<u64>::new(10_000).unwrap();
            assert!(row.read().unwrap().iter().all(|word| *word == 0));
            row.write().unwrap().fill(u64::MAX);
        }
    }

    fn a_full_segment_says_what_is_left() {
        let shop = Segment::create("shop", 4096).unwrap();
        let first = Array::<u64>::create(shop.at("first"), 100).unwrap();
        let error = text(Array::<u64>::create(shop.at("second"), 1 << 20));
        let expected = "create array \"second\" in segment \"shop\": needs ";
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains(" left"), "{error}");
        assert_eq!(kind(Array::<u64>::create(shop.at("second"), 1 << 20)), ErrorKind::OutOfMemory);
        // To the brim, then one more.
        let mut made = 0;
        let refused = loop {
            match Value::create(shop.at(&format!("value-{made}")), made) {
                Ok(_) => made += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::OutOfMemory);
        assert!(made > 3, "{made}");
        assert_eq!(shop.names().unwrap().len(), made as usize + 1);
        for number in 0..made {
            let value = Value::<i32>::open(shop.at(&format!("value-{number}"))).unwrap();
            assert_eq!(value.get(), number);
        }
        assert!(first.to_vec().iter().all(|word| *word == 0));
    }

    fn memory_that_is_not_there_is_an_error_at_once() {
        // More than the machine has; at once, without trying.
        for words in [1_usize << 37, 1 << 42] {
            let named = Array::<u64>::create("huge", words).map(drop).unwrap_err();
            assert_eq!(named.kind(), ErrorKind::OutOfMemory, "{named}");
            let anonymous = Array::<u64>::new(words).map(drop).unwrap_err();
            assert_eq!(anonymous.kind(), ErrorKind::OutOfMemory, "{anonymous}");
        }
    }

    /// There are kernels that undo a reservation that a signal interrupts.
    fn a_program_with_a_fast_timer_gets_its_memory() {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
        extern "C" fn ignore(_: nix::libc::c_int) {}
        let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGALRM, &action) }.unwrap();
        let tick = nix::libc::timeval { tv_sec: 0, tv_usec: 5_000 };
        let timer = nix::libc::itimerval { it_interval: tick, it_value: tick };
        let none = std::ptr::null_mut();
        // SAFETY: the timer is a valid one, and the old one is not asked for.
        assert_eq!(unsafe { nix::libc::setitimer(nix::libc::ITIMER_REAL, &timer, none) }, 0);
        let large = Buffer::<u8>::create("large", 256 << 20).unwrap();
        assert_eq!(large.read().unwrap()[(256 << 20) - 1], 0);
    }
}

// Options

alone! {
    fn the_mode_is_exact_whatever_the_umask() {
        umask(Mode::from_bits_truncate(0o077));
        for mode in [0o600, 0o660, 0o644, 0o666] {
            let _door = Lock::create(Segment::options().mode(mode).at("door")).unwrap();
            assert_eq!(metadata("door").mode() & 0o7777, mode);
        }
        umask(Mode::empty());
        let _door = Lock::create("door").unwrap();
        assert_eq!(metadata("door").mode() & 0o7777, 0o600);
    }

    fn memory_is_reserved_unless_the_segment_is_sparse() {
        const SIZE: usize = 8 << 20;
        let _full = Segment::create("full", SIZE).unwrap();
        assert!(metadata("full").blocks() * 512 >= SIZE as u64);
        let sparse = Segment::options().sparse(true).create("sparse", SIZE).unwrap();
        assert!(metadata("sparse").blocks() * 512 < SIZE as u64 / 4);
        assert!(metadata("sparse").len() >= SIZE as u64);
        let row = Buffer::<u8>::create(sparse.at("row"), SIZE / 2).unwrap();
        row.write().unwrap().fill(1);
        assert!(metadata("sparse").blocks() * 512 >= SIZE as u64 / 2);
    }

    fn pages_are_populated_locked_or_huge_when_asked() {
        const SIZE: usize = 4 << 20;
        let status = |field: &str| {
            let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
            let inode = format!(" {} ", metadata("n").ino());
            let mut lines = smaps.lines().skip_while(|line| !line.contains(&inode));
            let line = lines.find(|line| line.starts_with(field)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
        };
        let _n = Segment::create("n", SIZE).unwrap();
        assert!(status("Rss:") < SIZE);
        drop(_n);
        let _n = Segment::options().populate(true).create("n", SIZE).unwrap();
        assert!(status("Rss:") >= SIZE);
        drop(_n);
        let _n = Segment::options().lock_in_memory(true).create("n", SIZE).unwrap();
        assert!(status("Locked:") >= SIZE);
        drop(_n);
        let n = Segment::options().huge_pages(true).create("n", SIZE).unwrap();
        Value::create(n.at("value"), 1_u64).unwrap();
    }

    fn as_many_processes_attach_as_were_asked_for() {
        let door = Lock::create(Segment::options().participants(3).at("door")).unwrap();
        let attach = || fork(|| {
            std::mem::forget(Lock::open("door").unwrap());
            stop_here();
        });
        let (first, second) = (attach(), attach());
        first.stopped();
        second.stopped();
        fork(|| {
            let error = Lock::open("door").map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooManyParticipants);
            let expected = "open lock \"door\": its 3 participants are all alive";
            assert_eq!(error.to_string(), expected);
        })
        .succeed();
        assert_eq!(commonhold::segments().unwrap()[0].participants(), 3);
        second.kill();
        fork(|| drop(Lock::open("door").unwrap().lock().unwrap())).succeed();
        // A fork that never used it has no row; one that uses it takes the last.
        fork(|| drop(door.lock().unwrap())).succeed();
        drop(first);
        drop(door);
    }

    fn counts_that_cannot_be_are_refused() {
        for count in [0, 4096, u32::MAX] {
            let place = Segment::options().participants(count).at("door");
            let error = Lock::create(place).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSize);
            let expected = format!("{count} participants, expected 1 to 4095");
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
        let _most = Lock::create(Segment::options().participants(4095).at("most")).unwrap();
        let only = Lock::create(Segment::options().participants(1).at("only")).unwrap();
        drop(only.lock().unwrap());
        assert_eq!(kind(Segment::create("empty", 0)), ErrorKind::InvalidSize);
    }

    fn the_directory_may_be_relative_and_the_process_may_move() {
        let here = directory();
        std::env::set_current_dir(&here).unwrap();
        fs::create_dir("inner").unwrap();
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("COMMONHOLD_DIR", "inner") };
        let door = Lock::create("door").unwrap();
        assert_eq!(listed(&here.join("inner")), ["door"]);
        std::env::set_current_dir("/").unwrap();
        drop(door);
        fs::remove_dir(here.join("inner")).unwrap(); // empty
    }

    fn a_directory_that_is_not_there_is_named() {
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("COMMONHOLD_DIR", directory().join("nowhere")) };
        let error = Lock::create("door").map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("nowhere"), "{error}");
        assert_eq!(kind(Lock::open("door")), ErrorKind::NotFound);
        assert_eq!(kind(Lock::open_or_create("door")), ErrorKind::NotFound);
        assert_eq!(kind(commonhold::segments()), ErrorKind::NotFound);
        assert_eq!(kind(commonhold::gc()), ErrorKind::NotFound);
    }
}

// Several objects

alone! {
    fn objects_of_a_segment_are_found_by_name_and_type() {
        let shop = Segment::create("shop", 1 << 16).unwrap();
        let hits = Value::create(shop.at("hits"), 3_u64).unwrap();
        Lock::create(shop.at("door")).unwrap();
        Array::<u32>::create(shop.at("row"), 5).unwrap();
        Mutex::create(shop.at("books"), 9_i64).unwrap();
        assert_eq!(shop.names().unwrap(), ["hits", "door", "row", "books"]);
        fork(|| {
            let shop = Segment::open("shop").unwrap();
            assert_eq!(Value::<u64>::open(shop.at("hits")).unwrap().get(), 3);
            assert_eq!(Array::<u32>::open(shop.at("row")).unwrap().len(), 5);
            assert_eq!(*Mutex::<i64>::open(shop.at("books")).unwrap().lock().unwrap(), 9);
            drop(Lock::open(shop.at("door")).unwrap().lock().unwrap());
            Event::create(shop.at("made by a child")).unwrap().set();
        })
        .succeed();
        assert!(Event::open(shop.at("made by a child")).unwrap().is_set());
        assert_eq!(
            text(Value::<f64>::open(shop.at("hits"))),
            "open value \"hits\" in segment \"shop\": \
             holds Value<u64> (8 bytes), asked for Value<f64> (8 bytes)"
        );
        assert_eq!(
            text(Value::create(shop.at("hits"), 0_u64)),
            "create value \"hits\" in segment \"shop\": the segment has an object with this name"
        );
        assert_eq!(
            text(Lock::open(shop.at("window"))),
            "open lock \"window\" in segment \"shop\": the segment has no object with this name"
        );
        assert_eq!(kind(Lock::open_or_create(shop.at("hits"))), ErrorKind::TypeMismatch);
        assert_eq!(Value::open_or_create(shop.at("hits"), 8_u64).unwrap().get(), 3);
        assert_eq!(kind(hits.unlink()), ErrorKind::Unsupported);
        assert_eq!(kind(Lock::create(shop.at(""))), ErrorKind::InvalidName);
        assert_eq!(kind(Lock::create(shop.at("a/b"))), ErrorKind::InvalidName);
        assert_eq!(
            text(Lock::open("shop")),
            "open lock \"shop\": holds a segment of named objects, asked for Lock"
        );
    }

    fn of_processes_that_race_for_an_object_one_makes_it() {
        const RACERS: u64 = 8;
        const OBJECTS: usize = 100;
        let shop = Segment::create("shop", 1 << 18).unwrap();
        let seen = Array::<u64>::new(RACERS as usize * OBJECTS).unwrap();
        let go = Event::new().unwrap();
        let racers: Vec<Child> = (0..RACERS)
            .map(|racer| fork(|| {
                go.wait();
                for number in 0..OBJECTS {
                    let mine = [racer + 1; 20];
                    let value = Value::open_or_create(shop.at(&format!("{number}")), mine);
                    let found = value.unwrap().get();
                    assert_eq!(found, [found[0]; 20], "half-built");
                    seen.set(racer as usize * OBJECTS + number, found[0]).unwrap();
                }
            }))
            .collect();
        go.set();
        racers.into_iter().for_each(Child::succeed);
        let seen = seen.to_vec();
        for number in 0..OBJECTS {
            let of_this = |racer: usize| seen[racer * OBJECTS + number];
            assert_ne!(of_this(0), 0);
            assert!((0..RACERS as usize).all(|racer| of_this(racer) == of_this(0)), "{number}");
        }
        assert_eq!(shop.names().unwrap().len(), OBJECTS);
    }

    fn segments_are_listed_as_they_are() {
        let _b = Segment::options().participants(7).create("b", 5_000).unwrap();
        let _a = Lock::create(Segment::options().persistent(true).at("a")).unwrap();
        fs::write(directory().join("c"), "a stranger").unwrap();
        let listed = commonhold::segments().unwrap();
        let names: Vec<&str> = listed.iter().map(|info| info.name()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((listed[0].is_persistent(), listed[1].is_persistent()), (true, false));
        assert_eq!((listed[1].capacity(), listed[1].participants()), (7, 1));
        assert_eq!(listed[1].creator(), std::process::id());
        assert_eq!(listed[1].size(), metadata("b").len());
        assert!(listed.iter().all(|info| !info.is_stale()));
        assert!(commonhold::gc().unwrap().is_empty());
        fs::remove_file(directory().join("c")).unwrap();
        commonhold::unlink("a").unwrap();
    }
}

// Anonymous objects, descriptors

alone! {
    fn two_thousand_anonymous_values_fit_into_1024_descriptors() {
        limit_descriptors(1024);
        let before = descriptors();
        let values: Vec<_> = (0..2_000_u64).map(|number| Value::new(number).unwrap()).collect();
        assert!(descriptors() <= before + 2, "{} descriptors", descriptors() - before);
        fork(|| values.iter().for_each(|value| _ = value.fetch_add(1))).succeed();
        for (number, value) in values.iter().enumerate() {
            assert_eq!(value.get(), number as u64 + 1);
        }
        drop(values);
        assert!(descriptors() <= before, "given back");
    }

    fn anonymous_objects_that_fill_arena_after_arena_are_given_back() {
        let before = descriptors();
        let rows: Vec<_> = (0..40_u8)
            .map(|number| {
                let row = Buffer::<u8>::new(3 << 20).unwrap();
                row.write().unwrap().fill(number);
                row
            })
            .collect();
        assert!(descriptors() > before + 4, "several arenas");
        for (number, row) in rows.iter().enumerate() {
            assert!(row.read().unwrap().iter().all(|byte| usize::from(*byte) == number));
        }
        drop(rows);
        assert_eq!(descriptors(), before);
    }

    fn threads_that_make_anonymous_objects_get_each_their_own() {
        fork(|| {
            thread::scope(|scope| {
                for thread in 0..8_u64 {
                    scope.spawn(move || {
                        for round in 0..50 {
                            let mine: Vec<_> =
                                (0..5).map(|n| Value::new([thread, round, n]).unwrap()).collect();
                            thread::yield_now();
                            for (n, value) in mine.iter().enumerate() {
                                assert_eq!(value.get(), [thread, round, n as u64]);
                            }
                        }
                    });
                }
            });
        })
        .succeed();
    }

    fn without_a_descriptor_there_is_an_error_and_a_name_is_still_removed() {
        let door = Lock::create("door").unwrap();
        let value = Value::new(1_u64).unwrap();
        limit_descriptors(64);
        let taken = take_all_descriptors();
        for error in [
            Lock::create("other").map(drop).unwrap_err(),
            Lock::open("door").map(drop).unwrap_err(),
            Buffer::<u8>::new(5 << 20).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            assert!(error.to_string().contains("Too many open files"), "{error}");
        }
        value.set(2);
        drop(door.lock().unwrap());
        drop(door);
        drop(taken);
        assert!(listed(&directory()).is_empty());
    }
}
