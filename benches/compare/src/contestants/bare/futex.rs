//! A word on which the receiver sleeps: one message at a time.

use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::MmapRaw;
use rustix::thread::futex;

use crate::case::{Shape, What};
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Outlet};
use crate::engines::message::{Content, Message};
use crate::engines::shared_file::{self, PAGE};

pub struct FutexWord;

pub struct Word {
    map: MmapRaw,
    last: u32,
}

impl Word {
    fn open(place: &str) -> Word {
        Word { map: shared_file::open(place, PAGE), last: 0 }
    }

    #[inline(always)]
    fn word(&self) -> &AtomicU32 {
        // SAFETY: within the mapping, aligned, and only used as an atomic.
        unsafe { &*self.map.as_mut_ptr().cast::<AtomicU32>() }
    }
}

/// A trip's number is less than that; above it, a count of runs.
const NUMBERS: u32 = 1 << 24;

impl Outlet for Word {
    #[inline(always)]
    fn send(&mut self, number: u64, _: Content) {
        self.last = self.last.wrapping_add(NUMBERS);
        self.word().store(self.last | number as u32, Ordering::Release);
        futex::wake(self.word(), futex::Flags::empty(), 1).expect("a futex");
    }
}

impl Inlet for Word {
    #[inline(always)]
    fn recv(&mut self, _: Content) -> u64 {
        loop {
            let word = self.word().load(Ordering::Acquire);
            if word != self.last {
                self.last = word;
                return u64::from(word % NUMBERS);
            }
            // Woken, or the word changed, or a signal: it is looked at again.
            let _ = futex::wait(self.word(), futex::Flags::empty(), word, None);
        }
    }
}

impl EvenLink for FutexWord {
    const CARD: Card = Card {
        name: "futex",
        kind: Kind::Limit,
        about: "A word; the sender always wakes, the receiver sleeps at once.",
    };
    type End<M: Message> = Word;

    fn takes(what: &What) -> bool {
        matches!(what, What::RoundTrip { bytes: 8, asleep: true } | What::Signal { asleep: true })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        shared_file::keep(place, PAGE)
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Word {
        Word::open(place)
    }
}
