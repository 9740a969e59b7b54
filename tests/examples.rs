//! The examples, run as their readers run them: they succeed, and leave no name and no process behind.

use std::os::unix::process::CommandExt;
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
    let mut child = names.example(name).process_group(0).spawn().expect("an example");
    let group = child.id();
    if wait(&mut child).is_some() {
        // Before its output is read to the end, which one that is left would keep open. A killed one
        // may still be ending.
        wait_until("all processes of the example to end", || !runs_in_group(group));
    }
    let output = finish(child);
    let text = text(&output);
    assert!(output.status.success(), "{}: {text}", output.status);
    for line in lines {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    names.assert_none_left();
}

/// Whether a process of this group runs, and is no zombie that nobody has waited for yet.
fn runs_in_group(group: u32) -> bool {
    let group = group.to_string();
    fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
        let mut fields = rest.split(' '); // state, parent, group …
        !matches!(fields.next(), Some("Z" | "X")) && fields.nth(1) == Some(&group)
    })
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

#[test]
fn process_start_join() {
    shows("process_start_join", &["it ended with exit code 0", "it ended with exit code 1"]);
}

#[test]
fn run_parallel() {
    shows("run_parallel", &["three processes", " lines\n", " different words\n", " letters\n"]);
}

#[test]
fn pool_map() {
    shows("pool_map", &["× as fast", "all 12000 results are equal"]);
}

#[test]
fn pool_starmap() {
    shows("pool_starmap", &["from 0 to 1000000 by 2: 249999500000"]);
}

#[test]
fn pool_callbacks() {
    shows("pool_callbacks", &["task 3 failed", "I do not like 3", "nine results and one failure"]);
}

#[test]
fn pool_unordered() {
    shows("pool_unordered", &["19² = 361", "all 20 squares, each once"]);
}

#[test]
fn two_functions_timeout() {
    shows("two_functions_timeout", &["agreed on 3.141592", "the task was not done in time"]);
}

#[test]
fn logged_errors() {
    let origins = ["line 3: \"many\"", "line 5: a status, at examples/logged_errors.rs:", "line 6"];
    let ends = ["ended with signal 6", "83392 bytes; 1 line refused, 1 panic, 1 worker died"];
    shows("logged_errors", &[&origins[..], &ends].concat());
}

#[test]
fn crawler() {
    shows("crawler", &["40 pages in ", "broken: /gone: HTTP/1.1 404 Not Found"]);
}

#[test]
fn mean_in_chunks() {
    shows("mean_in_chunks", &["chunk 4: mean 500.598", "of all 100000: 498.856670"]);
}

#[test]
fn game_server() {
    shows("game_server", &["its process ended with signal 9", "; 1 killed"]);
}

#[test]
fn threads_and_processes() {
    shows("threads_and_processes", &["4 threads and ", " checksums are equal"]);
}

/// The tutorials' programs stay short, say what they are in Python, and can be children.
#[test]
fn examples_of_processes_are_short_and_say_their_python_counterpart() {
    let mut found = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("//! Python:") {
            found += 1;
            assert!(text.lines().count() < 80, "{} is long", path.display());
            let main = text.split("-> Result<(), Box<dyn Error>> {\n").nth(1).expect("main");
            let first = main.lines().next().unwrap().trim();
            assert!(first.starts_with("commonhold::init();"), "{}: {first}", path.display());
        }
    }
    assert_eq!(found, 12);
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
