//! The ring and the cells over plain memory, with participants that die where a test says so.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64 as Count, Ordering::Relaxed};

use super::bias::{Line, SEATS, Seat, Side};
use super::cells::{CellWords, Cells};
use super::claim::{Claim, How};
use super::progress::Progress;
use super::ring::{Actor, NoRoom, Ring, Words};
use super::words::{CLOSED, Cell, Index, LAST, Phase, Shape, Slot};
use crate::raw::eventcount::Eventcount;
use crate::raw::sync::{AtomicU64, Ordering};
use crate::segment::{Look, Peers, Tag};
use crate::sys::membarrier;

/// Participants of which some are dead.
#[derive(Default)]
struct Fake {
    dead: Mutex<HashSet<u32>>,
    asked: Count,
}

impl Fake {
    fn kill(&self, tag: Tag) {
        self.dead.lock().unwrap().insert(tag.bits());
    }

    fn actor(&self, me: Tag) -> Actor<'_, Fake> {
        Actor { peers: self, me, look: Look::Quick }
    }
}

impl Peers for Fake {
    fn me(&self) -> Tag {
        ME
    }

    fn me_if_registered(&self) -> Tag {
        ME
    }

    fn is_dead(&self, tag: Tag, _: Look) -> bool {
        self.asked.fetch_add(1, Relaxed);
        tag.is_nobody() || tag == Tag::GONE || self.dead.lock().unwrap().contains(&tag.bits())
    }

    fn take_over<R>(&self, dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        assert!(self.is_dead(dead, Look::Quick), "taken from the living");
        Some(cas())
    }
}

const ME: Tag = Tag::from_bits(0x1007);
const A: Tag = Tag::from_bits(0x2003);
const B: Tag = Tag::from_bits(0x3001);
const C: Tag = Tag::from_bits(0x4001);

/// A ring and its cells in plain memory. Messages are numbers beside the slots.
struct Plain {
    tail: Line,
    head: Line,
    seats: [[Seat; SEATS]; 2],
    slots: Vec<AtomicU64>,
    space: Eventcount,
    messages: Vec<AtomicU64>,
    cells: Vec<AtomicU64>,
    shape: Shape,
    large: bool,
}

impl Words for &Plain {
    fn tail(&self) -> Side<'_> {
        Side { line: &self.tail, seats: &self.seats[0] }
    }

    fn head(&self) -> Side<'_> {
        Side { line: &self.head, seats: &self.seats[1] }
    }

    fn slot(&self, index: usize) -> &AtomicU64 {
        &self.slots[index]
    }

    fn space(&self) -> &Eventcount {
        &self.space
    }
}

impl CellWords for &Plain {
    fn cell(&self, number: usize) -> &AtomicU64 {
        &self.cells[number]
    }

    fn count(&self) -> usize {
        self.cells.len()
    }

