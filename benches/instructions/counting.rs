//! Counts instructions: this program again, under callgrind, which tells of each call of [`counted`] what
//! was executed inside.
//!
//! What a loop of 2 N operations takes more than one of N is what N operations take: that leaves out how it
//! starts and ends. Of several loops of one length the shortest counts: now and then a receiver looks after
//! the dead, by the clock.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::operations::{CAPACITY, OPERATIONS};

const ROLE: &str = "COMMONHOLD_COUNTED";
const FUNCTION: &str = "commonhold_counted";
/// After so many at the latest, what an object learns of its users is learned.
const WARM_UP: u64 = CAPACITY as u64;
const LENGTHS: [u64; 2] = [256, 512];
const LOOPS: usize = 15;

/// The one function whose calls are counted.
#[unsafe(export_name = "commonhold_counted")]
#[inline(never)]
pub fn counted(work: &mut dyn FnMut()) {
    work();
}

/// Whether this process is the one that is looked at.
pub fn is_counted() -> bool {
    env::var_os(ROLE).is_some()
}

/// What the process does that is looked at.
pub fn perform() {
    for operation in OPERATIONS {
        let mut run = (operation.set_up)();
        run(WARM_UP);
        for length in LENGTHS {
            (0..LOOPS).for_each(|_| run(length));
        }
    }
}

/// Instructions of each operation.
pub fn count() -> Vec<f64> {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("counts");
    let status = callgrind(&file);
    assert!(status.success(), "this program did not end well under callgrind: {status}");
    let counts = parts(&fs::read_to_string(&file).expect("what callgrind wrote"));
    let each = 1 + LENGTHS.len() * LOOPS;
    assert_eq!(counts.len(), OPERATIONS.len() * each, "calls of {FUNCTION}");
    counts.chunks_exact(each).map(|counts| per_operation(&counts[1..])).collect()
}

fn callgrind(file: &Path) -> ExitStatus {
    Command::new("valgrind")
        .args(["-q", "--tool=callgrind", "--combine-dumps=yes"])
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--dump-after={FUNCTION}"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe().expect("this program"))
        .env(ROLE, "1")
        .status()
        .expect("valgrind")
}

/// What each call took, in their order.
fn parts(dump: &str) -> Vec<u64> {
    let summaries = dump.lines().filter_map(|line| line.strip_prefix("summary: "));
    summaries.map(|count| count.parse().expect("a count")).filter(|count| *count > 0).collect()
}

fn per_operation(counts: &[u64]) -> f64 {
    let (short, long) = counts.split_at(LOOPS);
    let shortest = |counts: &[u64]| counts.iter().copied().min().unwrap_or(0);
    (shortest(long) - shortest(short)) as f64 / (LENGTHS[1] - LENGTHS[0]) as f64
}
