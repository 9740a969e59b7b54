//! The public contract of `Queue<[T]>`: slices of any length, whole and in order, between processes.

mod children;

use children::{LONG, all_succeed, alone, fork, promptly, stop_here};
use commonhold::*;
use std::thread;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);

fn bytes(number: u64, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number as usize).wrapping_mul(31).wrapping_add(at) as u8).collect()
}

#[test]
fn slices_of_every_length_arrive_whole_and_an_empty_one_is_one() {
    for capacity in [1, 7, 8, 9, 100] {
        let queue = Queue::<[u8]>::new(capacity).unwrap();
        assert_eq!(queue.capacity(), capacity);
        let mut into = Vec::new();
        for round in 0..50 {
            for length in [0, 1, capacity / 2, capacity - 1, capacity] {
                let message = bytes(round, length);
                queue.try_send(&message).unwrap();
                assert_eq!((queue.len(), queue.is_empty()), (1, false));
                assert_eq!(queue.try_recv_into(&mut into), Ok(length));
                assert_eq!(into, message);
            }
        }
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
        for late in [queue.try_send(&vec![0; capacity + 1]), queue.try_send(&vec![0; 1 << 24])] {
            assert_eq!(late, Err(TrySendSliceError::TooLarge));
        }
        assert_eq!(queue.send(&vec![0; capacity + 1]), Err(SendSliceError::TooLarge));
    }
}

#[test]
fn elements_of_every_size_cross_as_what_they_are() {
    let wide = Queue::<[u128]>::new(64).unwrap();
    wide.send(&[1, u128::MAX]).unwrap();
    assert_eq!(wide.recv().unwrap(), [1, u128::MAX]);
    assert_eq!(wide.try_send(&[0; 5]), Err(TrySendSliceError::TooLarge), "80 bytes");
    let odd = Queue::<[[u8; 3]]>::new(64).unwrap();
    odd.send(&[[1, 2, 3], [4, 5, 6]]).unwrap();
    assert_eq!(odd.recv().unwrap(), [[1, 2, 3], [4, 5, 6]]);
    let flags = Queue::<[bool]>::new(64).unwrap();
    flags.send(&[true, false]).unwrap();
    assert_eq!(flags.recv().unwrap(), [true, false]);
    let letters = Queue::<[char]>::new(64).unwrap();
    letters.send(&['ß', 'x']).unwrap();
    assert_eq!(letters.recv().unwrap(), ['ß', 'x']);
}

#[test]
fn bytes_that_are_no_elements_panic_and_are_gone() {
    let name = format!("slices-mixed-{}", std::process::id());
    mod one {
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Debug,
            commonhold::bytemuck::NoUninit,
            commonhold::bytemuck::CheckedBitPattern,
        )]
        #[repr(u8)]
        pub enum Level {
            Low = 1,
            High = 9,
        }
    }
    mod other {
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Debug,
            commonhold::bytemuck::NoUninit,
            commonhold::bytemuck::CheckedBitPattern,
        )]
        #[repr(u8)]
        pub enum Level {
            Low = 1,
        }
    }
    let ours = Queue::<[one::Level]>::create(&name, 64).unwrap();
    let theirs = Queue::<[other::Level]>::open(&name).unwrap();
    ours.send(&[one::Level::Low, one::Level::High]).unwrap();
    ours.send(&[one::Level::Low]).unwrap();
    let panic = std::panic::catch_unwind(|| theirs.recv()).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("Queue<[Level]>"), "{text}");
    assert_eq!(theirs.recv().unwrap(), [other::Level::Low]);
}

#[test]
fn a_queue_of_slices_is_not_one_of_elements() {
    let name = format!("slices-types-{}", std::process::id());
    let _queue = Queue::<[u8]>::create(&name, 64).unwrap();
    for error in [
        Queue::<u8>::open(&name).unwrap_err(),
        Queue::<[i8]>::open(&name).unwrap_err(),
        Mailbox::<Vec<u8>>::open(&name).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::TypeMismatch);
        assert!(error.to_string().contains("Queue<[u8]>"), "{error}");
    }
    let infers: Queue<[u8]> = Queue::open(&name).unwrap();
    assert_eq!(infers.capacity(), 64);
    let none = Queue::<[u8]>::new(0).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::InvalidSize);
}

