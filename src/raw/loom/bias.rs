//! Models of the bias: an end that claims by plain stores, and others that put an end to it.

use std::rc::Rc;

use super::queue::{End, Queue};
use super::stage::{Member, Model, Stage, model};
use crate::raw::queue::claim::How;
use crate::raw::queue::ring::Actor;
use crate::raw::sync::model::{Nap, break_bias_fences};

/// A queue through which two messages went, so that whoever sent or received them is granted the bias.
struct Biased {
    queue: Rc<Queue>,
    sender: Rc<End>,
    receiver: Rc<End>,
}

/// What a participant does, once.
#[derive(Clone, Copy)]
enum Part {
    /// As the owner of the side.
    OwnerSends(u32),
    OwnerReceives,
    Sends(u32),
    Receives,
    Closes,
}

impl Biased {
    /// `owner` has the bias of tail, or of head, or of both.
    fn new(queue: Rc<Queue>, owner: &Member, other: &Member, tail: bool, head: bool) -> Rc<Biased> {
        let biased = Biased { queue, sender: Rc::new(End::none()), receiver: Rc::new(End::none()) };
        let (sends, receives) =
            (if tail { owner } else { other }, if head { owner } else { other });
        for message in [50, 51, 52] {
            let fresh = (End::none(), End::none());
            let sender = if tail { &*biased.sender } else { &fresh.0 };
            let receiver = if head { &*biased.receiver } else { &fresh.1 };
            biased.queue.try_send(sends, sender, message).unwrap();
            biased.queue.try_recv(receives, receiver).unwrap();
        }
        Rc::new(biased)
    }

    fn play(self: &Rc<Self>, part: Part) -> impl FnOnce(&Member) + 'static {
        let biased = self.clone();
        move |me| {
            let queue = &biased.queue;
            match part {
                Part::OwnerSends(message) => {
                    biased.sender.hand_over();
                    let _ = queue.try_send(me, &biased.sender, message);
                }
                Part::OwnerReceives => {
                    biased.receiver.hand_over();
                    let _ = queue.try_recv(me, &biased.receiver);
                }
                Part::Sends(message) => {
                    let _ = queue.try_send(me, &End::none(), message);
                }
                Part::Receives => {
                    let _ = queue.try_recv(me, &End::none());
                }
                Part::Closes => {
                    queue.ring.close();
                }
            }
        }
    }
}

/// A queue of `capacity` that is biased, and holds `held` messages, at which each part is played once.
/// Number `victim` of the parts is the victim's; the owner is who plays the first.
fn scene(
    (capacity, held): (u64, u32),
    victim: usize,
    parts: &'static [Part],
) -> impl Fn(&Stage) + Send + Sync + 'static {
    move |stage| {
        let (owner, early) = (stage.member(), stage.member());
        let tail = parts.iter().any(|part| matches!(part, Part::OwnerSends(_)));
        let head = parts.iter().any(|part| matches!(part, Part::OwnerReceives));
        let biased = Biased::new(Queue::new(capacity), &owner, &early, tail, head);
        for message in 0..held {
            let sender = if tail { &*biased.sender } else { &End::none() };
            let who = if tail { &owner } else { &early };
            biased.queue.try_send(who, sender, 60 + message).unwrap();
        }
        for (number, part) in parts.iter().enumerate() {
            let play = biased.play(*part);
            let owns = matches!(part, Part::OwnerSends(_) | Part::OwnerReceives);
            match (number == victim, owns) {
                (true, true) => stage.victim_as(&owner, play),
                (true, false) => stage.victim(play),
                (false, true) => stage.thread_of(&owner, play),
                (false, false) => stage.living(play),
            }
        }
        biased.queue.settle(stage);
    }
}

fn ring() -> Model {
    model(Nap::Bounded).exchanging()
}

#[test]
fn the_scene_is_biased() {
    model(Nap::Endless).all_live(|stage| {
        let (owner, other) = (stage.member(), stage.member());
        let biased = Biased::new(Queue::new(2), &owner, &other, true, true);
        let actor = Actor::new(&owner);
        let claim = biased.queue.ring.claim_tail(&actor, &biased.sender).unwrap();
        assert_eq!(claim.how, How::Owner);
        biased.queue.place(claim, &biased.sender, 1);
        let claim = biased.queue.ring.claim_head(&actor, &biased.receiver).unwrap();
        assert_eq!(claim.how, How::Owner);
        biased.queue.fetch(claim, &biased.receiver);
        biased.queue.settle(stage);
    });
}

#[test]
fn an_owner_that_sends_dies_beside_a_sender_and_a_receiver() {
    let parts = &[Part::OwnerSends(1), Part::Sends(2), Part::Receives];
    ring().preemptions(2).victim_dies_at_every_step(scene((2, 0), 0, parts));
}

