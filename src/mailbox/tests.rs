//! What a mailbox promises to the threads of one process; `deaths` has what it promises to several.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::children::LONG;
use crate::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};

mod deaths;

/// Bytes that say how many they are, and which.
fn numbered(number: u64, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number as usize).wrapping_mul(31).wrapping_add(at) as u8).collect()
}

/// Bytes of packing a `Vec<u8>` beside its contents.
const OVERHEAD: usize = 8;

#[test]
fn messages_of_every_length_arrive_whole_wherever_they_wrap() {
    for capacity in [9, 16, 17, 64, 100, 1000] {
        let mailbox = Mailbox::<Vec<u8>>::new(capacity).unwrap();
        let longest = capacity - OVERHEAD;
        let mut number = 0;
        for first in 0..=longest.min(70) {
            for length in [first, longest, longest - first, 0] {
                let message = numbered(number, length);
                mailbox.try_send(message.clone()).unwrap();
                assert_eq!(mailbox.try_recv().unwrap(), message, "{length} of {capacity}");
                number += 1;
            }
        }
        assert!(mailbox.is_empty());
    }
}

#[test]
fn it_fills_and_drains_in_order_over_many_laps() {
    let mailbox = Mailbox::<Vec<u8>>::new(200).unwrap();
    let (mut sent, mut received) = (0, 0);
    let length = |number: u64| (number * 7 % 41) as usize;
    for round in 0..1000 {
        while mailbox.try_send(numbered(sent, length(sent))).is_ok() {
            sent += 1;
        }
        assert_eq!(mailbox.len() as u64, sent - received);
        let keep = round % 3;
        while sent - received > keep {
            assert_eq!(mailbox.try_recv(), Ok(numbered(received, length(received))));
            received += 1;
        }
    }
    println!("{sent} messages");
}

#[test]
fn one_of_the_capacity_fits_when_it_is_empty_and_no_more() {
    for capacity in [8, 9, 15, 16, 4096] {
        let mailbox = Mailbox::<Vec<u8>>::new(capacity).unwrap();
        let longest = numbered(1, capacity - OVERHEAD);
        mailbox.try_send(longest.clone()).unwrap();
        assert_eq!(mailbox.try_send(vec![]), Err(TrySendError::Full(vec![])));
        assert_eq!(mailbox.handle.annex_pages(), 0, "it is no long one");
        assert_eq!(mailbox.try_recv(), Ok(longest));
    }
}

#[test]
fn capacities_that_cannot_be_are_refused() {
    for capacity in [0, 8 << 30, usize::MAX, usize::MAX - 7] {
        let kind = Mailbox::<String>::new(capacity).unwrap_err().kind();
        assert_eq!(kind, crate::ErrorKind::InvalidSize, "{capacity}");
    }
    let tiny = Mailbox::<u8>::new(1).unwrap();
    tiny.send(7).unwrap();
    assert_eq!(tiny.recv(), Ok(7));
}

#[test]
fn every_kind_of_message_crosses_and_an_empty_one_is_one() {
    let units = Mailbox::<()>::new(64).unwrap();
    for _ in 0..9 {
        units.try_send(()).unwrap();
    }
    assert_eq!((units.len(), units.try_send(())), (9, Err(TrySendError::Full(()))));
    assert_eq!(units.recv(), Ok(()));

    type Mixed = (String, Option<Vec<u32>>, Result<char, u8>);
    let mixed = Mailbox::<Mixed>::new(4096).unwrap();
    let message = ("grüße".to_owned(), Some(vec![1, 2, 3]), Ok('ß'));
    mixed.send(message.clone()).unwrap();
    assert_eq!(mixed.recv(), Ok(message));
}

#[test]
fn what_is_longer_than_the_capacity_crosses_in_order_and_gives_its_memory_back() {
    let mailbox = Mailbox::<Vec<u8>>::new(256).unwrap();
    let lengths = [10, 5000, 0, 100_000, 3 << 20, 200, 249, 248, 4096 - OVERHEAD, 4097];
    for (number, length) in lengths.into_iter().enumerate() {
        let message = numbered(number as u64, length);
        mailbox.send(message.clone()).unwrap();
        let is_long = length + OVERHEAD > 256;
        assert_eq!(mailbox.handle.annex_pages() > 0, is_long, "{length}");
        assert_eq!(mailbox.recv(), Ok(message));
        assert_eq!(mailbox.handle.annex_pages(), 0, "{length}");
    }
}

