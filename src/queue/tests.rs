//! What a queue promises to the threads of one process; `deaths` has what it promises to several.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};

use super::*;
use crate::segment::handle::Handle;
use crate::shared::Shared;

mod bias;
mod deaths;
mod ends;
mod tries;

/// Over 64 bytes: lies in cells.
type Large = [u64; 16];

fn large(n: u64) -> Large {
    [n; 16]
}

/// A new queue that looks as if `start` messages had gone through it.
fn started_at<T: Shared>(capacity: usize, start: u64) -> Queue<T> {
    Queue::over(Handle::new(Args { start, ..Args::new(capacity) }).unwrap())
}

#[test]
fn fills_and_drains_exactly_over_the_wrap_of_positions() {
    for start in [0, (1 << 40) - 3] {
        for capacity in [1, 2, 5, 64] {
            let queue = started_at::<u64>(capacity, start);
            let (capacity, pages) = (queue.capacity() as u64, started_at::<Large>(capacity, start));
            for lap in 0..4 {
                for n in 0..capacity {
                    assert_eq!(queue.len() as u64, n);
                    queue.try_send(lap * 100 + n).unwrap();
                    pages.try_send(large(lap * 100 + n)).unwrap();
                }
                assert!(queue.is_full() && pages.is_full());
                assert_eq!(queue.try_send(7), Err(TrySendError::Full(7)));
                assert_eq!(pages.try_send(large(7)), Err(TrySendError::Full(large(7))));
                for n in 0..capacity {
                    assert_eq!(queue.try_recv(), Ok(lap * 100 + n));
                    assert_eq!(pages.try_recv(), Ok(large(lap * 100 + n)));
                }
                assert!(queue.is_empty() && pages.is_empty());
                assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
                assert_eq!(pages.try_recv(), Err(TryRecvError::Empty));
            }
        }
    }
}

#[test]
fn capacities_that_cannot_be_are_refused() {
    for capacity in [0, (1 << 32) + 1, usize::MAX, usize::MAX / 2 + 1] {
        let kind = Queue::<u64>::new(capacity).unwrap_err().kind();
        assert_eq!(kind, crate::ErrorKind::InvalidSize, "{capacity}");
        assert!(Queue::<[u64; 1 << 20]>::new(capacity).is_err());
    }
}

#[test]
fn messages_of_every_size_and_alignment_arrive_whole() {
    fn check<T: Shared + PartialEq + std::fmt::Debug>(message: T) {
        let queue = Queue::<T>::new(3).unwrap();
        for _ in 0..9 {
            queue.send(message).unwrap();
            queue.send(message).unwrap();
            assert_eq!(queue.recv(), Ok(message));
            let lease = queue.lease().unwrap();
            assert_eq!(*lease, message);
            assert!((&raw const *lease).is_aligned());
            lease.done();
        }
    }
    #[derive(Clone, Copy, PartialEq, Debug, NoUninit, CheckedBitPattern)]
    #[repr(C, align(32))]
    struct Aligned([u64; 4]);
    #[derive(Clone, Copy, PartialEq, Debug, NoUninit, CheckedBitPattern)]
    #[repr(C, align(32))]
    struct Wide([u64; 12]);
    check(());
    check(1u8);
    check([1u8; 3]);
    check(7u128);
    check(Aligned([1, 2, 3, 4]));
    check('x');
    check([7u32; 15]);
    check([5u8; 56]);
    check([5u8; 57]);
    check([5u8; 64]);
    check([5u8; 65]);
    check(Wide([1; 12]));
    check([9u16; 4097]);
}

