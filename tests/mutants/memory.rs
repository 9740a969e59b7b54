//! The bytes of a segment, reached by its file as any other program could.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{Whence, lseek};

use crate::mutation::Map;
use crate::page::Page;

const SIZE_AT: u64 = 16;
const USED_AT: u64 = 136;
const ROWS_AT: usize = 256;
const ROW: usize = 16;
const BLOCK_ALIGN: usize = 128;

/// A segment's file, and its bytes as they were when all was well.
pub struct Memory {
    pub file: File,
    /// What is mapped.
    pub image: Vec<u8>,
    /// What there is beyond that, and where.
    annex: (u64, Vec<u8>),
    now: Vec<u8>,
}

impl Memory {
    pub fn of(path: &Path) -> Memory {
        let file = File::options().read(true).write(true).open(path).expect("a segment's file");
        Memory::sized(file, SIZE_AT)
    }

    /// What objects take of it; the rest may be much longer.
    pub fn in_use(file: File) -> Memory {
        Memory::sized(file, USED_AT)
    }

    fn sized(file: File, size_at: u64) -> Memory {
        let mut size = [0; 8];
        file.read_exact_at(&mut size, size_at).expect("a header");
        let size = u64::from_le_bytes(size) as usize;
        let (image, now) = (vec![0; size], vec![0; size]);
        let mut memory = Memory { file, image, annex: (0, Vec::new()), now };
        memory.snapshot();
        memory
    }

    /// From now on all is well as it is now.
    pub fn snapshot(&mut self) {
        self.file.read_exact_at(&mut self.image, 0).expect("the bytes of a segment");
        let data = lseek(&self.file, self.image.len() as i64, Whence::SeekData);
        let Ok(start) = data else { return };
        let end = lseek(&self.file, start, Whence::SeekHole).expect("an end");
        self.annex = (start as u64, vec![0; (end - start) as usize]);
        self.file.read_exact_at(&mut self.annex.1, start as u64).expect("the annex");
    }

    pub fn put_back(&self) {
        self.file.write_all_at(&self.image, 0).expect("bytes of a segment");
        let (at, annex) = &self.annex;
        self.file.write_all_at(annex, *at).expect("bytes of the annex");
    }

    /// Makes these the bytes of the file, which has its annex only if they are as many as they were.
    pub fn replace_by(&self, bytes: &[u8]) {
        self.file.set_len(bytes.len() as u64).expect("a length");
        self.file.write_all_at(bytes, 0).expect("bytes of a segment");
        if bytes.len() == self.image.len() {
            self.file.write_all_at(&self.annex.1, self.annex.0).expect("bytes of the annex");
        }
    }

    /// The bytes as they are now.
    pub fn now(&mut self) -> &mut Vec<u8> {
        self.now.resize(self.image.len(), 0);
        self.file.read_exact_at(&mut self.now, 0).expect("the bytes of a segment");
        &mut self.now
    }

    /// Changes the bytes by `change`, which tells the ranges that it wrote to.
    pub fn change(&mut self, change: impl FnOnce(&mut [u8]) -> Vec<std::ops::Range<usize>>) {
        self.now();
        for range in change(&mut self.now) {
            let at = range.start as u64;
            self.file.write_all_at(&self.now[range], at).expect("bytes of a segment");
        }
    }

    /// Where mutations are worth most: as far as this image, and the one before, tell.
    pub fn map(&self, before: &[u8]) -> Map {
        let words = |from: usize, to: usize| (from..to.min(self.image.len())).step_by(4);
        let is_used = |at: &usize| self.image[*at..at + 4] != [0; 4];
        let first = blocks_at(&self.image);
        let described = words(0, 56)
            .chain(words(128, 152))
            .chain(words(ROWS_AT, first).filter(is_used))
            .chain(words(first, first + payload(&self.image).start).filter(is_used));
        let busy = words(first, self.image.len());
        let busy = busy.filter(|at| self.image[*at..at + 4] != before[*at..at + 4]);
        let end = u64_at(&self.image, USED_AT as usize) as usize;
        Map { described: described.collect(), busy: busy.collect(), within: 0..end }
    }

