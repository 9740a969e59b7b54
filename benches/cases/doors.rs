//! Making a named object and finding it, beside a plain file in shared memory.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use commonhold::{Queue, Segment};
use memmap2::MmapMut;

use super::queues::fresh_name;
use crate::support::children::{Worker, serve};
use crate::support::looped::pinned;
use crate::support::ratio::Run;

const CAPACITY: usize = 64;
const BYTES: u64 = 16 << 10;

/// Of segments.
const ROOM: usize = 1 << 20;

/// An object that has no name, which lies beside others.
pub fn new() -> Run {
    pinned((), |()| Queue::<u64>::new(CAPACITY).expect("a new queue"))
}

pub fn create_segment() -> Run {
    let name = fresh_name();
    pinned((), move |()| Segment::create(&name, ROOM).expect("a new segment"))
}

/// Of an object in a segment that is attached already.
pub fn open_in_segment() -> Run {
    let segment = Segment::create(&fresh_name(), ROOM).expect("a new segment");
    let queue = Queue::<u64>::create(segment.at("queue"), CAPACITY).expect("a new queue");
    pinned((segment, queue), |(segment, _)| {
        Queue::<u64>::open(segment.at("queue")).expect("the queue")
    })
}

pub fn create() -> Run {
    let name = fresh_name();
    pinned((), move |()| Queue::<u64>::create(&name, CAPACITY).expect("a new queue"))
}

/// Of a queue that another process keeps: what a process has mapped, it finds again for less.
pub fn open() -> Run {
    let name = fresh_name();
    let mut keeper = Worker::start(&format!("doors {name}"));
    keeper.tell("keep it");
    keeper.answer();
    pinned(keeper, move |_| Queue::<u64>::open(&name).expect("the queue"))
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
    pinned((), move |()| {
        drop(make(&path));
        fs::remove_file(&path).expect("the file");
    })
}

pub fn open_bare() -> Run {
    let path = path(&fresh_name());
    let kept = Named { _bytes: make(&path), path };
    pinned(kept, |kept| {
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
