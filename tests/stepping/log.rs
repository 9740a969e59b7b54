//! What a process tells of its operation, on a page that outlives it.
//!
//! The page is no part of this crate's memory: what the dead did and did not come to is known from
//! outside.

use memmap2::MmapMut;
use std::sync::atomic::{AtomicU64, Ordering};

const WORDS: usize = 16;
const LOGS: usize = 8;
/// Where the text of a panic lies.
const TEXT_AT: usize = LOGS * WORDS * 8;
const TEXT: usize = 2048;

/// A page for several processes, each of which has a log there.
#[derive(Clone, Copy)]
pub struct Page(&'static [AtomicU64]);

impl Page {
    /// A page of this process and its children; never given back.
    pub fn new() -> Page {
        let file = tempfile::tempfile_in("/dev/shm").expect("a file without a name");
        file.set_len((TEXT_AT + TEXT) as u64).expect("its length");
        // SAFETY: nobody else has the file.
        let bytes = unsafe { MmapMut::map_mut(&file) }.expect("a shared page");
        let bytes: &'static mut MmapMut = Box::leak(Box::new(bytes));
        let words = bytes.len() / 8;
        // SAFETY: page-aligned, so many words long, zero at first, and never unmapped; from here on
        // it is reached as atomics alone.
        Page(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), words) })
    }

    pub fn clear(self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    pub fn log(self, number: usize) -> Log {
        Log { words: &self.0[number * WORDS..][..WORDS] }
    }

    /// Keeps what a panic said.
    pub fn say(self, text: &str) {
        let mut bytes = text.as_bytes()[..text.len().min(TEXT)].to_vec();
        bytes.resize(TEXT, 0);
        for (word, bytes) in self.0[TEXT_AT / 8..].iter().zip(bytes.chunks_exact(8)) {
            word.store(u64::from_ne_bytes(bytes.try_into().unwrap()), Ordering::SeqCst);
        }
    }

    pub fn said(self) -> String {
        let words = self.0[TEXT_AT / 8..].iter();
        let bytes: Vec<u8> = words.flat_map(|w| w.load(Ordering::SeqCst).to_ne_bytes()).collect();
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()
    }
}

/// What one process says of its operation.
#[derive(Clone, Copy)]
pub struct Log {
    words: &'static [AtomicU64],
}

const DONE: usize = 0;
const COUNT: usize = 1;
const VALUES: usize = 2;

impl Log {
    pub fn is_done(self) -> bool {
        self.words[DONE].load(Ordering::Acquire) == 1
    }

    /// What it came to: nothing known, where it was cut off.
    pub fn values(self) -> Option<Vec<u64>> {
        let count = self.words[COUNT].load(Ordering::Relaxed) as usize;
        let values = || self.words[VALUES..][..count].iter().map(|w| w.load(Ordering::Relaxed));
        self.is_done().then(|| values().collect())
    }

    /// One of the log's words, where it is used for something else.
    pub fn told(self, word: usize) -> u64 {
        self.words[word].load(Ordering::Relaxed)
    }

    pub fn tell(self, word: usize, value: u64) {
        self.words[word].store(value, Ordering::Relaxed);
    }

    pub fn add(self, word: usize, value: u64) {
        self.words[word].fetch_add(value, Ordering::Relaxed);
    }

    /// The operation ended, and came to this. So does this process.
    pub fn end(self, values: &[u64]) -> ! {
        for (word, value) in self.words[VALUES..].iter().zip(values) {
            word.store(*value, Ordering::Relaxed);
        }
        self.words[COUNT].store(values.len() as u64, Ordering::Relaxed);
        self.words[DONE].store(1, Ordering::Release);
        // SAFETY: ends this process at once, as a death would.
        unsafe { nix::libc::_exit(0) }
    }
}
