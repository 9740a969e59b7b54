//! What the hardware allows a queue whose claims are one CAS: Vyukov's ring, between threads.

use std::sync::atomic::{AtomicU64, Ordering};

use super::queues::{Backoff, CAPACITY, Channel, between_threads};
use crate::support::ratio::Run;

/// As many senders as receivers.
pub fn threads(pairs: usize) -> Run {
    between_threads(BareRing::new(), pairs)
}

/// The ring and nothing else: its users' death, sleep and closing are not its business.
struct BareRing {
    tail: Line,
    head: Line,
    slots: Vec<BareSlot>,
}

#[repr(align(128))]
struct Line(AtomicU64);

#[repr(align(16))]
struct BareSlot {
    stamp: AtomicU64,
    message: AtomicU64,
}

impl BareRing {
    fn new() -> BareRing {
        let slot = |at| BareSlot { stamp: AtomicU64::new(at), message: AtomicU64::new(0) };
        let slots = (0..CAPACITY as u64).map(slot).collect();
        BareRing { tail: Line(AtomicU64::new(0)), head: Line(AtomicU64::new(0)), slots }
    }

    /// Claims the position of this index word, once its slot is stamped so.
    #[inline]
    fn claim(&self, index: &AtomicU64, stamp: u64) -> Option<(u64, &BareSlot)> {
        loop {
            let at = index.load(Ordering::Acquire);
            let slot = &self.slots[at as usize % CAPACITY];
            if slot.stamp.load(Ordering::Acquire) != at + stamp {
                return None;
            }
            let claim = index.compare_exchange(at, at + 1, Ordering::AcqRel, Ordering::Acquire);
            if claim.is_ok() {
                return Some((at, slot));
            }
        }
    }
}

impl Channel<u64> for BareRing {
    #[inline]
    fn send(&self, message: u64) {
        let mut backoff = Backoff(0);
        loop {
            if let Some((at, slot)) = self.claim(&self.tail.0, 0) {
                slot.message.store(message, Ordering::Relaxed);
                return slot.stamp.store(at + 1, Ordering::Release);
            }
            backoff.snooze();
        }
    }

    #[inline]
    fn recv(&self) -> u64 {
        let mut backoff = Backoff(0);
        loop {
            if let Some((at, slot)) = self.claim(&self.head.0, 1) {
                let message = slot.message.load(Ordering::Relaxed);
                slot.stamp.store(at + CAPACITY as u64, Ordering::Release);
                return message;
            }
            backoff.snooze();
        }
    }
}
