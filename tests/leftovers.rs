//! Nothing is left behind: no name, no memory, no descriptor, no mapping.
//!
//! Every test that runs alone checks that for its own names; here are those who use everything and are
//! killed at it.

mod children;

use children::{Child, alone, die_here, directory, fork, listed, wait_until};
use commonhold::{Array, Buffer, Event, Lock, Mutex, Queue, Segment, Semaphore, Value};
use std::fs;
use std::path::Path;

/// Makes, finds, uses and drops one of everything: named, anonymous, and in a segment.
fn use_everything() {
    macro_rules! one_of_each {
        ($($kind:ty: $name:literal $($argument:expr)?, $use:expr;)*) => {$(
            let used: fn(&$kind) = $use;
            used(&<$kind>::open_or_create($name $(, $argument)?).unwrap());
            used(&<$kind>::new($($argument)?).unwrap());
            let shop = Segment::open_or_create("shop", 1 << 20).unwrap();
            used(&<$kind>::open_or_create(shop.at($name) $(, $argument)?).unwrap());
        )*};
    }
    one_of_each! {
        Value<u64>: "small" 1, |value| _ = value.fetch_add(1);
        Value<[u64; 9]>: "large" [1; 9], |value| value.set([value.get()[0] + 1; 9]);
        Array<u32>: "row" 9, |row| _ = row.fetch_add(3, 1);
        Buffer<u8>: "page" 5000, |page| _ = page.try_write().map(|mut page| page[7] = 7);
        Lock: "door", |door| _ = door.try_lock().map(drop);
        Mutex<u64>: "books" 1, |books| _ = books.try_lock().map(|mut books| *books += 1);
        Event: "bell", Event::set;
        Semaphore: "seats" 3, |seats| drop(seats.try_acquire());
        Queue<u64>: "jobs" 16, |jobs| _ = jobs.try_send(1).map(|()| jobs.try_recv());
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many mappings are of shared memory, or of a page of our own that forked children find empty.
fn mappings() -> usize {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let ours = |line: &&str| line.contains("memfd:commonhold") || line.contains("/dev/shm/");
    let private = |line: &&str| line.starts_with("VmFlags:") && line.contains(" wf");
    smaps.lines().filter(ours).count() + smaps.lines().filter(private).count()
}

alone! {
    fn a_program_that_goes_on_and_on_keeps_nothing() {
        use_everything();
        let before = (descriptors(), mappings());
        for _ in 0..100 {
            use_everything();
            assert!(listed(&directory()).is_empty());
        }
        assert_eq!((descriptors(), mappings()), before);
    }

    fn errors_keep_nothing_either() {
        let shop = Segment::create("shop", 4096).unwrap();
        let value = Value::create("value", 1_u64).unwrap();
        fs::write(directory().join("text"), "text").unwrap();
        let wrong = || {
            assert!(Lock::open("value").is_err() && Lock::create("value").is_err());
            assert!(Segment::open("value").is_err() && Lock::open("shop").is_err());
            assert!(Lock::open("text").is_err() && Lock::create("text").is_err());
            assert!(Lock::open("missing").is_err() && Lock::open("a/b").is_err());
            assert!(Array::<u64>::create("huge", 1 << 50).is_err());
            assert!(Array::<u64>::new(1 << 50).is_err());
            assert!(Array::<u64>::create(shop.at("huge"), 1 << 20).is_err());
            assert!(Lock::create(Segment::options().participants(0).at("none")).is_err());
        };
        wrong();
        let before = (descriptors(), mappings(), listed(&directory()));
        (0..50).for_each(|_| wrong());
        assert_eq!((descriptors(), mappings(), listed(&directory())), before);
        drop((shop, value));
        fs::remove_file(directory().join("text")).unwrap();
    }

    fn those_who_are_killed_at_anything_leave_names_for_the_collector_only() {
        for round in 0..30 {
            let turns = Value::<u64>::new(0).unwrap();
            let victims: Vec<Child> = (0..3)
                .map(|_| fork(|| loop {
                    use_everything();
                    turns.fetch_add(1);
                }))
                .collect();
            wait_until("some turns", || turns.get() >= 3 + round % 3);
            victims.into_iter().for_each(Child::kill);
            let removed = commonhold::gc().unwrap();
            assert!(removed.iter().all(|name| !name.is_empty()));
            assert!(listed(&directory()).is_empty(), "round {round}: {:?}", listed(&directory()));
        }
    }

    fn the_memory_of_the_killed_is_given_back() {
        use nix::mount::{MsFlags, mount};
        use nix::sched::{CloneFlags, unshare};
        let small = directory().join("small");
        fs::create_dir(&small).unwrap();
        fork(|| {
            if let Err(why) = unshare(CloneFlags::CLONE_NEWNS) {
                return println!("skipped: a file system of its own: {why}");
            }
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            let options = Some("size=64m");
            mount(Some("tmpfs"), &small, Some("tmpfs"), MsFlags::empty(), options).unwrap();
            // SAFETY: no other thread reads the environment.
            unsafe { std::env::set_var("COMMONHOLD_DIR", &small) };
            let before = free(&small);
            for _ in 0..10 {
                fork(|| {
                    let _page = Buffer::<u8>::create("page", 20 << 20).unwrap();
                    assert!(free(&small).0 < before.0);
                    die_here()
                })
                .was_killed();
            }
            assert_eq!(commonhold::gc().unwrap(), ["page"]);
            assert_eq!(free(&small), before);
        })
        .succeed();
        fs::remove_dir(&small).unwrap();
    }

    fn without_a_directory_of_its_own_a_program_uses_dev_shm() {
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::remove_var("COMMONHOLD_DIR") };
        let name = format!("test-leftovers-{}", std::process::id());
        let there = Path::new("/dev/shm").join(&name);
        let door = Lock::create(&name).unwrap();
        assert!(there.exists());
        drop(door);
        assert!(!there.exists());
        fork(|| {
            std::mem::forget(Lock::create(&name).unwrap());
            die_here()
        })
        .was_killed();
        commonhold::gc().unwrap(); // unless that of another program was first
        assert!(!there.exists());
    }
}

/// Free blocks and inodes.
fn free(directory: &Path) -> (u64, u64) {
    let found = nix::sys::statvfs::statvfs(directory).unwrap();
    (found.blocks_free(), found.files_free())
}
