//! A queue's sides that are biased to one end: its owner, who ends that, and who comes after it.

use commonhold::Queue;

use super::queue::{CAPACITY, queue, sleeping_receiver, sleeping_sender};
use crate::carried::{Act, Kind, dies, own_both, stands_still, with_sleeper};
use crate::case::{Case, Ground, Trial};
use crate::helper::Helper;

type Small = Queue<u64>;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Queue<u64>::send", "owner; empty", |ground| owner(ground, 0, 0, Act::send())),
        Case::new("Queue<u64>::send", "owner; wrapping", |ground| owner(ground, 3, 2, Act::send())),
        Case::new("Queue<u64>::send", "owner; last place", |g| owner(g, 1, 3, Act::send())),
        Case::new("Queue<u64>::try_send", "owner; full", |ground| owner(ground, 0, 4, Act::send())),
        Case::new("Queue<u64>::recv", "owner; one", |ground| owner(ground, 0, 1, Act::recv())),
        Case::new("Queue<u64>::recv", "owner; full", |ground| owner(ground, 2, 4, Act::recv())),
        Case::new("Queue<u64>::try_recv", "owner; empty", |ground| {
            owner(ground, 0, 0, Act::recv())
        }),
        Case::new("Queue<u64>::send, recv", "owner; several", several),
        Case::new("Queue<u64>::send, recv", "becomes the owner", granted),
        Case::new("Queue<u64>::send", "owner; a receiver sleeps", owner_wakes_receiver),
        Case::new("Queue<u64>::recv", "owner; a sender sleeps", owner_wakes_sender),
        Case::new("Queue<u64>::send", "ends the bias of a living owner", |ground| {
            revokes(ground, 2, Act::send())
        }),
        Case::new("Queue<u64>::recv", "ends the bias of a living owner", |ground| {
            revokes(ground, 2, Act::recv())
        }),
        Case::new("Queue<u64>::recv", "ends the bias; full", |ground| {
            revokes(ground, 4, Act::recv())
        }),
        Case::new("Queue<u64>::send", "owner; another ends the bias", |ground| {
            owner_is_revoked(ground, Act::send())
        }),
        Case::new("Queue<u64>::recv", "owner; another ends the bias", |ground| {
            owner_is_revoked(ground, Act::recv())
        }),
        Case::new("Queue<u64>::send, recv", "owner; leaves", leaves),
        Case::new("Queue<u64>::send", "ends the bias of a dead owner", |ground| {
            after_dead_owner(ground, Act::send())
        }),
        Case::new("Queue<u64>::recv", "ends the bias of a dead owner", |ground| {
            after_dead_owner(ground, Act::recv())
        }),
        Case::new("Queue<u64>::send, recv", "becomes the owner after a dead one", |ground| {
            after_dead_owner(ground, two_sends().after(almost_own))
        }),
    ]
}

/// The messages that are there when the victim has become the owner.
fn fill(queue: &Small, messages: u64) {
    own_both(queue);
    for number in 1..=messages {
        queue.try_send(number).unwrap();
    }
}

fn fill_0(queue: &Small) {
    fill(queue, 0);
}
fn fill_1(queue: &Small) {
    fill(queue, 1);
}
fn fill_2(queue: &Small) {
    fill(queue, 2);
}
fn fill_3(queue: &Small) {
    fill(queue, 3);
}
fn fill_4(queue: &Small) {
    fill(queue, 4);
}
const FILL: [fn(&Small); 5] = [fill_0, fill_1, fill_2, fill_3, fill_4];

fn owner(ground: &Ground, turns: u64, messages: u64, act: Act<Small>) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, turns, 0);
    dies(ground, queue, (1..=messages).collect(), act.after(FILL[messages as usize]))
}

fn several(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Sends(&[101, 102, 103]), |end: &Small| {
        (101..104).for_each(|number| end.send(number).unwrap());
        vec![3]
    });
    dies(ground, queue::<u64>(ground, CAPACITY, 1, 0), vec![1], act.after(fill_1))
}

/// So many claims that the last of them are the first of the owner.
fn granted(ground: &Ground) -> Trial {
    dies(ground, queue::<u64>(ground, CAPACITY, 0, 0), vec![], two_sends().after(almost_own))
}

fn two_sends() -> Act<Small> {
    Act::new(Kind::Sends(&[101, 102]), |end: &Small| {
        (101..103).for_each(|number| end.send(number).unwrap());
        vec![2]
    })
}

fn almost_own(end: &Small) {
    for _ in 0..16 {
        end.send(0).unwrap();
        end.recv().unwrap();
    }
}

/// Who owned both sides died, and nobody noticed yet.
fn after_dead_owner(ground: &Ground, act: Act<Small>) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let own = queue.clone();
    let dead = Helper::start(ground.page, 2, move |log| {
        own_both(&own);
        log.end(&[])
    });
    dead.ends();
    dies(ground, queue, vec![], act)
}

fn owner_wakes_receiver(ground: &Ground) -> Trial {
    let carrier = queue::<u64>(ground, CAPACITY, 3, 0);
    with_sleeper(ground, carrier, vec![], Act::send().after(fill_0), sleeping_receiver())
}

fn owner_wakes_sender(ground: &Ground) -> Trial {
    let carrier = queue::<u64>(ground, CAPACITY, 2, 0);
    with_sleeper(ground, carrier, vec![1, 2, 3, 4], Act::recv().after(fill_4), sleeping_sender())
}

/// This process is the owner, and lives.
fn revokes(ground: &Ground, messages: u64, act: Act<Small>) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    fill(&queue, messages);
    dies(ground, queue, (1..=messages).collect(), act)
}

fn owner_is_revoked(ground: &Ground, act: Act<Small>) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    stands_still(ground, queue, vec![1, 2], act.after(fill_2), |_| {})
}

/// The owner's end is dropped.
fn leaves(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Sends(&[]), |_: &Small| vec![0]).leaving();
    dies(ground, queue::<u64>(ground, CAPACITY, 1, 0), vec![1, 2], act.after(fill_2))
}
