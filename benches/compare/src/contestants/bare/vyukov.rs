//! Vyukov's ring for many senders and many receivers: a claim is one compare-and-swap.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::Backoff;
use memmap2::MmapRaw;

use crate::case::{Shape, What};
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Outlet};
use crate::engines::message::{Buffer, Content, Message};
use crate::engines::shared_file;

const LINE: usize = 128;
const SLOTS: usize = 2 * LINE;

pub struct Vyukov;

pub struct End<M> {
    map: MmapRaw,
    capacity: u64,
    buffer: Buffer,
    message: PhantomData<M>,
}

fn capacity(shape: &Shape) -> u64 {
    shape.capacity.next_power_of_two() as u64
}

/// A stamp before each message.
const fn stride<M: Message>() -> usize {
    (8 + M::BYTES).next_power_of_two()
}

fn bytes<M: Message>(shape: &Shape) -> usize {
    SLOTS + capacity(shape) as usize * stride::<M>()
}

impl<M: Message> End<M> {
    fn open(place: &str, shape: &Shape) -> End<M> {
        let map = shared_file::open(place, bytes::<M>(shape));
        End { map, capacity: capacity(shape), buffer: Buffer::of::<M>(), message: PhantomData }
    }

    #[inline(always)]
    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: within the mapping, aligned, and only used as an atomic.
        unsafe { &*self.map.as_mut_ptr().add(offset).cast::<AtomicU64>() }
    }

    /// Claims a position of this side, once its slot has the stamp of that position. The stamp of a slot
    /// that was never used counts as its number.
    #[inline(always)]
    fn claim(&self, line: usize, full: u64) -> (u64, usize) {
        let backoff = Backoff::new();
        let index = self.word(line * LINE);
        loop {
            let at = index.load(Ordering::Acquire);
            let slot = at & (self.capacity - 1);
            let offset = SLOTS + slot as usize * stride::<M>();
            if self.word(offset).load(Ordering::Acquire).wrapping_add(slot) == at + full {
                let claim = index.compare_exchange(at, at + 1, Ordering::AcqRel, Ordering::Acquire);
                if claim.is_ok() {
                    return (at, offset);
                }
            } else {
                backoff.snooze();
            }
        }
    }

    #[inline(always)]
    fn stamp(&self, (at, offset): (u64, usize), add: u64) {
        let slot = at & (self.capacity - 1);
        self.word(offset).store((at + add).wrapping_sub(slot), Ordering::Release);
    }

    #[inline(always)]
    fn message(&self, offset: usize) -> *mut u64 {
        // SAFETY: within the mapping.
        unsafe { self.map.as_mut_ptr().add(offset + 8).cast() }
    }
}

impl<M: Message> Outlet for End<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        content.write(&mut self.buffer.0, number);
        let claim = self.claim(0, 0);
        // SAFETY: in the mapping, and claimed.
        unsafe { self.message(claim.1).copy_from(self.buffer.0.as_ptr(), M::WORDS) };
        self.stamp(claim, 1);
    }
}

impl<M: Message> Inlet for End<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let claim = self.claim(1, 1);
        let from = self.message(claim.1);
        // SAFETY: in the mapping, and claimed.
        unsafe { self.buffer.0.as_mut_ptr().copy_from(from, M::WORDS) };
        self.stamp(claim, self.capacity);
        self.buffer.read(content)
    }
}

impl EvenLink for Vyukov {
    const CARD: Card = Card {
        name: "Vyukov's ring",
        kind: Kind::Limit,
        about: "Many senders, many receivers, polled; a message is copied in and out.",
    };
    type End<M: Message> = End<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Stream(shape) if shape.bytes <= 64)
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        shared_file::keep(place, bytes::<M>(shape))
    }

    fn open<M: Message>(place: &str, shape: &Shape) -> End<M> {
        End::open(place, shape)
    }
}
