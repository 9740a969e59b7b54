//! What the driver and the participants know of each other: a page of memory beside what is under storm.

use memmap2::MmapMut;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

pub const LANES: usize = 16;

/// One participant after the other lives in a lane.
#[repr(C)]
pub struct Lane {
    /// Whose turn it is; 0: nobody's.
    pub pid: AtomicU32,
    pub life: AtomicU32,
    /// Since when it waits; 0: it does not.
    pub waiting: AtomicU64,
    /// Whether it may be killed by others.
    pub victim: AtomicU32,
}

/// Everything is `SeqCst`: it is no part of what is tried, and must not be in doubt.
#[repr(C)]
pub struct Board {
    /// Whether everybody is to come to an end.
    pub over: AtomicU32,
    /// Whether all but the auditor have.
    pub alone: AtomicU32,
    /// One in so many releases is followed by a blow against whoever it woke; 0: none.
    pub strikes: AtomicU32,
    /// What a holder of the thing under storm writes there, and takes away before it lets go.
    pub inside: AtomicU64,
    /// Deaths that the driver does not see.
    pub elsewhere: AtomicU64,
    pub lanes: [Lane; LANES],
}

/// A fresh board, that forked processes share; never given back.
pub fn board() -> &'static Board {
    let file = tempfile::tempfile_in("/dev/shm").expect("a file without a name");
    file.set_len(4096).expect("its length");
    const { assert!(size_of::<Board>() <= 4096) };
    // SAFETY: nobody else has the file.
    let bytes = unsafe { MmapMut::map_mut(&file) }.expect("a shared page");
    let bytes: &'static mut MmapMut = Box::leak(Box::new(bytes));
    // SAFETY: page-aligned, long enough, zero at first, never unmapped, and atomics alone.
    unsafe { &*bytes.as_ptr().cast::<Board>() }
}

impl Board {
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) != 0
    }

    pub fn is_alone(&self) -> bool {
        self.alone.load(Ordering::SeqCst) != 0
    }

    /// Whoever of those that may be killed waits longest.
    pub fn longest_waiting(&self) -> Option<&Lane> {
        let waits = |lane: &&Lane| {
            lane.victim.load(Ordering::SeqCst) != 0 && lane.waiting.load(Ordering::SeqCst) != 0
        };
        self.lanes.iter().filter(waits).min_by_key(|lane| lane.waiting.load(Ordering::SeqCst))
    }
}
