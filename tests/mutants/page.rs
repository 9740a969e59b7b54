//! What a process that is judged tells its judge, on a page that outlives it.
//!
//! The page is no part of this crate's memory.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use memmap2::MmapMut;

/// What a mutation led to; of several, the first of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ending {
    /// A panic that is documented.
    Panic,
    /// A verb without a time limit waited, until the bytes were put back.
    Waited,
    /// Opening was refused.
    Refused,
    /// Another error than without the mutation.
    Error,
    /// Another value.
    Wrong,
    Nothing,
}

impl Ending {
    pub const ALL: [Ending; 6] = [
        Ending::Panic,
        Ending::Waited,
        Ending::Refused,
        Ending::Error,
        Ending::Wrong,
        Ending::Nothing,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Ending::Panic => "panic",
            Ending::Waited => "waited",
            Ending::Refused => "refused",
            Ending::Error => "error",
            Ending::Wrong => "wrong data",
            Ending::Nothing => "nothing",
        }
    }
}

const COMPLAINT: usize = 1024;

/// Which operation a process is in.
#[repr(C)]
pub struct Lane {
    /// Odd inside of an operation.
    count: AtomicU64,
    name: AtomicUsize,
    name_len: AtomicUsize,
}

impl Lane {
    pub fn begin(&self, name: &'static str) {
        self.name.store(name.as_ptr() as usize, SeqCst);
        self.name_len.store(name.len(), SeqCst);
        self.count.fetch_add(1, SeqCst);
    }

    pub fn end(&self) {
        self.count.fetch_add(1, SeqCst);
    }

    /// Moves with each beginning and end; odd inside.
    pub fn count(&self) -> u64 {
        self.count.load(SeqCst)
    }

    /// The last operation that was begun.
    pub fn name(&self) -> &'static str {
        let (at, len) = (self.name.load(SeqCst), self.name_len.load(SeqCst));
        if at == 0 {
            return "nothing";
        }
        // SAFETY: a name that is part of the program, which all processes that share a page are copies of;
        // only a process that has ended, or is stuck, is asked.
        unsafe { str::from_utf8_unchecked(std::slice::from_raw_parts(at as *const u8, len)) }
    }
}

/// The page.
#[repr(C)]
pub struct Page {
    /// The mutation that is tried.
    pub index: AtomicU64,
    /// The process that is judged, and one beside it.
    pub lanes: [Lane; 2],
    /// Mutations that came to each ending.
    pub endings: [AtomicU64; Ending::ALL.len()],
    /// How often bytes were put back for who waited.
    pub put_back: AtomicU64,
    pub told_to_end: AtomicU64,
    /// Batches in which pages that nobody may touch lay on both sides of the mapping.
    pub fenced: AtomicU64,
    pub failures: AtomicU64,
    /// Whether nobody else reads what is said here.
    aloud: AtomicU64,
    complaint_len: AtomicUsize,
    complaint: [AtomicU64; COMPLAINT / 8],
}

impl Page {
    /// A page of this process and its children; never given back.
    pub fn new() -> &'static Page {
        let file = tempfile::tempfile_in("/dev/shm").expect("a file without a name");
        file.set_len(size_of::<Page>() as u64).expect("its length");
        // SAFETY: nobody else has the file.
        let bytes = unsafe { MmapMut::map_mut(&file) }.expect("a shared page");
        let bytes: &'static mut MmapMut = Box::leak(Box::new(bytes));
        // SAFETY: aligned to a page, long enough, zero at first, never unmapped, and reached as atomics alone.
        unsafe { &*bytes.as_ptr().cast::<Page>() }
    }

    /// From now on what must not be is said aloud, and ends the process as fuzzers expect it.
    #[allow(dead_code, reason = "for the fuzzer's targets")]
    pub fn speak_up(&self) {
        self.aloud.store(1, SeqCst);
    }

    pub fn count(&self, ending: Ending) {
        self.endings[ending as usize].fetch_add(1, SeqCst);
    }

    /// Says what must not be, unless something was said already.
    pub fn complain(&self, text: &str) {
        if self.aloud.load(SeqCst) != 0 {
            eprintln!("{text}");
            std::process::abort();
        }
        if self.complaint_len.load(SeqCst) > 0 {
            return;
        }
        let text = format!("{text} (at {})", self.index.load(SeqCst));
        let mut bytes = text.as_bytes()[..text.len().min(COMPLAINT)].to_vec();
        self.complaint_len.store(bytes.len(), SeqCst);
        bytes.resize(COMPLAINT, 0);
        for (word, bytes) in self.complaint.iter().zip(bytes.chunks_exact(8)) {
            word.store(u64::from_ne_bytes(bytes.try_into().unwrap()), SeqCst);
        }
    }

    /// What was said last, once.
    pub fn complaint(&self) -> Option<String> {
        let len = self.complaint_len.swap(0, SeqCst);
        let words = self.complaint.iter();
        let bytes: Vec<u8> = words.flat_map(|word| word.load(SeqCst).to_ne_bytes()).collect();
        (len > 0).then(|| String::from_utf8_lossy(&bytes[..len]).into_owned())
    }
}