    fn slot_of(&self, position: u64) -> &AtomicU64 {
        &self.slots[self.shape.index(position)]
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn large(&self) -> bool {
        self.large
    }
}

impl Plain {
    fn new(capacity: u64, start: u64) -> Plain {
        let shape = Shape::new(capacity).unwrap();
        let words = |count: u64| (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        let plain = Plain {
            tail: Line::at(Index::word(start, Tag::NOBODY)),
            head: Line::at(Index::word(start, Tag::NOBODY)),
            seats: Default::default(),
            slots: words(capacity),
            space: Eventcount::new(),
            messages: words(capacity),
            cells: words(capacity + 2),
            shape,
            large: false,
        };
        for ahead in 0..capacity {
            let position = shape.advanced(start, ahead);
            plain.slots[shape.index(position)].store(shape.empty(position), Relaxed);
        }
        plain
    }

    fn ring(&self) -> Ring<&Plain> {
        Ring { words: self, shape: self.shape }
    }

    fn cells(&self) -> Cells<&Plain> {
        Cells { words: self }
    }

    fn write(&self, position: u64, message: u64) {
        self.messages[self.shape.index(position)].store(message, Relaxed);
    }

    fn read(&self, position: u64) -> u64 {
        self.messages[self.shape.index(position)].load(Relaxed)
    }

    fn send(&self, fake: &Fake, me: Tag, message: u64) -> Result<(), NoRoom> {
        let position = self.ring().claim_tail(&fake.actor(me), &Progress::none())?.position;
        self.write(position, message);
        self.ring().commit(position);
        Ok(())
    }

    /// Claims a position to send at, and dies.
    fn die_sending(&self, fake: &Fake, me: Tag) {
        self.ring().claim_tail(&fake.actor(me), &Progress::none()).unwrap();
        fake.kill(me);
    }

    fn recv(&self, fake: &Fake, me: Tag) -> Option<u64> {
        let claim = self.claim(fake, me)?;
        let message = self.read(claim.position);
        self.ring().release(claim.position);
        Some(message)
    }

    fn claim(&self, fake: &Fake, me: Tag) -> Option<Claim> {
        let (ring, actor) = (self.ring(), fake.actor(me));
        let orphan = ring.adopt_orphan(&actor, 0..self.slots.len());
        orphan.map(Claim::adopted).or_else(|| ring.claim_head(&actor, &Progress::none()))
    }

    fn slot(&self, position: u64) -> Slot {
        Slot::of(self.slots[self.shape.index(position)].load(Ordering::Relaxed))
    }

    fn cell(&self, number: usize) -> Cell {
        Cell::of(self.cells[number].load(Ordering::Relaxed))
    }
}

const CAPACITIES: [u64; 4] = [1, 2, 4, 64];
/// Near the last position, so that everything starts again within a few messages.
const STARTS: [u64; 3] = [0, LAST - 2, LAST];

#[test]
fn fills_to_the_last_slot_and_drains_in_order() {
    for capacity in CAPACITIES {
        for start in STARTS {
            let (plain, fake) = (Plain::new(capacity, start), Fake::default());
            for lap in 0..5 {
                for message in 0..capacity {
                    assert_eq!(plain.ring().len(), message);
                    plain.send(&fake, A, lap * capacity + message).unwrap();
                }
                assert_eq!(plain.ring().len(), capacity);
                assert_eq!(plain.send(&fake, A, 99), Err(NoRoom::Full));
                for message in 0..capacity {
                    assert_eq!(plain.recv(&fake, B), Some(lap * capacity + message));
                }
                assert_eq!(plain.recv(&fake, B), None);
                assert!(plain.ring().drained_at().is_some());
            }
        }
    }
}

#[test]
fn the_living_are_not_asked_about_on_the_fast_path() {
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    for message in 0..100 {
        plain.send(&fake, A, message).unwrap();
        let claim = plain.ring().claim_full_head(&fake.actor(B), &Progress::none()).unwrap();
        assert_eq!(claim, Claim { position: message, how: How::AmongOthers });
        plain.ring().release(message);
    }
    assert_eq!(fake.asked.load(Relaxed), 0);
}

#[test]
fn an_unfinished_predecessor_is_recorded_before_tail_moves_on() {
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    let ring = plain.ring();
    let first = ring.claim_tail(&fake.actor(A), &Progress::none()).unwrap().position;
    assert_eq!(plain.slot(first).phase, Phase::Empty);
    plain.send(&fake, B, 2).unwrap();
    assert_eq!(plain.slot(first), Slot { lap: 0, tag: A, phase: Phase::Writing });
    // Alive: its message is waited for, and comes first.
    assert_eq!(plain.recv(&fake, C), None);
    plain.write(first, 1);
    ring.commit(first);
    assert_eq!(plain.recv(&fake, C), Some(1));
    assert_eq!(plain.recv(&fake, C), Some(2));
}

#[test]
fn who_finished_the_predecessor_skips_the_look_and_nobody_else() {
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    let ring = plain.ring();
    let position = ring.claim_tail(&fake.actor(A), &Progress::none()).unwrap().position;
    // Another thread under the same tag, whose endpoint finished something else.
    let other = Progress::none();
    other.finish(position + 7);
    ring.claim_tail(&fake.actor(A), &other).unwrap();
    assert_eq!(plain.slot(position).tag, A, "recorded, though the tag is the claimant's own");
}

#[test]
fn an_abandoned_position_is_passed_over_by_consumers_and_by_producers() {
    for capacity in CAPACITIES {
        for start in STARTS {
            // The newest claim, or one that others followed.
            for others in 0..capacity.min(2) {
                let (plain, fake) = (Plain::new(capacity, start), Fake::default());
                plain.die_sending(&fake, A);
                (0..others).for_each(|n| plain.send(&fake, B, n).unwrap());
                for n in 0..others {
                    assert_eq!(plain.recv(&fake, C), Some(n));
                }
                assert_eq!(plain.recv(&fake, C), None);
                assert_eq!(plain.ring().len(), 0);

                // Without any consumer: room comes back by the producers' own doing.
                let (plain, fake) = (Plain::new(capacity, start), Fake::default());
                plain.die_sending(&fake, A);
                for n in 0..capacity {
                    plain.send(&fake, B, n).unwrap();
                }
                assert_eq!(plain.send(&fake, B, 9), Err(NoRoom::Full));
                for n in 0..capacity {
                    assert_eq!(plain.recv(&fake, C), Some(n));
                }
            }
        }
    }
}

#[test]
fn a_living_producer_is_not_robbed_of_its_position() {
    for capacity in [1, 2] {
        let (plain, fake) = (Plain::new(capacity, 0), Fake::default());
        let position = plain.ring().claim_tail(&fake.actor(A), &Progress::none()).unwrap().position;
        for n in 1..capacity {
            plain.send(&fake, B, n + 1).unwrap();
        }
        assert_eq!(plain.send(&fake, B, 9), Err(NoRoom::Full));
        assert_eq!(plain.recv(&fake, C), None);
        assert_eq!(plain.send(&fake, B, 9), Err(NoRoom::Full));
        plain.write(position, 1);
        plain.ring().commit(position);
        for n in 0..capacity {
            assert_eq!(plain.recv(&fake, C), Some(n + 1));
        }
    }
}

#[test]
fn what_a_dead_consumer_had_claimed_is_received_by_others() {
    for start in STARTS {
        for capacity in CAPACITIES {
            let (plain, fake) = (Plain::new(capacity, start), Fake::default());
            plain.send(&fake, A, 1).unwrap();
            let claim = plain.claim(&fake, B).unwrap();
            assert_eq!(plain.recv(&fake, C), None, "it lives");
            fake.kill(B);
            let again = plain.claim(&fake, C).unwrap();
            assert_eq!(plain.slot(again.position).phase, Phase::Reading);
            assert_eq!(again.how, How::Adopted);
            assert_eq!(plain.shape.index(again.position), plain.shape.index(claim.position));
            // Who took it over dies as well.
            fake.kill(C);
            assert_eq!(plain.recv(&fake, ME), Some(1));
            assert_eq!(plain.recv(&fake, ME), None);
            for n in 0..capacity {
                plain.send(&fake, A, n).unwrap();
            }
        }
    }
}

#[test]
fn an_orphan_that_others_left_behind_is_found_by_the_scan() {
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    (1..=3).for_each(|n| plain.send(&fake, A, n).unwrap());
    plain.claim(&fake, B).unwrap();
    let second = plain.claim(&fake, C).unwrap();
    assert_eq!(plain.slot(0), Slot { lap: 0, tag: B, phase: Phase::Reading });
    fake.kill(B);
    assert_eq!(plain.recv(&fake, ME), Some(1));
    assert_eq!(plain.recv(&fake, ME), Some(3));
    assert_eq!(plain.recv(&fake, ME), None);
    assert_eq!(plain.ring().drained_at(), None, "one is still being received");
    plain.ring().release(second.position);
    assert!(plain.ring().drained_at().is_some());
}

#[test]
fn tags_that_became_gone_are_dead_everywhere() {
    let gone = |word: &AtomicU64| {
        let Index { position, .. } = Index::of(word.load(Relaxed));
        word.store(Index::word(position, Tag::GONE), Relaxed);
    };
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    plain.die_sending(&fake, A);
    gone(&plain.tail.index);
    plain.send(&fake, B, 1).unwrap();
    assert_eq!(plain.slot(0).tag, Tag::GONE);
    plain.ring().claim_head(&fake.actor(C), &Progress::none()).unwrap();
    fake.kill(C);
    gone(&plain.head.index);
    assert_eq!(plain.recv(&fake, ME), Some(1));
    assert_eq!(plain.recv(&fake, ME), None);
    // Capacity 1 knows the claimant from tail alone.
    let (plain, fake) = (Plain::new(1, 0), Fake::default());
    plain.die_sending(&fake, A);
    gone(&plain.tail.index);
    plain.send(&fake, B, 1).unwrap();
    assert_eq!(plain.recv(&fake, ME), Some(1));
}

#[test]
fn closing_ends_all_claims_and_keeps_what_was_sent() {
    for capacity in CAPACITIES {
        for start in STARTS {
            let (plain, fake) = (Plain::new(capacity, start), Fake::default());
            let ring = plain.ring();
            plain.send(&fake, A, 1).unwrap();
            assert!(ring.close());
            assert!(!ring.close());
            assert!(ring.is_closed());
            assert_eq!(plain.send(&fake, A, 2), Err(NoRoom::Closed));
            assert_eq!(ring.len(), 1);
            assert_eq!(plain.recv(&fake, B), Some(1));
            assert_eq!(plain.recv(&fake, B), None);
            assert_eq!(plain.send(&fake, A, 2), Err(NoRoom::Closed));
        }
    }
}

#[test]
fn who_had_claimed_before_the_close_may_commit_or_die() {
    for capacity in CAPACITIES {
        for dies in [false, true] {
            let (plain, fake) = (Plain::new(capacity, 0), Fake::default());
            let position =
                plain.ring().claim_tail(&fake.actor(A), &Progress::none()).unwrap().position;
            plain.ring().close();
            assert_eq!(Index::of(plain.tail.index.load(Relaxed)).tag, CLOSED);
            assert_eq!(plain.slot(position).tag, A, "recorded, as tail forgot it");
            assert_eq!(plain.recv(&fake, B), None);
            assert_eq!(plain.ring().drained_at(), None, "it may still come");
            if dies {
                fake.kill(A);
                assert_eq!(plain.recv(&fake, B), None);
            } else {
                plain.write(position, 7);
                plain.ring().commit(position);
                assert_eq!(plain.recv(&fake, B), Some(7));
            }
            assert!(plain.ring().drained_at().is_some());
        }
    }
}

#[test]
fn a_waiter_can_pass_the_abandoned_without_taking_a_message() {
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    plain.die_sending(&fake, A);
    plain.die_sending(&fake, C);
    plain.send(&fake, B, 1).unwrap();
    plain.ring().pass_abandoned(&fake.actor(ME));
    assert_eq!(plain.ring().len(), 1);
    assert_eq!(plain.recv(&fake, ME), Some(1));
}

#[test]
fn cells_go_to_one_owner_each_until_none_is_left() {
    let (plain, fake) = (Plain::new(1, 0), Fake::default());
    let cells = plain.cells();
    let mut taken: Vec<_> = (0..3).map(|_| cells.get(A, 2).unwrap()).collect();
    assert_eq!(cells.get(A, 0), None);
    taken.sort();
    assert_eq!(taken, [0, 1, 2]);
    assert_eq!(cells.scan(&fake.actor(B), true), (0, None));
    fake.kill(A);
    assert_eq!(cells.scan(&fake.actor(B), true), (3, None));
    assert!(cells.get(B, 7).is_some(), "a start beyond the end is as good as any");
}

/// Each state that a dead consumer of a small message can leave its cell in.
#[test]
fn a_small_message_belongs_to_its_slot_until_that_is_released() {
    let lease_until = |step: u32| {
        let (plain, fake) = (Plain::new(2, 0), Fake::default());
        plain.send(&fake, A, 5).unwrap();
        let number = plain.cells().get(B, 0).unwrap();
        let claim = plain.claim(&fake, B).unwrap();
        if step > 0 {
            plain.cells().taking(B, number, claim.position);
        }
        if step > 1 {
            plain.ring().release(claim.position);
        }
        if step > 2 {
            plain.cells().lease(B, number);
        }
        fake.kill(B);
        (plain, fake, number)
    };
    for step in 0..=3 {
        let (plain, fake, number) = lease_until(step);
        assert!(plain.ring().drained_at().is_none() || !plain.cells().none_leased());
        let (freed, leased) = plain.cells().scan(&fake.actor(C), true);
        if step < 2 {
            assert_eq!((freed, leased), (1, None), "the copy is forgotten");
            assert_eq!(plain.recv(&fake, C), Some(5));
        } else {
            assert_eq!((freed, leased), (0, Some(number)), "the lease is taken over");
            assert_eq!(plain.cell(number), Cell::Leased(C));
            assert_eq!(plain.recv(&fake, C), None);
            plain.cells().put(number);
        }
        assert!(plain.ring().drained_at().is_some() && plain.cells().none_leased());
        assert_eq!(plain.cells().scan(&fake.actor(C), true), (0, None));
    }
    // Adopted from the ring first: the copy must be gone before the slot is released.
    let (plain, fake, number) = lease_until(1);
    let claim = plain.claim(&fake, C).unwrap();
    assert_eq!(claim.how, How::Adopted);
    plain.cells().sweep(&fake.actor(C), claim.position);
    assert_eq!(plain.cell(number), Cell::Free);
}

#[test]
fn a_large_message_belongs_to_its_slot_until_that_is_released() {
    let with = |step: u32| {
        let (mut plain, fake) = (Plain::new(2, 0), Fake::default());
        plain.large = true;
        let number = plain.cells().get(A, 0).unwrap();
        if step > 0 {
            let position =
                plain.ring().claim_tail(&fake.actor(A), &Progress::none()).unwrap().position;
            plain.write(position, number as u64);
            plain.cells().queue(A, number, position);
            if step > 1 {
                plain.ring().commit(position);
            }
        }
        fake.kill(A);
        if step > 2 {
            let claim = plain.claim(&fake, B).unwrap();
            plain.cells().taking(B, number, claim.position);
            if step > 3 {
                plain.ring().release(claim.position);
            }
            if step > 4 {
                plain.cells().lease(B, number);
            }
            fake.kill(B);
        }
        (plain, fake, number)
    };
    for step in 0..=5 {
        let (plain, fake, number) = with(step);
        let (freed, leased) = plain.cells().scan(&fake.actor(C), true);
        match step {
            0 | 1 => assert_eq!((freed, leased), (1, None), "never sent"),
            2 | 3 => {
                assert_eq!((freed, leased), (0, None), "the ring's");
                let claim = plain.claim(&fake, C).unwrap();
                assert_eq!(plain.read(claim.position), number as u64);
                plain.cells().taking(C, number, claim.position);
                plain.ring().release(claim.position);
                plain.cells().lease(C, number);
                plain.cells().put(number);
            }
            _ => {
                assert_eq!((freed, leased), (0, Some(number)), "a lease");
                plain.cells().put(number);
            }
        }
        assert_eq!(plain.recv(&fake, C), None);
        assert!(plain.ring().drained_at().is_some() && plain.cells().none_leased());
    }
}

#[test]
fn senders_free_what_was_never_sent_and_take_no_lease() {
    let (plain, fake) = (Plain::new(2, 0), Fake::default());
    let cells = plain.cells();
    let (first, second) = (cells.get(A, 0).unwrap(), cells.get(A, 0).unwrap());
    cells.lease(A, second);
    fake.kill(A);
    assert_eq!(cells.scan(&fake.actor(B), false), (1, None));
    assert_eq!(plain.cell(first), Cell::Free);
    assert_eq!(plain.cell(second), Cell::Leased(A));
}

#[test]
fn a_returned_lease_goes_to_the_next_receiver() {
    let (plain, fake) = (Plain::new(2, 0), Fake::default());
    let cells = plain.cells();
    let number = cells.get(A, 0).unwrap();
    cells.lease(A, number);
    cells.give_back(number);
    assert!(!cells.none_leased());
    assert_eq!(cells.scan(&fake.actor(B), true), (0, Some(number)));
    assert_eq!(plain.cell(number), Cell::Leased(B));
}

/// What one thread of the storm needs.
struct Storm {
    plain: Plain,
    fake: Fake,
    tags: Count,
    received: Count,
    biased: Count,
    seen: Vec<Count>,
}

const EACH: u64 = if cfg!(debug_assertions) { 50_000 } else { 500_000 };

impl Storm {
    fn new_tag(&self) -> Tag {
        let number = self.tags.fetch_add(1, Relaxed) as u32;
        Tag::new(number / 4000, number % 4000)
    }

