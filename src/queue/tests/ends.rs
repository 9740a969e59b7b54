//! Counted senders and receivers.

use super::*;
use crate::Event;
use crate::children::{alone, fork, stop_here, wait_until};
use crate::sys::hook;

#[test]
fn the_last_sender_closes_after_what_it_sent() {
    let queue = Queue::<u64>::new(4).unwrap();
    assert_eq!(queue.try_recv(), Err(TryRecvError::Empty), "there was never a sender");
    let first = queue.sender();
    let second = first.clone();
    first.send(1).unwrap();
    second.send(2).unwrap();
    drop(first);
    assert!(!queue.is_closed());
    drop(second);
    assert!(queue.is_closed());
    assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(queue.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(queue.lease().unwrap_err(), RecvError::Closed);

    let third = queue.sender();
    assert_eq!(queue.try_recv(), Err(TryRecvError::Empty), "until a new one comes");
    third.send(3).unwrap();
    assert_eq!(queue.recv(), Ok(3));
    // A queue's own handle is not counted, and may still send.
    drop(third);
    queue.send(4).unwrap();
    assert_eq!(queue.recv(), Ok(4));
    assert_eq!(queue.recv(), Err(RecvError::Closed));
}

#[test]
fn the_last_receiver_closes_to_senders() {
    let queue = Queue::<u64>::new(1).unwrap();
    let receiver = queue.receiver();
    let sender = queue.sender();
    sender.send(1).unwrap();
    thread::scope(|threads| {
        let waiting = threads.spawn(|| sender.send(2));
        thread::sleep(Duration::from_millis(10));
        drop(receiver);
        assert_eq!(waiting.join().unwrap(), Err(SendError::Closed(2)));
    });
    assert!(sender.is_closed());
    assert_eq!(sender.try_send(2), Err(TrySendError::Closed(2)));
    assert_eq!(sender.send_all(&[2]), Err(SendError::Closed(0)));
    assert_eq!(sender.try_reserve().unwrap_err(), TrySendError::Closed(()));
    let receiver = queue.receiver();
    assert_eq!(receiver.recv(), Ok(1), "what was sent is kept");
    sender.send(3).unwrap();
    assert_eq!(receiver.recv(), Ok(3));
}

#[test]
fn a_receiver_that_waits_is_woken_by_the_last_senders_end() {
    let queue = Queue::<u64>::new(1).unwrap();
    let (sender, receiver) = (queue.sender(), queue.receiver());
    thread::scope(|threads| {
        let waiting = threads.spawn(|| receiver.recv());
        thread::sleep(Duration::from_millis(10));
        drop(sender);
        assert_eq!(waiting.join().unwrap(), Err(RecvError::Closed));
    });
}

alone! {
    fn senders_that_die_are_gone_and_what_they_sent_is_not() {
        let queue = Queue::<u64>::new(8).unwrap();
        let receiver = queue.receiver();
        let child = fork(|| {
            let sender = queue.sender();
            sender.send(1).unwrap();
            stop_here();
        });
        child.stopped();
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "stopped is not dead");
        child.kill();
        assert_eq!(receiver.recv(), Err(RecvError::Closed));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }

    fn receivers_that_die_are_gone() {
        let queue = Queue::<u64>::new(1).unwrap();
        let child = fork(|| {
            let _receiver = queue.receiver();
            stop_here();
        });
        child.stopped();
        queue.send(1).unwrap();
        assert_eq!(queue.try_send(2), Err(TrySendError::Full(2)));
        child.kill();
        assert_eq!(queue.send(2), Err(SendError::Closed(2)));
    }

    fn while_one_sender_follows_the_other_there_is_always_one() {
        let queue = Queue::<u64>::new(8).unwrap();
        let (entered, left) = (Event::new().unwrap(), Event::new().unwrap());
        assert!(!queue.is_closed(), "this process has the first row");
        let first = fork(|| {
            let sender = queue.sender();
            stop_here();
            entered.wait();
            drop(sender);
            left.set();
        });
        first.stopped();
        // Has looked at the first row, where nobody is, and not at the next one.
        let receiver = hook::stopped_at("queue.ends.looked", || {
            assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
        });
        first.resume();
        let _second = queue.sender();
        entered.set();
        left.wait();
        first.succeed();
        receiver.resume();
        receiver.succeed();
    }

    fn an_inherited_sender_is_its_parents_until_the_child_uses_it() {
        let queue = Queue::<u64>::new(8).unwrap();
        let mut sender = Some(queue.sender());
        // Dropped unused in the child: the parent's count stands.
        fork(|| drop(sender.take())).succeed();
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
        // Used in the child: counted there, beyond the parent's own.
        let child = fork(|| {
            let sender = sender.as_ref().unwrap();
            sender.send(1).unwrap();
            stop_here();
        });
        child.stopped();
        drop(sender);
        assert_eq!(queue.recv(), Ok(1));
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty), "the child's is left");
        child.resume();
        child.succeed();
        wait_until("the child's end to count", || {
            queue.try_recv() == Err(TryRecvError::Closed)
        });
    }
}
