//! The byte ring: mailboxes, with messages in the ring and beside it.

use commonhold::{Mailbox, RecvTimeoutError, Value};
use std::time::Duration;

use super::queue::{sleeping_receiver, sleeping_sender};
use crate::carried::{Act, Kind, dies, own_both, stands_still, with_sleeper};
use crate::case::{Case, Ground, Trial};
use crate::helper::Helper;
use crate::oracle::{Carrier, Letter, Letters, letter, read};

const BRIEFLY: Duration = Duration::from_millis(3);

/// Bytes of a message beside its number, and how many such messages there is room for.
const SHORT: (usize, usize) = (24, 5);
/// Longer than the ring.
const LONG: (usize, usize) = (1000, 0);
const CAPACITY: usize = 256;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Mailbox::send", "empty", |ground| send(ground, SHORT, 0, 0)),
        Case::new("Mailbox::send", "wrapping", |ground| send(ground, SHORT, 4, 1)),
        Case::new("Mailbox::try_send", "full", |ground| send(ground, SHORT, 2, 99)),
        Case::new("Mailbox::send", "long", |ground| send(ground, LONG, 0, 1)),
        Case::new("Mailbox::send_timeout", "full, in vain", send_in_vain),
        Case::new("Mailbox::recv", "one", |ground| recv(ground, SHORT, 0, 1)),
        Case::new("Mailbox::recv", "full, wrapping", |ground| recv(ground, SHORT, 3, 99)),
        Case::new("Mailbox::try_recv", "empty", |ground| recv(ground, SHORT, 0, 0)),
        Case::new("Mailbox::recv", "long", |ground| recv(ground, LONG, 1, 2)),
        Case::new("Mailbox::recv_timeout", "empty, in vain", recv_in_vain),
        Case::new("Mailbox::send", "a receiver sleeps", |ground| {
            with_sleeper(
                ground,
                mailbox(ground, SHORT, 1, 0),
                vec![],
                Act::send(),
                sleeping_receiver(),
            )
        }),
        Case::new("Mailbox::recv", "a sender sleeps", |ground| {
            let (letters, there) = full(ground);
            with_sleeper(ground, letters, there, Act::recv(), sleeping_sender())
        }),
        Case::new("Mailbox::recv", "asleep beside another", sleep_beside),
        Case::new("Mailbox::send", "owner", |ground| owner(ground, SHORT, Act::send())),
        Case::new("Mailbox::send", "owner; long", |ground| owner(ground, LONG, Act::send())),
        Case::new("Mailbox::recv", "owner", |ground| owner(ground, SHORT, Act::recv())),
        Case::new("Mailbox::recv", "owner; long", |ground| owner(ground, LONG, Act::recv())),
        Case::new("Mailbox::send, recv", "becomes the owner", granted),
        Case::new("Mailbox::send, recv", "owner; leaves", |ground| {
            let act = Act::new(Kind::Sends(&[]), |_: &Letters| vec![0]).leaving();
            owner(ground, SHORT, act)
        }),
        Case::new("Mailbox::send", "owner; a receiver sleeps", |ground| {
            let letters = mailbox(ground, SHORT, 1, 0);
            with_sleeper(ground, letters, vec![], Act::send().after(own_both), sleeping_receiver())
        }),
        Case::new("Mailbox::send", "owner; another ends the bias", |ground| {
            stands_still(
                ground,
                mailbox(ground, SHORT, 0, 0),
                vec![1, 2],
                owns(Act::send()),
                |_| {},
            )
        })
        .left_out(),
        Case::new("Mailbox::recv", "owner; another ends the bias", |ground| {
            stands_still(
                ground,
                mailbox(ground, SHORT, 0, 0),
                vec![1, 2],
                owns(Act::recv()),
                |_| {},
            )
        })
        .left_out(),
        Case::new("Mailbox::send", "ends the bias of a living owner", |ground| {
            revokes(ground, Act::send())
        }),
        Case::new("Mailbox::recv", "ends the bias of a living owner", |ground| {
            revokes(ground, Act::recv())
        }),
        Case::new("Mailbox::send", "ends the bias of a dead owner", |ground| {
            after_dead_owner(ground, Act::send())
        }),
        Case::new("Mailbox::recv", "ends the bias of a dead owner", |ground| {
            after_dead_owner(ground, Act::recv())
        }),
        Case::new("Mailbox::send", "a handle", |ground| handle(ground, true)),
        Case::new("Mailbox::recv", "a handle", |ground| handle(ground, false)),
    ]
}

/// A mailbox that took so many messages before, and has so many, or as many as fit.
fn mailbox(ground: &Ground, (bytes, room): (usize, usize), turns: u64, messages: u64) -> Letters {
    let mailbox = Mailbox::<Letter>::create(ground.segment.at("mailbox"), CAPACITY).unwrap();
    let mut letters = Letters { mailbox, bytes, room: usize::MAX };
    if room > 0 {
        letters.room = (0..).take_while(|_| letters.try_send(0).is_ok()).count();
        (0..letters.room).for_each(|_| _ = letters.try_recv().unwrap());
    }
    for _ in 0..turns {
        letters.try_send(0).unwrap();
        letters.try_recv().unwrap();
    }
    for number in 1..=messages.min(letters.room as u64) {
        letters.try_send(number).unwrap();
    }
    letters
}

