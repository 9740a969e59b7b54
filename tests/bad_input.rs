//! What is not a segment, not for us, or not whole, is an error that says so: no fault, no hang.

mod children;

use children::{alone, die_here, directory, fork, listed, promptly, stop_here};
use commonhold::{Array, Buffer, Error, ErrorKind, Event, Lock, Mutex, Segment, Semaphore, Value};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown, mkfifo, setgid, setgroups, setuid};
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const NOBODY: u32 = 65_534;

fn error<T>(result: Result<T, Error>) -> Error {
    result.map(drop).unwrap_err()
}

fn path(name: &str) -> PathBuf {
    directory().join(name)
}

/// The bytes of a segment that holds one `Value<u64>`.
fn good_bytes() -> Vec<u8> {
    let value = Value::create(Segment::options().persistent(true).at("good"), 7_u64).unwrap();
    drop(value);
    let bytes = fs::read(path("good")).unwrap();
    commonhold::unlink("good").unwrap();
    bytes
}

fn with(bytes: &[u8], at: usize, field: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at..at + field.len()].copy_from_slice(field);
    changed
}

/// Prints why a test did not run here; it did, as far as it could.
fn skip(what: &str, why: impl std::fmt::Display) {
    println!("skipped: {what}: {why}");
}

fn is_root() -> bool {
    Uid::effective().is_root()
}

fn become_nobody() {
    setgroups(&[]).unwrap();
    setgid(Gid::from_raw(NOBODY)).unwrap();
    setuid(Uid::from_raw(NOBODY)).unwrap();
}

#[test]
fn what_is_no_name_is_refused_by_every_door() {
    let long = "x".repeat(201);
    let cases = [
        ("", "the name is empty, expected 1 to 200 bytes"),
        (".", "`.` is not a name"),
        ("..", "`..` is not a name"),
        ("a/b", "the name contains `/`"),
        ("/a", "the name contains `/`"),
        ("a/", "the name contains `/`"),
        ("a\0b", "the name contains a NUL byte"),
        (&long, "the name has 201 bytes, expected at most 200"),
    ];
    for (name, why) in cases {
        let answers = [
            ("create", "event", error(Event::create(name))),
            ("open", "event", error(Event::open(name))),
            ("open or create", "event", error(Event::open_or_create(name))),
            ("create", "segment", error(Segment::create(name, 100))),
            ("open", "segment", error(Segment::open(name))),
            ("open or create", "segment", error(Segment::open_or_create(name, 100))),
            ("unlink", "segment", error(commonhold::unlink(name))),
        ];
        for (operation, object, error) in answers {
            assert_eq!(error.kind(), ErrorKind::InvalidName, "{error}");
            assert_eq!(error.to_string(), format!("{operation} {object} {name:?}: {why}"));
        }
    }
}

