//! A queue's messages, where several may send and receive: claims by CAS.

use commonhold::{Queue, RecvTimeoutError};
use std::time::Duration;

use crate::carried::{Act, Kind, dies, stands_still, with_sleeper};
use crate::case::{Case, Ground, Trial};
use crate::oracle::{Carrier, Numbered};

pub const CAPACITY: usize = 4;
const BRIEFLY: Duration = Duration::from_millis(3);

/// The same cases, of messages that lie in the ring, and of such that lie beside it.
macro_rules! of_both {
    ($(($operation:literal, $path:literal, $build:ident $(, $argument:expr)*)),* $(,)?) => {
        vec![$(
            Case::new(concat!("Queue<u64>::", $operation), $path, |ground| {
                $build::<u64>(ground $(, $argument)*)
            }),
            Case::new(concat!("Queue<[u64; 20]>::", $operation), $path, |ground| {
                $build::<[u64; 20]>(ground $(, $argument)*)
            })
            .left_out(),
        )*]
    };
}
pub(crate) use of_both;

pub fn cases() -> Vec<Case> {
    let mut cases = of_both![
        ("send", "empty", send, 0, 0),
        ("send", "half full", send, 0, 2),
        ("send", "last place", send, 0, 3),
        ("send", "at the end of the ring", send, 3, 0),
        ("send", "two laps on", send, 9, 2),
        ("try_send", "full", send, 0, 4),
        ("send_timeout", "full, in vain", send_in_vain),
        ("send", "another is beside it", send_beside),
        ("send", "a receiver sleeps", send_to_sleeper),
        ("send", "asleep beside another", sleep_beside_sender),
        ("recv", "one message", recv, 0, 1),
        ("recv", "full", recv, 0, 4),
        ("recv", "over the end of the ring", recv, 3, 2),
        ("recv", "two laps on", recv, 9, 4),
        ("try_recv", "empty", recv, 0, 0),
        ("recv_timeout", "empty, in vain", recv_in_vain),
        ("recv_many", "full", recv_many),
        ("recv", "another is beside it", recv_beside),
        ("recv", "a sender sleeps", recv_with_sleeping_sender),
        ("recv", "asleep beside another", sleep_beside_receiver),
    ];
    cases.extend([
        Case::new("Queue<u64>::send_all", "over the end of the ring", send_all),
        Case::new("Queue<u64>::send", "capacity 1", |ground| {
            dies(ground, queue::<u64>(ground, 1, 5, 0), vec![], Act::send())
        }),
        Case::new("Queue<u64>::recv", "capacity 1", |ground| {
            dies(ground, queue::<u64>(ground, 1, 5, 1), vec![1], Act::recv())
        }),
    ]);
    cases
}

/// A queue that went round so many positions, and has so many messages: 1, 2 …
pub fn queue<T: Numbered>(ground: &Ground, capacity: usize, turns: u64, messages: u64) -> Queue<T> {
    let queue = Queue::<T>::create(ground.segment.at("queue"), capacity).unwrap();
    for _ in 0..turns {
        queue.send(T::of(0)).unwrap();
        let _ = queue.recv().unwrap();
    }
    for number in 1..=messages {
        queue.send(T::of(number)).unwrap();
    }
    queue
}

fn send<T: Numbered>(ground: &Ground, turns: u64, messages: u64) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, turns, messages);
    dies(ground, queue, (1..=messages).collect(), Act::send())
}

fn recv<T: Numbered>(ground: &Ground, turns: u64, messages: u64) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, turns, messages);
    dies(ground, queue, (1..=messages).collect(), Act::recv())
}

fn send_in_vain<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Sends(&[101]), |end: &Queue<T>| {
        vec![u64::from(end.send_timeout(T::of(101), BRIEFLY).is_ok())]
    });
    dies(ground, queue::<T>(ground, CAPACITY, 0, 4), vec![1, 2, 3, 4], act)
}

fn recv_in_vain<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Takes(1), |end: &Queue<T>| match end.recv_timeout(BRIEFLY) {
        Ok(message) => vec![message.number()],
        Err(RecvTimeoutError::Timeout) => vec![],
        Err(RecvTimeoutError::Closed) => panic!("nobody closed it"),
    });
    dies(ground, queue::<T>(ground, CAPACITY, 0, 0), vec![], act)
}

fn send_all(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Sends(&[101, 102, 103]), |end: &Queue<u64>| {
        vec![end.send_all(&[101, 102, 103]).map_or_else(|error| error.into_inner() as u64, |()| 3)]
    });
    dies(ground, queue::<u64>(ground, CAPACITY, 2, 1), vec![1], act)
}

fn recv_many<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Takes(3), |end: &Queue<T>| {
        let mut messages = Vec::with_capacity(4);
        end.recv_many(&mut messages, 3).unwrap();
        messages.iter().map(T::number).collect()
    });
    dies(ground, queue::<T>(ground, CAPACITY, 2, 4), vec![1, 2, 3, 4], act)
}

fn send_beside<T: Numbered>(ground: &Ground) -> Trial {
    stands_still(ground, queue::<T>(ground, CAPACITY, 3, 1), vec![1], Act::send(), |_| {})
}

fn recv_beside<T: Numbered>(ground: &Ground) -> Trial {
    stands_still(ground, queue::<T>(ground, CAPACITY, 3, 2), vec![1, 2], Act::recv(), |_| {})
}

/// Sleeps until a message comes.
pub fn sleeping_receiver<C: Carrier>() -> Act<C> {
    Act::new(Kind::Takes(1), |end| end.recv_in_time().into_iter().collect())
}

/// Sleeps until there is room.
pub fn sleeping_sender<C: Carrier>() -> Act<C> {
    Act::new(Kind::Sends(&[501]), |end| vec![u64::from(end.send_in_time(501))])
}

fn send_to_sleeper<T: Numbered>(ground: &Ground) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, 3, 0);
    with_sleeper(ground, queue, vec![], Act::send(), sleeping_receiver())
}

fn recv_with_sleeping_sender<T: Numbered>(ground: &Ground) -> Trial {
    let queue = queue::<T>(ground, CAPACITY, 2, 4);
    with_sleeper(ground, queue, vec![1, 2, 3, 4], Act::recv(), sleeping_sender())
}

/// Two wait; the one that dies may have been told.
fn sleep_beside_receiver<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Takes(1), |end: &Queue<T>| {
        end.recv_timeout(BRIEFLY).map(|message| message.number()).into_iter().collect()
    });
    with_sleeper(ground, queue::<T>(ground, CAPACITY, 3, 0), vec![], act, sleeping_receiver())
}

fn sleep_beside_sender<T: Numbered>(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Sends(&[101]), |end: &Queue<T>| {
        vec![u64::from(end.send_timeout(T::of(101), BRIEFLY).is_ok())]
    });
    let queue = queue::<T>(ground, CAPACITY, 2, 4);
    with_sleeper(ground, queue, vec![1, 2, 3, 4], act, sleeping_sender())
}
