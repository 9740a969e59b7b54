//! Processes: how they start and end, who outlives whom, and that nothing of them is left.

#[path = "children/before_init.rs"]
mod before_init;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use commonhold::{
    ErrorKind, Event, Lock, LockError, Mutex, Process, Queue, Receiver, Semaphore, Sender, Value,
    active_children, cpu_count, current, parent, run_parallel,
};

commonhold::test_support!();

/// Bounds a failure; no test that passes waits so long.
const LONG: Duration = Duration::from_secs(60);

fn sleep_long() {
    thread::sleep(LONG);
}

fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < LONG, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `f` in a process of its own, whose descriptors and children are no other test's.
macro_rules! alone {
    ($f:expr) => {
        let status = Process::spawn($f, ()).unwrap().join().unwrap();
        assert!(status.success(), "{status}");
    };
}

fn descriptors() -> BTreeSet<String> {
    let listed = fs::read_dir("/proc/self/fd").unwrap();
    let all = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // Without the one that lists them.
    all.filter(|number| fs::read_link(format!("/proc/self/fd/{number}")).is_ok()).collect()
}

/// The children of this process that ended and were not reaped.
fn zombies() -> usize {
    let me = std::process::id().to_string();
    let stats = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok());
    stats
        .filter(|stat| {
            let fields: Vec<&str> =
                stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
            fields.first() == Some(&"Z") && fields.get(1) == Some(&me.as_str())
        })
        .count()
}

/// Whether a process runs that is no child of this one, or is.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with(['Z', 'X']))
}

fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") T "))
}

fn kill(pid: u32) {
    signal(pid, nix::sys::signal::Signal::SIGKILL);
}

fn signal(pid: u32, signal: nix::sys::signal::Signal) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), signal);
}

// ---- what runs ----

