//! Names and files that the processes of one run agree on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How long a process waits for what another one is about to make.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A name that nobody else uses.
pub fn fresh_place() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("compare-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Removes what runs that were killed left.
pub fn sweep() {
    let Ok(entries) = fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let owner = name.strip_prefix("compare-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !PathBuf::from("/proc").join(pid).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A file of that name where shared memory is.
pub fn path(place: &str) -> PathBuf {
    PathBuf::from("/dev/shm").join(place)
}

/// Tries until there is something.
pub fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not appear");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Files that are removed when the case is over.
pub struct Files(pub Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}
