//! The byte ring: records of any length, claimed by a lock on each side and committed by one word.
//!
//! The locks are biased (see `biased`): a side that has one sender, or one receiver, takes its own by plain
//! stores.
//!
//! ```text
//! send:  FREE ── lock ──▶ CLAIMED ── copy ──▶ WRITTEN ── store tail ──▶ SENT ── unlock ──▶ FREE, tell
//!                            │ no room: unlock, wait     closed: unlock, nothing was sent
//! recv:  FREE ── lock ──▶ CLAIMED ── copy ──▶ COPIED ── store head ──▶ RECEIVED ── unlock ──▶ FREE, tell
//!                            │ nothing there: unlock, wait
//! ```
//!
//! Senders exclude each other by one lock word, receivers by another; a sender and a receiver never
//! touch the same units: those from `head` to `tail` are the receivers', the others the senders'. `tail`
//! is changed by the holder of the senders' lock, by one store that commits the record; `head` by the holder
//! of the receivers' lock, by one store that releases it. Beside each lock lies what that side last saw of the other's index, so that neither reads the other's line while
//! it need not: a copy that is too old shows less room, or fewer records, than there is.
//!
//! **A process dies here.** With a lock, before its commit: `tail` (`head`) is as it was, so nothing was
//! sent (received); what was copied lies in units that belong to nobody, or in the dead process. After
//! the commit: it was. In both cases the ring is whole, and the next one takes the lock over; the
//! only thing to repair is what a spilled message left in the annex (see `annex`). Between unlocking and
//! telling: sleepers look by themselves, after 64 ms at the latest.
//!
//! **Paused for a minute.** It keeps its lock, and those of its side wait, in bounded naps, or give up at
//! their deadline; the other side goes on while there is room, or something to receive. Nothing
//! is taken from the living, so nothing that it does later meets a robber. Who *waits* holds no lock of
//! the ring: only the senders' turn, which the others respect for 64 ms at a time.
//!
//! **Ten threads here.** The locks tell threads apart by their order, not by their tag.
//!
//! **Fork here.** A claim is the parent's; the child has no thread in here.
//!
//! **Closing** sets a word that senders look at under their lock. One that looked before goes on to commit;
//! so a receiver that finds it set, and nothing to receive, takes the senders' lock as well: who had it
//! before has committed, and that is seen now, and who gets it later finds the word set. Nobody waits
//! for the receivers' lock with the senders' in hand.
//!
//! **Bytes that were overwritten** lead nowhere: positions beyond the ring, more in use than it has, or a
//! length beyond what was sent, are [`Damaged`]. A receiver then passes over all that is there, as
//! nobody can tell where the next record begins.

use super::hands::{Receiving, Sending};
use super::sink::Sink;
use super::words::{Extent, Index};
use crate::raw::biased::{BiasedLock, Grant, Lane, Seat};
use crate::raw::hook::point;
use crate::raw::lock::LockWord;
use crate::raw::sync::{AtomicU32, AtomicU64, Ordering};
use crate::segment::Peers;
use crate::sys::clock::Deadline;

// Ordering:
// [B1] commit: store(tail, Release) ↔ receive: load(tail, Acquire)   the record is visible to its reader
// [B2] release: store(head, Release) ↔ send: load(head, Acquire)   it was read before it is overwritten
// [B3] unlock(Release) ↔ lock(Acquire), as in the lock word: each side's own index and what it saw of
//      the other's, as its last holder left them: Relaxed
// [B4] close: swap(closed, Release) ↔ receive: load(closed, Acquire), then the senders' lock; who locks that
//      after it sees the word set: Relaxed

/// What the senders share beside their lock.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct SendLine {
    pub(super) lock: BiasedLock,
    /// Held by the sender whose turn it is to wait for room.
    pub(super) turn: LockWord,
    /// `head` as a sender last saw it.
    pub(super) seen: AtomicU64,
    /// What is committed together with `tail`: of the two, the one that its count chooses.
    beside: [AtomicU64; 2],
    /// Nonzero while a sender may have left something in the annex that it did not commit.
    pub(super) spilling: AtomicU32,
}