#[test]
fn functions_take_their_arguments_one_by_one_or_as_one() {
    fn nothing() {}
    fn one(n: u8) -> ExitCode {
        ExitCode::from(n)
    }
    fn pair((a, b): (u8, u8)) -> ExitCode {
        ExitCode::from(a * b)
    }
    #[allow(clippy::too_many_arguments)]
    fn eight(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> ExitCode {
        ExitCode::from(a + b + c + d + e + f + g + h)
    }
    let code = |process: Process| process.join().unwrap().code().unwrap();
    assert_eq!(code(Process::spawn(nothing, ()).unwrap()), 0);
    assert_eq!(code(Process::spawn(one, 7).unwrap()), 7);
    assert_eq!(code(Process::spawn(one, (7,)).unwrap()), 7);
    assert_eq!(code(Process::spawn(pair, (6, 7)).unwrap()), 42);
    assert_eq!(code(Process::spawn(eight, (1, 2, 3, 4, 5, 6, 7, 8)).unwrap()), 36);
    assert_eq!(code(Process::spawn(|a: u8, b: u8| ExitCode::from(a - b), (9, 4)).unwrap()), 5);
    fn generic<T: std::fmt::Display>(value: T) -> ExitCode {
        ExitCode::from(value.to_string().len() as u8)
    }
    assert_eq!(code(Process::spawn(generic::<u64>, 12345).unwrap()), 5);
    assert_eq!(code(Process::spawn(generic::<String>, "abc".to_owned()).unwrap()), 3);
}

#[test]
fn arguments_larger_than_every_buffer_arrive() {
    let large: Vec<u8> = (0..8 << 20).map(|n| (n % 251) as u8).collect();
    let sum: u64 = large.iter().map(|byte| u64::from(*byte)).sum();
    let seen = Value::<u64>::new(0).unwrap();
    let add_up = |large: Vec<u8>, seen: Value<u64>| {
        seen.set(large.iter().map(|byte| u64::from(*byte)).sum());
    };
    assert!(Process::spawn(add_up, (large, seen.clone())).unwrap().join().unwrap().success());
    assert_eq!(seen.get(), sum);
}

#[test]
fn children_have_children() {
    fn descend(depth: u64, total: Value<u64>) {
        total.fetch_add(depth);
        if depth > 0 {
            let child = Process::spawn(descend, (depth - 1, total)).unwrap();
            assert!(child.join().unwrap().success());
        }
    }
    let total = Value::<u64>::new(0).unwrap();
    assert!(Process::spawn(descend, (3, total.clone())).unwrap().join().unwrap().success());
    assert_eq!(total.get(), 6);
}

#[test]
fn processes_know_their_names_and_parents() {
    let names = Queue::<commonhold::Text<32>>::new(8).unwrap();
    let tell = |names: Queue<commonhold::Text<32>>, parent_pid: u32| {
        assert_eq!(parent().unwrap().pid(), parent_pid);
        assert_eq!(current().pid(), std::process::id());
        names.send(current().name().try_into().unwrap()).unwrap();
        names.send(parent().unwrap().name().try_into().unwrap()).unwrap();
        let comm = fs::read_to_string("/proc/self/comm").unwrap();
        names.send(comm.trim().try_into().unwrap()).unwrap();
    };
    let arguments = (names.clone(), std::process::id());
    let child = Process::options().name("baker").spawn(tell, arguments).unwrap();
    assert_eq!((child.name(), child.join().unwrap().success()), ("baker", true));
    let told: Vec<_> = (0..3).map(|_| names.try_recv().unwrap().to_string()).collect();
    assert_eq!(told, ["baker", "main", "baker"]);
    assert!(parent().is_none());
    let unnamed = Process::spawn(|| (), ()).unwrap();
    assert_eq!(unnamed.name(), format!("process-{}", unnamed.pid()));
    unnamed.join().unwrap();
}

#[test]
fn functions_run_at_once() {
    static PLACE: &str = "run-parallel";
    fn meet() {
        let pid = std::process::id();
        let name = format!("{PLACE}-{}", parent().unwrap().pid());
        let seen = commonhold::Array::<u32>::open(&name).unwrap();
        seen.fetch_add(0, 1).unwrap();
        wait_until("the other one", || seen.get(0) == Some(2));
        assert_ne!(pid, parent().unwrap().pid());
    }
    fn meet_and_fail() {
        meet();
        std::process::exit(3);
    }
    let name = format!("{PLACE}-{}", std::process::id());
    let seen = commonhold::Array::<u32>::create(&name, 1).unwrap();
    let statuses = run_parallel([meet, meet_and_fail]).unwrap();
    let codes: Vec<_> = statuses.iter().map(commonhold::ExitStatus::code).collect();
    assert_eq!(codes, [Some(0), Some(3)]);
    assert_eq!(seen.get(0), Some(2));
    assert!(cpu_count() >= 1);
    assert!(run_parallel([]).unwrap().is_empty());
}

#[test]
fn a_pointer_out_of_the_program_is_refused() {
    // A function of the C library, which is not a part of the program.
    // SAFETY: it is not called.
    let outside: fn() = unsafe { std::mem::transmute(nix::libc::getpid as *const ()) };
    let error = run_parallel([outside]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("library"), "{error}");
}

// ---- how it ends ----

#[test]
fn every_end_is_told() {
    let ends: [(&str, Process, Option<i32>, Option<i32>); 6] = [
        ("returns", Process::spawn(|| (), ()).unwrap(), Some(0), None),
        ("exits", Process::spawn(|| std::process::exit(200), ()).unwrap(), Some(200), None),
        ("errs", Process::spawn(|| Err::<(), _>("an error"), ()).unwrap(), Some(1), None),
        ("panics", Process::spawn(|| panic!("a panic"), ()).unwrap(), Some(101), None),
        ("aborts", Process::spawn(|| std::process::abort(), ()).unwrap(), None, Some(6)),
        ("faults", Process::spawn(fault, ()).unwrap(), None, Some(11)),
    ];
    for (how, process, code, signal) in ends {
        let status = process.join().unwrap();
        assert_eq!((status.code(), status.signal()), (code, signal), "{how}");
        assert_eq!(status.success(), code == Some(0));
        assert_eq!(process.exit_code(), code.or(signal.map(|signal| -signal)), "{how}");
        assert_eq!(status, process.join().unwrap(), "again");
        assert!(!process.is_alive());
        process.kill().unwrap();
        process.terminate().unwrap();
    }
}

fn fault() {
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV).unwrap();
}