#[test]
fn the_order_of_one_sender_is_kept_and_every_message_arrives_once() {
    const EACH: u64 = 50_000;
    for capacity in [1, 2, 64] {
        let queue = Queue::<u64>::new(capacity).unwrap();
        let seen: Vec<AtomicU64> = (0..3 * EACH).map(|_| AtomicU64::new(0)).collect();
        thread::scope(|threads| {
            let senders: Vec<_> = (0..3)
                .map(|number| {
                    let queue = &queue;
                    threads.spawn(move || {
                        (0..EACH).for_each(|n| queue.send(number * EACH + n).unwrap())
                    })
                })
                .collect();
            for _ in 0..3 {
                threads.spawn(|| {
                    let mut last = [None; 3];
                    for message in &queue {
                        let from = (message / EACH) as usize;
                        assert!(last[from].is_none_or(|last| last < message), "out of order");
                        last[from] = Some(message);
                        assert_eq!(seen[message as usize].fetch_add(1, Ordering::Relaxed), 0);
                    }
                });
            }
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            queue.close();
        });
        assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 1));
    }
}

#[test]
fn leases_copies_and_returns_of_large_and_small_deliver_each_message_once() {
    fn check<T: Shared>(message: impl Fn(u64) -> T + Sync, number: impl Fn(&T) -> u64 + Sync) {
        const EACH: u64 = 10_000;
        let queue = Queue::<T>::new(8).unwrap();
        let done: Vec<AtomicU64> = (0..2 * EACH).map(|_| AtomicU64::new(0)).collect();
        let mark = |n: u64| assert_eq!(done[n as usize].fetch_add(1, Ordering::Relaxed), 0);
        thread::scope(|threads| {
            for from in 0..2 {
                let (queue, message) = (&queue, &message);
                threads.spawn(move || {
                    (0..EACH).for_each(|n| queue.send(message(from * EACH + n)).unwrap());
                });
            }
            threads.spawn(|| queue.iter().for_each(|message| mark(number(&message))));
            for _ in 0..2 {
                threads.spawn(|| {
                    let mut count = 0;
                    while let Ok(lease) = queue.lease() {
                        count += 1;
                        if count % 5 == 0 {
                            continue; // given back
                        }
                        mark(number(&lease));
                        lease.done();
                    }
                });
            }
            while done.iter().any(|done| done.load(Ordering::Relaxed) == 0) {
                thread::sleep(Duration::from_millis(1));
            }
            queue.close();
        });
        queue.wait_done();
    }
    check(|n| n, |n| *n);
    check(large, |large| large[7]);
}