/// What the receivers share beside their lock.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct RecvLine {
    pub(super) lock: BiasedLock,
    /// Nonzero while a receiver may have left something in the annex that it received.
    pub(super) clearing: AtomicU32,
    /// `tail` as a receiver last saw it.
    pub(super) seen: AtomicU64,
    /// What is committed together with `head`.
    beside: [AtomicU64; 2],
    /// How far the annex was cleared.
    pub(super) cleared: AtomicU64,
}

#[cfg(loom)]
impl SendLine {
    pub(crate) fn new() -> SendLine {
        SendLine {
            lock: BiasedLock::new(),
            turn: LockWord::new(),
            seen: AtomicU64::new(0),
            beside: Default::default(),
            spilling: AtomicU32::new(0),
        }
    }
}

#[cfg(loom)]
impl RecvLine {
    pub(crate) fn new() -> RecvLine {
        RecvLine {
            lock: BiasedLock::new(),
            clearing: AtomicU32::new(0),
            seen: AtomicU64::new(0),
            beside: Default::default(),
            cleared: AtomicU64::new(0),
        }
    }
}

/// Where the words and units of a ring lie.
pub(crate) trait Store {
    fn send_line(&self) -> &SendLine;
    fn tail(&self) -> &AtomicU64;
    /// Nonzero once the ring is closed; beside `tail`.
    fn closed(&self) -> &AtomicU32;
    fn recv_line(&self) -> &RecvLine;
    fn head(&self) -> &AtomicU64;
    /// The seats beside the senders' lock, and beside the receivers'.
    fn seats(&self) -> [&[Seat]; 2];
    fn extent(&self) -> Extent;

    /// Writes a unit. The caller holds the claim on it, as in all that follows.
    fn put_word(&self, index: u32, word: u64);
    fn word(&self, index: u32) -> u64;
    /// Fetches the lines from a unit on that will be written next: as many as so many units take.
    fn prefetch(&self, index: u32, units: u32);
    /// Writes bytes from a unit on, not beyond the end of the row.
    fn put_bytes(&self, index: u32, bytes: &[u8]);
    /// Appends so many bytes from a unit on, not beyond the end of the row.
    fn append_bytes(&self, index: u32, length: usize, into: &mut impl Sink);

    /// Tidies up after a sender, or receiver, that died with its lock, which is the caller's now.
    fn repair_send(&self, of: &Side<'_, Self>);
    fn repair_recv(&self, of: &Side<'_, Self>);
}

/// A ring in such a store.
pub(crate) struct ByteRing<S> {
    pub(crate) store: S,
}

/// Words that no ring can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Damaged;

/// What a side's own index word says, and what lies beside it.
pub(crate) struct Side<'r, S: ?Sized> {
    pub(super) store: &'r S,
    index: &'r AtomicU64,
    beside: &'r [AtomicU64; 2],
}

impl<'r, S: Store + ?Sized> Side<'r, S> {
    pub(super) fn sending(store: &'r S) -> Self {
        Side { store, index: store.tail(), beside: &store.send_line().beside }
    }

    pub(super) fn receiving(store: &'r S) -> Self {
        Side { store, index: store.head(), beside: &store.recv_line().beside }
    }

    #[inline]
    pub(super) fn word(&self) -> u64 {
        self.index.load(Ordering::Relaxed) // [B3]
    }

    /// What was committed together with the index.
    pub(crate) fn committed(&self) -> u64 {
        let count = Index::of(self.word()).count;
        self.beside[count as usize & 1].load(Ordering::Relaxed) // [B3]
    }