#[test]
fn a_panic_arrives_with_its_place() {
    let line = line!() + 1;
    let child = Process::spawn(|n: u32| assert_eq!(n, 3, "not three"), 4).unwrap();
    let status = child.join().unwrap();
    let message = status.panic_message().unwrap();
    println!("{message}");
    assert!(message.contains("not three") && message.contains("left: 4"), "{message}");
    assert!(message.contains(&format!("{}:{line}:", file!())), "{message}");
    // One that the function caught is none.
    let caught = Process::spawn(|| _ = std::panic::catch_unwind(|| panic!("caught")), ()).unwrap();
    assert_eq!(caught.join().unwrap().panic_message(), None);
    let other = Process::spawn(|| std::panic::panic_any(7), ()).unwrap();
    assert_eq!(other.join().unwrap().code(), Some(101));
}

#[test]
fn a_signal_ends_it_and_is_told() {
    let child = || Process::spawn(sleep_long, ()).unwrap();
    for (end, signal) in
        [(Process::terminate as fn(&Process) -> _, 15), (Process::kill, 9), (Process::interrupt, 2)]
    {
        let child = child();
        assert!(child.is_alive());
        assert_eq!(child.exit_code(), None);
        end(&child).unwrap();
        assert_eq!(child.join().unwrap().signal(), Some(signal));
        assert_eq!(child.exit_code(), Some(-signal));
    }
}

