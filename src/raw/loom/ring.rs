//! Models of the ring: what was committed is received once, whoever dies, and the ring goes on.

use std::rc::Rc;

use super::queue::{End, Queue};
use super::stage::{Member, Model, Stage, model};
use crate::raw::queue::ring::{Actor, NoRoom};
use crate::raw::sync::model::Nap;

/// The parts of a scene: what a participant does, once.
#[derive(Clone, Copy)]
enum Part {
    Sends(u32),
    Receives,
    Closes,
}

impl Part {
    fn play(self, queue: &Rc<Queue>) -> impl FnOnce(&Member) + 'static {
        let queue = queue.clone();
        move |me| {
            let end = &End::none();
            match self {
                Part::Sends(message) => drop(queue.try_send(me, end, message)),
                Part::Receives => drop(queue.try_recv(me, end)),
                Part::Closes => drop(queue.ring.close()),
            }
        }
    }
}

/// A queue that holds `held` messages already, at which each part is played once; the victim plays
/// the first.
fn scene(
    queue: fn() -> Rc<Queue>,
    held: u32,
    parts: &'static [Part],
) -> impl Fn(&Stage) + Send + Sync + 'static {
    move |stage| {
        let queue = queue();
        let early = stage.member();
        for message in 0..held {
            queue.try_send(&early, &End::none(), 50 + message).unwrap();
        }
        stage.victim(parts[0].play(&queue));
        for part in &parts[1..] {
            stage.living(part.play(&queue));
        }
        queue.settle(stage);
    }
}

/// A slot is committed by a store, and recorded by a CAS, at the same time.
fn ring(nap: Nap) -> Model {
    model(nap).exchanging()
}

#[test]
fn a_sender_dies_beside_a_sender_and_a_receiver() {
    let parts = &[Part::Sends(1), Part::Sends(2), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(2), 0, parts));
}

#[test]
fn a_sender_dies_where_there_is_one_slot() {
    let parts = &[Part::Sends(1), Part::Sends(2), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(1), 0, parts));
}

#[test]
fn a_receiver_dies_beside_a_receiver_and_a_sender() {
    let parts = &[Part::Receives, Part::Receives, Part::Sends(1)];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(2), 1, parts));
}

#[test]
fn a_receiver_dies_where_there_is_one_slot() {
    let parts = &[Part::Receives, Part::Receives, Part::Sends(1)];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(1), 1, parts));
}

#[test]
fn a_receiver_dies_at_a_full_ring() {
    let parts = &[Part::Receives, Part::Sends(1), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(|| Queue::new(2), 2, parts));
}

#[test]
fn a_sender_dies_where_positions_start_again() {
    let parts = &[Part::Sends(1), Part::Sends(2), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(scene(
        || Queue::before_the_wrap(2),
        0,
        parts,
    ));
}

/// The consumer of slot 0 frees it for the next lap, a sender claims it and dies, and the next
/// sender has to see both: else nobody would know whose position that is.
#[test]
fn a_claim_is_recorded_before_the_next_one_in_memory_too() {
    ring(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let queue = Queue::new(2);
        let (early, slow) = (stage.member(), stage.member());
        for message in [50, 51] {
            queue.try_send(&early, &End::none(), message).unwrap();
        }
        let claim = queue.ring.claim_head(&Actor::new(&slow), &End::none()).unwrap();
        queue.try_recv(&early, &End::none()).unwrap();
        stage.victim(Part::Sends(1).play(&queue));
        stage.living(Part::Sends(2).play(&queue));
        let theirs = queue.clone();
        stage.thread_of(&slow, move |_| {
            theirs.fetch(claim, &End::none());
        });
        queue.settle(stage);
    });
}

#[test]
fn threads_of_a_participant_that_lives_beside_one_that_dies() {
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(|stage| {
        let queue = Queue::new(2);
        let process = stage.member();
        stage.victim(Part::Sends(1).play(&queue));
        stage.thread_of(&process, Part::Sends(2).play(&queue));
        stage.thread_of(&process, Part::Receives.play(&queue));
        queue.settle(stage);
    });
}

