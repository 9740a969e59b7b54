//! A cache line for each direction: one message at a time, polled.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;

use crate::case::{Shape, What};
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Outlet};
use crate::engines::message::{Content, Message};
use crate::engines::shared_file::{self, PAGE};

pub struct PingPong;

pub struct Line {
    map: MmapRaw,
    last: u64,
}

impl Line {
    pub fn open(place: &str) -> Line {
        Line { map: shared_file::open(place, PAGE), last: 0 }
    }

    #[inline(always)]
    fn word(&self) -> &AtomicU64 {
        // SAFETY: within the mapping, aligned, and only used as an atomic.
        unsafe { &*self.map.as_mut_ptr().cast::<AtomicU64>() }
    }
}

impl Outlet for Line {
    #[inline(always)]
    fn send(&mut self, number: u64, _: Content) {
        // A stream of 1, 2, 3 … begins anew with each run; what changes is the word.
        self.last = self.last.wrapping_add(1 << 48);
        self.word().store(self.last | number, Ordering::Release);
    }
}

impl Inlet for Line {
    #[inline(always)]
    fn recv(&mut self, _: Content) -> u64 {
        loop {
            let word = self.word().load(Ordering::Acquire);
            if word != self.last {
                self.last = word;
                return word & ((1 << 48) - 1);
            }
            spin_loop();
        }
    }
}

impl EvenLink for PingPong {
    const CARD: Card = Card {
        name: "cache line",
        kind: Kind::Limit,
        about: "A word in a line of its own for each direction, polled.",
    };
    type End<M: Message> = Line;

    fn takes(what: &What) -> bool {
        matches!(what, What::RoundTrip { bytes: 8, asleep: false } | What::Signal { asleep: false })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        shared_file::keep(place, PAGE)
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Line {
        Line::open(place)
    }
}
