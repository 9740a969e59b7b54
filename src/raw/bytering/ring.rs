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

use super::sink::Sink;
use super::words::{Extent, Index, Record, UNIT};
use crate::raw::biased::{BiasedLock, Grant, Hold, Lane, Seat};
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
    seen: AtomicU64,
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
    seen: AtomicU64,
    /// What is committed together with `head`.
    beside: [AtomicU64; 2],
    /// How far the annex was cleared.
    pub(super) cleared: AtomicU64,
}

#[cfg(test)]
impl SendLine {
    pub(super) fn seen(&self) -> &AtomicU64 {
        &self.seen
    }
}

#[cfg(test)]
impl RecvLine {
    pub(super) fn seen(&self) -> &AtomicU64 {
        &self.seen
    }
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
    fn word(&self) -> u64 {
        self.index.load(Ordering::Relaxed) // [B3]
    }

    /// What was committed together with the index.
    pub(crate) fn committed(&self) -> u64 {
        let count = Index::of(self.word()).count;
        self.beside[count as usize & 1].load(Ordering::Relaxed) // [B3]
    }

    /// Prepares what is committed together with the next record.
    #[inline]
    fn prepare(&self, count: u32, beside: u64) {
        self.beside[count as usize & 1].store(beside, Ordering::Relaxed); // [B3]
    }
}

/// How a side's lock is held, and by whom.
struct Hand<'r, P> {
    peers: &'r P,
    grant: &'r Grant,
    hold: Hold,
    /// The side's count when it was locked.
    before: u32,
}

/// The senders' lock, held.
pub(crate) struct Sending<'r, S: Store, P: Peers> {
    pub(crate) side: Side<'r, S>,
    hand: Hand<'r, P>,
    word: u64,
}

/// The receivers' lock, held.
pub(crate) struct Receiving<'r, S: Store, P: Peers> {
    pub(crate) side: Side<'r, S>,
    hand: Hand<'r, P>,
    head: Index,
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
        let hold = self.send_lane().lock(peers, grant, deadline, repair)?;
        point!("bytes.send.locked");
        let word = side.word();
        let hand = Hand { peers, grant, hold, before: Index::of(word).count };
        Some(Sending { side, hand, word })
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
        let hold = self.recv_lane().lock(peers, grant, deadline, repair)?;
        point!("bytes.recv.locked");
        let head = Index::of(side.word());
        let hand = Hand { peers, grant, hold, before: head.count };
        Some(Receiving { side, hand, head })
    }

    fn send_lane(&self) -> Lane<'_> {
        Lane { lock: &self.store.send_line().lock, seats: self.store.seats()[0] }
    }

    fn recv_lane(&self) -> Lane<'_> {
        Lane { lock: &self.store.recv_line().lock, seats: self.store.seats()[1] }
    }

    /// A handle's ends go.
    pub(crate) fn leave<P: Peers>(&self, peers: &P, send: &Grant, recv: &Grant) {
        let store = &self.store;
        self.send_lane().end(peers, send, || store.repair_send(&Side::sending(store)));
        self.recv_lane().end(peers, recv, || store.repair_recv(&Side::receiving(store)));
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
        let lane = self.send_lane();
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

impl<S: Store, P: Peers> Sending<'_, S, P> {
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.side.store.closed().load(Ordering::Relaxed) != 0 // [B4]
    }

    /// Whether there is room for so many units.
    #[inline]
    pub(crate) fn has_room(&self, units: u32) -> Result<bool, Damaged> {
        let store = self.side.store;
        let (extent, seen) = (store.extent(), &store.send_line().seen);
        let tail = Index::of(self.word).position;
        let free = |head: u64| {
            let used = extent.used(Index::of(head).position, tail).ok_or(Damaged)?;
            Ok(extent.units() - used)
        };
        if matches!(free(seen.load(Ordering::Relaxed)), Ok(free) if units <= free) {
            return Ok(true); // [B3]
        }
        let head = store.head().load(Ordering::Acquire); // [B2]
        seen.store(head, Ordering::Relaxed); // [B3]
        Ok(units <= free(head)?)
    }

    /// Writes a record behind the last one, for which [`has_room`](Self::has_room).
    #[inline]
    pub(crate) fn write(&self, record: Record, payload: &[u8]) {
        debug_assert_eq!(record.length, payload.len());
        let (store, extent) = (self.side.store, self.side.store.extent());
        let position = Index::of(self.word).position;
        store.put_word(extent.index(position), record.word());
        let at = extent.index(extent.after(position, 1));
        let to_end = (extent.units() - at) as usize * UNIT;
        if payload.len() <= to_end {
            store.put_bytes(at, payload);
        } else {
            let (here, from_start) = payload.split_at(to_end);
            store.put_bytes(at, here);
            store.put_bytes(0, from_start);
        }
        point!("bytes.send.written");
    }

    /// Commits the record that was written, of so many units, and `beside` with it. Tells how many were sent
    /// before.
    #[inline]
    pub(crate) fn commit(&mut self, units: u32, beside: u64) -> u32 {
        let before = Index::of(self.word);
        let after = Index {
            position: self.side.store.extent().after(before.position, units),
            count: before.count.wrapping_add(1),
        };
        self.side.prepare(after.count, beside);
        self.side.store.tail().store(after.word(), Ordering::Release); // [B1]
        self.word = after.word();
        point!("bytes.send.committed");
        before.count
    }
}

