//! The examples, run as their readers run them: they succeed, and leave no name behind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Bounds a failure; no test that passes waits so long.
const LONG: Duration = Duration::from_secs(60);

/// A directory of segments of its own.
struct Names(TempDir);

impl Names {
    fn new() -> Names {
        Names(TempDir::with_prefix_in("commonhold-examples-", "/dev/shm").expect("a directory"))
    }

    fn example(&self, name: &str) -> Command {
        let mut command = Command::new(example(name));
        command.env("COMMONHOLD_DIR", self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().unwrap()).collect()
    }

    #[track_caller]
    fn assert_none_left(&self) {
        assert_eq!(self.left(), [""; 0], "names were left");
    }
}

/// The program that cargo built beside this test.
fn example(name: &str) -> PathBuf {
    static BUILD: Once = Once::new();
    let test = std::env::current_exe().expect("this test");
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let program = profile.join("examples").join(name);
    // `cargo test` has built the examples, but `cargo test --test examples` has not.
    BUILD.call_once(|| {
        if !program.exists() {
            let release = profile.ends_with("release");
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--examples"]);
            cargo.arg("--target-dir").arg(profile.parent().expect("the target directory"));
            let status = cargo.args(release.then_some("--release")).status();
            assert!(status.expect("cargo").success(), "building the examples");
        }
    });
    program
}

