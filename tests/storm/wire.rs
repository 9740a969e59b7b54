//! What a participant says of its operations: records in a pipe of its own.

use bytemuck::{Pod, Zeroable};
use nix::time::{ClockId, clock_gettime};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// It is about to do something.
pub const BEGIN: u8 = 1;
/// It did it, and this came of it.
pub const END: u8 = 2;
/// It is about to kill the participant of this life.
pub const STRIKES: u8 = 3;
/// It leaves in good order.
pub const LEAVES: u8 = 4;
/// Sixteen bytes of what a panic said.
pub const TEXT: u8 = 5;
/// It was copied: the copy goes on, and this one ends.
pub const FORKS: u8 = 6;

#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    pub at: u64,
    pub kind: u8,
    /// What of; what each means is its family's matter.
    pub op: u8,
    /// What came of it.
    pub outcome: u8,
    /// Whether it may have to wait.
    pub waits: u8,
    pub spare: u32,
    pub a: u64,
    pub b: u64,
}

/// Nanoseconds, on one clock for all processes.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the time");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// The end of a pipe that a participant writes to.
#[derive(Clone)]
pub struct Wire(Arc<OwnedFd>);

impl Wire {
    pub fn new(end: OwnedFd) -> Wire {
        Wire(Arc::new(end))
    }

    pub fn say(&self, record: Record) {
        // Shorter than what a pipe takes whole. Where nobody reads, there is no storm any more.
        if nix::unistd::write(self.0.as_fd(), bytemuck::bytes_of(&record)).is_err() {
            vanish(1);
        }
    }

    pub fn say_text(&self, text: &str) {
        for bytes in text.as_bytes().chunks(16).take(40) {
            let mut both = [0; 16];
            both[..bytes.len()].copy_from_slice(bytes);
            let [a, b] = bytemuck::cast(both);
            self.say(Record { at: now(), kind: TEXT, a, b, ..Record::default() });
        }
    }
}

/// What panics said, of these records.
pub fn text_of(records: &[Record]) -> Option<String> {
    let texts = records.iter().filter(|record| record.kind == TEXT);
    let bytes: Vec<u8> = texts.flat_map(|r| bytemuck::cast::<_, [u8; 16]>([r.a, r.b])).collect();
    let text = String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned();
    (!text.is_empty()).then_some(text)
}

/// Ends this process at once, without what a process does at its end.
pub fn vanish(code: i32) -> ! {
    // SAFETY: it ends this process.
    unsafe { nix::libc::_exit(code) }
}
