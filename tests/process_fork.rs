//! `Process::fork`: copies of a process with one thread. A program of its own, as those are that fork.

use std::fs;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use commonhold::{ErrorKind, Event, Lock, Process, Queue, Value, active_children, current, parent};

const LONG: Duration = Duration::from_secs(60);

fn main() {
    if std::env::var_os("COMMONHOLD_TEST_OUTPUT").is_some() {
        return write_output();
    }
    let tests: [(&str, fn()); 13] = [
        ("spawn without init says so", spawn_without_init),
        ("a copy runs what was captured", captures),
        ("a copy writes its own output, once", output),
        ("a copy has a thread of its own and a name", names),
        ("every end is told", endings),
        ("other threads make it refused", refused_beside_threads),
        ("threads that were joined do not", joined_threads),
        ("unchecked it is not refused", unchecked),
        ("copies make copies", nested),
        ("a sender that was captured counts from the fork on", sender),
        ("a copy does not hold what its parent holds", locks),
        ("a copy dies with its parent", dies_with_parent),
        ("nothing is left of two hundred", nothing_left),
    ];
    for (name, test) in tests {
        print!("{name} ... ");
        std::io::stdout().flush().unwrap();
        let start = Instant::now();
        test();
        println!("ok ({:?})", start.elapsed());
    }
}

fn spawn_without_init() {
    let error = Process::spawn(|| (), ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotInitialized);
    let text = error.to_string();
    assert!(text.contains("commonhold::init()") && text.contains("test_support"), "{text}");
    assert!(active_children().is_empty());
}

fn captures() {
    let (total, names) = (Value::<u64>::new(40).unwrap(), vec!["a".to_owned(), "bc".to_owned()]);
    let seen = total.clone();
    let child = Process::fork(move || {
        seen.fetch_add(names.concat().len() as u64);
    });
    assert!(child.unwrap().join().unwrap().success());
    assert_eq!(total.get(), 43);
}

fn output() {
    // A part of a line is written once, by whoever wrote it, also where the caller holds the lock.
    let exe = std::env::current_exe().unwrap();
    let run = std::process::Command::new(exe).env("COMMONHOLD_TEST_OUTPUT", "1").output().unwrap();
    assert_eq!(String::from_utf8(run.stdout).unwrap(), "parent, child, parent\n");
}

fn write_output() {
    extern "C" fn at_exit() {
        print!(", exit"); // never in the child
    }
    // SAFETY: it is a function of this program.
    unsafe { nix::libc::atexit(at_exit) };
    print!("parent, ");
    let child = Process::fork(|| print!("child")).unwrap();
    assert!(child.join().unwrap().success());
    let locked = std::io::stdout().lock();
    assert!(Process::fork(|| ()).unwrap().join().unwrap().success());
    drop(locked);
    println!(", parent");
    // SAFETY: ends this process, without what is registered.
    unsafe { nix::libc::_exit(0) };
}

fn names() {
    let child = Process::fork(|| {
        assert_eq!(current().name(), format!("process-{}", std::process::id()));
        assert_eq!(parent().unwrap().name(), "main");
        assert_eq!(thread::current().name(), Some(current().name()));
    });
    let child = child.unwrap();
    assert!(child.join().unwrap().success());
    assert_eq!(child.name(), format!("process-{}", child.pid()));
}

fn endings() {
    std::panic::set_hook(Box::new(|_| ())); // quietly
    let panics = Process::fork(|| panic!("in a copy")).unwrap();
    let status = panics.join().unwrap();
    assert_eq!(status.code(), Some(101));
    assert!(status.panic_message().unwrap().starts_with("in a copy (tests/process_fork.rs:"));
    let _ = std::panic::take_hook();
    let exits = Process::fork(|| std::process::exit(9)).unwrap();
    assert_eq!(exits.join().unwrap().code(), Some(9));
    let sleeps = Process::fork(|| thread::sleep(LONG)).unwrap();
    sleeps.terminate().unwrap();
    assert_eq!(sleeps.join().unwrap().signal(), Some(15), "its signals are not held back");
    let errs = Process::fork(|| Err::<(), _>(())).unwrap();
    assert_eq!(errs.join().unwrap().code(), Some(1));
}