#[test]
fn who_ends_the_bias_of_a_sender_dies() {
    let parts = &[Part::OwnerSends(1), Part::Sends(2)];
    ring().preemptions(3).victim_dies_at_every_step(scene((2, 0), 1, parts));
    let parts = &[Part::OwnerSends(1), Part::Sends(2), Part::Sends(3)];
    ring().preemptions(1).victim_dies_at_every_step(scene((4, 0), 1, parts));
}

#[test]
fn an_owner_that_receives_dies_beside_a_receiver_and_a_sender() {
    let parts = &[Part::OwnerReceives, Part::Receives, Part::Sends(2)];
    ring().preemptions(2).victim_dies_at_every_step(scene((2, 1), 0, parts));
}

#[test]
fn who_ends_the_bias_of_a_receiver_dies() {
    let parts = &[Part::OwnerReceives, Part::Receives];
    ring().preemptions(3).victim_dies_at_every_step(scene((2, 1), 1, parts));
    let parts = &[Part::OwnerReceives, Part::Receives, Part::Receives];
    ring().preemptions(1).victim_dies_at_every_step(scene((4, 2), 1, parts));
}

#[test]
fn an_owner_that_sends_dies_where_there_is_one_slot() {
    let parts = &[Part::OwnerSends(1), Part::Sends(2), Part::Receives];
    ring().preemptions(1).victim_dies_at_every_step(scene((1, 0), 0, parts));
}

#[test]
fn an_owner_that_receives_dies_where_there_is_one_slot() {
    let parts = &[Part::OwnerReceives, Part::Receives, Part::Sends(2)];
    ring().preemptions(1).victim_dies_at_every_step(scene((1, 1), 0, parts));
}

#[test]
fn an_owner_dies_while_another_closes() {
    let parts = &[Part::OwnerSends(1), Part::Closes, Part::Receives];
    ring().preemptions(2).victim_dies_at_every_step(move |stage| {
        let (owner, early) = (stage.member(), stage.member());
        let biased = Biased::new(Queue::new(2), &owner, &early, true, false);
        stage.victim_as(&owner, biased.play(parts[0]));
        stage.living(biased.play(parts[1]));
        stage.living(biased.play(parts[2]));
        stage.finish();
        biased.queue.ring.close();
        biased.queue.drain(stage);
        assert!(biased.queue.ring.drained_at().is_some(), "closed, and never empty");
        biased.queue.compare();
    });
}

/// An owner that stops in the middle keeps what it holds, and nothing else is out of reach.
#[test]
fn an_owner_that_stops_stalls_no_other_sender() {
    ring().preemptions(1).victim_stops_at_every_step(|stage| {
        let (owner, early) = (stage.member(), stage.member());
        let biased = Biased::new(Queue::new(4), &owner, &early, true, false);
        stage.victim_as(&owner, biased.play(Part::OwnerSends(1)));
        stage.living(biased.play(Part::Sends(2)));
        stage.living(biased.play(Part::Sends(3)));
        stage.finish();
        let last = stage.member();
        biased.queue.try_send(&last, &End::none(), 4).unwrap();
        let books = biased.queue.books.borrow();
        assert!([2, 3, 4].iter().all(|message| books.sent.contains(message)));
    });
}

/// The tag of a dead owner may be another's, once it was cleared out of all words.
#[test]
fn the_tag_of_a_dead_owner_is_not_brought_back() {
    ring().preemptions(3).all_live(|stage| {
        let (owner, early) = (stage.dead(), stage.member());
        let biased = Biased::new(Queue::new(2), &owner, &early, true, false);
        let actor = Actor::new(&owner);
        let claim = biased.queue.ring.claim_tail(&actor, &biased.sender).unwrap();
        assert_eq!(claim.how, How::Owner);
        stage.living(biased.play(Part::Sends(1)));
        let (queue, tag) = (biased.queue.clone(), actor.me);
        stage.living(move |_| queue.sweep(tag));
        stage.finish();
        assert!(!biased.queue.names(actor.me), "brought back");
        biased.queue.settle(stage);
    });
}

#[test]
fn owners_of_both_sides_and_others_beside_them() {
    let parts = &[Part::OwnerSends(1), Part::OwnerReceives, Part::Receives];
    ring().preemptions(1).victim_dies_at_every_step(scene((2, 1), 2, parts));
}

#[test]
#[should_panic]
fn breaks_where_the_fences_are_missing() {
    ring().preemptions(2).all_live(|stage| {
        break_bias_fences();
        let (owner, early) = (stage.member(), stage.member());
        let biased = Biased::new(Queue::new(2), &owner, &early, true, false);
        stage.thread_of(&owner, biased.play(Part::OwnerSends(1)));
        stage.living(biased.play(Part::Sends(2)));
        biased.queue.settle(stage);
    });
}