#[test]
fn waiting_is_bounded_and_repeatable() {
    let child = Process::spawn(sleep_long, ()).unwrap();
    let start = Instant::now();
    assert_eq!(child.join_timeout(Duration::ZERO).unwrap(), None);
    assert_eq!(child.try_join().unwrap(), None);
    println!("two joins that do not wait: {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(child.join_timeout(Duration::from_millis(30)).unwrap(), None);
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(child.join_deadline(Instant::now()).unwrap(), None);
    let clones: Vec<_> = (0..4)
        .map(|_| {
            let clone = child.clone();
            thread::spawn(move || clone.join().unwrap())
        })
        .collect();
    child.kill().unwrap();
    for clone in clones {
        assert_eq!(clone.join().unwrap().signal(), Some(9));
    }
    assert_eq!(child.join_timeout(Duration::ZERO).unwrap().unwrap().signal(), Some(9));
}

#[test]
fn one_that_ended_is_not_alive_though_nobody_joined() {
    let ended = Event::new().unwrap();
    let child = Process::spawn(|ended: Event| ended.set(), ended.clone()).unwrap();
    assert!(ended.wait_timeout(LONG));
    wait_until("its end", || !child.is_alive());
    assert_eq!(child.exit_code(), Some(0));
}

#[test]
fn the_wait_ends_with_the_child_though_a_grandchild_lives_on() {
    fn leave_one_behind(pid: Value<u32>) {
        pid.set(Command::new("sleep").arg("60").spawn().unwrap().id());
    }
    let pid = Value::new(0).unwrap();
    let start = Instant::now();
    let child = Process::spawn(leave_one_behind, pid.clone()).unwrap();
    assert!(child.join().unwrap().success());
    println!("joined after {:?}", start.elapsed());
    assert!(runs(pid.get()));
    kill(pid.get());
}

#[test]
fn one_that_somebody_else_waited_for_is_an_error() {
    alone!(|| {
        let go = Event::new().unwrap();
        let child = Process::spawn(|go: Event| go.wait(), go.clone()).unwrap();
        let pid = nix::unistd::Pid::from_raw(child.pid() as i32);
        // Waiting already when it ends: sooner than its keeper.
        let thief = thread::spawn(move || nix::sys::wait::waitpid(pid, None));
        thread::sleep(Duration::from_millis(20));
        go.set();
        let stolen = thief.join().unwrap().is_ok();
        let joined = child.join();
        println!("stolen: {stolen}, joined: {joined:?}");
        assert_eq!(joined.is_err(), stolen);
        assert!(!child.is_alive());
    });
}

// ---- who outlives whom ----

/// A parent with one child of each manner, all started by a thread that has ended. It tells their pids.
fn family(pids: Queue<u32>, go: Event, done: Value<u32>) {
    let hold = go.clone();
    let children = thread::spawn(move || {
        let plain = Process::spawn(
            |go: Event, done: Value<u32>| {
                assert!(go.wait_timeout(LONG));
                done.set(1);
            },
            (hold, done),
        );
        let daemon = Process::options().daemon(true).spawn(sleep_long, ());
        let detached = Process::options().detach(true).spawn(sleep_long, ());
        [plain.unwrap(), daemon.unwrap(), detached.unwrap()]
    });
    for child in children.join().unwrap() {
        pids.send(child.pid()).unwrap();
    }
}

fn family_and_wait(pids: Queue<u32>, go: Event, done: Value<u32>) {
    family(pids, go, done);
    sleep_long();
}

#[test]
fn a_parent_that_ends_waits_for_its_child_and_kills_its_daemon() {
    let (pids, go, done) = (Queue::new(4).unwrap(), Event::new().unwrap(), Value::new(0).unwrap());
    let parent = Process::spawn(family, (pids.clone(), go.clone(), done.clone())).unwrap();
    let [plain, daemon, detached] = [(); 3].map(|()| pids.recv_timeout(LONG).unwrap());
    wait_until("the daemon's end", || !runs(daemon));
    assert_eq!(parent.join_timeout(Duration::from_millis(50)).unwrap(), None, "it waits");
    assert!(runs(plain) && runs(detached));
    go.set();
    assert!(parent.join().unwrap().success());
    assert_eq!(done.get(), 1);
    assert!(!runs(plain) && runs(detached));
    kill(detached);
}

#[test]
fn children_die_with_a_parent_that_is_killed_but_for_the_detached() {
    let (pids, go, done) = (Queue::new(4).unwrap(), Event::new().unwrap(), Value::new(0).unwrap());
    let parent = Process::spawn(family_and_wait, (pids.clone(), go.clone(), done.clone())).unwrap();
    let [plain, daemon, detached] = [(); 3].map(|()| pids.recv_timeout(LONG).unwrap());
    thread::sleep(Duration::from_millis(20)); // longer than the thread that started them lives
    assert!(runs(plain) && runs(daemon) && runs(detached));
    let start = Instant::now();
    parent.kill().unwrap();
    wait_until("the children's end", || !runs(plain) && !runs(daemon));
    println!("children were gone {:?} after their parent was killed", start.elapsed());
    thread::sleep(Duration::from_millis(50));
    assert!(runs(detached), "the detached one lives on");
    kill(detached);
}

// ---- starting fails ----

#[test]
fn a_fork_beside_other_threads_is_refused() {
    let error = Process::fork(|| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("Process::spawn"), "{error}");
}

#[test]
fn one_that_dies_before_init_is_an_error() {
    for (how, told) in [("exit", "exit code 7"), ("kill", "signal 9"), ("close", "signal 9")] {
        fn try_it(how: String, told: String) {
            before_init::children_will(&how);
            let start = Instant::now();
            let error = Process::spawn(|| (), ()).unwrap_err();
            println!("{error} ({:?})", start.elapsed());
            assert_eq!(error.kind(), ErrorKind::StartFailed);
            assert!(error.to_string().contains(&told), "{error}");
            assert!(error.to_string().contains("init()"), "{error}");
            assert!(active_children().is_empty());
        }
        let child = Process::spawn(try_it, (how.to_owned(), told.to_owned())).unwrap();
        let status = child.join().unwrap();
        assert!(status.success(), "{how}: {status}");
    }
}

/// A value that does to the process what it says when it is looked at in a child.
#[derive(Clone, Copy, bytemuck::NoUninit)]
#[repr(transparent)]
struct Act(u8);

const DIE: u8 = 9;
const STOP: u8 = 19;

// SAFETY: every byte is valid.
unsafe impl bytemuck::CheckedBitPattern for Act {
    type Bits = u8;
    fn is_valid_bit_pattern(bits: &u8) -> bool {
        use nix::sys::signal::{Signal, raise};
        match (parent().is_some(), *bits) {
            (true, DIE) => raise(Signal::SIGKILL).unwrap(),
            (true, STOP) => raise(Signal::SIGSTOP).unwrap(),
            _ => {}
        }
        true
    }
}
commonhold::transfer!(Act);

#[test]
fn one_that_dies_over_its_arguments_is_an_error() {
    let error = Process::spawn(|_: Act| (), Act(DIE)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StartFailed);
    assert!(error.to_string().contains("signal 9"), "{error}");
}

#[test]
fn one_that_is_stopped_over_its_arguments_is_waited_for() {
    alone!(|| {
        let starter = thread::spawn(|| Process::spawn(|_: Act| (), Act(STOP)).unwrap());
        let stopped = || active_children().first().map(Process::pid).filter(|pid| is_stopped(*pid));
        wait_until("it to stop", || stopped().is_some());
        let pid = stopped().unwrap();
        thread::sleep(Duration::from_millis(200));
        assert!(!starter.is_finished());
        signal(pid, nix::sys::signal::Signal::SIGCONT);
        assert!(starter.join().unwrap().join().unwrap().success());
    });
}

#[test]
fn one_whose_parent_dies_before_it_comes_to_init_ends() {
    fn start(path: String) {
        before_init::children_will(&format!("stop:{path}"));
        let for_ever = || loop {
            sleep_long();
        };
        let _ = Process::spawn(for_ever, ());
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let parent = Process::spawn(start, path.to_str().unwrap().to_owned()).unwrap();
    let pid = || fs::read_to_string(&path).ok()?.trim_end_matches('.').parse::<u32>().ok();
    let written = || fs::read_to_string(&path).is_ok_and(|text| text.ends_with('.'));
    wait_until("its pid", written);
    let pid = pid().unwrap();
    wait_until("it to stop", || is_stopped(pid));
    parent.kill().unwrap();
    parent.join().unwrap();
    assert!(runs(pid), "it is stopped");
    signal(pid, nix::sys::signal::Signal::SIGCONT);
    let start = Instant::now();
    while runs(pid) && start.elapsed() < LONG / 6 {
        thread::sleep(Duration::from_millis(1));
    }
    let lives_on = runs(pid);
    kill(pid);
    assert!(!lives_on, "it runs without its parent");
}

#[test]
fn arguments_that_do_not_arrive_are_an_error() {
    #[derive(Clone, Copy, bytemuck::NoUninit)]
    #[repr(transparent)]
    struct Odd(u8);
    // SAFETY: only odd numbers are valid, and those are bytes.
    unsafe impl bytemuck::CheckedBitPattern for Odd {
        type Bits = u8;
        fn is_valid_bit_pattern(bits: &u8) -> bool {
            bits % 2 == 1
        }
    }
    commonhold::transfer!(Odd);
    assert!(Process::spawn(|_: Odd| (), Odd(3)).unwrap().join().unwrap().success());
    let error = Process::spawn(|_: Odd| (), Odd(4)).unwrap_err();
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("Odd"), "{error}");
}

#[test]
fn a_program_replaced_on_disk_runs_on_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program)
        .args(["replaces_itself", "--exact", "--ignored", "--nocapture"])
        .env("COMMONHOLD_TEST_PROGRAM", &program)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "runs from a copy of this program"]
