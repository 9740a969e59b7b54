//! One value of more than eight bytes: a lock word, a sequence number, and two copies of the value.
//!
//! ```text
//! seq = s     the copy of s's parity is the value, the other one is idle
//! write:  lock (also from the dead) ─▶ fill the idle copy ─▶ seq = s+1, the commit ─▶ unlock
//! read:   s = seq ─▶ read the copy of s's parity ─▶ seq is exactly s still? done : again
//! ```
//!
//! *Dies here?* Before the commit the old value stands, after it the new one; the lock is left with
//! the dead writer's tag, and the next writer takes it over without a word: it overwrites the idle
//! copy, whatever it holds. Readers look at neither the lock nor the idle copy.
//! *Paused here?* Readers go on with the value as it is; writers wait, a paused writer is not robbed.
//! *Ten threads?* They share a tag, but the lock word excludes them from one another as well.
//! *Fork here?* The child has no thread that writes; its parent's goes on. A signal handler that
//! interrupts a write may read the value, but must neither write it nor fork.
//!
//! The sequence is compared exactly: after s+1 the copy of s is idle and may be half overwritten.

use crate::raw::hook::point;
use crate::raw::lock::LockWord;
use crate::raw::sync::{AtomicU64, Ordering, fence, spin_loop};
use crate::segment::{Peers, Tag};
use std::mem::MaybeUninit;

// Ordering:
// [C1] commit: store(seq, Release) ↔ read: load(seq, Acquire)   the copy is whole for who sees its number
// [C2] write: fence(Release), stores to the idle copy ↔ read: loads of it, fence(Acquire), load(seq)
//      who read a word of a later write sees that the number moved
// [C3] writers follow one another by the lock ([L1]), or by the kernel's word that the holder is dead,
//      which comes after every store of the dead: the number read under the lock is the newest

/// What keeps one copy: words of eight bytes.
pub(crate) trait Words {
    fn words(&self) -> &[AtomicU64];
}

#[cfg(any(test, loom))]
impl<const N: usize> Words for [AtomicU64; N] {
    fn words(&self) -> &[AtomicU64] {
        self
    }
}

/// The cell. Zero bytes are a free one whose value is zero bytes.
///
/// The words that every reader needs lie between the copies, next to both.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Pair<C> {
    even: C,
    seq: AtomicU64,
    pub(crate) lock: LockWord,
    odd: C,
}

impl<C: Words> Pair<C> {
    #[cfg(any(test, loom))]
    pub(crate) fn new(even: C, odd: C) -> Pair<C> {
        Pair { even, seq: AtomicU64::new(0), lock: LockWord::new(), odd }
    }

    #[inline]
    fn copy(&self, seq: u64) -> &[AtomicU64] {
        if seq & 1 == 0 { self.even.words() } else { self.odd.words() }
    }

    /// Puts in the first value of a cell that nobody else sees yet.
    pub(crate) fn init(&self, bytes: &[u8]) {
        put(self.even.words(), bytes);
    }

    /// Reads the value by `take`, which is called until what it took was whole, and returns the
    /// value's number.
    #[inline]
    pub(crate) fn read(&self, mut take: impl FnMut(&[AtomicU64])) -> u64 {
        loop {
            let seq = self.seq.load(Ordering::Acquire); // [C1]
            // Two branches, each to its end: predicted, they cost less than an address computed.
            if seq & 1 == 0 {
                take(self.even.words());
                if self.is_still(seq) {
                    return seq;
                }
            } else {
                take(self.odd.words());
                if self.is_still(seq) {
                    return seq;
                }
            }
            disturbed();
        }
    }

    /// Whether what was read of the copy of `seq` is whole.
    #[inline]
    fn is_still(&self, seq: u64) -> bool {
        fence(Ordering::Acquire); // [C2]
        self.seq.load(Ordering::Relaxed) == seq
    }

    /// Takes the lock, from a dead writer too.
    #[inline]
    pub(crate) fn write<'a, P: Peers>(&'a self, peers: &'a P) -> Writer<'a, C, P> {
        let tag = self.lock.lock_or_take_over(peers); // [C3]
        point!("cell.locked");
        Writer { pair: self, peers, tag, seq: self.seq.load(Ordering::Relaxed) }
    }

    /// Takes the lock if the value still has this number.
    #[inline]
    pub(crate) fn write_after<'a, P: Peers>(
        &'a self,
        peers: &'a P,
        seq: u64,
    ) -> Option<Writer<'a, C, P>> {
        if self.seq.load(Ordering::Relaxed) != seq {
            return None;
        }
        Some(self.write(peers)).filter(|writer| writer.seq == seq)
    }
}

/// A writer came in between. A call, so that a read that nobody disturbs is laid out as the usual case.
#[cold]
#[inline(never)]
fn disturbed() {
    spin_loop();
}

/// The right to write. Dropped, it unlocks; what was not committed never was.
pub(crate) struct Writer<'a, C: Words, P: Peers> {
    pair: &'a Pair<C>,
    peers: &'a P,
    tag: Tag,
    seq: u64,
}

impl<C: Words, P: Peers> Writer<'_, C, P> {
    /// The value as it is, and stays until the commit.
    #[inline]
    pub(crate) fn current(&self) -> &[AtomicU64] {
        self.pair.copy(self.seq)
    }

    /// Makes these bytes the value.
    #[inline]
    pub(crate) fn commit(self, bytes: &[u8]) {
        let next = self.seq.wrapping_add(1);
        fence(Ordering::Release); // [C2]
        put(self.pair.copy(next), bytes);
        point!("cell.written");
        self.pair.seq.store(next, Ordering::Release); // [C1]
        point!("cell.flipped");
    }
}

impl<C: Words, P: Peers> Drop for Writer<'_, C, P> {
    #[inline]
    fn drop(&mut self) {
        self.pair.lock.unlock(self.peers, self.tag);
    }
}

/// Stores bytes as words; what the last word has over is zero.
#[inline]
fn put(words: &[AtomicU64], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<8>();
    let (upper, lower) = whole.split_at(whole.len() / 2);
    let store = |(word, chunk): (&AtomicU64, &[u8; 8])| {
        word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
    };
    words.iter().zip(upper).for_each(store);
    point!("cell.write.half");
    words.iter().skip(upper.len()).zip(lower).for_each(store);
    if let Some(last) = words.get(whole.len()) {
        last.store(padded(rest), Ordering::Relaxed);
    }
}

/// Loads as many words as there is room for.
#[inline]
pub(crate) fn take(words: &[AtomicU64], into: &mut [MaybeUninit<u64>]) {
    for (word, place) in words.iter().zip(into) {
        place.write(word.load(Ordering::Relaxed));
    }
}

/// Whether the words hold these bytes.
#[inline]
pub(crate) fn holds(words: &[AtomicU64], bytes: &[u8]) -> bool {
    let chunks = bytes.chunks(8).map(padded);
    words.iter().map(|word| word.load(Ordering::Relaxed)).eq(chunks)
}

/// A word that begins with these bytes, eight at most.
#[inline]
fn padded(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(word)
}

#[cfg(all(test, not(loom)))]
mod tests;
