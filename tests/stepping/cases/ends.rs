//! Closing, and ends that are counted.

use commonhold::{Mailbox, Queue, RecvError, TryRecvError, TrySendError};
use std::cell::RefCell;
use std::rc::Rc;

use super::queue::{CAPACITY, queue};
use crate::case::{Case, Ground, Trial};
use crate::helper::{BOUND, Helper};
use crate::victim::Mark;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Queue<u64>::close", "two messages", |ground| close(ground, |_| {})),
        Case::new("Queue<u64>::close", "owner", |ground| close(ground, crate::carried::own_both)),
        Case::new("Queue<u64>::close", "a receiver sleeps", close_with_sleeper),
        Case::new("Queue<u64>::sender", "first", sender),
        Case::new("Queue<u64>::receiver", "first", receiver),
        Case::new("Sender::drop", "last; a receiver sleeps", drop_sender),
        Case::new("Receiver::drop", "last; a sender sleeps", drop_receiver),
        Case::new("Mailbox::close", "two messages", close_mailbox),
    ]
}

/// It is open or closed, to everybody alike.
fn one_of_both(queue: &Queue<u64>, must: bool) {
    let closed = queue.is_closed();
    assert!(closed || !must);
    match queue.try_send(3) {
        Ok(()) => assert!(!closed),
        Err(error) => assert!(closed && matches!(error, TrySendError::Closed(3)), "{error}"),
    }
    let sent = if closed { 2 } else { 3 };
    for number in 1..=sent {
        assert_eq!(queue.try_recv(), Ok(number));
    }
    let at_end = if closed { TryRecvError::Closed } else { TryRecvError::Empty };
    assert_eq!(queue.try_recv(), Err(at_end));
    queue.close();
    assert_eq!(queue.recv(), Err(RecvError::Closed));
    assert!(queue.try_send(4).is_err());
}

fn close(ground: &Ground, prepare: fn(&Queue<u64>)) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let (own, enter) = (queue.clone(), ground.entrance());
    let (other, enter_too) = (queue.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            let own = own.clone();
            prepare(&own);
            own.send(1).unwrap();
            own.send(2).unwrap();
            mark.begin();
            own.close();
            mark.end(&[])
        },
        move |fates| {
            let closed = fates.first.is_some() || matches!(fates.second, Some((_, Some(_))));
            one_of_both(&queue, closed);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        other.close();
        mark.end(&[])
    })
}

fn close_with_sleeper(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let (own, enter, page) = (queue.clone(), ground.entrance(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let (bed, other) = (asleep.clone(), queue.clone());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            own.close();
            mark.end(&[])
        },
        move |_| {
            if !queue.is_closed() {
                queue.close();
            }
            let asleep: Helper = asleep.take().expect("somebody sleeps");
            assert_eq!(asleep.ends(), [1], "it waited in vain");
        },
    )
    .once_it_stands(move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let end = other.recv();
            log.end(&[u64::from(end == Err(RecvError::Closed))])
        }));
    })
}

/// The first sender counts, or does not; and does not any more once it died.
fn sender(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 1);
    let (own, enter) = (queue.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let sender = own.sender();
            std::mem::forget(sender);
            mark.end(&[])
        },
        move |fates| {
            assert_eq!(queue.try_recv(), Ok(1));
            let end = queue.recv_timeout(std::time::Duration::from_millis(1));
            let closed = matches!(end, Err(commonhold::RecvTimeoutError::Closed));
            assert!(closed || fates.first.is_none(), "who died still counts as a sender: {end:?}");
            let again = queue.sender();
            assert!(!queue.is_closed());
            again.send(5).unwrap();
            assert_eq!(queue.recv(), Ok(5));
            drop(again);
            assert_eq!(queue.recv(), Err(RecvError::Closed));
        },
    )
}

/// The same of receivers.
fn receiver(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, CAPACITY as u64);
    let (own, enter) = (queue.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            std::mem::forget(own.receiver());
            mark.end(&[])
        },
        move |fates| {
            let end = queue.send_timeout(9, std::time::Duration::from_millis(1));
            let closed = matches!(end, Err(commonhold::SendTimeoutError::Closed(9)));
            assert!(
                closed || fates.first.is_none(),
                "who died still counts as a receiver: {end:?}"
            );
            let again = queue.receiver();
            assert_eq!(again.recv(), Ok(1));
            assert!(queue.send(9).is_ok());
            drop(again);
            assert!(queue.send(10).is_err());
        },
    )
}

/// The last receiver goes, or dies in going: the same to who waits for room.
fn drop_receiver(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, CAPACITY as u64);
    let (own, enter, page) = (queue.clone(), ground.entrance(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let (bed, other) = (asleep.clone(), queue.clone());
    Trial::new(
        move |mark| {
            enter();
            let receiver = own.receiver();
            mark.begin();
            drop(receiver);
            mark.end(&[])
        },
        move |_| {
            let asleep: Helper = asleep.take().expect("somebody sleeps");
            assert_eq!(asleep.ends(), [1], "it waited in vain");
        },
    )
    .once_it_stands(move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let end = other.send_timeout(9, BOUND);
            let closed = matches!(end, Err(commonhold::SendTimeoutError::Closed(9)));
            log.end(&[u64::from(closed)])
        }));
    })
}

/// The last sender goes, or dies in going: the same to who waits.
fn drop_sender(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let (own, enter, page) = (queue.clone(), ground.entrance(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let (bed, other) = (asleep.clone(), queue.clone());
    Trial::new(
        move |mark| {
            enter();
            let sender = own.sender();
            mark.begin();
            drop(sender);
            mark.end(&[])
        },
        move |_| {
            let asleep: Helper = asleep.take().expect("somebody sleeps");
            assert_eq!(asleep.ends(), [1], "it waited in vain");
            assert!(queue.is_closed());
        },
    )
    .once_it_stands(move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let end = other.recv_timeout(BOUND);
            let closed = matches!(end, Err(commonhold::RecvTimeoutError::Closed));
            log.end(&[u64::from(closed)])
        }));
    })
}

fn close_mailbox(ground: &Ground) -> Trial {
    let mailbox = Mailbox::<u64>::create(ground.segment.at("mailbox"), 256).unwrap();
    mailbox.send(1).unwrap();
    mailbox.send(2).unwrap();
    let (own, enter) = (mailbox.clone(), ground.entrance());
    let (other, enter_too) = (mailbox.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            own.close();
            mark.end(&[])
        },
        move |fates| {
            let closed = mailbox.is_closed();
            assert!(closed || fates.first.is_none());
            assert_eq!(mailbox.try_send(3).is_err(), closed);
            for number in 1..=if closed { 2 } else { 3 } {
                assert_eq!(mailbox.try_recv().unwrap(), number);
            }
            mailbox.close();
            assert!(matches!(mailbox.recv(), Err(RecvError::Closed)));
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        other.close();
        mark.end(&[])
    })
}