fn replaces_itself() {
    let Some(program) = std::env::var_os("COMMONHOLD_TEST_PROGRAM") else { return };
    let program = Path::new(&program);
    fs::remove_file(program).unwrap();
    fs::write(program, "#!/bin/false\n").unwrap();
    let seen = Value::<u32>::new(0).unwrap();
    let child = Process::spawn(|seen: Value<u32>| seen.set(7), seen.clone()).unwrap();
    assert!(child.join().unwrap().success());
    assert_eq!(seen.get(), 7);
}

// ---- many, and what is left ----

#[test]
fn a_hundred_are_started_and_ended_at_once() {
    alone!(|| {
        let before = descriptors();
        let start = Instant::now();
        let children: Vec<Process> =
            (0..100).map(|_| Process::spawn(sleep_long, ()).unwrap()).collect();
        assert_eq!(active_children().len(), 100);
        println!("100 started in {:?}", start.elapsed());
        for child in &children {
            child.terminate().unwrap();
        }
        for child in &children {
            assert_eq!(child.join().unwrap().signal(), Some(15));
        }
        println!("and ended in {:?}", start.elapsed());
        assert!(active_children().is_empty());
        assert_eq!(descriptors(), before);
        assert_eq!(zombies(), 0);
    });
}

#[test]
fn two_hundred_live_at_once_from_many_threads() {
    alone!(|| {
        let go = Event::new().unwrap();
        let count = Value::<u64>::new(0).unwrap();
        let before = descriptors();
        let children: Vec<Process> = thread::scope(|scope| {
            let starters: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let work = |go: Event, count: Value<u64>| {
                            assert!(go.wait_timeout(LONG));
                            count.fetch_add(1);
                        };
                        let args = || (go.clone(), count.clone());
                        (0..50).map(|_| Process::spawn(work, args()).unwrap()).collect::<Vec<_>>()
                    })
                })
                .collect();
            starters.into_iter().flat_map(|starter| starter.join().unwrap()).collect()
        });
        assert_eq!(active_children().len(), 200);
        go.set();
        assert!(children.iter().all(|child| child.join().unwrap().success()));
        assert_eq!(count.get(), 200);
        assert_eq!(descriptors(), before);
        assert_eq!(zombies(), 0);
    });
}

