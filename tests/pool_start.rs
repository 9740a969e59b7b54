//! How pools get their workers: some that are slow, stopped or killed on their way, and what that costs others.

#[path = "children/before_init.rs"]
mod before_init;
mod children;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use before_init::children_will;
use children::{HANG, alone, wait_until};
use commonhold::{ErrorKind, Event, MapOptions, Pool, Process, TaskError, Value, active_children};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

commonhold::test_support!();

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).unwrap();
}

fn pid(_: u32) -> u32 {
    std::thread::sleep(Duration::from_millis(2));
    std::process::id()
}

/// Who works in the pool.
fn workers(pool: &Pool) -> HashSet<u32> {
    pool.map_with(pid, 0..40, MapOptions::new().chunk(1)).unwrap().into_iter().collect()
}

/// A pool with one worker, and another that has stopped on its way; both by their numbers.
fn one_works_and_one_is_stopped(pool: &Pool, directory: &Path) -> (u32, u32) {
    let works = pool.apply(pid, 0).unwrap();
    let path = directory.join("pid");
    children_will(&format!("stop:{}", path.display()));
    pool.resize(2).unwrap();
    let written = || {
        let text = std::fs::read_to_string(&path).ok()?;
        text.strip_suffix('.')?.parse::<u32>().ok()
    };
    wait_until("its number", || written().is_some());
    children_will("");
    (works, written().unwrap())
}