    fn produce(&self, producer: u64) {
        let ring = self.plain.ring();
        let (mut tag, mut progress) = (self.new_tag(), Progress::none());
        for n in 0..EACH {
            // Both alone for long, and not.
            let dies = n % 97 == producer && n / 5000 % 2 == 0;
            if dies && ring.claim_tail(&self.fake.actor(tag), &progress).is_ok() {
                self.fake.kill(tag);
                (tag, progress) = (self.new_tag(), Progress::none());
            }
            let claim = loop {
                match ring.claim_tail(&self.fake.actor(tag), &progress) {
                    Ok(claim) => break claim,
                    Err(_) => std::thread::yield_now(),
                }
            };
            self.count(claim);
            self.plain.write(claim.position, producer * EACH + n);
            ring.commit(claim.position);
            ring.finish(&progress, claim);
        }
    }

    fn consume(&self, consumer: u64) {
        let ring = self.plain.ring();
        let (mut tag, mut progress) = (self.new_tag(), Progress::none());
        let mut claims: u64 = 0;
        while self.received.load(Ordering::SeqCst) < 2 * EACH {
            let all = 0..self.plain.slots.len();
            let actor = self.fake.actor(tag);
            let orphan =
                if claims.is_multiple_of(16) { ring.adopt_orphan(&actor, all) } else { None };
            let claim = orphan.map(Claim::adopted).or_else(|| ring.claim_head(&actor, &progress));
            claims += 1;
            let Some(claim) = claim else {
                std::thread::yield_now();
                continue;
            };
            if claims % 89 == consumer && claims / 5000 % 2 == 1 {
                self.fake.kill(tag);
                (tag, progress) = (self.new_tag(), Progress::none());
                continue;
            }
            self.count(claim);
            let message = self.plain.read(claim.position);
            ring.release(claim.position);
            ring.finish(&progress, claim);
            assert_eq!(self.seen[message as usize].fetch_add(1, Relaxed), 0, "twice");
            self.received.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn count(&self, claim: Claim) {
        self.biased.fetch_add(u64::from(claim.how == How::Owner), Relaxed);
    }
}

/// Sends until the bias is granted, and returns the next message.
fn become_owner(plain: &Plain, fake: &Fake, me: Tag, progress: &Progress, first: u64) -> u64 {
    plain.tail.lower_bar();
    for message in first..first + 100 {
        let claim = send_as(plain, fake, me, progress, message).unwrap();
        if claim.how == How::NewOwner {
            return message + 1;
        }
        assert_eq!(plain.recv(fake, C), Some(message));
    }
    panic!("never alone");
}

fn send_as(
    plain: &Plain,
    fake: &Fake,
    me: Tag,
    progress: &Progress,
    message: u64,
) -> Result<Claim, NoRoom> {
    let claim = plain.ring().claim_tail(&fake.actor(me), progress)?;
    plain.write(claim.position, message);
    plain.ring().commit(claim.position);
    plain.ring().finish(progress, claim);
    Ok(claim)
}

#[test]
fn who_is_alone_is_granted_the_bias_until_another_comes() {
    membarrier::register();
    for capacity in CAPACITIES {
        for start in STARTS {
            let (plain, fake) = (Plain::new(capacity, start), Fake::default());
            let progress = Progress::none();
            let next = become_owner(&plain, &fake, A, &progress, 0);
            assert_eq!(plain.recv(&fake, C), Some(next - 1));
            let before = plain.tail.index.load(Relaxed);
            for message in next..next + 200 {
                let claim = send_as(&plain, &fake, A, &progress, message).unwrap();
                assert_eq!(claim.how, How::Owner);
                assert_eq!(plain.ring().len(), 1);
                assert_eq!(plain.recv(&fake, C), Some(message));
                assert_eq!(plain.ring().len(), 0);
            }
            assert_eq!(plain.tail.index.load(Relaxed), before, "claimed by plain stores");
            plain.send(&fake, B, 1).unwrap();
            assert_eq!(plain.recv(&fake, C), Some(1));
            let claim = send_as(&plain, &fake, A, &progress, 2).unwrap();
            assert_eq!(claim.how, How::AmongOthers);
            assert_eq!(plain.recv(&fake, C), Some(2));
        }
    }
}

/// In a forked child: one thread finds the copy of what it had before, another one gets the bias.
#[test]
fn what_was_held_before_a_fork_is_not_held_after_it() {
    let progress = Progress::none();
    assert!(progress.may_ask(A));
    progress.sit(A, 1);
    progress.hold(77 << 24 | 1);
    assert!(progress.held(A).is_some());
    assert!(progress.held(B).is_none());
    let another = |part: &(dyn Fn() + Sync)| {
        std::thread::scope(|threads| threads.spawn(part).join().unwrap());
    };
    another(&|| assert!(progress.may_ask(B)));
    assert!(progress.held(B).is_none());
    another(&|| progress.sit(B, 2));
    assert!(progress.held(B).is_none());
    another(&|| progress.hold(99 << 24 | 1));
    assert!(progress.held(B).is_none());
    assert!(!progress.may_ask(B));
}

#[test]
fn an_owner_finds_its_queue_full_and_closed() {
    membarrier::register();
    let (plain, fake) = (Plain::new(2, 0), Fake::default());
    let progress = Progress::none();
    become_owner(&plain, &fake, A, &progress, 0);
    assert_eq!(send_as(&plain, &fake, A, &progress, 5).unwrap().how, How::Owner);
    assert_eq!(send_as(&plain, &fake, A, &progress, 6), Err(NoRoom::Full));
    assert_eq!(send_as(&plain, &fake, A, &progress, 6), Err(NoRoom::Full));
    plain.recv(&fake, C).unwrap();
    assert_eq!(send_as(&plain, &fake, A, &progress, 6).unwrap().how, How::Owner);
    assert!(plain.ring().close());
    assert_eq!(send_as(&plain, &fake, A, &progress, 7), Err(NoRoom::Closed));
    assert_eq!([plain.recv(&fake, C), plain.recv(&fake, C)], [Some(5), Some(6)]);
    assert!(plain.ring().drained_at().is_some());
}

#[test]
fn what_an_owner_held_when_it_died_is_found() {
    membarrier::register();
    for capacity in CAPACITIES {
        let (plain, fake) = (Plain::new(capacity, LAST - 20), Fake::default());
        let (sends, receives) = (Progress::none(), Progress::none());
        let next = become_owner(&plain, &fake, A, &sends, 0);
        plain.recv(&fake, B).unwrap();
        // A claim of the owner, who dies with it: passed over.
        assert_eq!(plain.ring().claim_tail(&fake.actor(A), &sends).unwrap().how, How::Owner);
        fake.kill(A);
        assert_eq!(plain.recv(&fake, B), None);
        // The same of a receiver: received by another.
        for message in next..next + 40 {
            plain.send(&fake, ME, message).unwrap();
            let claim = plain.ring().claim_head(&fake.actor(B), &receives).unwrap();
            assert_eq!(plain.read(claim.position), message);
            if message == next + 39 {
                assert_eq!(claim.how, How::Owner);
                fake.kill(B);
                assert_eq!(plain.recv(&fake, C), Some(message));
            } else {
                plain.ring().release(claim.position);
                plain.ring().finish(&receives, claim);
            }
        }
        assert!(plain.ring().drained_at().is_some());
    }
}

#[test]
fn an_end_that_goes_gives_its_seat_back_and_the_dead_leave_theirs() {
    membarrier::register();
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    for round in 0..2 * SEATS as u32 {
        let (me, progress) = (Tag::new(100 + round, 0), Progress::none());
        let next = become_owner(&plain, &fake, me, &progress, 0);
        assert_eq!(plain.recv(&fake, C), Some(next - 1));
        match round % 2 {
            0 => plain.ring().leave(me, &progress, &Progress::none()),
            _ => fake.kill(me),
        }
    }
    // Living ones keep them, and who finds none claims by CAS.
    let living: Vec<_> =
        (0..SEATS as u32 + 1).map(|n| (Tag::new(200 + n, 0), Progress::none())).collect();
    let mut owners = 0;
    for (me, progress) in &living {
        plain.tail.lower_bar();
        for message in 0..100 {
            let claim = send_as(&plain, &fake, *me, progress, message).unwrap();
            owners += u32::from(claim.how == How::Owner && message == 99);
            assert_eq!(plain.recv(&fake, C), Some(message));
        }
    }
    assert_eq!(owners, SEATS as u32);
}

#[test]
fn words_of_a_seat_that_were_overwritten_make_no_loop() {
    membarrier::register();
    for forged in [u64::MAX, 0, Index::word(9, CLOSED), Index::word(1, Tag::reserved(0, 1))] {
        let (plain, fake) = (Plain::new(4, 0), Fake::default());
        become_owner(&plain, &fake, A, &Progress::none(), 0);
        plain.seats[0].iter().for_each(|seat| seat.overwrite(forged));
        let _ = plain.send(&fake, B, 1);
        let _ = plain.recv(&fake, C);
        plain.ring().close();
        for seat in [0, SEATS as u32, 4000] {
            for kind in [0, 1] {
                plain.head.index.store(Index::word(2, Tag::reserved(seat, kind)), Relaxed);
                plain.tail.index.store(Index::word(3, Tag::reserved(seat, kind)), Relaxed);
                let _ = plain.send(&fake, B, 1);
                let _ = plain.recv(&fake, C);
            }
        }
    }
}

#[test]
fn an_index_that_was_overwritten_makes_no_loop() {
    let (plain, fake) = (Plain::new(4, 0), Fake::default());
    plain.die_sending(&fake, A);
    (0..4).for_each(|n| plain.send(&fake, B, n).unwrap());
    assert!(plain.recv(&fake, C).is_some());
    plain.slots[2].store(plain.shape.writing(2, Tag::NOBODY), Relaxed);
    plain.tail.index.store(Index::word(6, B), Relaxed);
    plain.head.index.store(Index::word(1, C), Relaxed);
    assert_eq!(plain.send(&fake, B, 9), Err(NoRoom::Full));
    let _ = plain.recv(&fake, C);
}

/// Threads send and receive every message once, over few slots, and die in between.
#[test]
fn threads_that_die_lose_nothing_that_was_sent_and_deliver_nothing_twice() {
    membarrier::register();
    for capacity in [1, 2, 8, 256] {
        let storm = Storm {
            plain: Plain::new(capacity, LAST - 1000),
            fake: Fake::default(),
            tags: Count::new(0),
            received: Count::new(0),
            biased: Count::new(0),
            seen: (0..2 * EACH).map(|_| Count::new(0)).collect(),
        };
        std::thread::scope(|threads| {
            for number in 0..2 {
                let storm = &storm;
                threads.spawn(move || storm.produce(number));
                threads.spawn(move || storm.consume(number));
            }
        });
        assert!(storm.seen.iter().all(|seen| seen.load(Relaxed) == 1));
        println!("capacity {capacity}: {} claims under a bias", storm.biased.load(Relaxed));
        assert_eq!(storm.plain.recv(&storm.fake, ME), None);
        assert!(storm.plain.ring().drained_at().is_some());
    }
}