#[test]
fn several_long_ones_may_be_on_their_way_at_once() {
    let mailbox = Mailbox::<Vec<u8>>::new(1024).unwrap();
    let (mut sent, mut received) = (0, 0);
    let length = |number: u64| 1017 + (number * 7919 % 50_000) as usize;
    for round in 0..40 {
        for _ in 0..=round % 7 {
            mailbox.try_send(numbered(sent, length(sent))).unwrap();
            sent += 1;
        }
        for _ in 0..=round % 5 {
            if let Ok(message) = mailbox.try_recv() {
                assert_eq!(message, numbered(received, length(received)));
                received += 1;
            }
        }
    }
    while let Ok(message) = mailbox.try_recv() {
        assert_eq!(message, numbered(received, length(received)));
        received += 1;
    }
    assert_eq!((sent, mailbox.handle.annex_pages()), (received, 0));
}

#[test]
fn a_message_that_no_machine_holds_panics_and_harms_nothing() {
    let mailbox = Mailbox::<Vec<u8>>::new(64).unwrap();
    // What it says of itself is what counts: nobody has so much memory to test it with.
    assert!(mailbox.handle.could_never_send(1 << 45));
    assert!(!mailbox.handle.could_never_send(1 << 20));
    mailbox.send(vec![1]).unwrap();
    assert_eq!(mailbox.recv(), Ok(vec![1]));
}

#[test]
fn many_senders_never_interleave_and_every_message_arrives_once() {
    const EACH: u64 = 3_000;
    const SENDERS: u64 = 3;
    let mailbox = Mailbox::<(u64, Vec<u8>)>::new(700).unwrap();
    let seen: Vec<AtomicU64> = (0..SENDERS * EACH).map(|_| AtomicU64::new(0)).collect();
    let length = |number: u64| (number * 37 % 900) as usize; // some are long
    thread::scope(|threads| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|from| {
                let mailbox = &mailbox;
                threads.spawn(move || {
                    for number in from * EACH..(from + 1) * EACH {
                        mailbox.send((number, numbered(number, length(number)))).unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..3 {
            threads.spawn(|| {
                let mut last = [None; SENDERS as usize];
                while let Ok((number, bytes)) = mailbox.recv() {
                    assert_eq!(bytes, numbered(number, length(number)));
                    let from = (number / EACH) as usize;
                    assert!(last[from].is_none_or(|last| last < number), "out of order");
                    last[from] = Some(number);
                    assert_eq!(seen[number as usize].fetch_add(1, Ordering::Relaxed), 0);
                }
            });
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        mailbox.close();
    });
    assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 1));
    assert_eq!(mailbox.handle.annex_pages(), 0);
}

#[test]
fn waits_end_when_they_should_and_never_early() {
    let mailbox = Mailbox::<u64>::new(8).unwrap();
    let short = Duration::from_millis(20);
    let start = Instant::now();
    assert_eq!(mailbox.recv_timeout(short), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= short);
    mailbox.send(1).unwrap();
    let start = Instant::now();
    assert_eq!(mailbox.send_timeout(2, short), Err(SendTimeoutError::Timeout(2)));
    assert!(start.elapsed() >= short);
    assert_eq!(mailbox.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(mailbox.send_deadline(2, Instant::now()), Err(SendTimeoutError::Timeout(2)));
    thread::scope(|threads| {
        let sender = threads.spawn(|| mailbox.send_timeout(2, Duration::MAX));
        assert_eq!(mailbox.recv(), Ok(1));
        sender.join().unwrap().unwrap();
        assert_eq!(mailbox.recv_timeout(Duration::MAX), Ok(2));
        let receiver = threads.spawn(|| mailbox.recv());
        thread::sleep(short);
        mailbox.send(3).unwrap();
        assert_eq!(receiver.join().unwrap(), Ok(3));
    });
    assert_eq!(mailbox.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
}

#[test]
fn a_long_message_gets_its_room_among_short_ones_that_keep_coming() {
    let mailbox = Mailbox::<Vec<u8>>::new(4096).unwrap();
    let long = 4096 - OVERHEAD;
    let start = Instant::now();
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| while mailbox.send(vec![0; 100]).is_ok() {});
        }
        let mailbox = &mailbox;
        threads.spawn(move || {
            for _ in 0..20 {
                mailbox.send(vec![0; long]).unwrap();
            }
            mailbox.close();
        });
        let mut found = 0;
        while let Ok(message) = mailbox.recv() {
            found += u32::from(message.len() == long);
            assert!(start.elapsed() < LONG, "starved");
        }
        assert_eq!(found, 20);
    });
    println!("20 long ones took {:?}", start.elapsed());
}

