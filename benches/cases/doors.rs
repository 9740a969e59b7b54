//! Making a named object and finding it, beside a plain file in shared memory.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use commonhold::Queue;
use memmap2::MmapMut;

use super::queues::fresh_name;
use crate::support::children::{Worker, serve};
use crate::support::cpu;
use crate::support::ratio::Run;
use crate::support::report::{Report, sample};

const CAPACITY: usize = 64;
const BYTES: u64 = 16 << 10;

fn timed(mut operation: impl FnMut() + 'static) -> Run {
    Box::new(move |count| {
        cpu::pin(cpu::pair()[0]);
        let report = Report::of(|| {
            (0..count).for_each(|_| operation());
            0
        });
        sample(&[report])
    })
}

pub fn create() -> Run {
    let name = fresh_name();
    timed(move || drop(Queue::<u64>::create(&name, CAPACITY).expect("a new queue")))
}

/// Of a queue that another process keeps: what a process has mapped, it finds again for less.
pub fn open() -> Run {
    let name = fresh_name();
    let mut keeper = Worker::start(&format!("doors {name}"));
    keeper.tell("keep it");
    keeper.answer();
    timed(move || {
        let _keeper = &keeper;
        drop(Queue::<u64>::open(&name).expect("the queue"));
    })
}

pub fn play(words: &[&str]) {
    let queue = Queue::<u64>::create(words[0], CAPACITY).expect("a new queue");
    serve(|_| queue.len().to_string());
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
