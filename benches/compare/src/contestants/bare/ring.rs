//! A ring for one sender and one receiver: each keeps a copy of the other's index.

use std::hint::spin_loop;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;

use crate::case::{Shape, What};
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Outlet};
use crate::engines::message::{Buffer, Content, Message};
use crate::engines::shared_file;

const LINE: usize = 128;
const SLOTS: usize = 2 * LINE;

pub struct Ring;
pub struct InPlace;

/// One side of it.
pub struct End<M> {
    map: MmapRaw,
    capacity: u64,
    own: u64,
    /// The other's index, as this side last saw it.
    seen: u64,
    message: PhantomData<M>,
}

fn capacity(shape: &Shape) -> u64 {
    shape.capacity.next_power_of_two() as u64
}

fn bytes<M: Message>(shape: &Shape) -> usize {
    SLOTS + capacity(shape) as usize * M::BYTES
}

impl<M: Message> End<M> {
    fn open(place: &str, shape: &Shape) -> End<M> {
        let map = shared_file::open(place, bytes::<M>(shape));
        End { map, capacity: capacity(shape), own: 0, seen: 0, message: PhantomData }
    }

    #[inline(always)]
    fn index(&self, line: usize) -> &AtomicU64 {
        // SAFETY: within the mapping, aligned, and only used as an atomic.
        unsafe { &*self.map.as_mut_ptr().add(line * LINE).cast::<AtomicU64>() }
    }

    #[inline(always)]
    fn slot(&self) -> *mut u64 {
        let at = (self.own & (self.capacity - 1)) as usize;
        // SAFETY: within the mapping.
        unsafe { self.map.as_mut_ptr().add(SLOTS + at * M::BYTES).cast() }
    }

    /// Waits for room, and returns where the next message goes.
    #[inline(always)]
    fn free_slot(&mut self) -> &mut [u64] {
        while self.own - self.seen == self.capacity {
            self.seen = self.index(1).load(Ordering::Acquire);
            spin_loop();
        }
        // SAFETY: in the mapping, and nobody else's until it is published.
        unsafe { std::slice::from_raw_parts_mut(self.slot(), M::WORDS) }
    }

    /// Waits for a message, and returns where it lies.
    #[inline(always)]
    fn full_slot(&mut self) -> &[u64] {
        while self.seen == self.own {
            self.seen = self.index(0).load(Ordering::Acquire);
            spin_loop();
        }
        // SAFETY: in the mapping, and nobody writes to it until it is given back.
        unsafe { std::slice::from_raw_parts(self.slot(), M::WORDS) }
    }

    #[inline(always)]
    fn publish(&mut self, line: usize) {
        self.own += 1;
        self.index(line).store(self.own, Ordering::Release);
    }
}

pub struct Copying<M>(End<M>, Buffer);
pub struct Placing<M>(End<M>);

impl<M: Message> Outlet for Copying<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        content.write(&mut self.1.0, number);
        self.0.free_slot().copy_from_slice(&self.1.0);
        self.0.publish(0);
    }
}

impl<M: Message> Inlet for Copying<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        self.1.0.copy_from_slice(self.0.full_slot());
        self.0.publish(1);
        self.1.read(content)
    }
}

impl<M: Message> Outlet for Placing<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        content.write(self.0.free_slot(), number);
        self.0.publish(0);
    }
}

impl<M: Message> Inlet for Placing<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let number = content.read(self.0.full_slot());
        self.0.publish(1);
        number
    }
}

impl EvenLink for Ring {
    const CARD: Card = Card {
        name: "tuned ring",
        kind: Kind::Limit,
        about: "One sender, one receiver, polled; a message is copied in and out.",
    };
    type End<M: Message> = Copying<M>;

    fn takes(what: &What) -> bool {
        match what {
            What::Stream(shape) => shape.is_one_to_one(),
            What::RoundTrip { bytes, asleep } => *bytes > 8 && !asleep,
            _ => false,
        }
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        shared_file::keep(place, bytes::<M>(shape))
    }

    fn open<M: Message>(place: &str, shape: &Shape) -> Copying<M> {
        Copying(End::open(place, shape), Buffer::of::<M>())
    }
}

impl EvenLink for InPlace {
    const CARD: Card =
        Card { name: "tuned ring in place", kind: Kind::Limit, about: "The same without copies." };
    type End<M: Message> = Placing<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::HandOver(_))
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        shared_file::keep(place, bytes::<M>(shape))
    }

    fn open<M: Message>(place: &str, shape: &Shape) -> Placing<M> {
        Placing(End::open(place, shape))
    }
}
