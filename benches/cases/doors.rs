//! Making a named object and finding it, beside a plain file in shared memory.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::time::Instant;

use commonhold::Queue;
use memmap2::MmapMut;

use super::queues::fresh_name;
use crate::support::cpu;
use crate::support::ratio::Run;

const CAPACITY: usize = 64;
const BYTES: u64 = 16 << 10;

fn timed(mut operation: impl FnMut() + 'static) -> Run {
    Box::new(move |count| {
        cpu::pin(cpu::pair()[0]);
        let start = Instant::now();
        (0..count).for_each(|_| operation());
        start.elapsed()
    })
}

pub fn create() -> Run {
    let name = fresh_name();
    timed(move || drop(Queue::<u64>::create(&name, CAPACITY).expect("a new queue")))
}

pub fn open() -> Run {
    let name = fresh_name();
    let path = path(&name);
    let _made = Queue::<u64>::create(&name, CAPACITY).expect("a new queue");
    // Another process would have to map it; this one already did.
    let size = fs::metadata(&path).map_or(BYTES, |file| file.len());
    let _ = size;
    timed(move || drop(Queue::<u64>::open(&name).expect("the queue")))
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/dev/shm").join(name)
}

fn map(file: &File) -> MmapMut {
    // SAFETY: nobody else knows the file.
    unsafe { MmapMut::map_mut(file) }.expect("a mapping")
}

fn make(path: &PathBuf) -> MmapMut {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
    let file = file.expect("a new file");
    file.set_len(BYTES).expect("room");
    let mut bytes = map(&file);
    bytes[0] = 1;
    bytes
}

pub fn create_bare() -> Run {
    let path = path(&fresh_name());
    timed(move || {
        drop(make(&path));
        fs::remove_file(&path).expect("the file");
    })
}

pub fn open_bare() -> Run {
    let path = path(&fresh_name());
    let kept = Named { _bytes: make(&path), path };
    timed(move || {
        let file = OpenOptions::new().read(true).write(true).open(&kept.path).expect("the file");
        assert_eq!(map(&file)[0], 1);
    })
}

/// A file that goes with its value.
struct Named {
    _bytes: MmapMut,
    path: PathBuf,
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