alone! {
    fn one_that_is_stopped_on_its_way_keeps_nobody_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let pool = Pool::options().workers(1).retries(100).build().unwrap();
        let (works, stopped) = one_works_and_one_is_stopped(&pool, directory.path());
        assert_eq!(workers(&pool), HashSet::from([works]));

        let start = Instant::now();
        send(works, Signal::SIGKILL);
        let after = workers(&pool);
        println!("another in its place after {:?}", start.elapsed());
        assert!(!after.contains(&works) && !after.contains(&stopped));
        assert!(start.elapsed() < HANG);

        send(stopped, Signal::SIGCONT);
        wait_until("the other to arrive", || workers(&pool).contains(&stopped));
        assert_eq!(workers(&pool).len(), 2);
        pool.join().unwrap();
    }

    fn a_pool_ends_though_one_is_stopped_on_its_way() {
        let directory = tempfile::tempdir().unwrap();
        let pool = Pool::new(1).unwrap();
        let (_, stopped) = one_works_and_one_is_stopped(&pool, directory.path());
        let start = Instant::now();
        pool.terminate();
        println!("terminated in {:?}", start.elapsed());
        assert!(start.elapsed() < HANG);
        assert!(!Path::new(&format!("/proc/{stopped}")).exists());
    }

    fn one_that_is_killed_on_its_way_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let pool = Pool::options().workers(1).initializer(|| (), ()).build().unwrap();
        let (works, stopped) = one_works_and_one_is_stopped(&pool, directory.path());
        send(stopped, Signal::SIGKILL);
        wait_until("another", || workers(&pool).len() == 2);
        assert!(workers(&pool).contains(&works));
        pool.join().unwrap();
    }

    fn one_that_ends_before_init_does_not_end_the_pool() {
        // That is no doing of the initializer.
        let pool = Pool::options().workers(1).initializer(|| (), ()).build().unwrap();
        children_will("exit");
        pool.resize(2).unwrap();
        children_will("");
        wait_until("another", || workers(&pool).len() == 2);
        pool.join().unwrap();
    }

    fn those_that_all_die_before_init_end_the_pool_and_say_why() {
        let pool = Pool::options().workers(1).initializer(|| (), ()).build().unwrap();
        let works = pool.apply(pid, 0).unwrap();
        children_will("exit");
        send(works, Signal::SIGKILL);
        wait_until("the pool to end", || pool.apply(pid, 0).is_err_and(|error| {
            matches!(error, TaskError::Initializer { .. })
        }));
        let error = pool.apply(pid, 0).unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains("exit code 7") && error.contains("init()"), "{error}");
        assert!(error.contains("in a row"), "{error}");
    }

    fn a_pool_of_which_no_worker_comes_to_init_is_an_error() {
        children_will("kill");
        let error = Pool::new(3).unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains("signal 9") && error.contains("init()"), "{error}");
    }

    fn arguments_larger_than_every_buffer_reach_all() {
        let seen = Value::<u64>::new(0).unwrap();
        let add = |bytes: Vec<u8>, seen: Value<u64>| {
            assert!(bytes.iter().all(|byte| *byte == 7));
            seen.fetch_add(bytes.len() as u64);
        };
        let size = 3 << 20;
        let pool =
            Pool::options().workers(3).initializer(add, (vec![7; size], seen.clone())).build().unwrap();
        wait_until("all to have them", || seen.get() == 3 * size as u64);
        pool.join().unwrap();
    }

    fn those_killed_at_once_in_their_initializer_are_one_false_start() {
        let directory = tempfile::tempdir().unwrap();
        let note = |directory: String| {
            std::fs::write(format!("{directory}/{}", std::process::id()), "").unwrap();
            while !Path::new(&format!("{directory}/go")).exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let path = directory.path().to_str().unwrap().to_owned();
        let pool = Pool::options().workers(7).initializer(note, path).build().unwrap();
        let notes = || std::fs::read_dir(directory.path()).unwrap().flatten();
        wait_until("all to be in there", || notes().count() == 7);
        for note in notes().take(6) {
            send(note.file_name().to_str().unwrap().parse().unwrap(), Signal::SIGKILL);
        }
        wait_until("others", || notes().count() == 13);
        std::fs::write(directory.path().join("go"), "").unwrap();
        wait_until("all to work", || workers(&pool).len() == 7);
        pool.join().unwrap();
    }

    fn too_few_descriptors_for_another_are_an_error_and_cost_nothing_else() {
        let pool = Pool::options().workers(1).initializer(|| (), ()).build().unwrap();
        let works = pool.apply(pid, 0).unwrap();
        let go = Event::new().unwrap();
        let running = pool.apply_async(|go: Event| go.wait(), go.clone()).unwrap();
        let (few, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64 - 1;
        setrlimit(Resource::RLIMIT_NOFILE, open, most).unwrap();
        for _ in 0..20 {
            let error = pool.resize(2).unwrap_err().to_string();
            assert!(error.contains("making a line"), "{error}");
        }
        setrlimit(Resource::RLIMIT_NOFILE, few, most).unwrap();
        go.set();
        running.get().unwrap();
        wait_until("another", || workers(&pool).len() == 2);
        assert!(workers(&pool).contains(&works));
        pool.join().unwrap();
    }

    fn a_pool_ends_though_nobody_can_know_how_its_workers_did() {
        for all in [false, true] {
            let pool = Pool::new(2).unwrap();
            let works = pool.apply(pid, 0).unwrap();
            // SAFETY: no handler; children are reaped by the kernel from now on.
            let before = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.unwrap();
            if all {
                send(works, Signal::SIGKILL);
            }
            let start = Instant::now();
            drop(pool);
            println!("dropped in {:?}", start.elapsed());
            assert!(start.elapsed() < HANG);
            // SAFETY: as it was.
            unsafe { signal(Signal::SIGCHLD, before) }.unwrap();
        }
    }

    #[ignore = "takes half a minute"]
    fn those_that_never_come_to_init_are_killed_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        children_will(&format!("stop:{}/pid", directory.path().display()));
        let process = std::thread::spawn(|| Process::spawn(|| (), ()).unwrap_err());
        let pool = Pool::new(2).unwrap_err();
        for error in [process.join().unwrap(), pool] {
            println!("{error}");
            assert_eq!(error.kind(), ErrorKind::StartFailed);
            assert!(error.to_string().contains("did not come to `commonhold::init()` within 30 s"));
        }
        assert!(active_children().is_empty());
    }
}
