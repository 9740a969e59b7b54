//! The biased lock: a lock word that one thread takes by plain stores, as long as it is alone there.
//!
//! A lock and an unlock by CAS take longer than a short critical section. So a thread that locked a while
//! without another in between is granted the lock: a word beside it then says *biased*, and names a
//! **seat**, where that thread says whether it is inside.
//!
//! | bits of `bias` | meaning |
//! |---|---|
//! | 0–1 | 0 none, 1 BIASED, 2 REVOKING |
//! | 8–31 | seat |
//! | 32–63 | how often it was granted |
//!
//! ```text
//! bias:   none ── granted, by who holds the word: store ──▶ BIASED(s) ── by who holds the word ──▶ REVOKING(s)
//!           ▲                                                                    │
//!           └──────── nobody is inside at s, or the owner died inside ───────────┘
//! owner:    inside = 1; light fence; bias is BIASED(s) still? it is inside : inside = 0, and lock as others do
//!           …; inside = 0; light fence; bias is BIASED(s) still? done : wake who waits; the seat is free
//! others:   lock the word; bias not none? REVOKING; heavy fence; wait while inside = 1; bias = none
//! ```
//!
//! The fence is that of the eventcount (see `sys::membarrier`): either the owner sees REVOKING, or the other
//! sees it inside. `bias` is changed by the holder of the word alone; and who has the word, with no bias,
//! has the lock. A seat is the owner's until the owner itself knows that its bias is over and says so, so
//! that a late store of it meets nobody. (After biased locks, and the asymmetric Dekker protocol of Dice et al.)
//!
//! **A process dies here.** With the word: the next one takes it over, and goes on with what `bias` says. The
//! owner inside: its seat says so, and whose it is; who waits for it finds it dead, *repairs* as after a
//! dead holder of the word, and has the lock. The owner outside: nobody is inside.
//!
//! **Paused for a minute.** Inside, it keeps the lock, and others wait in bounded naps or give up. Before its
//! look at `bias` it may seem to be inside when it is not: the same. Outside: nobody waits for it.
//!
//! **Ten threads here.** A bias belongs to a thread; others that share the end lock the word.
//!
//! **Fork here.** The child's tag is another: it does not act as the owner, and the seat is not its own.

mod grant;

use super::hook::point;
use super::lock::LockWord;
use super::sync::{
    AtomicU32, AtomicU64, Ordering, bias_pays, futex_wait, futex_wake, heavy_fence,
    publisher_fence, spin_loop,
};
use crate::segment::{Look, Peers, Tag};
use crate::sys::clock::{Deadline, Naps};

pub(crate) use grant::Grant;

// Ordering:
// [BL1] the word: [L1] of the lock word orders its holders, and all of `bias` but the owner's looks
// [BL2] inside.store(1), publisher_fence, load(bias) ↔ store(bias), heavy_fence, load(inside)
//       one of the two sees the other; so for inside.store(0) and the wake
// [BL3] inside.store(0, Release) ↔ load(inside, Acquire)   what the owner did inside is visible to the next
// [BL4] owner.store(0, Release) ↔ load(owner, Acquire)   the seat is at rest
// [P1] hints, and the owning thread's own: Relaxed

/// Threads that can have a seat at a time.
pub(crate) const SEATS: usize = if cfg!(loom) { 2 } else { 8 };

/// The state of a bias, and no bias at all.
const NONE: u64 = 0;
const BIASED: u64 = 1;
const REVOKING: u64 = 2;
const STATE: u64 = 3;
const SEAT_SHIFT: u32 = 8;
const SERIAL_SHIFT: u32 = 32;

/// How often in a row nobody else may lock before a thread is granted the lock, at least and at most.
const LOWEST_BAR: u32 = if cfg!(loom) { 1 } else { 16 };
const HIGHEST_BAR: u32 = 1 << 14;
/// A bias that did not last for so many locks was not worth its end.
const WORTH: u32 = 4096;
/// About a microsecond: who is inside is so for less, mostly.
const SPINS: u32 = 100;

/// The lock. Zero bytes are a free one without a bias.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct BiasedLock {
    /// First, as whoever looks for the tags of the dead expects it.
    word: LockWord,
    /// How many locks in a row it takes to be granted the bias.
    bar: AtomicU32,
    bias: AtomicU64,
    /// The count of uses when the bias was granted.
    granted_at: AtomicU32,
    _pad: AtomicU32,
}

/// Where an owner says whether it is inside. Zero bytes are a free one.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Seat {
    /// A tag, in the low bits.
    pub(crate) owner: AtomicU64,
    inside: AtomicU32,
}