fn start_and_join(times: u32) {
    let before = descriptors();
    let start = Instant::now();
    for _ in 0..times {
        assert!(Process::spawn(|| (), ()).unwrap().join().unwrap().success());
    }
    println!("{times} times spawn and join: {:?} each", start.elapsed() / times);
    assert_eq!(descriptors(), before);
    assert_eq!(zombies(), 0);
}

#[test]
fn nothing_is_left_of_two_hundred() {
    let child = Process::spawn(start_and_join, 200).unwrap();
    assert!(child.join().unwrap().success());
}

#[test]
#[ignore = "takes half a minute"]
fn nothing_is_left_of_ten_thousand() {
    let child = Process::spawn(start_and_join, 10_000).unwrap();
    assert!(child.join().unwrap().success());
}

#[test]
fn those_that_nobody_joins_are_reaped() {
    alone!(|| {
        let before = descriptors();
        for _ in 0..20 {
            drop(Process::spawn(|| (), ()).unwrap());
        }
        wait_until("the ends", || descriptors() == before && zombies() == 0);
    });
}

// ---- what a death gives back ----

#[test]
fn who_waits_for_a_child_that_is_killed_goes_on_at_once() {
    alone!(|| {
        let took = |what: &str, start: Instant| {
            let took = start.elapsed();
            println!("{what}: {took:?} after the child was killed");
            assert!(took < Duration::from_secs(5));
        };
        let ready = Event::new().unwrap();
        let (lock, mutex) = (Lock::new().unwrap(), Mutex::new(0_u64).unwrap());
        let (semaphore, jobs) = (Semaphore::new(1).unwrap(), Queue::<u64>::new(4).unwrap());
        jobs.send(7).unwrap();
        let hold = |ready: Event,
                    lock: Lock,
                    mutex: Mutex<u64>,
                    semaphore: Semaphore,
                    jobs: Queue<u64>| {
            let _held = (lock.lock(), mutex.lock(), semaphore.acquire(), jobs.lease());
            ready.set();
            sleep_long();
        };
        let args = (ready.clone(), lock.clone(), mutex.clone(), semaphore.clone(), jobs.clone());
        let child = Process::spawn(hold, args).unwrap();
        assert!(ready.wait_timeout(LONG));
        thread::scope(|scope| {
            let killed = Event::new().unwrap();
            let waiters = [
                scope.spawn(|| assert_eq!(lock.lock().unwrap_err(), LockError::OwnerDied)),
                scope.spawn(|| assert_eq!(mutex.lock().unwrap_err(), LockError::OwnerDied)),
                scope.spawn(|| drop(semaphore.acquire_timeout(LONG).unwrap())),
                scope.spawn(|| assert_eq!(jobs.recv_timeout(LONG), Ok(7))),
            ];
            thread::sleep(Duration::from_millis(200)); // until they nap for long
            let start = Instant::now();
            child.kill().unwrap();
            killed.set();
            let names = ["lock", "mutex", "semaphore", "leased message"];
            for (waiter, name) in waiters.into_iter().zip(names) {
                waiter.join().unwrap();
                took(name, start);
            }
        });
    });
}

#[test]
fn ends_of_a_queue_that_were_handed_over_count_where_they_are() {
    let queue = Queue::<u64>::new(64).unwrap();
    let (sender, go) = (queue.sender(), Event::new().unwrap());
    let send_all = |sender: Sender<u64>, go: Event| {
        assert!(go.wait_timeout(LONG));
        (0..10).for_each(|n| sender.send(n).unwrap());
    };
    let child = Process::spawn(send_all, (sender, go.clone())).unwrap();
    assert!(!queue.is_closed(), "the child has the only sender");
    go.set();
    assert_eq!(queue.iter().collect::<Vec<u64>>(), (0..10).collect::<Vec<u64>>());
    assert!(child.join().unwrap().success());

    let queue = Queue::<u64>::new(1).unwrap();
    let receiver = queue.receiver();
    let child = Process::spawn(|receiver: Receiver<u64>| _ = receiver.recv(), receiver).unwrap();
    queue.send(1).unwrap();
    assert!(child.join().unwrap().success());
    assert!(queue.send(2).is_err(), "its only receiver is gone");
}
