//! Leases and reservations: messages in cells beside the ring.

use commonhold::Queue;

use super::queue::{CAPACITY, of_both, queue};
use crate::carried::{Act, Kind, dies};
use crate::case::{Case, Ground, Trial};
use crate::oracle::Numbered;

type Large = Queue<[u64; 20]>;

pub fn cases() -> Vec<Case> {
    let mut cases = of_both![
        ("lease", "one message", lease, 0, 1),
        ("lease", "full, wrapping", lease, 3, 4),
        ("lease, done", "two messages", lease_done),
        ("lease, drop", "two messages", lease_drop),
        ("lease", "one that came back", lease_again),
    ];
    cases.extend([
        Case::new("Queue<[u64; 20]>::reserve, send", "empty", |g| reserve(g, 0)),
        Case::new("Queue<[u64; 20]>::reserve, send", "last place", |g| reserve(g, 3)),
        Case::new("Queue<[u64; 20]>::reserve, drop", "empty", |ground| {
            let act = Act::new(Kind::Sends(&[]), |end: &Large| {
                drop(end.reserve().unwrap());
                vec![0]
            });
            dies(ground, queue(ground, CAPACITY, 1, 1), vec![1], act)
        }),
    ]);
    cases
}

/// A lease that is held at the end is the dead's, and comes back.
fn lease<T: Numbered>(ground: &Ground, turns: u64, messages: u64) -> Trial {
    let act = Act::new(Kind::Leases, |end: &Queue<T>| {
        let lease = end.lease().unwrap();
        // Another may have taken the first.
        assert!([1, 2].contains(&lease.number()));
        std::mem::forget(lease);
        vec![]
    });
    dies(ground, queue::<T>(ground, CAPACITY, turns, messages), (1..=messages).collect(), act)
}

fn lease_done<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Takes(1), |end: &Queue<T>| {
        let lease = end.lease().unwrap();
        let number = lease.number();
        lease.done();
        vec![number]
    });
    dies(ground, queue::<T>(ground, CAPACITY, 1, 2), vec![1, 2], act)
}

fn lease_drop<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Leases, |end: &Queue<T>| {
        drop(end.lease().unwrap());
        vec![]
    });
    dies(ground, queue::<T>(ground, CAPACITY, 1, 2), vec![1, 2], act)
}

fn lease_again<T: Numbered>(ground: &Ground) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, 1, 2);
    drop(queue.lease().unwrap());
    let act = Act::new(Kind::Takes(1), |end: &Queue<T>| {
        let lease = end.lease().unwrap();
        let number = lease.number();
        lease.done();
        vec![number]
    });
    dies(ground, queue, vec![1, 2], act)
}

fn reserve(ground: &Ground, messages: u64) -> Trial {
    let act = Act::new(Kind::Sends(&[101]), |end: &Large| {
        let mut slot = end.reserve().unwrap();
        *slot = [101; 20];
        slot.send().unwrap();
        vec![1]
    });
    dies(ground, queue(ground, CAPACITY, 1, messages), (1..=messages).collect(), act)
}
