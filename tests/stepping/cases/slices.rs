//! The byte ring with slices in it.

use commonhold::{Queue, RecvTimeoutError};
use std::time::Duration;

use super::queue::{sleeping_receiver, sleeping_sender};
use crate::carried::{Act, Kind, dies, own_both, stands_still, with_sleeper};
use crate::case::{Case, Ground, Trial};
use crate::helper::Helper;
use crate::oracle::{Carrier, Slices};

const BRIEFLY: Duration = Duration::from_millis(3);
const BYTES: usize = 256;
/// Words of a message; and of one that fits when nothing else is there.
const SHORT: usize = 4;
const LONG: usize = BYTES / 8;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Queue<[u64]>::send", "empty", |ground| acts(ground, SHORT, 0, 0, Act::send())),
        Case::new("Queue<[u64]>::send", "wrapping", |g| acts(g, SHORT, 4, 1, Act::send())),
        Case::new("Queue<[u64]>::send", "as long as the ring", |ground| {
            acts(ground, LONG, 1, 0, Act::send())
        }),
        Case::new("Queue<[u64]>::try_send", "full", |g| acts(g, SHORT, 2, 99, Act::send())),
        Case::new("Queue<[u64]>::send_timeout", "full, in vain", |ground| {
            let act = Act::new(Kind::Sends(&[101]), |end: &Slices| {
                vec![u64::from(end.queue.send_timeout(&[101; SHORT], BRIEFLY).is_ok())]
            });
            acts(ground, SHORT, 2, 99, act)
        }),
        Case::new("Queue<[u64]>::recv", "one", |ground| acts(ground, SHORT, 0, 1, Act::recv())),
        Case::new("Queue<[u64]>::recv", "full, wrapping", |g| acts(g, SHORT, 3, 99, Act::recv())),
        Case::new("Queue<[u64]>::recv_into", "two", |ground| {
            let act = Act::new(Kind::Takes(1), |end: &Slices| {
                let mut message = Vec::with_capacity(LONG);
                end.queue.recv_into(&mut message).unwrap();
                vec![end.number(&message)]
            });
            acts(ground, SHORT, 1, 2, act)
        }),
        Case::new("Queue<[u64]>::try_recv", "empty", |ground| {
            acts(ground, SHORT, 0, 0, Act::recv())
        }),
        Case::new("Queue<[u64]>::recv_timeout", "empty, in vain", |ground| {
            acts(ground, SHORT, 0, 0, recv_briefly())
        }),
        Case::new("Queue<[u64]>::send", "a receiver sleeps", |ground| {
            let slices = slices(ground, SHORT, 1, 0);
            with_sleeper(ground, slices, vec![], Act::send(), sleeping_receiver())
        }),
        Case::new("Queue<[u64]>::recv", "a sender sleeps", |ground| {
            let slices = slices(ground, SHORT, 2, 99);
            let there = there(&slices);
            with_sleeper(ground, slices, there, Act::recv(), sleeping_sender())
        }),
        Case::new("Queue<[u64]>::recv", "asleep beside another", |ground| {
            let slices = slices(ground, SHORT, 0, 0);
            with_sleeper(ground, slices, vec![], recv_briefly(), sleeping_receiver())
        }),
        Case::new("Queue<[u64]>::send", "owner", |ground| owner(ground, Act::send())),
        Case::new("Queue<[u64]>::recv", "owner", |ground| owner(ground, Act::recv())),
        Case::new("Queue<[u64]>::send", "ends the bias of a living owner", |ground| {
            revokes(ground, Act::send())
        }),
        Case::new("Queue<[u64]>::recv", "ends the bias of a living owner", |ground| {
            revokes(ground, Act::recv())
        }),
        Case::new("Queue<[u64]>::send", "ends the bias of a dead owner", |ground| {
            after_dead_owner(ground, Act::send())
        }),
        Case::new("Queue<[u64]>::send", "owner; another ends the bias", |ground| {
            let slices = slices(ground, SHORT, 0, 0);
            stands_still(ground, slices, vec![1, 2], Act::send().after(own_and_fill), |_| {})
        }),
        Case::new("Queue<[u64]>::close", "two messages", |ground| {
            let act = Act::new(Kind::Sends(&[]), |end: &Slices| {
                end.queue.close();
                vec![0]
            });
            acts_and_closes(ground, act)
        }),
    ]
}

fn slices(ground: &Ground, words: usize, turns: u64, messages: u64) -> Slices {
    let queue = Queue::<[u64]>::create(ground.segment.at("slices"), BYTES).unwrap();
    let mut slices = Slices { queue, words, room: usize::MAX };
    slices.room = (0..).take_while(|_| slices.try_send(0).is_ok()).count();
    (0..slices.room).for_each(|_| _ = slices.try_recv().unwrap());
    for _ in 0..turns {
        slices.try_send(0).unwrap();
        slices.try_recv().unwrap();
    }
    for number in 1..=messages.min(slices.room as u64) {
        slices.try_send(number).unwrap();
    }
    slices
}

fn there(slices: &Slices) -> Vec<u64> {
    (1..=slices.len() as u64).collect()
}

fn acts(ground: &Ground, words: usize, turns: u64, messages: u64, act: Act<Slices>) -> Trial {
    let slices = slices(ground, words, turns, messages);
    let there = there(&slices);
    dies(ground, slices, there, act)
}

/// Closed or not, what was sent is received, and nothing more is.
fn acts_and_closes(ground: &Ground, act: Act<Slices>) -> Trial {
    let slices = slices(ground, SHORT, 1, 2);
    let own = slices.clone();
    let trial = dies(ground, slices.clone(), vec![1, 2], act);
    let check = move |fates: &crate::case::Fates| {
        let closed = own.queue.is_closed();
        assert!(closed || fates.first.is_none());
        assert_eq!(own.try_send(3).is_err(), closed);
        for number in 1..=if closed { 2 } else { 3 } {
            assert_eq!(own.try_recv(), Ok(number));
        }
        own.queue.close();
        assert_eq!(own.recv_in_time(), Err(RecvTimeoutError::Closed));
    };
    Trial::of(trial.subject, check)
}

fn recv_briefly() -> Act<Slices> {
    Act::new(Kind::Takes(1), |end: &Slices| match end.queue.recv_timeout(BRIEFLY) {
        Ok(message) => vec![end.number(&message)],
        Err(RecvTimeoutError::Timeout) => vec![],
        Err(RecvTimeoutError::Closed) => panic!("nobody closed it"),
    })
}

fn own_and_fill(end: &Slices) {
    own_both(end);
    end.try_send(1).unwrap();
    end.try_send(2).unwrap();
}

fn owner(ground: &Ground, act: Act<Slices>) -> Trial {
    dies(ground, slices(ground, SHORT, 0, 0), vec![1, 2], act.after(own_and_fill))
}

fn revokes(ground: &Ground, act: Act<Slices>) -> Trial {
    let slices = slices(ground, SHORT, 0, 0);
    own_and_fill(&slices);
    dies(ground, slices, vec![1, 2], act)
}

fn after_dead_owner(ground: &Ground, act: Act<Slices>) -> Trial {
    let slices = slices(ground, SHORT, 0, 0);
    let own = slices.clone();
    let dead = Helper::start(ground.page, 2, move |log| {
        own_and_fill(&own);
        log.end(&[])
    });
    dead.ends();
    dies(ground, slices, vec![1, 2], act)
}
