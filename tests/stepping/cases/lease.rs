//! Leases and reservations: messages in cells beside the ring.

use commonhold::Queue;
use std::time::Duration;

use super::queue::{CAPACITY, of_both, queue};
use crate::carried::{Act, Kind, dies, dies_before, own_both};
use crate::case::{Case, Ground, Trial};
use crate::helper::Kept;
use crate::oracle::{Carrier, Numbered, be_as_new};

const BRIEFLY: Duration = Duration::from_millis(3);

type Large = Queue<[u64; 20]>;

pub fn cases() -> Vec<Case> {
    let mut cases = of_both![
        ("lease", "one message", lease, 0, 1),
        ("lease", "full, wrapping", lease, 3, 4),
        ("lease, Lease::done", "two messages", lease_done),
        ("lease, Lease::drop", "two messages", lease_drop),
        ("lease", "one that came back", lease_again),
        ("try_lease", "empty", try_lease),
        ("lease_timeout", "empty, in vain", lease_in_vain),
        ("wait_done_timeout", "a lease is out, in vain", wait_in_vain),
        ("send", "another waits until all is done", send_and_wait),
    ];
    cases.extend([
        Case::new("Queue<[u64; 20]>::reserve, Slot::send", "empty", |g| reserve(g, 0)),
        Case::new("Queue<[u64; 20]>::reserve, Slot::send", "last place", |g| reserve(g, 3)),
        Case::new("Queue<[u64; 20]>::reserve, Slot::drop", "empty", |ground| {
            let act = Act::new(Kind::Sends(&[]), |end: &Large| {
                drop(end.reserve().unwrap());
                vec![0]
            });
            dies(ground, queue(ground, CAPACITY, 1, 1), vec![1], act)
        }),
        Case::new("Queue<[u64; 20]>::reserve_timeout", "no cell, in vain", reserve_in_vain),
        Case::new("Queue<[u64; 20]>::reserve, Slot::send", "owner; one", |ground| {
            owner(ground, reserve_and_send())
        }),
        Case::new("Queue<[u64; 20]>::lease", "owner; one", |ground| {
            owner(ground, lease_and_hold())
        }),
        Case::new("Queue<[u64; 20]>::lease, Lease::done", "owner; one", |ground| {
            owner(ground, lease_and_be_done())
        }),
    ]);
    cases
}

/// A lease that is held at the end is the dead's, and comes back.
fn lease<T: Numbered>(ground: &Ground, turns: u64, messages: u64) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, turns, messages);
    dies(ground, queue, (1..=messages).collect(), lease_and_hold())
}

fn lease_and_hold<T: Numbered>() -> Act<Queue<T>> {
    Act::new(Kind::Leases, |end: &Queue<T>| {
        let lease = end.lease().unwrap();
        // Another may have taken the first.
        assert!([1, 2].contains(&lease.number()));
        std::mem::forget(lease);
        vec![]
    })
}

fn lease_done<T: Numbered>(ground: &Ground) -> Trial {
    dies(ground, queue::<T>(ground, CAPACITY, 1, 2), vec![1, 2], lease_and_be_done())
}

fn lease_and_be_done<T: Numbered>() -> Act<Queue<T>> {
    Act::new(Kind::Takes(1), |end: &Queue<T>| {
        let lease = end.lease().unwrap();
        let number = lease.number();
        lease.done();
        vec![number]
    })
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
    let queue = queue(ground, CAPACITY, 1, messages);
    dies(ground, queue, (1..=messages).collect(), reserve_and_send())
}

fn reserve_and_send() -> Act<Large> {
    Act::new(Kind::Sends(&[101]), |end: &Large| {
        let mut slot = end.reserve().unwrap();
        *slot = [101; 20];
        slot.send().unwrap();
        vec![1]
    })
}

/// The owner of both sides of a queue of one message.
fn owner(ground: &Ground, act: Act<Large>) -> Trial {
    let become_owner = |end: &Large| {
        own_both(end);
        Carrier::try_send(end, 1).unwrap();
    };
    dies(ground, queue(ground, CAPACITY, 1, 0), vec![1], act.after(become_owner))
}

fn try_lease<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Leases, |end: &Queue<T>| {
        let _ = end.try_lease();
        vec![]
    });
    dies(ground, queue::<T>(ground, CAPACITY, 1, 0), vec![], act)
}

fn lease_in_vain<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Leases, |end: &Queue<T>| {
        let _ = end.lease_timeout(BRIEFLY);
        vec![]
    });
    dies(ground, queue::<T>(ground, CAPACITY, 1, 0), vec![], act)
}

/// Waits until all is done, which it is not.
fn wait<T: Numbered>() -> Act<Queue<T>> {
    Act::new(Kind::Sends(&[]), |end: &Queue<T>| {
        end.wait_done_timeout(BRIEFLY);
        vec![0]
    })
}

fn wait_in_vain<T: Numbered>(ground: &Ground) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, 1, 1);
    let lease = Kept::new(queue.clone(), |queue| queue.lease().unwrap());
    let trial = dies(ground, queue, vec![1], wait());
    let check = trial.check;
    Trial {
        check: Box::new(move |fates| {
            drop(lease);
            check(fates);
        }),
        ..trial
    }
}

/// What a dead sender claimed is passed over by who waits, too.
fn send_and_wait<T: Numbered>(ground: &Ground) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, 1, 0);
    dies_before(ground, queue, vec![], Act::send(), vec![wait()])
}

fn reserve_in_vain(ground: &Ground) -> Trial {
    let queue: Large = queue(ground, CAPACITY, 1, 0);
    let take = |queue: &'static Large| queue.try_reserve().ok();
    let slots: Vec<_> = std::iter::from_fn(|| Kept::some(queue.clone(), take)).collect();
    let (own, enter) = (queue.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let came = own.reserve_timeout(BRIEFLY).is_ok();
            mark.end(&[u64::from(came)])
        },
        move |fates| {
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 0), "one cell too many");
            let all = slots.len();
            drop(slots);
            let again: Vec<_> = std::iter::from_fn(|| queue.try_reserve().ok()).collect();
            assert_eq!(again.len(), all, "cells are lost");
            drop(again);
            be_as_new(&queue);
        },
    )
}