#[test]
fn waits_are_never_early_and_end_when_they_should() {
    let queue = Queue::<[u8]>::new(8).unwrap();
    let start = Instant::now();
    assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert_eq!(queue.recv_into_timeout(&mut vec![], SHORT), Err(RecvTimeoutError::Timeout));
    queue.send(&[1; 8]).unwrap();
    assert!(queue.is_full());
    let full = queue.send_timeout(&[2; 8], SHORT);
    assert_eq!(full, Err(SendSliceTimeoutError::Timeout));
    assert!(start.elapsed() >= 3 * SHORT);
    thread::scope(|threads| {
        let sender = threads.spawn(|| queue.send_deadline(&[2; 8], Instant::now() + LONG));
        assert_eq!(queue.recv().unwrap(), [1; 8]);
        sender.join().unwrap().unwrap();
        assert_eq!(queue.recv_deadline(Instant::now()).unwrap(), [2; 8]);
    });
    queue.close();
    assert_eq!(queue.send(&[1]), Err(SendSliceError::Closed));
    assert_eq!(queue.try_send(&[1]), Err(TrySendSliceError::Closed));
    assert_eq!(queue.send_timeout(&[1], SHORT), Err(SendSliceTimeoutError::Closed));
    assert_eq!(queue.recv(), Err(RecvError::Closed));
    assert_eq!(queue.try_recv_into(&mut vec![]), Err(TryRecvError::Closed));
}

#[test]
fn counted_ends_close_it() {
    let queue = Queue::<[u8]>::new(64).unwrap();
    let (sender, receiver) = (queue.sender(), queue.receiver());
    sender.send(b"one").unwrap();
    drop(sender);
    assert_eq!(receiver.recv().unwrap(), b"one");
    assert_eq!(receiver.recv(), Err(RecvError::Closed));
    assert_eq!(wait_any(&[&queue, &receiver], None), [0, 1], "it would say so at once");
    drop(receiver);
    assert_eq!(queue.sender().send(b"two"), Err(SendSliceError::Closed));
    thread::scope(|threads| {
        let (sender, receiver) = (queue.sender(), queue.receiver());
        let waiting = threads.spawn(move || receiver.recv());
        thread::sleep(SHORT);
        drop(sender);
        assert_eq!(waiting.join().unwrap(), Err(RecvError::Closed));
    });
}

alone! {
    fn many_processes_never_interleave_and_lose_nothing() {
        const EACH: u64 = 4_000;
        let queue = Queue::<[u8]>::new(1000).unwrap();
        let out = Queue::<u64>::new(1 << 14).unwrap();
        let length = |number: u64| 8 + (number * 37 % 990) as usize;
        let message = |number: u64| {
            let mut message = bytes(number, length(number));
            message[..8].copy_from_slice(&number.to_le_bytes());
            message
        };
        let receivers: Vec<_> = (0..3).map(|_| fork(|| {
            let mut found = Vec::new();
            let mut last = [None; 3];
            while queue.recv_into(&mut found).is_ok() {
                let number = u64::from_le_bytes(found[..8].try_into().unwrap());
                assert_eq!(found, message(number));
                let last = &mut last[(number / EACH) as usize];
                assert!(last.is_none_or(|last| last < number), "out of order");
                *last = Some(number);
                out.send(number).unwrap();
            }
        })).collect();
        let senders: Vec<_> = (0..3).map(|from| {
            let queue = &queue;
            fork(move || for number in from * EACH..(from + 1) * EACH {
                queue.send(&message(number)).unwrap();
            })
        }).collect();
        all_succeed(senders);
        queue.close();
        all_succeed(receivers);
        let mut all: Vec<u64> = std::iter::from_fn(|| out.try_recv().ok()).collect();
        all.sort();
        assert_eq!(all, (0..3 * EACH).collect::<Vec<_>>());
    }

    fn ends_that_are_killed_are_gone() {
        let queue = Queue::<[u8]>::new(64).unwrap();
        let sender = fork(|| {
            queue.sender().send(b"last").unwrap();
            let _sender = queue.sender();
            stop_here();
        });
        sender.stopped();
        assert_eq!(queue.recv().unwrap(), b"last");
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout), "stopped is not dead");
        sender.kill();
        promptly("closed", || assert_eq!(queue.recv(), Err(RecvError::Closed)));
        let receiver = fork(|| {
            let _receiver = queue.receiver();
            stop_here();
        });
        receiver.stopped();
        queue.send(&[0; 64]).unwrap();
        receiver.kill();
        promptly("closed", || assert_eq!(queue.send(&[1; 64]), Err(SendSliceError::Closed)));
    }

    fn a_named_one_is_found_by_others() {
        let queue = Queue::<[u32]>::create("slices", 4096).unwrap();
        let child = fork(|| {
            let queue = Queue::<[u32]>::open("slices").unwrap();
            while let Ok(numbers) = queue.recv() {
                if numbers.is_empty() {
                    queue.send(&[7]).unwrap();
                    return;
                }
            }
        });
        queue.send(&[1, 2, 3]).unwrap();
        queue.send(&[]).unwrap();
        child.succeed();
        assert_eq!(queue.recv().unwrap(), [7]);
    }
}