#[test]
fn a_lease_comes_back_next_and_counts_its_deliveries() {
    let queue = Queue::<u64>::new(4).unwrap();
    queue.send_all(&[1, 2]).unwrap();
    for delivery in 1..=3 {
        let lease = queue.lease().unwrap();
        assert_eq!((*lease, lease.deliveries()), (1, delivery));
    }
    assert_eq!(queue.recv(), Ok(1), "also to who receives by copy, before what is newer");
    let lease = queue.lease().unwrap();
    assert_eq!((*lease, lease.deliveries()), (2, 1));
    lease.done();
    assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn leases_stall_nobody_and_another_one_waits_when_all_are_held() {
    let queue = Queue::<u64>::new(2).unwrap();
    let mut held = Vec::new();
    let cells = loop {
        queue.send(held.len() as u64).unwrap();
        match queue.try_lease() {
            Ok(lease) => held.push(lease),
            Err(error) => {
                assert_eq!(error, TryRecvError::Empty);
                break held.len();
            }
        }
    };
    assert!(cells > queue.capacity());
    // A copy needs no cell, and the ring goes on.
    for _ in 0..10 {
        assert_eq!(queue.recv(), Ok(cells as u64));
        queue.send(cells as u64).unwrap();
    }
    let late = queue.lease_timeout(Duration::from_millis(5)).unwrap_err();
    assert_eq!(late, RecvTimeoutError::Timeout);
    // One that is done makes room for a lease that waits; one given back is itself the next.
    thread::scope(|threads| {
        let waiter = threads.spawn(|| *queue.lease().unwrap());
        held.pop().unwrap().done();
        assert_eq!(waiter.join().unwrap(), cells as u64);
    });
}

#[test]
fn a_slot_is_sent_in_its_own_time_or_never() {
    fn check<T: Shared + bytemuck::Pod + PartialEq + std::fmt::Debug>(value: T, other: T) {
        let queue = Queue::<T>::new(2).unwrap();
        let mut slow = queue.reserve().unwrap();
        *slow = value;
        for _ in 0..10 {
            queue.send(other).unwrap();
            assert_eq!(queue.recv(), Ok(other));
            *queue.reserve().unwrap() = other; // dropped: never sent
        }
        slow.send().unwrap();
        assert_eq!(queue.recv(), Ok(value));
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
        let slot = queue.reserve().unwrap();
        queue.close();
        assert_eq!(slot.send(), Err(SendError::Closed(())));
        assert_eq!(queue.reserve().unwrap_err(), SendError::Closed(()));
        assert_eq!(queue.try_reserve().unwrap_err(), TrySendError::Closed(()));
        assert_eq!(queue.try_recv(), Err(TryRecvError::Closed));
    }
    check(7u64, 8);
    check(large(7), large(8));
    check([7u128; 4], [8; 4]);
}

#[test]
fn large_messages_can_be_reserved_up_to_the_cells_there_are() {
    let queue = Queue::<[u8; 8 << 20]>::new(1).unwrap();
    let mut slots: Vec<_> = std::iter::from_fn(|| queue.try_reserve().ok()).collect();
    assert_eq!(slots.len(), 5, "the capacity, and four more of so large ones");
    let late = queue.reserve_timeout(Duration::from_millis(5)).unwrap_err();
    assert_eq!(late, SendTimeoutError::Timeout(()));
    thread::scope(|threads| {
        let waiter = threads.spawn(|| drop(queue.reserve().unwrap()));
        drop(slots.pop());
        waiter.join().unwrap();
    });
}

#[test]
fn full_and_empty_waits_end_when_they_should_and_never_early() {
    let queue = Queue::<u64>::new(1).unwrap();
    let short = Duration::from_millis(20);
    let start = Instant::now();
    assert_eq!(queue.recv_timeout(short), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= short);
    queue.send(1).unwrap();
    let start = Instant::now();
    assert_eq!(queue.send_timeout(2, short), Err(SendTimeoutError::Timeout(2)));
    assert!(start.elapsed() >= short);
    assert_eq!(queue.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(queue.send_deadline(2, Instant::now()), Err(SendTimeoutError::Timeout(2)));
    thread::scope(|threads| {
        let sender = threads.spawn(|| queue.send_timeout(2, Duration::MAX));
        assert_eq!(queue.recv(), Ok(1));
        sender.join().unwrap().unwrap();
        assert_eq!(queue.recv_timeout(Duration::MAX), Ok(2));
        let receiver = threads.spawn(|| queue.recv());
        thread::sleep(short);
        queue.send(3).unwrap();
        assert_eq!(receiver.join().unwrap(), Ok(3));
    });
}

#[test]
fn batches_arrive_in_order_and_in_one_piece() {
    let queue = Queue::<u64>::new(16).unwrap();
    thread::scope(|threads| {
        threads.spawn(|| {
            let all: Vec<u64> = (0..10_000).collect();
            all.chunks(77).for_each(|chunk| queue.send_all(chunk).unwrap());
            queue.close();
            assert_eq!(queue.send_all(&[1, 2]), Err(SendError::Closed(0)));
            assert_eq!(queue.send_all(&[]), Ok(()));
        });
        let mut all = Vec::new();
        while let Ok(count) = queue.recv_many(&mut all, 50) {
            assert!((1..=50).contains(&count));
        }
        assert_eq!(all, (0..10_000).collect::<Vec<u64>>());
        assert_eq!(queue.recv_many(&mut all, 0), Ok(0));
    });
}

#[test]
fn a_batch_that_is_cut_by_a_close_says_how_many_were_sent() {
    let queue = Queue::<u64>::new(4).unwrap();
    thread::scope(|threads| {
        let sender = threads.spawn(|| queue.send_all(&[1; 100]));
        while !queue.is_full() {
            thread::yield_now();
        }
        queue.close();
        assert_eq!(sender.join().unwrap(), Err(SendError::Closed(4)));
    });
    assert_eq!(queue.iter().count(), 4);
}

#[test]
fn a_close_wakes_all_and_loses_nothing() {
    for _ in 0..20 {
        let queue = Queue::<u64>::new(2).unwrap();
        let start = Barrier::new(5);
        let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    start.wait();
                    while queue.send(1).is_ok() {
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                });
                threads.spawn(|| {
                    start.wait();
                    while queue.recv().is_ok() {
                        received.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            start.wait();
            thread::sleep(Duration::from_millis(2));
            queue.close();
            queue.close();
        });
        assert_eq!(sent.into_inner(), received.into_inner());
    }
}

#[test]
fn closed_comes_only_after_the_last_lease_is_done() {
    let queue = Queue::<u64>::new(2).unwrap();
    queue.send(1).unwrap();
    queue.close();
    let lease = queue.lease().unwrap();
    assert_eq!(queue.try_recv(), Err(TryRecvError::Empty), "it may come back");
    thread::scope(|threads| {
        let waiter = threads.spawn(|| queue.recv());
        drop(lease);
        assert_eq!(waiter.join().unwrap(), Ok(1));
    });
    assert_eq!(queue.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn wait_done_waits_for_every_lease_and_every_message() {
    fn check<T: Shared>(message: T) {
        let queue = Queue::<T>::new(4).unwrap();
        queue.wait_done();
        queue.send(message).unwrap();
        assert!(!queue.wait_done_timeout(Duration::from_millis(1)));
        let lease = queue.lease().unwrap();
        assert!(!queue.wait_done_timeout(Duration::from_millis(1)));
        drop(lease);
        assert!(!queue.wait_done_timeout(Duration::from_millis(1)));
        thread::scope(|threads| {
            let waiter = threads.spawn(|| queue.wait_done());
            queue.lease().unwrap().done();
            waiter.join().unwrap();
        });
        queue.send(message).unwrap();
        thread::scope(|threads| {
            let waiter = threads.spawn(|| queue.wait_done());
            queue.recv().unwrap();
            waiter.join().unwrap();
        });
    }
    check(1u64);
    check(large(1));
}

#[test]
fn a_message_that_is_no_value_of_its_type_is_gone_with_its_panic() {
    #[derive(Clone, Copy, Debug, NoUninit, CheckedBitPattern)]
    #[repr(u64)]
    enum Only {
        One = 1,
    }
    let queue = Queue::<Only>::new(2).unwrap();
    for lease in [false, true] {
        queue.send(Only::One).unwrap();
        queue.handle.overwrite_slots(0xDEAD);
        queue.send(Only::One).unwrap();
        let received = std::panic::catch_unwind(|| match lease {
            true => queue.lease().map(|lease| lease.done()),
            false => queue.recv().map(|_| ()),
        });
        assert!(received.is_err());
        assert!(matches!(queue.recv(), Ok(Only::One)), "the next one is fine");
        queue.wait_done();
    }
}

#[test]
fn handles_and_guards_may_go_to_other_threads() {
    fn sent<T: Send>() {}
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static + Clone + fmt::Debug>() {}
    shared::<Queue<u64>>();
    shared::<Sender<u64>>();
    shared::<Receiver<u64>>();
    sent::<Slot<'static, u64>>();
    sent::<Lease<'static, u64>>();
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    #[derive(Clone, Copy, NoUninit, CheckedBitPattern)]
    #[repr(C)]
    struct NoDebug(u8);
    error::<SendError<NoDebug>>();
    error::<TrySendError<NoDebug>>();
    error::<SendTimeoutError<NoDebug>>();
    error::<RecvError>();
}

#[test]
fn two_handles_are_one_queue() {
    let queue: Queue<u64> = Queue::new(4).unwrap();
    let clone = queue.clone();
    queue.send(1).unwrap();
    assert_eq!((clone.len(), clone.recv()), (1, Ok(1)));
    drop(queue);
    clone.send(2).unwrap();
    assert_eq!(clone.recv(), Ok(2));
    let all: HashSet<_> = [format!("{clone:?}")].into();
    assert!(all.iter().all(|text| text.contains("0 of 4")));
}