    /// Prepares what is committed together with the next record.
    #[inline]
    pub(super) fn prepare(&self, count: u32, beside: u64) {
        self.beside[count as usize & 1].store(beside, Ordering::Relaxed); // [B3]
    }
}

impl<S: Store> ByteRing<S> {
    /// Takes the senders' lock. `None`: a living sender kept it until the deadline, and for 64 ms at
    /// least.
    #[inline]
    pub(crate) fn lock_to_send<'r, P: Peers>(
        &'r self,
        peers: &'r P,
        grant: &'r Grant,
        deadline: Deadline,
    ) -> Option<Sending<'r, S, P>> {
        let store = &self.store;
        let side = Side::sending(store);
        let repair = || store.repair_send(&Side::sending(store));
        let hold = send_lane(&self.store).lock(peers, grant, deadline, repair)?;
        point!("bytes.send.locked");
        Some(Sending::new(side, peers, grant, hold))
    }

    /// Takes the receivers' lock; `None` likewise.
    #[inline]
    pub(crate) fn lock_to_recv<'r, P: Peers>(
        &'r self,
        peers: &'r P,
        grant: &'r Grant,
        deadline: Deadline,
    ) -> Option<Receiving<'r, S, P>> {
        let store = &self.store;
        let side = Side::receiving(store);
        let repair = || store.repair_recv(&Side::receiving(store));
        let hold = recv_lane(&self.store).lock(peers, grant, deadline, repair)?;
        point!("bytes.recv.locked");
        Some(Receiving::new(side, peers, grant, hold))
    }

    /// A handle's ends go.
    pub(crate) fn leave<P: Peers>(&self, peers: &P, send: &Grant, recv: &Grant) {
        let store = &self.store;
        send_lane(&self.store).end(peers, send, || store.repair_send(&Side::sending(store)));
        recv_lane(&self.store).end(peers, recv, || store.repair_recv(&Side::receiving(store)));
    }

    /// Lets no further record be sent.
    pub(crate) fn close(&self) {
        self.store.closed().swap(1, Ordering::Release); // [B4]
        point!("bytes.closed");
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.store.closed().load(Ordering::Acquire) != 0 // [B4]
    }

    /// Waits for who was sending when the ring was closed; nobody does afterwards. False: a living one
    /// went on until the deadline.
    #[cold]
    pub(crate) fn outlast_senders<P: Peers>(&self, peers: &P, deadline: Deadline) -> bool {
        let repair = || self.store.repair_send(&Side::sending(&self.store));
        let lane = send_lane(&self.store);
        let locked = lane.lock_word(peers, deadline, repair);
        locked.inspect(|tag| lane.unlock_word(peers, *tag)).is_some()
    }

    /// Records sent and not yet received.
    pub(crate) fn len(&self) -> usize {
        // Head first: it never overtakes tail, so the difference may be too large but never negative.
        let head = Index::of(self.store.head().load(Ordering::Acquire)); // [B2]
        let tail = Index::of(self.store.tail().load(Ordering::Acquire)); // [B1]
        (tail.count.wrapping_sub(head.count)).min(self.store.extent().units()) as usize
    }

    /// How many records were sent, modulo 2^32.
    pub(super) fn sent(&self) -> u32 {
        Index::of(self.store.tail().load(Ordering::Relaxed)).count
    }

    /// How many records were received, modulo 2^32.
    pub(super) fn received(&self) -> u32 {
        Index::of(self.store.head().load(Ordering::Acquire)).count // [B2]
    }

    /// Where the senders' turn is.
    #[inline]
    pub(super) fn turn(&self) -> &LockWord {
        &self.store.send_line().turn
    }

    /// A look without a claim: whether there is a record, or the ring is closed.
    #[inline]
    pub(crate) fn stirs(&self) -> bool {
        let tail = self.store.tail().load(Ordering::Relaxed);
        let head = self.store.head().load(Ordering::Relaxed);
        Index::of(tail).position != Index::of(head).position || self.is_closed()
    }

    /// A look without a claim: whether there is room for so many units, or the ring is closed.
    #[inline]
    pub(crate) fn has_room(&self, units: u32) -> bool {
        self.has_room_now(units) || self.is_closed()
    }

    /// A look without a claim: whether there is room for so many units.
    #[inline]
    pub(crate) fn has_room_now(&self, units: u32) -> bool {
        let tail = self.store.tail().load(Ordering::Relaxed);
        let head = self.store.head().load(Ordering::Relaxed);
        let (tail_at, head_at) = (Index::of(tail).position, Index::of(head).position);
        let extent = self.store.extent();
        // Of two moments, they may seem impossible.
        let used = extent.used(head_at, tail_at).unwrap_or(0);
        units <= extent.units() - used
    }
}

/// The senders' lock.
#[inline]
pub(super) fn send_lane<S: Store>(store: &S) -> Lane<'_> {
    Lane { lock: &store.send_line().lock, seats: store.seats()[0] }
}

/// The receivers' lock.
#[inline]
pub(super) fn recv_lane<S: Store>(store: &S) -> Lane<'_> {
    Lane { lock: &store.recv_line().lock, seats: store.seats()[1] }
}