    /// Where bytes changed that nobody ever writes to again: in the description of the only object, or beyond
    /// it.
    pub fn written_outside(&self, before: &[u8], now: &[u8]) -> Option<usize> {
        let first = blocks_at(&self.image);
        let payload = payload(&self.image);
        [0..12, 16..128, first..first + payload.start, first + payload.end..now.len()]
            .into_iter()
            .flatten()
            .find(|at| before[*at] != now[*at])
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Where the first object's description begins.
fn blocks_at(bytes: &[u8]) -> usize {
    let rows = u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize;
    (ROWS_AT + rows * ROW).next_multiple_of(BLOCK_ALIGN)
}

/// Where in its block the first object's payload lies.
fn payload(bytes: &[u8]) -> std::ops::Range<usize> {
    let first = blocks_at(bytes);
    let at = u64_at(bytes, first + 8) as usize;
    at..at + u64_at(bytes, first + 16) as usize
}

// Putting back by signal.

static MEMORY: AtomicPtr<Memory> = AtomicPtr::new(std::ptr::null_mut());
static PAGE: AtomicPtr<Page> = AtomicPtr::new(std::ptr::null_mut());

/// Sent to a process that waits without a time limit.
pub const PUT_BACK: Signal = Signal::SIGUSR1;

extern "C" fn on_signal(_: i32) {
    // SAFETY: null, or memory that outlives its being named here; plain system calls.
    if let Some(memory) = unsafe { MEMORY.load(SeqCst).as_ref() } {
        let write = |at: u64, bytes: &[u8]| unsafe {
            libc::pwrite(memory.file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), at as i64)
        };
        write(0, &memory.image);
        write(memory.annex.0, &memory.annex.1);
    }
    // SAFETY: null, or a page that is never given back.
    if let Some(page) = unsafe { PAGE.load(SeqCst).as_ref() } {
        page.put_back.fetch_add(1, SeqCst);
    }
}

/// From now on the signal ends nobody, who has no bytes to put back either.
pub fn expect_signal() {
    // Without a restart: who sleeps is to look again.
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler makes a system call and changes atomics.
    unsafe { sigaction(PUT_BACK, &action) }.expect("a handler");
}

/// From now on the signal puts these bytes back, until [`put_back_no_more`].
pub fn put_back_by_signal(memory: &Memory, page: &'static Page) {
    PAGE.store(std::ptr::from_ref(page).cast_mut(), SeqCst);
    MEMORY.store(std::ptr::from_ref(memory).cast_mut(), SeqCst);
}

pub fn put_back_no_more() {
    MEMORY.store(std::ptr::null_mut(), SeqCst);
}

// Fences.

/// Bytes of a fence.
const FENCE: usize = 16 << 12;

/// Leaves only one place where something is mapped next: right between two fences, if it is of this size.
pub fn fence_in(size: usize) {
    let size = size.next_multiple_of(4096);
    // What is smaller than this, between two mappings, would be preferred.
    fill_holes(size + 2 * FENCE);
    if let Some(at) = no_access(0, size + 2 * FENCE) {
        // SAFETY: pages that were made just now.
        unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(at + FENCE), size) };
    }
}

/// Whether pages that nobody may touch lie on both sides of what this process maps of the file.
pub fn is_fenced_in(file: &File) -> bool {
    let inode = file.metadata().expect("an open file").ino().to_string();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let lines: Vec<&str> = maps.lines().collect();
    lines.windows(3).any(|near| {
        let is_it = near[1].split_whitespace().nth(4) == Some(&inode);
        let touch = edges(near[0]).1 == edges(near[1]).0 && edges(near[1]).1 == edges(near[2]).0;
        is_it && touch && near[0].contains(" ---p ") && near[2].contains(" ---p ")
    })
}

/// Fills the holes between mappings that are smaller than this.
fn fill_holes(smaller_than: usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let all: Vec<(usize, usize)> = maps.lines().map(edges).collect();
    for pair in all.windows(2) {
        let (end, start) = (pair[0].1, pair[1].0);
        if start > end && start - end < smaller_than {
            no_access(end, start - end);
        }
    }
}

/// Where a line of a list of mappings says that one begins and ends.
fn edges(line: &str) -> (usize, usize) {
    let at = |edge: &str| usize::from_str_radix(edge, 16).unwrap_or(0);
    let range = line.split(' ').next().and_then(|range| range.split_once('-'));
    range.map_or((0, 0), |(start, end)| (at(start), at(end)))
}

/// New pages that nobody may touch, at this address, or anywhere for 0.
fn no_access(at: usize, size: usize) -> Option<usize> {
    let fixed = if at == 0 { 0 } else { libc::MAP_FIXED_NOREPLACE };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    let at = std::ptr::with_exposed_provenance_mut(at);
    // SAFETY: new pages, where none were.
    let mapped = unsafe { libc::mmap(at, size, libc::PROT_NONE, flags, -1, 0) };
    (mapped != libc::MAP_FAILED).then(|| mapped.expose_provenance())
}