fn refused_beside_threads() {
    let (start, stop) = (Event::new().unwrap(), Event::new().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            start.set();
            stop.wait_timeout(LONG);
        });
        start.wait();
        let error = Process::fork(|| ()).unwrap_err();
        stop.set();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("1 more thread"), "{error}");
    });
}

fn joined_threads() {
    for _ in 0..20 {
        thread::spawn(|| ()).join().unwrap();
        assert!(Process::fork(|| ()).unwrap().join().unwrap().success());
    }
}

fn unchecked() {
    let (ready, stop) = (Event::new().unwrap(), Event::new().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| stop.wait_timeout(LONG));
        let seen = ready.clone();
        // SAFETY: the other thread waits, and holds nothing.
        let child = unsafe { Process::fork_unchecked(move || seen.set()) }.unwrap();
        assert!(child.join().unwrap().success() && ready.is_set());
        stop.set();
    });
}

fn nested() {
    fn descend(depth: u64, total: Value<u64>) {
        total.fetch_add(depth);
        if depth > 0 {
            let child = Process::fork(move || descend(depth - 1, total)).unwrap();
            assert!(child.join().unwrap().success());
        }
    }
    let total = Value::<u64>::new(0).unwrap();
    let seen = total.clone();
    assert!(Process::fork(move || descend(3, seen)).unwrap().join().unwrap().success());
    assert_eq!(total.get(), 6);
}

fn sender() {
    let queue = Queue::<u64>::new(64).unwrap();
    let (sender, go) = (queue.sender(), Event::new().unwrap());
    let wait = go.clone();
    let child = Process::fork(move || {
        assert!(wait.wait_timeout(LONG));
        (0..5).for_each(|n| sender.send(n).unwrap());
    });
    assert!(!queue.is_closed(), "before the child has used it");
    go.set();
    assert_eq!(queue.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(child.unwrap().join().unwrap().success());
}

fn locks() {
    let door = Lock::new().unwrap();
    let held = door.lock().unwrap();
    let same = door.clone();
    let child = Process::fork(move || {
        assert!(same.try_lock().is_err());
        drop(same.lock().unwrap());
    });
    let child = child.unwrap();
    assert_eq!(child.join_timeout(Duration::from_millis(50)).unwrap(), None, "it waits");
    drop(held);
    assert!(child.join().unwrap().success());

    // A handle of a child is no use to its siblings.
    let first = Process::fork(|| thread::sleep(LONG)).unwrap();
    let handle = first.clone();
    let second = Process::fork(move || {
        assert!(handle.is_alive() && active_children().is_empty(), "it is its parent's");
        assert!(Process::fork(|| ()).unwrap().join().unwrap().success());
        assert_eq!(handle.join().unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(handle.kill().unwrap_err().kind(), ErrorKind::Unsupported);
    });
    let status = second.unwrap().join().unwrap();
    assert!(status.success(), "{status}");
    first.kill().unwrap();
    first.join().unwrap();
}

fn dies_with_parent() {
    let pids = Queue::<u32>::new(4).unwrap();
    let tell = pids.clone();
    let middle = Process::fork(move || {
        let below = Process::fork(|| thread::sleep(LONG)).unwrap();
        tell.send(below.pid()).unwrap();
        thread::sleep(LONG);
    });
    let middle = middle.unwrap();
    let below = pids.recv_timeout(LONG).unwrap();
    middle.kill().unwrap();
    middle.join().unwrap();
    let start = Instant::now();
    let runs =
        || fs::read_to_string(format!("/proc/{below}/stat")).is_ok_and(|s| !s.contains(") Z"));
    while runs() {
        assert!(start.elapsed() < LONG, "it lives on");
        thread::sleep(Duration::from_millis(1));
    }
}

fn nothing_left() {
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let start = Instant::now();
    for _ in 0..200 {
        assert!(Process::fork(|| ()).unwrap().join().unwrap().success());
    }
    print!("{:?} each ", start.elapsed() / 200);
    assert_eq!(open(), before);
    assert!(active_children().is_empty());
}
