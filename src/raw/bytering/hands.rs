//! A side's lock, held: what its holder does to the ring.

use super::ring::{Damaged, Side, Store, recv_lane, send_lane};
use super::sink::Sink;
use super::words::{Index, Record, UNIT};
use crate::raw::biased::{Grant, Hold};
use crate::raw::hook::point;
use crate::raw::sync::Ordering;
use crate::segment::Peers;

// Ordering: [B1], [B2], [B3], [B4] of the ring.

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

impl<'r, S: Store, P: Peers> Sending<'r, S, P> {
    #[inline]
    pub(super) fn new(side: Side<'r, S>, peers: &'r P, grant: &'r Grant, hold: Hold) -> Self {
        let word = side.word();
        let hand = Hand { peers, grant, hold, before: Index::of(word).count };
        Sending { side, hand, word }
    }
}

impl<'r, S: Store, P: Peers> Receiving<'r, S, P> {
    #[inline]
    pub(super) fn new(side: Side<'r, S>, peers: &'r P, grant: &'r Grant, hold: Hold) -> Self {
        let head = Index::of(side.word());
        let hand = Hand { peers, grant, hold, before: head.count };
        Receiving { side, hand, head }
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

    /// The next record may be as long as the last one: its lines are fetched from the receivers' cores while
    /// they are still busy with others. In a ring that is half full they would be taken from who reads them.
    #[inline]
    fn fetch_ahead(&self, tail: Index, units: u32) {
        let (store, extent) = (self.side.store, self.side.store.extent());
        let seen = Index::of(store.send_line().seen.load(Ordering::Relaxed)).position; // [B3]
        let used = extent.used(seen, tail.position).unwrap_or(extent.units());
        if used + units < extent.units() / 2 {
            store.prefetch(extent.index(tail.position), units);
        }
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
        self.fetch_ahead(after, units);
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
        send_lane(self.side.store).unlock(peers, grant, hold, (before, Index::of(self.word).count));
    }
}

impl<S: Store, P: Peers> Drop for Receiving<'_, S, P> {
    #[inline]
    fn drop(&mut self) {
        let Hand { peers, grant, hold, before } = self.hand;
        recv_lane(self.side.store).unlock(peers, grant, hold, (before, self.head.count));
    }
}