#[cfg(loom)]
impl BiasedLock {
    pub(crate) fn new() -> BiasedLock {
        BiasedLock {
            word: LockWord::new(),
            bar: AtomicU32::new(0),
            bias: AtomicU64::new(0),
            granted_at: AtomicU32::new(0),
            _pad: AtomicU32::new(0),
        }
    }
}

#[cfg(loom)]
impl Seat {
    pub(crate) fn new() -> Seat {
        Seat { owner: AtomicU64::new(0), inside: AtomicU32::new(0) }
    }
}

/// How the lock is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// By its word, under this tag.
    Word(Tag),
    /// By its owner, at this word of the bias.
    Seat(u64),
}

/// A lock, and the seats beside it.
#[derive(Clone, Copy)]
pub(crate) struct Lane<'l> {
    pub(crate) lock: &'l BiasedLock,
    pub(crate) seats: &'l [Seat],
}

impl Lane<'_> {
    /// Takes the lock; where that was from a dead holder, runs `repair` under it. `None`: a living
    /// participant kept it until the deadline, and for 64 ms at least.
    #[inline]
    pub(crate) fn lock(
        &self,
        peers: &impl Peers,
        grant: &Grant,
        deadline: Deadline,
        repair: impl Fn(),
    ) -> Option<Hold> {
        if let Some(granted) = grant.of(peers.me())
            && self.enter(grant, granted)
        {
            return Some(Hold::Seat(granted));
        }
        self.lock_word(peers, deadline, repair).map(Hold::Word)
    }

    /// The owner goes inside, if it still is the owner.
    #[inline(always)]
    fn enter(&self, grant: &Grant, granted: u64) -> bool {
        let Some(seat) = self.seat_of(granted) else { return false };
        seat.inside.store(1, Ordering::Relaxed);
        point!("biased.entering");
        publisher_fence(); // [BL2]
        if self.lock.bias.load(Ordering::Acquire) == granted {
            point!("biased.inside");
            return true;
        }
        self.give_up(grant, seat);
        false
    }

    /// The owner knows that its bias is over. It is not inside.
    #[cold]
    #[inline(never)]
    fn give_up(&self, grant: &Grant, seat: &Seat) {
        seat.inside.store(0, Ordering::Release); // [BL3]
        futex_wake(&seat.inside, u32::MAX);
        point!("biased.given_up");
        grant.forget();
        seat.owner.store(0, Ordering::Release); // [BL4]
    }

    #[inline(always)]
    fn seat_of(&self, bias: u64) -> Option<&Seat> {
        self.seats.get((bias >> SEAT_SHIFT) as usize & 0xFF_FFFF)
    }

    /// Takes the lock by its word, and ends the bias.
    #[inline]
    pub(crate) fn lock_word(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        repair: impl Fn(),
    ) -> Option<Tag> {
        let tag = self.lock.word.lock_or_repair(peers, deadline, |_| repair())?;
        if self.lock.bias.load(Ordering::Relaxed) & STATE == NONE {
            return Some(tag); // [BL1]
        }
        if self.settle(peers, deadline, repair) {
            return Some(tag);
        }
        self.lock.word.unlock(peers, tag);
        None
    }

    /// Ends the bias. Under the word. False: its owner, who lives, stayed inside until the deadline.
    #[cold]
    #[inline(never)]
    fn settle(&self, peers: &impl Peers, deadline: Deadline, repair: impl Fn()) -> bool {
        let bias = self.lock.bias.load(Ordering::Relaxed); // [BL1]
        if bias & STATE == BIASED {
            self.lock.bias.store(bias & !STATE | REVOKING, Ordering::Relaxed);
            point!("biased.revoking");
        }
        heavy_fence(); // [BL2]
        let seat = self.seat_of(bias);
        if !seat.is_none_or(|seat| self.outlast(seat, peers, deadline, repair)) {
            return false;
        }
        point!("biased.before_end");
        self.lock.bias.store(bias & !STATE | NONE, Ordering::Relaxed); // [BL1]
        true
    }

    /// Waits until nobody is inside at this seat.
    fn outlast(
        &self,
        seat: &Seat,
        peers: &impl Peers,
        deadline: Deadline,
        repair: impl Fn(),
    ) -> bool {
        let mut naps = Naps::until(deadline.or_shortly());
        let mut spins = if super::spin::pays() { SPINS } else { 0 };
        let mut look = Look::Quick;
        loop {
            if seat.inside.load(Ordering::Acquire) == 0 {
                return true; // [BL3]
            }
            if spins > 0 {
                spins -= 1;
                spin_loop();
                continue;
            }
            let owner = Tag::from_bits(seat.owner.load(Ordering::Acquire) as u32); // [BL4]
            // First the death, then the look: it may have gone outside, and ended, since.
            if peers.is_dead(owner, look) && seat.inside.load(Ordering::Acquire) != 0 {
                point!("biased.owner_died");
                repair();
                seat.inside.store(0, Ordering::Relaxed); // [BL1]
                seat.owner.store(0, Ordering::Relaxed); // [BL1]
                return true;
            }
            let Some(nap) = naps.next() else { return false };
            futex_wait(&seat.inside, 1, nap);
            look = Look::after(&naps);
        }
    }

    /// Gives the lock back. While it was held, the count of its uses went from `before` to `after`.
    #[inline]
    pub(crate) fn unlock(
        &self,
        peers: &impl Peers,
        grant: &Grant,
        hold: Hold,
        (before, after): (u32, u32),
    ) {
        match hold {
            Hold::Seat(granted) => self.leave(grant, granted),
            Hold::Word(tag) => {
                let alone = grant.used(before, after);
                if alone >= LOWEST_BAR && alone >= self.lock.bar.load(Ordering::Relaxed) {
                    self.grant(peers, grant, tag, after); // [P1]
                }
                self.lock.word.unlock(peers, tag);
            }
        }
    }

    /// Gives the word back, for who took that alone.
    pub(crate) fn unlock_word(&self, peers: &impl Peers, tag: Tag) {
        self.lock.word.unlock(peers, tag);
    }

    /// The owner goes outside.
    #[inline(always)]
    fn leave(&self, grant: &Grant, granted: u64) {
        let Some(seat) = self.seat_of(granted) else { return };
        seat.inside.store(0, Ordering::Release); // [BL3]
        point!("biased.left");
        publisher_fence(); // [BL2]
        if self.lock.bias.load(Ordering::Relaxed) != granted {
            self.give_up(grant, seat);
        }
    }

    /// Grants the bias to who was alone for a while. Under the word, with none.
    #[cold]
    #[inline(never)]
    fn grant(&self, peers: &impl Peers, grant: &Grant, me: Tag, count: u32) {
        grant.count_anew();
        if !bias_pays() || !grant.may_ask(me) {
            return;
        }
        let Some(number) = self.free_seat(peers) else { return grant.forget() };
        self.seats[number].owner.store(u64::from(me.bits()), Ordering::Relaxed); // [BL1]
        point!("biased.seated");
        let before = self.lock.bias.load(Ordering::Relaxed); // [BL1]
        let serial = (before >> SERIAL_SHIFT).wrapping_add(1) << SERIAL_SHIFT;
        let granted = serial | (number as u64) << SEAT_SHIFT | BIASED;
        self.judge_last(before, count);
        self.lock.granted_at.store(count, Ordering::Relaxed); // [P1]
        self.lock.bias.store(granted, Ordering::Relaxed); // [BL1]
        point!("biased.granted");
        grant.hold(me, granted);
    }

    /// Raises the bar if the last bias was not worth its end, or lowers it.
    fn judge_last(&self, before: u64, count: u32) {
        let bar = self.lock.bar.load(Ordering::Relaxed).clamp(LOWEST_BAR, HIGHEST_BAR); // [P1]
        let lasted = count.wrapping_sub(self.lock.granted_at.load(Ordering::Relaxed)); // [P1]
        let first = before >> SERIAL_SHIFT == 0;
        let next = match first || lasted >= WORTH {
            true => (bar / 2).max(LOWEST_BAR),
            false => (bar * 4).min(HIGHEST_BAR),
        };
        self.lock.bar.store(next, Ordering::Relaxed); // [P1]
    }

    /// A seat that is nobody's, or a dead one's. Under the word, with no bias.
    fn free_seat(&self, peers: &impl Peers) -> Option<usize> {
        let owner = |seat: &Seat| Tag::from_bits(seat.owner.load(Ordering::Acquire) as u32); // [BL4]
        let free = self.seats.iter().position(|seat| owner(seat).is_nobody());
        let number = free.or_else(|| {
            self.seats.iter().position(|seat| peers.is_dead(owner(seat), Look::Quick))
        })?;
        self.seats[number].inside.store(0, Ordering::Relaxed); // [BL1]
        Some(number)
    }

    /// The end goes: gives its seat back, unless that takes too long.
    pub(crate) fn end(&self, peers: &impl Peers, grant: &Grant, repair: impl Fn()) {
        let me = peers.me_if_registered();
        let granted = grant.under(me).filter(|_| !me.is_nobody());
        let Some(seat) = granted.and_then(|granted| self.seat_of(granted)) else { return };
        // Nobody is inside at the seat: its owner would have this end borrowed.
        if let Some(tag) = self.lock_word(peers, Deadline::Now, repair) {
            seat.owner.store(0, Ordering::Release); // [BL4]
            self.lock.word.unlock(peers, tag);
        }
    }
}