alone! {
    fn every_name_that_is_one_is_taken() {
        let (long, wide) = ("x".repeat(200), "ü".repeat(100));
        for name in ["a", "...", ".hidden", "-rf", "a b", "päckchen\n", "*", "~", &long, &wide] {
            let event = Event::create(name).unwrap();
            Event::open(name).unwrap().set();
            assert!(event.is_set());
            assert_eq!(listed(&directory()), [name]);
        }
    }

    fn files_that_are_no_segments_are_told_apart_and_left_alone() {
        let good = good_bytes();
        let zeros = vec![0; 100_000];
        let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let size = good.len() as u64;
        use ErrorKind::{Damaged, NotACommonhold, Version};
        let cases: Vec<(&str, Vec<u8>, ErrorKind, &str)> = vec![
            ("empty", vec![], NotACommonhold, "the file is empty"),
            ("one byte", vec![99], NotACommonhold, "does not begin as"),
            ("text", b"hello, world\n".to_vec(), NotACommonhold, "does not begin as"),
            ("zeros", zeros, NotACommonhold, "does not begin as"),
            ("noise", noise, NotACommonhold, "does not begin as"),
            ("magic only", good[..8].to_vec(), Damaged, "truncated after 8 bytes"),
            ("half a header", good[..40].to_vec(), Damaged, "truncated after 40 bytes"),
            ("a header only", good[..256].to_vec(), Damaged, "the file has 256 bytes, its header says"),
            ("truncated", good[..2048].to_vec(), Damaged, "the file has 2048 bytes, its header says"),
            ("longer", [&good[..], &[0]].concat(), Damaged, "its header says"),
            ("version 0", with(&good, 8, &[0, 0, 0, 0]), Version, "holds layout version 0, expected "),
            ("version 99", with(&good, 8, &[99, 0, 0, 0]), Version, "holds layout version 99, expected "),
            ("no rows", with(&good, 24, &[0, 0, 0, 0]), Damaged, "0 participants, expected 1 to 4095"),
            ("rows", with(&good, 24, &[0, 16, 0, 0]), Damaged, "4096 participants, expected 1 to 4095"),
            ("more rows", with(&good, 24, &[255, 15, 0, 0]), Damaged, "4095 participants do not fit"),
            ("smaller", with(&good, 16, &(size - 1).to_le_bytes()), Damaged, "its header says"),
            ("huge", with(&good, 16, &u64::MAX.to_le_bytes()), Damaged, "its header says"),
        ];
        for (what, bytes, kind, why) in cases {
            fs::write(path("bad"), &bytes).unwrap();
            for (operation, found) in [
                ("open", error(Value::<u64>::open("bad"))),
                ("open or create", error(Value::open_or_create("bad", 1_u64))),
            ] {
                assert_eq!(found.kind(), kind, "{what}: {found}");
                let begin = format!("{operation} value \"bad\": ");
                assert!(found.to_string().starts_with(&begin), "{what}: {found}");
                assert!(found.to_string().contains(why), "{what}: {found}");
            }
            assert_eq!(error(Segment::open("bad")).kind(), kind, "{what}");
            let taken = error(Value::create("bad", 1_u64));
            assert_eq!(taken.kind(), ErrorKind::AlreadyExists, "{what}: {taken}");
            assert!(taken.to_string().contains("a file that is not replaced"), "{what}: {taken}");
            assert!(commonhold::segments().unwrap().is_empty(), "{what}");
            assert!(commonhold::gc().unwrap().is_empty(), "{what}");
            assert!(fs::read(path("bad")).unwrap() == bytes, "{what}: was changed");
            if kind == NotACommonhold {
                assert_eq!(error(commonhold::unlink("bad")).kind(), kind, "{what}");
                fs::remove_file(path("bad")).unwrap();
            } else {
                commonhold::unlink("bad").unwrap();
            }
        }
    }

    fn what_is_no_file_is_refused_at_once() {
        let value = Value::create("good", 7_u64).unwrap();
        symlink(path("good"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::create_dir(path("directory")).unwrap();
        mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        let cases = [
            ("link", "the name is a symbolic link"),
            ("dangling", "the name is a symbolic link"),
            ("directory", "the name is a directory"),
            ("fifo", "the name is not a regular file"),
            ("socket", "the name is not a regular file"),
        ];
        for (name, why) in cases {
            for found in [
                error(Value::<u64>::open(name)),
                error(Value::open_or_create(name, 1_u64)),
                error(Segment::open(name)),
                error(commonhold::unlink(name)),
            ] {
                assert_eq!(found.kind(), ErrorKind::NotACommonhold, "{name}: {found}");
                assert!(found.to_string().ends_with(why), "{name}: {found}");
            }
            assert_eq!(error(Lock::create(name)).kind(), ErrorKind::AlreadyExists, "{name}");
        }
        assert_eq!(commonhold::segments().unwrap().len(), 1);
        assert!(commonhold::gc().unwrap().is_empty());
        assert_eq!(listed(&directory()).len(), 6);
        drop(value);
        for name in ["link", "dangling", "fifo", "socket"] {
            fs::remove_file(path(name)).unwrap();
        }
        fs::remove_dir(path("directory")).unwrap();
    }

    fn another_type_is_named() {
        #[derive(Clone, Copy, commonhold::bytemuck::NoUninit, commonhold::bytemuck::CheckedBitPattern)]
        #[repr(C)]
        struct Job {
            id: u64,
            urgent: bool,
            _pad: [u8; 7],
        }
        let _value = Value::create("n", 7_u64).unwrap();
        let cases = [
            (error(Value::<i64>::open("n")), "open value \"n\": holds Value<u64> (8 bytes), asked for Value<i64> (8 bytes)"),
            (error(Value::<u32>::open("n")), "open value \"n\": holds Value<u64> (8 bytes), asked for Value<u32> (4 bytes)"),
            (error(Value::<u8>::open("n")), "open value \"n\": holds Value<u64> (8 bytes), asked for Value<u8> (1 byte)"),
            (error(Value::<[u64; 1]>::open("n")), "open value \"n\": holds Value<u64> (8 bytes), asked for Value<[u64; 1]> (8 bytes)"),
            (error(Mutex::<Job>::open("n")), "open mutex \"n\": holds Value<u64> (8 bytes), asked for Mutex<Job> (16 bytes)"),
            (error(Array::<u64>::open("n")), "open array \"n\": holds Value<u64> (8 bytes), asked for Array<u64> (8 bytes)"),
            (error(Lock::open("n")), "open lock \"n\": holds Value<u64> (8 bytes), asked for Lock"),
            (error(Semaphore::open_or_create("n", 1)), "open or create semaphore \"n\": holds Value<u64> (8 bytes), asked for Semaphore"),
            (error(Segment::open("n")), "open segment \"n\": holds Value<u64>, asked for a segment of named objects"),
            (error(Value::<u64>::open("m")), "open value \"m\": nothing has this name"),
            (error(Value::create("n", 0_u64)), "create value \"n\": a living segment has this name"),
        ];
        for (found, expected) in cases {
            assert_eq!(found.to_string(), expected);
        }
        assert_eq!(Value::<u64>::open("n").unwrap().get(), 7);
    }

    fn sizes_that_cannot_be_are_refused() {
        for (size, kind) in [
            (0, ErrorKind::InvalidSize),
            (usize::MAX, ErrorKind::InvalidSize),
            (usize::MAX - 5000, ErrorKind::InvalidSize),
            (isize::MAX as usize, ErrorKind::OutOfMemory),
            (1 << 50, ErrorKind::OutOfMemory),
        ] {
            let found = error(Segment::create("n", size));
            assert_eq!(found.kind(), kind, "{size}: {found}");
            assert!(found.to_string().contains(" bytes"), "{found}");
        }
        assert!(listed(&directory()).is_empty());
    }

    fn another_users_segments_are_used_only_as_permitted() {
        if !is_root() {
            return skip("other users", "not root");
        }
        fs::set_permissions(directory(), fs::Permissions::from_mode(0o1777)).unwrap();
        let _private = Lock::create("private").unwrap();
        let public = Lock::create(Segment::options().mode(0o666).at("public")).unwrap();
        let holder = fork(|| {
            let _guard = public.lock().unwrap();
            stop_here();
        });
        holder.stopped();
        let other = fork(|| {
            become_nobody();
            for found in [error(Lock::open("private")), error(commonhold::unlink("private"))] {
                assert_eq!(found.kind(), ErrorKind::PermissionDenied, "{found}");
                assert!(found.to_string().contains("opening its file: Permission denied"), "{found}");
            }
            assert_eq!(error(Lock::create("private")).kind(), ErrorKind::PermissionDenied);
            assert_eq!(error(Lock::open_or_create("private")).kind(), ErrorKind::PermissionDenied);
            assert_eq!(error(commonhold::unlink("public")).kind(), ErrorKind::PermissionDenied);
            // Root is trusted; and its life and death are seen.
            let public = Lock::open("public").unwrap();
            assert_eq!(public.try_lock().unwrap_err(), commonhold::TryLockError::WouldBlock);
            stop_here();
            assert_eq!(public.lock().unwrap_err(), commonhold::LockError::OwnerDied);
            drop(public.recover().unwrap());
            // Its own.
            let _own = Lock::create("own").unwrap();
            let _open = Lock::create(Segment::options().mode(0o666).at("trap")).unwrap();
            stop_here();
        });
        other.stopped();
        holder.kill();
        other.resume();
        other.stopped();
        for name in ["own", "trap"] {
            let found = error(Lock::open(name));
            assert_eq!(found.kind(), ErrorKind::PermissionDenied, "{found}");
            assert!(found.to_string().contains("belongs to user 65534, expected this user (0)"), "{found}");
        }
        drop(Lock::open(Segment::options().mode(0o666).at("trap")).unwrap());
        other.kill();
        assert_eq!(commonhold::gc().unwrap(), ["own", "trap"]);
    }

    fn a_strangers_file_in_place_of_a_name_is_not_trusted() {
        if !is_root() {
            return skip("a file of another user", "not root");
        }
        fs::write(path("planted"), good_bytes()).unwrap();
        fs::set_permissions(path("planted"), fs::Permissions::from_mode(0o666)).unwrap();
        chown(&path("planted"), Some(Uid::from_raw(NOBODY)), None).unwrap();
        for found in [error(Value::<u64>::open("planted")), error(Value::open_or_create("planted", 0_u64))] {
            assert_eq!(found.kind(), ErrorKind::PermissionDenied, "{found}");
        }
        assert_eq!(error(Value::create("planted", 0_u64)).kind(), ErrorKind::AlreadyExists);
        commonhold::unlink("planted").unwrap();
    }

    fn a_directory_one_may_not_write_is_an_error() {
        if !is_root() {
            return skip("other users", "not root");
        }
        fs::set_permissions(directory(), fs::Permissions::from_mode(0o755)).unwrap();
        fork(|| {
            become_nobody();
            let found = error(Lock::create("n"));
            assert_eq!(found.kind(), ErrorKind::PermissionDenied, "{found}");
        })
        .succeed();
    }
}

// Namespaces and full file systems

/// Runs `f` in a child of a child that unshared `what`; says why not where that is not permitted.
fn in_new_namespace(what: CloneFlags, f: impl FnOnce()) -> bool {
    let mut permitted = true;
    let probe = fork(|| {
        if let Err(why) = unshare(what) {
            skip(&format!("{what:?}"), why);
            nix::sys::signal::raise(nix::sys::signal::SIGSTOP).unwrap();
            die_here();
        }
    });
    let status = nix::sys::wait::waitpid(
        nix::unistd::Pid::from_raw(probe.pid() as i32),
        Some(nix::sys::wait::WaitPidFlag::WUNTRACED),
    );
    if matches!(status, Ok(nix::sys::wait::WaitStatus::Stopped(..))) {
        permitted = false;
    }
    drop(probe);
    if permitted {
        fork(|| {
            unshare(what).unwrap();
            fork(f).succeed();
        })
        .succeed();
    }
    permitted
}

const NEW_TIME: i32 = 0x80;

alone! {
    fn processes_of_another_pid_or_time_namespace_are_told() {
        let door = Lock::create("door").unwrap();
        let shop = Segment::create("shop", 1 << 16).unwrap();
        let time = CloneFlags::from_bits_retain(NEW_TIME);
        for (which, what) in [("PID", CloneFlags::CLONE_NEWPID), ("time", time)] {
            in_new_namespace(what, || {
                let found = error(Lock::open("door"));
                assert_eq!(found.kind(), ErrorKind::ForeignNamespace, "{found}");
                let expected = format!("open lock \"door\": belongs to {which} namespace ");
                assert!(found.to_string().starts_with(&expected), "{found}");
                assert!(found.to_string().contains(", this process is in "), "{found}");
                assert_eq!(error(Lock::open_or_create("door")).kind(), ErrorKind::ForeignNamespace);
                assert_eq!(error(Lock::create("door")).kind(), ErrorKind::AlreadyExists);
                assert!(commonhold::gc().unwrap().is_empty());
                assert!(commonhold::segments().unwrap().iter().all(|info| !info.is_stale()));
                // What was inherited cannot be taken part in either.
                let refused = catch_unwind(AssertUnwindSafe(|| drop(door.lock()))).unwrap_err();
                let message = refused.downcast_ref::<String>().unwrap();
                assert!(message.contains("namespace"), "{message}");
                // Its own names are its own.
                drop(Lock::create("own").unwrap().lock().unwrap());
            });
        }
        drop(door.lock().unwrap());
        assert_eq!(shop.names().unwrap().len(), 0);
        commonhold::gc().unwrap();
        assert_eq!(listed(&directory()), ["door", "shop"]);
    }

    fn what_a_killed_container_left_is_stale() {
        let left = in_new_namespace(CloneFlags::CLONE_NEWPID, || {
            // This one is the first of its namespace; it ends without dropping.
            std::mem::forget(Value::create("left", 1_u64).unwrap());
            std::mem::forget(Value::create("also", 1_u64).unwrap());
        });
        if !left {
            return;
        }
        assert_eq!(listed(&directory()), ["also", "left"]);
        assert_eq!(Value::create("left", 2_u64).unwrap().get(), 2);
        assert_eq!(commonhold::gc().unwrap(), ["also"]);
    }

    fn full_shared_memory_is_an_error_at_creation() {
        let small = path("small");
        fs::create_dir(&small).unwrap();
        fork(|| {
            if let Err(why) = unshare(CloneFlags::CLONE_NEWNS) {
                return skip("a small file system", why);
            }
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            let options = Some("size=1m,nr_inodes=20");
            mount(Some("tmpfs"), &small, Some("tmpfs"), MsFlags::empty(), options).unwrap();
            // SAFETY: no other thread reads the environment.
            unsafe { std::env::set_var("COMMONHOLD_DIR", &small) };
            fill_the_small_one(&small);
        })
        .succeed();
        fs::remove_dir(&small).unwrap();
    }
}

fn fill_the_small_one(small: &Path) {
    let found = error(Buffer::<u8>::create("large", 2 << 20));
    assert_eq!(found.kind(), ErrorKind::OutOfMemory, "{found}");
    assert!(found.to_string().starts_with("create buffer \"large\": reserving "), "{found}");
    assert!(listed(small).is_empty());

    let half = Buffer::<u8>::create("half", 600 << 10).unwrap();
    assert_eq!(error(Buffer::<u8>::create("other", 600 << 10)).kind(), ErrorKind::OutOfMemory);
    half.write().unwrap().fill(1);
    let sparse = Segment::options().sparse(true).create("sparse", 100 << 20).unwrap();
    drop(sparse);
    drop(half);
    let again = Buffer::<u8>::create("again", 600 << 10).unwrap();
    assert!(again.read().unwrap().iter().all(|byte| *byte == 0));
    drop(again);

    let mut made = Vec::new();
    let refused = loop {
        match Event::create(&format!("event-{}", made.len())) {
            Ok(event) => made.push(event),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::OutOfMemory, "{refused}");
    assert!(made.len() > 10, "{}", made.len());
    assert_eq!(listed(small).len(), made.len());
    made.iter().for_each(Event::set);
    drop(made);
    assert!(listed(small).is_empty());
}

// Every byte changed

/// Looks at whatever an open gives out, without waiting.
fn use_everything(shop: &Segment) -> usize {
    let mut good = 0;
    let mut count = |worked: bool| good += usize::from(worked);
    count(shop.names().is_ok());
    count(Value::<u64>::open(shop.at("small")).is_ok_and(|value| value.get() == 7));
    count(Value::<[u64; 5]>::open(shop.at("large")).is_ok_and(|value| value.get() == [7; 5]));
    count(Array::<u16>::open(shop.at("array")).is_ok_and(|row| row.to_vec().len() == 9));
    count(Lock::open(shop.at("lock")).is_ok_and(|lock| lock.try_lock().is_ok()));
    count(Mutex::<u32>::open(shop.at("mutex")).is_ok_and(|lock| lock.try_lock().is_ok()));
    count(Event::open(shop.at("event")).is_ok_and(|event| event.is_set()));
    count(Buffer::<u32>::open(shop.at("buffer")).is_ok_and(|row| row.try_read().is_ok()));
    count(Semaphore::open(shop.at("semaphore")).is_ok_and(|seats| seats.try_acquire().is_ok()));
    good
}

/// One segment with an object of every kind.
fn assorted() -> Vec<u8> {
    let options = Segment::options().persistent(true).participants(2);
    let shop = options.create("assorted", 8 << 10).unwrap();
    Value::create(shop.at("small"), 7_u64).unwrap();
    Value::create(shop.at("large"), [7_u64; 5]).unwrap();
    Array::<u16>::create(shop.at("array"), 9).unwrap();
    Lock::create(shop.at("lock")).unwrap();
    Mutex::create(shop.at("mutex"), 7_u32).unwrap();
    Event::create(shop.at("event")).unwrap().set();
    Buffer::<u32>::create(shop.at("buffer"), 5).unwrap();
    Semaphore::create(shop.at("semaphore"), 3).unwrap();
    assert_eq!(use_everything(&shop), 9);
    drop(shop);
    let bytes = fs::read(path("assorted")).unwrap();
    commonhold::unlink("assorted").unwrap();
    bytes
}

alone! {
    fn whichever_byte_is_changed_there_is_an_error_or_an_object() {
        let good = assorted();
        let used = good.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let at = Value::<u64>::new(0).unwrap();
        let (opened, panicked) = (Value::<u64>::new(0).unwrap(), Value::<u64>::new(0).unwrap());
        let tried = fork(|| {
            std::panic::set_hook(Box::new(|_| ()));
            for (change, place) in (0..used).flat_map(|place| [0xFF, 0x01, 0x80].map(|c| (c, place))) {
                at.set(place as u64);
                fs::write(path("changed"), with(&good, place, &[good[place] ^ change])).unwrap();
                // Opening never panics; using what was overwritten may, as documented.
                let Ok(shop) = Segment::open("changed") else { continue };
                let used = catch_unwind(AssertUnwindSafe(|| use_everything(&shop)));
                opened.fetch_add(1);
                panicked.fetch_add(u64::from(used.is_err()));
            }
        });
        let place = tried.pid();
        tried.succeed_or(|| format!("child {place} changed byte {}", at.get()));
        println!("{} of {} opened, {} panicked in use", opened.get(), 3 * used, panicked.get());
        assert!(opened.get() > used as u64);
        let _ = fs::remove_file(path("changed"));
    }

    /// The counts and sizes that lead somewhere, at their extremes.
    fn numbers_at_their_extremes_are_errors() {
        let good = assorted();
        let blocks = 256 + 128; // two rows, to a multiple of 128
        let extremes = [0, 1, 63, 127, 129, 4096, 1 << 31, 1 << 32, 1 << 47, 1 << 63, u64::MAX - 127, u64::MAX];
        let fields = [16, 24, 136, 144, blocks, blocks + 8, blocks + 16, blocks + 32, blocks + 40, blocks + 48, blocks + 56, blocks + 64, blocks + 72, blocks + 80, blocks + 88];
        let tried = fork(|| {
            std::panic::set_hook(Box::new(|_| ()));
            for (field, extreme) in fields.iter().flat_map(|field| extremes.map(|e| (*field, e))) {
                fs::write(path("changed"), with(&good, field, &extreme.to_le_bytes())).unwrap();
                let Ok(shop) = Segment::open("changed") else { continue };
                let used = catch_unwind(AssertUnwindSafe(|| use_everything(&shop)));
                assert!(used.is_ok(), "using, with {extreme} at {field}");
                let made = catch_unwind(AssertUnwindSafe(|| Lock::create(shop.at("one more")).is_ok()));
                assert!(made.is_ok(), "adding, with {extreme} at {field}");
            }
        });
        tried.succeed();
        let _ = fs::remove_file(path("changed"));
    }

    /// Words in a living object that no protocol writes: nobody holds what they say is held.
    fn words_that_nobody_writes_stall_nobody() {
        let overwrite = |name: &str, at: u64, word: u32| {
            let file = fs::File::options().read(true).write(true).open(path(name)).unwrap();
            let block = 256 + 128 * 16;
            let mut payload = [0; 8];
            file.read_exact_at(&mut payload, block + 8).unwrap();
            file.write_all_at(&word.to_le_bytes(), block + u64::from_le_bytes(payload) + at).unwrap();
        };
        let one_of_no_generation = 0xFFF0_0001;

        let frame = Buffer::<u32>::create("forged-frame", 4).unwrap();
        overwrite("forged-frame", 0, 0x40FF_FFFF); // draining, and poisoned
        drop(frame.recover().unwrap());
        overwrite("forged-frame", 64 + 5 * 64, one_of_no_generation); // reads
        drop(frame.try_write().unwrap());

        let seats = Semaphore::create("forged-seats", 1).unwrap();
        overwrite("forged-seats", 20 + 5 * 4, one_of_no_generation); // holds a permit
        let held = seats.acquire();
        assert!(seats.try_acquire().is_err());
        drop(held);
        drop(seats.try_acquire().unwrap());
    }

    /// What is looked for, found and left in there takes no longer than a walk over its bytes.
    fn descriptions_beyond_all_bounds_are_walked_over_quickly() {
        let good = assorted();
        let block = 256 + 128; // two rows, to a multiple of 128
        let far = u64::to_le_bytes;
        let mut bytes = with(&good, 136, &far(u64::MAX)); // the end of the objects
        for (field, number) in [(0, 1 << 62), (16, 1 << 61), (64, 0), (72, 4), (80, 1 << 58), (88, 1)] {
            bytes = with(&bytes, block + field, &far(number));
        }
        bytes = with(&bytes, block + 56, &1_u32.to_le_bytes()); // one run of claims
        fs::write(path("changed"), &bytes).unwrap();
        promptly("a run of claims without an end", || {
            let shop = Segment::open("changed").unwrap();
            assert_eq!(error(shop.names()).kind(), ErrorKind::Damaged);
            drop(shop);
        });

        // A segment full of the shortest blocks, each of which has a name as long as the segment.
        let size = 4 << 20;
        let mut bytes = with(&good, 16, &far(size));
        bytes.resize(size as usize, 0);
        bytes = with(&bytes, 136, &far(size));
        for (at, chunk) in (0..).step_by(128).zip(bytes.chunks_exact_mut(128)).skip(3) {
            chunk.fill(0);
            chunk[..8].copy_from_slice(&far(128));
            chunk[8..16].copy_from_slice(&far(128));
            chunk[48..52].copy_from_slice(&(size as u32 - at - 64).to_le_bytes());
        }
        fs::write(path("changed"), &bytes).unwrap();
        promptly("names without an end", || {
            let shop = Segment::open("changed").unwrap();
            assert_eq!(error(Lock::open(shop.at("one"))).kind(), ErrorKind::Damaged);
        });
        fs::remove_file(path("changed")).unwrap();
    }

    fn nothing_is_added_where_no_object_may_lie() {
        let good = assorted();
        for end in [0, 1, 127, 128, 256, 383, 385, good.len() as u64 + 128] {
            fs::write(path("changed"), with(&good, 136, &u64::to_le_bytes(end))).unwrap();
            let shop = Segment::open("changed").unwrap();
            let found = error(Lock::create(shop.at("one more")));
            assert_eq!(found.kind(), ErrorKind::Damaged, "{end}: {found}");
            drop(shop);
            assert_eq!(Segment::open("changed").unwrap().name(), Some("changed"), "{end}");
        }
        fs::remove_file(path("changed")).unwrap();
    }
}