/// A stopped participant keeps what it holds, and nothing else is out of reach.
#[test]
fn a_stopped_receiver_keeps_its_message() {
    ring(Nap::Bounded).preemptions(3).victim_stops_at_every_step(|stage| {
        let queue = Queue::new(2);
        let early = stage.member();
        for message in [50, 51] {
            queue.try_send(&early, &End::none(), message).unwrap();
        }
        stage.victim(Part::Receives.play(&queue));
        stage.living(Part::Receives.play(&queue));
        queue.drain(stage);
        let missing = 2 - queue.books.borrow().received.len();
        assert!(missing <= usize::from(stage.is_victim_gone()));
    });
}

fn closing(parts: &'static [Part]) -> impl Fn(&Stage) + Send + Sync + 'static {
    move |stage| {
        let queue = Queue::new(2);
        stage.victim(parts[0].play(&queue));
        for part in &parts[1..] {
            stage.living(part.play(&queue));
        }
        stage.finish();
        queue.ring.close();
        let last = queue.drain(stage);
        assert_eq!(queue.try_send(&last, &End::none(), 9), Err(NoRoom::Closed));
        assert!(queue.ring.drained_at().is_some(), "closed, and never empty");
        queue.compare();
    }
}

#[test]
fn who_closes_dies() {
    let parts = &[Part::Closes, Part::Sends(1), Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(closing(parts));
}

#[test]
fn who_sends_dies_while_another_closes() {
    let parts = &[Part::Sends(1), Part::Closes, Part::Receives];
    ring(Nap::Bounded).preemptions(2).victim_dies_at_every_step(closing(parts));
}

#[test]
fn messages_of_one_sender_arrive_in_order_through_one_slot() {
    ring(Nap::Endless).preemptions(3).all_live(|stage| {
        let queue = Queue::new(1);
        let theirs = queue.clone();
        stage.living(move |me| {
            let end = &End::none();
            (1..=2).for_each(|message| theirs.send(me, end, message));
        });
        let theirs = queue.clone();
        stage.living(move |me| {
            let end = &End::none();
            (1..=2).for_each(|message| assert_eq!(theirs.recv(me, end), message));
        });
        queue.settle(stage);
    });
}

/// Messages are committed out of order, and who was woken for the later one finds nothing yet.
fn two_wait_for_two(queue: fn() -> Rc<Queue>) {
    ring(Nap::Endless).preemptions(1).all_live(move |stage| {
        let queue = queue();
        let slow = stage.member();
        let claim = queue.ring.claim_tail(&Actor::new(&slow), &End::none()).unwrap();
        for _ in 0..2 {
            let queue = queue.clone();
            stage.living(move |me| {
                queue.recv(me, &End::none());
            });
        }
        let theirs = queue.clone();
        stage.living(move |me| theirs.send(me, &End::none(), 2));
        let theirs = queue.clone();
        stage.thread_of(&slow, move |_| {
            theirs.place(claim, &End::none(), 1);
            theirs.ring.words.items.publish();
        });
        queue.settle(stage);
    });
}

#[test]
fn two_wait_for_two_committed_out_of_order() {
    two_wait_for_two(|| Queue::new(2));
}

#[test]
#[should_panic(expected = "deadlock")]
fn breaks_where_no_wake_is_passed_on() {
    two_wait_for_two(|| Queue::keeping_wakes(2));
}

/// Slots are released out of order, and who was woken for the later one finds no room yet.
#[test]
fn two_wait_for_room_released_out_of_order() {
    ring(Nap::Endless).preemptions(1).all_live(|stage| {
        let queue = Queue::new(2);
        let slow = stage.member();
        for message in [50, 51] {
            queue.try_send(&slow, &End::none(), message).unwrap();
        }
        let claim = queue.ring.claim_head(&Actor::new(&slow), &End::none()).unwrap();
        for message in [1, 2] {
            let queue = queue.clone();
            stage.living(move |me| queue.send(me, &End::none(), message));
        }
        let theirs = queue.clone();
        stage.living(move |me| {
            theirs.recv(me, &End::none());
        });
        let theirs = queue.clone();
        stage.thread_of(&slow, move |_| {
            theirs.fetch(claim, &End::none());
            theirs.ring.words.space.publish();
        });
        queue.settle(stage);
    });
}
