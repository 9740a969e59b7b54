//! Vyukov's bounded queue, as in the textbook: its words do not say who moved them.

use shared_memory::Shmem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use super::memory::shared;
use super::{Control, PATIENCE};

const CAPACITY: usize = 8;

#[repr(C)]
struct Shared<const WORDS: usize> {
    tail: AtomicUsize,
    head: AtomicUsize,
    slots: [Slot<WORDS>; CAPACITY],
}

#[repr(C)]
struct Slot<const WORDS: usize> {
    sequence: AtomicUsize,
    payload: [AtomicU64; WORDS],
}

/// A message is one number, and fills so many words with it.
pub struct Ring<const WORDS: usize>(Shmem);

impl<const WORDS: usize> Ring<WORDS> {
    pub fn new() -> Ring<WORDS> {
        let ring = Ring(shared(size_of::<Shared<WORDS>>()));
        for (number, slot) in ring.shared().slots.iter().enumerate() {
            slot.sequence.store(number, Ordering::Relaxed);
        }
        ring
    }

    /// With one message in it.
    pub fn with_message() -> Ring<WORDS> {
        let ring = Ring::new();
        assert!(ring.try_send(1));
        ring
    }

    fn shared(&self) -> &Shared<WORDS> {
        // SAFETY: it fits at the start of a page that is mapped as long as `self` lives, is atomics
        // alone, and any bytes are such.
        unsafe { &*self.0.as_ptr().cast() }
    }

    /// False: it is full.
    pub fn try_send(&self, number: u64) -> bool {
        let Shared { tail, slots, .. } = self.shared();
        // Acquire and Release of a slot's sequence carry its payload both ways.
        let Some((position, slot)) = claim(tail, slots, 0) else { return false };
        slot.payload.iter().for_each(|word| word.store(number, Ordering::Relaxed));
        slot.sequence.store(position + 1, Ordering::Release);
        true
    }

    pub fn send_in_time(&self, number: u64) -> bool {
        in_time(|| self.try_send(number).then_some(())).is_some()
    }

    pub fn recv_in_time(&self) -> Option<u64> {
        in_time(|| self.try_recv())
    }

    /// None: it is empty.
    pub fn try_recv(&self) -> Option<u64> {
        let Shared { head, slots, .. } = self.shared();
        let (position, slot) = claim(head, slots, 1)?;
        let number = slot.payload[0].load(Ordering::Relaxed);
        let whole = slot.payload.iter().all(|word| word.load(Ordering::Relaxed) == number);
        assert!(whole, "a torn message");
        slot.sequence.store(position + CAPACITY, Ordering::Release);
        Some(number)
    }
}

/// The next position of an index, once its slot's sequence is so far beyond it.
fn claim<'a, const WORDS: usize>(
    index: &AtomicUsize,
    slots: &'a [Slot<WORDS>; CAPACITY],
    beyond: usize,
) -> Option<(usize, &'a Slot<WORDS>)> {
    let mut position = index.load(Ordering::Relaxed);
    loop {
        let slot = &slots[position % CAPACITY];
        let ahead = slot.sequence.load(Ordering::Acquire) as isize - (position + beyond) as isize;
        if ahead < 0 {
            return None;
        }
        if ahead > 0 {
            position = index.load(Ordering::Relaxed);
            continue;
        }
        let next = position + 1;
        match index.compare_exchange_weak(position, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Some((position, slot)),
            Err(now) => position = now,
        }
    }
}

/// What it came to in time. The textbook has no waiting: this looks again and again.
fn in_time<R>(mut f: impl FnMut() -> Option<R>) -> Option<R> {
    let since = Instant::now();
    loop {
        let result = f();
        if result.is_some() || since.elapsed() > PATIENCE {
            return result;
        }
        std::thread::yield_now();
    }
}

impl<const WORDS: usize> Control for Ring<WORDS> {
    fn take(&self) -> bool {
        self.recv_in_time().is_some()
    }

    fn give(&self) {
        self.send_in_time(1);
    }

    fn memory(&self) -> &Shmem {
        &self.0
    }
}