fn there(letters: &Letters) -> Vec<u64> {
    (1..=letters.len() as u64).collect()
}

fn full(ground: &Ground) -> (Letters, Vec<u64>) {
    let letters = mailbox(ground, SHORT, 2, 99);
    let there = there(&letters);
    (letters, there)
}

fn send(ground: &Ground, kind: (usize, usize), turns: u64, messages: u64) -> Trial {
    let letters = mailbox(ground, kind, turns, messages);
    let there = there(&letters);
    dies(ground, letters, there, Act::send())
}

fn recv(ground: &Ground, kind: (usize, usize), turns: u64, messages: u64) -> Trial {
    let letters = mailbox(ground, kind, turns, messages);
    let there = there(&letters);
    dies(ground, letters, there, Act::recv())
}

fn send_in_vain(ground: &Ground) -> Trial {
    let (letters, there) = full(ground);
    let act = Act::new(Kind::Sends(&[101]), |end: &Letters| {
        vec![u64::from(end.mailbox.send_timeout(letter(101, end.bytes), BRIEFLY).is_ok())]
    });
    dies(ground, letters, there, act)
}

fn recv_briefly() -> Act<Letters> {
    Act::new(Kind::Takes(1), |end: &Letters| match end.mailbox.recv_timeout(BRIEFLY) {
        Ok(message) => vec![read(message)],
        Err(RecvTimeoutError::Timeout) => vec![],
        Err(RecvTimeoutError::Closed) => panic!("nobody closed it"),
    })
}

fn recv_in_vain(ground: &Ground) -> Trial {
    dies(ground, mailbox(ground, SHORT, 0, 0), vec![], recv_briefly())
}

fn sleep_beside(ground: &Ground) -> Trial {
    let letters = mailbox(ground, SHORT, 0, 0);
    with_sleeper(ground, letters, vec![], recv_briefly(), sleeping_receiver())
}

/// Becomes the owner, and leaves two messages.
fn own_and_fill(end: &Letters) {
    own_both(end);
    end.try_send(1).unwrap();
    end.try_send(2).unwrap();
}

fn owns(act: Act<Letters>) -> Act<Letters> {
    act.after(own_and_fill)
}

fn owner(ground: &Ground, kind: (usize, usize), act: Act<Letters>) -> Trial {
    dies(ground, mailbox(ground, kind, 0, 0), vec![1, 2], owns(act))
}

fn granted(ground: &Ground) -> Trial {
    let act = Act::new(Kind::Sends(&[101, 102, 103]), |end: &Letters| {
        (101..104).for_each(|number| end.try_send(number).unwrap());
        vec![3]
    });
    let almost = |end: &Letters| {
        for _ in 0..15 {
            end.try_send(0).unwrap();
            end.try_recv().unwrap();
        }
    };
    dies(ground, mailbox(ground, SHORT, 0, 0), vec![], act.after(almost))
}

fn after_dead_owner(ground: &Ground, act: Act<Letters>) -> Trial {
    let letters = mailbox(ground, SHORT, 0, 0);
    let own = letters.clone();
    let dead = Helper::start(ground.page, 2, move |log| {
        own_and_fill(&own);
        log.end(&[])
    });
    dead.ends();
    dies(ground, letters, vec![1, 2], act)
}

/// A handle to an object without a name, which this process has, too.
fn handle(ground: &Ground, sends: bool) -> Trial {
    let mailbox = Mailbox::<Value<u64>>::create(ground.segment.at("handles"), 1024).unwrap();
    let value = Value::<u64>::new(7).unwrap();
    if !sends {
        mailbox.send(value.clone()).unwrap();
    }
    let (own, there, enter) = (mailbox.clone(), value.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            match sends {
                true => mailbox.send(there.clone()).unwrap(),
                false => assert_eq!(mailbox.recv().unwrap().fetch_add(1), 7),
            }
            mark.end(&[])
        },
        move |fates| {
            let found: Vec<_> = std::iter::from_fn(|| own.try_recv().ok()).collect();
            let most = if sends { 1 } else { usize::from(fates.first.is_none()) };
            let least = usize::from(sends && fates.first.is_some());
            assert!((least..=most).contains(&found.len()), "{} of them", found.len());
            let before = value.get();
            assert!(before == 7 || !sends);
            found.iter().for_each(|same| _ = same.fetch_add(1));
            assert_eq!(value.get(), before + found.len() as u64, "another object");
            own.send(value.clone()).unwrap();
            own.recv().unwrap().set(1);
            assert_eq!(value.get(), 1);
        },
    )
}

fn revokes(ground: &Ground, act: Act<Letters>) -> Trial {
    let letters = mailbox(ground, SHORT, 0, 0);
    own_and_fill(&letters);
    dies(ground, letters, vec![1, 2], act)
}