impl<S: Store, P: Peers> Receiving<'_, S, P> {
    /// The first record, if there is one.
    #[inline]
    pub(crate) fn first(&self) -> Result<Option<Record>, Damaged> {
        let store = self.side.store;
        let (extent, head) = (store.extent(), self.head.position);
        let used = |tail: u64| extent.used(head, Index::of(tail).position).ok_or(Damaged);
        let seen = &store.recv_line().seen;
        let mut there = used(seen.load(Ordering::Relaxed)).unwrap_or(0); // [B3]
        if there == 0 {
            let tail = store.tail().load(Ordering::Acquire); // [B1]
            seen.store(tail, Ordering::Relaxed); // [B3]
            there = used(tail)?;
            if there == 0 {
                return Ok(None);
            }
        }
        let record = Record::of(store.word(extent.index(head)));
        if record.units() > there { Err(Damaged) } else { Ok(Some(record)) }
    }

    /// Puts the payload of the first record there. False: it cannot be one.
    #[inline]
    pub(crate) fn read(&self, record: Record, into: &mut impl Sink) -> bool {
        if !into.begin(record.length) {
            return false;
        }
        let (store, extent) = (self.side.store, self.side.store.extent());
        let at = extent.index(extent.after(self.head.position, 1));
        let to_end = (extent.units() - at) as usize * UNIT;
        if record.length <= to_end {
            store.append_bytes(at, record.length, into);
        } else {
            store.append_bytes(at, to_end, into);
            store.append_bytes(0, record.length - to_end, into);
        }
        point!("bytes.recv.copied");
        into.end()
    }

    /// Releases the first record, of so many units: from here on it was received. Commits `beside` with
    /// it.
    #[inline]
    pub(crate) fn release(&mut self, units: u32, beside: u64) {
        let position = self.side.store.extent().after(self.head.position, units);
        self.pass(Index { position, count: self.head.count.wrapping_add(1) }, beside);
        point!("bytes.recv.released");
    }

    /// Passes over everything that is there: nobody can tell where a record begins.
    #[cold]
    pub(crate) fn pass_over_all(&mut self) {
        let beside = self.side.committed();
        let tail = Index::of(self.side.store.tail().load(Ordering::Acquire)); // [B1]
        self.pass(tail, beside);
    }

    #[inline]
    fn pass(&mut self, to: Index, beside: u64) {
        self.side.prepare(to.count, beside);
        self.side.store.head().store(to.word(), Ordering::Release); // [B2]
        self.head = to;
    }
}

impl<S: Store, P: Peers> Drop for Sending<'_, S, P> {
    #[inline]
    fn drop(&mut self) {
        let Hand { peers, grant, hold, before } = self.hand;
        let lane =
            Lane { lock: &self.side.store.send_line().lock, seats: self.side.store.seats()[0] };
        lane.unlock(peers, grant, hold, (before, Index::of(self.word).count));
    }
}

impl<S: Store, P: Peers> Drop for Receiving<'_, S, P> {
    #[inline]
    fn drop(&mut self) {
        let Hand { peers, grant, hold, before } = self.hand;
        let lane =
            Lane { lock: &self.side.store.recv_line().lock, seats: self.side.store.seats()[1] };
        lane.unlock(peers, grant, hold, (before, self.head.count));
    }
}
