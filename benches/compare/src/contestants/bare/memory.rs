//! Copies of memory, atomic words, files in shared memory.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering, fence};

use memmap2::MmapRaw;
use nix::fcntl::{FallocateFlags, fallocate};

use crate::case::{Access, What};
use crate::contestant::{Bout, Card, Contestant, Kind, entry};
use crate::engines::operation::{Operator, pinned};
use crate::engines::rendezvous::{Files, fresh_place, path};

/// What a message costs by its bytes alone.
pub fn copies() -> Box<dyn Contestant> {
    let card = Card {
        name: "memcpy",
        kind: Kind::Limit,
        about: "One thread that copies a message once, from memory in its cache to such.",
    };
    Operator::boxed(card, |what| match what {
        What::Stream(shape) if shape.is_one_to_one() && shape.bytes > 64 => {
            let bytes = shape.bytes;
            entry(move || copy(bytes))
        }
        _ => None,
    })
}

fn copy(bytes: usize) -> Result<Bout, String> {
    let (from, mut to) = (vec![1u8; bytes], vec![0u8; bytes]);
    pinned(move || {
        black_box(&mut to).copy_from_slice(black_box(&from));
    })
}

pub fn values() -> Box<dyn Contestant> {
    let card = Card {
        name: "atomic, seqlock",
        kind: Kind::Limit,
        about: "8 bytes: a load, a loop of compare-and-swap. 64 bytes: a sequence number and words.",
    };
    Operator::boxed(card, |what| match *what {
        What::Value { bytes: 8, access: Access::Get } => entry(load),
        What::Value { bytes: 8, access: Access::Update } => entry(compare_and_swap),
        What::Value { access: Access::Get, .. } => entry(|| seqlock(Seqlock::look)),
        What::Value { access: Access::Update, .. } => entry(|| seqlock(Seqlock::increment)),
        _ => None,
    })
}

fn load() -> Result<Bout, String> {
    let atomic = Box::new(AtomicU64::new(7));
    pinned(move || {
        black_box(black_box(&atomic).load(Ordering::Acquire));
    })
}

fn compare_and_swap() -> Result<Bout, String> {
    let atomic = Box::new(AtomicU64::new(0));
    pinned(move || {
        let atomic = black_box(&atomic);
        let add = |number: u64| Some(number.wrapping_add(1));
        black_box(atomic.try_update(Ordering::AcqRel, Ordering::Acquire, add).ok());
    })
}

/// A sequence number and the words it covers.
struct Seqlock {
    sequence: AtomicU64,
    words: [AtomicU64; 8],
}

impl Seqlock {
    #[inline(always)]
    fn get(&self) -> [u64; 8] {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            let words = std::array::from_fn(|at| self.words[at].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                return words;
            }
        }
    }

    fn look(&self) {
        black_box(self.get());
    }

    fn increment(&self) {
        let before = self.sequence.load(Ordering::Relaxed);
        let claim = (before + 1, Ordering::Acquire, Ordering::Relaxed);
        self.sequence.compare_exchange(before, claim.0, claim.1, claim.2).expect("nobody else");
        for word in &self.words {
            word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
        self.sequence.store(before + 2, Ordering::Release);
    }
}

fn seqlock(operation: impl Fn(&Seqlock) + 'static) -> Result<Bout, String> {
    let words = std::array::from_fn(|_| AtomicU64::new(7));
    let cell = Box::new(Seqlock { sequence: AtomicU64::new(0), words });
    pinned(move || operation(black_box(&cell)))
}

pub fn files() -> Box<dyn Contestant> {
    let card = Card {
        name: "shared file",
        kind: Kind::Limit,
        about: "A file in shared memory: opened, given its length (reserved: `fallocate`), mapped, touched.",
    };
    Operator::boxed(card, |what| match *what {
        What::Create => entry(|| create(16 << 10, false)),
        What::Open => entry(open),
        What::Segment { bytes, reserved } => entry(move || create(bytes, reserved)),
        _ => None,
    })
}

fn make(path: &Path, bytes: u64, reserved: bool) -> MmapRaw {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
    let file = file.expect("a new file");
    if reserved {
        fallocate(&file, FallocateFlags::empty(), 0, bytes as i64).expect("room");
    } else {
        file.set_len(bytes).expect("room");
    }
    map_and_touch(&file, bytes)
}

fn map_and_touch(file: &File, bytes: u64) -> MmapRaw {
    let map = MmapRaw::map_raw(file).expect("a mapping");
    touch(map.as_mut_ptr(), bytes);
    map
}

/// Writes the first and the last byte.
pub fn touch(start: *mut u8, bytes: u64) {
    // SAFETY: all callers have so many bytes there, to themselves.
    unsafe { start.write_volatile(1) };
    // SAFETY: as above.
    unsafe { start.add(bytes as usize - 1).write_volatile(1) };
}

fn create(bytes: u64, reserved: bool) -> Result<Bout, String> {
    room_for(bytes)?;
    let path = path(&fresh_place());
    pinned(move || {
        drop(make(&path, bytes, reserved));
        fs::remove_file(&path).expect("the file");
    })
}

/// Is there so much memory, and as much again for everybody else?
pub fn room_for(bytes: u64) -> Result<(), String> {
    let text = fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    match kib {
        Some(kib) if kib << 10 >= 2 * bytes => Ok(()),
        _ => Err(format!("there is not enough memory for {}", crate::case::Bytes(bytes))),
    }
}

fn open() -> Result<Bout, String> {
    let path: PathBuf = path(&fresh_place());
    let kept = (make(&path, 16 << 10, false), Files(vec![path.clone()]));
    pinned(move || {
        let _kept = &kept;
        let file = OpenOptions::new().read(true).write(true).open(&path).expect("the file");
        drop(map_and_touch(&file, 16 << 10));
    })
}
