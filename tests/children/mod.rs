//! Child processes of tests: forked, stopped, killed, and gone when the test ends.
//!
//! A test that forks runs [`alone!`]: in a process of its own that re-executes the test binary for
//! this one test, beside whose thread only the harness's idle one exists. So a fork copies no other thread's locks half-held, and no
//! other test's children keep this one's names in use. Its names live in a directory of its own, in
//! which the test must leave nothing behind.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork as system_fork};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bounds a failure; no test that passes waits so long.
pub const LONG: Duration = Duration::from_secs(60);

/// What takes longer than this on a machine however busy, hangs.
pub const HANG: Duration = Duration::from_secs(5);

const ALONE: &str = "COMMONHOLD_TEST_ALONE";

/// A test that runs in a process of its own, and may fork: `alone! { fn name() { … } }`.
#[allow(unused_macros, reason = "a program of its own needs none")]
macro_rules! alone {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                $crate::children::run_alone(concat!(module_path!(), "::", stringify!($name)), || $body);
            }
        )*
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use alone;

/// Runs `test`, whose path this is, in a process of its own; see [`alone!`].
pub fn run_alone(path: &str, test: impl FnOnce()) {
    // The test's name is its path without the crate's.
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    if std::env::var(ALONE).as_deref() == Ok(name) {
        end_if_it_hangs();
        return test();
    }
    let names = PrivateNames::new();
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args([name, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(ALONE, name)
        .env("COMMONHOLD_DIR", names.path())
        .stdin(Stdio::null())
        .output()
        .expect("this binary again");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    print!("{out}");
    eprint!("{err}");
    assert!(output.status.success(), "alone: {}", output.status);
    assert!(out.contains("1 passed"), "no test is called {name}");
    names.assert_empty();
}

/// Ends this process by a signal, should it still run after twice [`LONG`].
pub fn end_if_it_hangs() {
    nix::unistd::alarm::set(2 * LONG.as_secs() as u32);
}

/// A directory for the names of one test, in shared memory.
pub struct PrivateNames(tempfile::TempDir);

impl PrivateNames {
    pub fn new() -> PrivateNames {
        let builder = &mut tempfile::Builder::new();
        PrivateNames(builder.prefix("test-names-").tempdir_in("/dev/shm").expect("a directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn listed(&self) -> Vec<String> {
        listed(self.path())
    }

    /// Panics if anything was left behind.
    pub fn assert_empty(&self) {
        let left = self.listed();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// What lies in a directory, sorted.
pub fn listed(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory of names");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

pub struct Child {
    pid: Pid,
    over: bool,
}

/// Runs `f` in a forked child, which ends with it: with 0, or with 101 if it panicked.
pub fn fork(f: impl FnOnce()) -> Child {
    match fork_here() {
        Some(child) => child,
        None => end_child(catch_unwind(AssertUnwindSafe(f)).is_ok()),
    }
}

/// Forks, and returns in both: nothing in the child, which ends by [`end_child`].
pub fn fork_here() -> Option<Child> {
    assert!(threads() <= 2, "a test that forks runs alone");
    // SAFETY: the only other thread waits for this one and holds nothing, so the child finds
    // everything whole.
    match unsafe { system_fork() }.expect("fork") {
        ForkResult::Parent { child } => Some(Child { pid: child, over: false }),
        ForkResult::Child => None,
    }
}

/// Ends this child of [`fork_here`] well or badly.
pub fn end_child(well: bool) -> ! {
    // SAFETY: ends this process at once.
    unsafe { nix::libc::_exit(if well { 0 } else { 101 }) }
}

/// Stops the calling process until somebody lets it go on.
pub fn stop_here() {
    nix::sys::signal::raise(Signal::SIGSTOP).expect("raise");
}

/// Kills the calling process.
pub fn die_here() -> ! {
    nix::sys::signal::raise(Signal::SIGKILL).expect("raise");
    unreachable!("outlived SIGKILL")
}

/// The directory of the names, as this process sees it.
pub fn directory() -> PathBuf {
    std::env::var_os("COMMONHOLD_DIR").map_or_else(|| "/dev/shm".into(), PathBuf::from)
}

/// Waits until `ready`, and panics if that takes too long.
pub fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < LONG, "waited in vain: {what}");
        sleep(Duration::from_millis(1));
    }
}

/// Does what must not take long, and prints how long it took.
pub fn promptly<R>(what: &str, f: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = f();
    let took = start.elapsed();
    println!("{what}: {took:?}");
    assert!(took < HANG, "{what}: {took:?}");
    result
}

/// Waits until all of them have ended well.
pub fn all_succeed(children: impl IntoIterator<Item = Child>) {
    children.into_iter().for_each(Child::succeed);
}

impl Child {
    /// Waits until it sleeps, as far as one can see: in three looks in a row.
    pub fn asleep(&self) {
        self.wait_for_look(|stat| stat.contains(") S "));
    }

    /// Waits until it sleeps or has ended.
    pub fn settled(&self) {
        self.wait_for_look(|stat| stat.contains(") S ") || stat.contains(") Z "));
    }

    /// Waits for its end, which must be a good one.
    pub fn succeed(mut self) {
        let status = self.wait_for(WaitPidFlag::empty(), "the end of a child");
        self.over = true;
        assert_eq!(status, WaitStatus::Exited(self.pid, 0));
    }

    /// Waits for its end, which must be a good one; else tells what it was doing.
    pub fn succeed_or(mut self, doing: impl FnOnce() -> String) {
        let status = self.wait_for(WaitPidFlag::empty(), "the end of a child");
        self.over = true;
        assert_eq!(status, WaitStatus::Exited(self.pid, 0), "{}", doing());
    }

    /// Waits until it has stopped itself.
    pub fn stopped(&self) {
        let status = self.wait_for(WaitPidFlag::WUNTRACED, "a child to stop");
        assert_eq!(status, WaitStatus::Stopped(self.pid, Signal::SIGSTOP));
    }

    /// Lets it go on.
    pub fn resume(&self) {
        kill(self.pid, Signal::SIGCONT).expect("SIGCONT");
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw() as u32
    }

    /// Waits until it is gone, by a `SIGKILL` that came from elsewhere.
    pub fn was_killed(mut self) {
        let status = self.wait_for(WaitPidFlag::empty(), "a child to be killed");
        self.over = true;
        assert_eq!(status, WaitStatus::Signaled(self.pid, Signal::SIGKILL, false));
    }

    /// Kills it and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Kills it and leaves it a zombie.
    pub fn kill_to_zombie(&self) {
        kill(self.pid, Signal::SIGKILL).expect("SIGKILL");
    }

    pub fn is_running(&self) -> bool {
        waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
    }

    fn wait_for_look(&self, expected: impl Fn(&str) -> bool) {
        let mut looks = 0;
        wait_until("a child to sleep", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
            looks = if stat.is_ok_and(|stat| expected(&stat)) { looks + 1 } else { 0 };
            looks == 3
        });
    }

    fn wait_for(&self, flags: WaitPidFlag, what: &str) -> WaitStatus {
        let mut seen = WaitStatus::StillAlive;
        wait_until(what, || {
            seen = match waitpid(self.pid, Some(flags | WaitPidFlag::WNOHANG)) {
                Err(Errno::EINTR) => WaitStatus::StillAlive,
                status => status.expect("waitpid"),
            };
            seen != WaitStatus::StillAlive
        });
        seen
    }

    fn end(&mut self) {
        if !self.over {
            self.over = true;
            let _ = kill(self.pid, Signal::SIGKILL);
            while waitpid(self.pid, None) == Err(Errno::EINTR) {}
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}
