//! Names and files that the processes of one run agree on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How long a process waits for what another one is about to make.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// A name that nobody else uses.
pub fn fresh_place() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("compare-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Where names of ours may stand, among others.
const PLACES: [&str; 4] = [
    "/dev/shm",
    "/dev/shm/.cloudtoid/interprocess/v3/mmf",
    "/dev/shm/.cloudtoid/interprocess/v3/readers",
    "/dev/mqueue",
];

/// Removes what processes that were killed left. (What iceoryx2 left, it removes when it is used next.)
pub fn sweep() {
    let entries = PLACES.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once("compare-")?.1.split_once('-'));
        if owner.is_some_and(|(pid, _)| !PathBuf::from("/proc").join(pid).exists()) {
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
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