#[test]
fn a_close_wakes_all_and_loses_nothing() {
    for _ in 0..20 {
        let mailbox = Mailbox::<u64>::new(32).unwrap();
        let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    while mailbox.send(1).is_ok() {
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                });
                threads.spawn(|| {
                    while mailbox.recv().is_ok() {
                        received.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            thread::sleep(Duration::from_millis(2));
            mailbox.close();
            mailbox.close();
        });
        assert_eq!(sent.into_inner(), received.into_inner());
        assert!(mailbox.is_closed());
        assert_eq!(mailbox.try_send(7), Err(TrySendError::Closed(7)));
        assert_eq!(mailbox.send(7), Err(SendError::Closed(7)));
        assert_eq!(mailbox.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(mailbox.recv(), Err(RecvError::Closed));
    }
}

#[test]
fn a_long_message_to_a_closed_mailbox_comes_back_and_takes_no_memory() {
    let mailbox = Mailbox::<Vec<u8>>::new(64).unwrap();
    mailbox.close();
    let long = numbered(1, 100_000);
    assert_eq!(mailbox.send(long.clone()), Err(SendError::Closed(long)));
    assert_eq!(mailbox.handle.annex_pages(), 0);
}

#[test]
fn a_message_that_is_none_of_its_type_is_gone_with_its_panic() {
    let mailbox = Mailbox::<String>::new(256).unwrap();
    mailbox.send("whole".into()).unwrap();
    mailbox.send("next".into()).unwrap();
    mailbox.handle.overwrite_payload(0xFF);
    for _ in 0..2 {
        assert!(std::panic::catch_unwind(|| mailbox.recv()).is_err());
    }
    assert_eq!(mailbox.try_recv(), Err(TryRecvError::Empty));
    mailbox.send("fine".into()).unwrap();
    assert_eq!(mailbox.recv().unwrap(), "fine");
}

#[test]
fn words_that_were_overwritten_lead_nowhere() {
    let random = |seed: u64| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31);
    let (mut panics, mut rounds) = (0, 0);
    for seed in 1..2000_u64 {
        let mailbox = Mailbox::<Vec<u8>>::new(128).unwrap();
        mailbox.send(numbered(seed, 40)).unwrap();
        mailbox.send(numbered(seed, 300)).unwrap();
        mailbox.handle.overwrite_words(seed as usize, random(seed) >> (seed % 64));
        for _ in 0..3 {
            rounds += 1;
            let short = Duration::from_millis(0);
            let received = std::panic::catch_unwind(|| mailbox.recv_timeout(short));
            let sent = std::panic::catch_unwind(|| mailbox.try_send(vec![1]));
            panics += u32::from(received.is_err()) + u32::from(sent.is_err());
        }
    }
    println!("{panics} panics in {rounds} rounds");
    assert!(panics > 0);
}

#[test]
fn two_handles_are_one_mailbox() {
    let mailbox: Mailbox<u64> = Mailbox::new(64).unwrap();
    let clone = mailbox.clone();
    mailbox.send(1).unwrap();
    assert_eq!((clone.len(), clone.recv()), (1, Ok(1)));
    drop(mailbox);
    clone.send(2).unwrap();
    assert_eq!(clone.recv(), Ok(2));
    assert!(format!("{clone:?}").contains("0 messages"));
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static + Clone + fmt::Debug>() {}
    struct NotSend(std::marker::PhantomData<*const ()>);
    impl Transfer for NotSend {
        fn pack(&self, _: &mut crate::transfer::Packer) -> Result<(), crate::transfer::Refused> {
            Ok(())
        }
        fn unpack(_: &mut crate::transfer::Unpacker<'_>) -> Result<Self, crate::transfer::Refused> {
            Ok(NotSend(std::marker::PhantomData))
        }
    }
    shared::<Mailbox<NotSend>>();
}

#[test]
fn what_a_message_carries_lives_until_it_was_received() {
    use std::sync::{Arc, Weak};
    thread_local! {
        static CARRIED: std::cell::RefCell<Weak<()>> = const { std::cell::RefCell::new(Weak::new()) };
    }
    struct Carrying;
    impl Transfer for Carrying {
        fn pack(&self, to: &mut crate::transfer::Packer) -> Result<(), crate::transfer::Refused> {
            let carried = Arc::new(());
            CARRIED.set(Arc::downgrade(&carried));
            to.carry(carried);
            7_u32.pack(to)
        }
        fn unpack(
            from: &mut crate::transfer::Unpacker<'_>,
        ) -> Result<Self, crate::transfer::Refused> {
            assert!(CARRIED.with_borrow(|carried| carried.upgrade().is_some()));
            assert_eq!(u32::unpack(from)?, 7);
            Ok(Carrying)
        }
    }
    let alive = || CARRIED.with_borrow(|carried| carried.upgrade().is_some());
    let mailbox = Mailbox::<Carrying>::new(64).unwrap();
    mailbox.send(Carrying).ok().unwrap();
    let first = CARRIED.with_borrow(Weak::clone);
    mailbox.send(Carrying).ok().unwrap();
    let other = mailbox.clone();
    drop(mailbox);
    assert!(first.upgrade().is_some() && alive());
    other.recv().ok().unwrap();
    assert!(first.upgrade().is_none() && alive());
    other.recv().ok().unwrap();
    assert!(!alive());
    // One that was not sent is let go of at once.
    other.close();
    assert!(other.send(Carrying).is_err());
    assert!(!alive());
}