#[track_caller]
fn succeed(mut command: Command) -> String {
    let output = finish(command.spawn().expect("an example"));
    let text = text(&output);
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

/// Waits for an example, for a bounded time.
#[track_caller]
fn finish(mut child: Child) -> Output {
    if wait(&mut child).is_none() {
        child.kill().expect("kill");
        panic!("it hangs: {}", text(&child.wait_with_output().expect("its output")));
    }
    child.wait_with_output().expect("its output")
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < LONG {
        if let Some(status) = child.try_wait().expect("a child") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[track_caller]
fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < LONG, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[track_caller]
fn shows(name: &str, lines: &[&str]) {
    let names = Names::new();
    let text = succeed(names.example(name));
    for line in lines {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    names.assert_none_left();
}

#[test]
fn counter() {
    shows("counter", &["with Value::update     100000", "with Mutex             100000"]);
}

#[test]
fn squares() {
    shows("squares", &["all 1000 are right"]);
}

#[test]
fn event() {
    shows("event", &["set: 3 were released"]);
}

#[test]
fn semaphore() {
    shows("semaphore", &["permits left: 2"]);
}

#[test]
fn recovery() {
    shows("recovery", &["Err(OwnerDied)", "40 missing", "repaired: [100, 0]"]);
}

#[test]
fn buffer() {
    shows("buffer", &["inverted: [255, 254"]);
}

#[test]
fn queue() {
    shows("queue", &["1000 results, the largest is 998001"]);
}

/// Text of which the counts are known: 3 × 40 lines.
fn corpus() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("deep")).unwrap();
    for file in ["one.txt", "two.md", "deep/three"] {
        let line = "The quick brown fox jumps over the lazy dog; the end.\n";
        fs::write(directory.path().join(file), line.repeat(40)).unwrap();
    }
    fs::write(directory.path().join("picture"), b"\0the the the").unwrap();
    fs::write(directory.path().join(".hidden"), b"the the the").unwrap();
    directory
}

#[test]
fn producer_consumer_counts_the_words_of_files() {
    let (names, corpus) = (Names::new(), corpus());
    let mut command = names.example("producer_consumer");
    command.arg(corpus.path()).args(["--repeat", "1", "--top", "2"]);
    let text = succeed(command);
    assert!(text.contains("\n1320 words, 9 different, the longest is \"quick\""), "{text}");
    assert!(text.contains("       360  the\n       120  brown\n"), "{text}");
    assert!(text.contains("delivered again: 0 records, 0 files"), "{text}");
    names.assert_none_left();
}

#[test]
fn producer_consumer_counts_exactly_with_killed_workers() {
    for (producers, consumers) in [("1", "1"), ("2", "3")] {
        let names = Names::new();
        let mut command = names.example("producer_consumer");
        command.args(["src", "--kill", "--repeat", "8"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["--producers", producers, "--consumers", consumers]);
        let text = succeed(command);
        assert!(text.contains("every count is exactly 8 × the sequential one"), "{text}");
        assert!(text.contains("in the middle of record "), "{text}");
        assert!(text.contains("delivered again: 1 records, 1 files"), "{text}");
        names.assert_none_left();
    }
}

/// A run that is still busy when its workers have begun.
fn long_run(names: &Names) -> Child {
    let mut command = names.example("producer_consumer");
    command.args(["src", "--repeat", "500"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = command.spawn().expect("the example");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.starts_with("started") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
        assert!(read > 0, "it ended");
    }
    thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    assert!(!names.left().is_empty(), "it has names while it runs");
    child
}

fn workers_of(child: &Child) -> Vec<Pid> {
    let path = format!("/proc/{0}/task/{0}/children", child.id());
    let pids = fs::read_to_string(path).expect("its children");
    pids.split_whitespace().map(|pid| Pid::from_raw(pid.parse().expect("a pid"))).collect()
}

#[test]
fn producer_consumer_leaves_nothing_on_ctrl_c() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let names = Names::new();
        let mut child = long_run(&names);
        let workers = workers_of(&child);
        kill(Pid::from_raw(child.id() as i32), signal).expect("a signal");
        let status = wait(&mut child).expect("it hangs");
        assert_eq!(status.code(), Some(130));
        names.assert_none_left();
        assert_eq!(workers.len(), 4);
        assert!(workers.iter().all(|pid| kill(*pid, None).is_err()), "workers were left");
    }
}

#[test]
fn producer_consumer_killed_leaves_no_workers_and_the_next_run_cleans_up() {
    let (names, corpus) = (Names::new(), corpus());
    let mut child = long_run(&names);
    let workers = workers_of(&child);
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");
    // At once: its workers may still be ending.
    let mut next = names.example("producer_consumer");
    next.arg(corpus.path());
    next.args(["--repeat", "1"]);
    succeed(next);
    names.assert_none_left();
    wait_until("the workers to end", || workers.iter().all(|pid| !runs(*pid)));
}

/// Whether it is a process, and no zombie that nobody has waited for yet.
fn runs(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[test]
fn a_mismatch_or_a_missing_file_is_an_error() {
    let names = Names::new();
    let mut command = names.example("producer_consumer");
    let output = command.arg("/no/such/file").output().expect("the example");
    assert_eq!(output.status.code(), Some(1));
    names.assert_none_left();
}

#[test]
fn two_terminals_in_either_order() {
    for order in [["producer", "consumer"], ["consumer", "producer"]] {
        let names = Names::new();
        let first = names.example(order[0]).arg("jobs").spawn().expect("an example");
        wait_until("the first one to make the queue", || names.left() == ["jobs"]);
        thread::sleep(Duration::from_millis(20)); // so that it waits for the other one; no matter if not
        let second = names.example(order[1]).arg("jobs").spawn().expect("an example");
        let (first, second) = (finish(first), finish(second));
        assert!(first.status.success() && second.status.success());
        let both = text(&first) + &text(&second);
        assert!(both.contains("all 10 jobs are done"), "{both}");
        assert!(both.contains("no more jobs; 10 done here"), "{both}");
        names.assert_none_left();
    }
}

#[test]
fn a_killed_consumer_leaves_its_job_to_the_next() {
    let names = Names::new();
    let producer = names.example("producer").args(["jobs", "--count", "3"]).spawn().unwrap();
    wait_until("the queue", || names.left() == ["jobs"]);
    let mut busy = names.example("consumer").args(["jobs", "--work", "3600000"]).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(busy.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    assert!(line.starts_with("1: job 1"), "{line}");
    busy.kill().expect("SIGKILL");
    busy.wait().expect("its end");
    let text = succeed({
        let mut command = names.example("consumer");
        command.arg("jobs");
        command
    });
    assert!(text.contains("delivered again") && text.contains("3 done here"), "{text}");
    assert!(finish(producer).status.success());
    names.assert_none_left();
}

#[test]
fn the_two_programs_explain_themselves() {
    let names = Names::new();
    for name in ["producer", "consumer", "producer_consumer"] {
        let mut command = names.example(name);
        command.arg("--help");
        assert!(succeed(command).contains("Usage:"));
    }
}
