//! `wait_any`: over queues, mailboxes, events and children; it takes nothing, and nobody sleeps for ever.

mod children;

use std::thread;
use std::time::{Duration, Instant};

use children::{LONG, alone, fork, promptly, stop_here};
use commonhold::{Event, Mailbox, Process, Queue, Waitable, wait_any};

commonhold::test_support!();

const SOON: Duration = Duration::from_millis(20);

fn ready(all: &[&dyn Waitable]) -> Vec<usize> {
    wait_any(all, Some(Duration::ZERO))
}

#[test]
fn it_tells_all_that_are_ready_and_takes_nothing() {
    let queue = Queue::<u64>::new(4).unwrap();
    let mailbox = Mailbox::<String>::new(4096).unwrap();
    let event = Event::new().unwrap();
    let receiver = queue.receiver();
    let all: [&dyn Waitable; 4] = [&queue, &mailbox, &event, &receiver];
    assert_eq!(ready(&all), []);
    queue.send(1).unwrap();
    assert_eq!(ready(&all), [0, 3]);
    mailbox.send("one".into()).unwrap();
    event.set();
    for _ in 0..3 {
        assert_eq!(wait_any(&all, None), [0, 1, 2, 3]);
    }
    assert_eq!((queue.try_recv(), queue.len()), (Ok(1), 0));
    assert_eq!(mailbox.try_recv().unwrap(), "one");
    event.clear();
    assert_eq!(ready(&all), []);
    assert_eq!(wait_any(&[], None), [], "nothing to wait for");
}

#[test]
fn what_is_closed_is_ready_once_it_is_drained_or_not() {
    let queue = Queue::<u64>::new(4).unwrap();
    let mailbox = Mailbox::<u64>::new(64).unwrap();
    let ended = Queue::<u64>::new(4).unwrap();
    drop(ended.sender());
    assert_eq!(ready(&[&queue, &mailbox, &ended]), [2], "all senders are gone");
    queue.close();
    mailbox.close();
    assert_eq!(ready(&[&queue, &mailbox]), [0, 1]);
}

#[test]
fn a_lease_that_was_given_back_is_ready_and_one_that_is_held_is_not() {
    let queue = Queue::<u64>::new(4).unwrap();
    queue.send(1).unwrap();
    let lease = queue.lease().unwrap();
    assert_eq!(ready(&[&queue]), []);
    thread::scope(|threads| {
        let waiter = threads.spawn(|| wait_any(&[&queue], Some(LONG)));
        thread::sleep(SOON);
        drop(lease);
        assert_eq!(waiter.join().unwrap(), [0]);
    });
    assert_eq!(queue.try_recv(), Ok(1));
    assert_eq!(ready(&[&queue]), []);
}

#[test]
fn a_timeout_is_never_early() {
    let (queue, event) = (Queue::<u64>::new(4).unwrap(), Event::new().unwrap());
    let start = Instant::now();
    assert_eq!(wait_any(&[&queue, &event], Some(SOON)), []);
    assert!(start.elapsed() >= SOON);
    println!("{:?} for {SOON:?}", start.elapsed());
    assert_eq!(wait_any(&[&queue], Some(Duration::from_nanos(1))), []);
}

#[test]
fn each_kind_wakes_a_sleeper() {
    let queue = Queue::<u64>::new(4).unwrap();
    let large = Queue::<[u64; 64]>::new(4).unwrap();
    let mailbox = Mailbox::<u64>::new(64).unwrap();
    let event = Event::new().unwrap();
    let acts: [&(dyn Fn() + Sync); 4] = [
        &|| queue.send(1).unwrap(),
        &|| large.send([1; 64]).unwrap(),
        &|| mailbox.send(1).unwrap(),
        &|| {
            event.set();
            event.clear(); // it happened, for those who were waiting
        },
    ];
    for (place, act) in acts.into_iter().enumerate() {
        thread::scope(|threads| {
            let waiter =
                threads.spawn(|| wait_any(&[&queue, &large, &mailbox, &event], Some(LONG)));
            thread::sleep(SOON);
            promptly("woken", || {
                act();
                assert_eq!(waiter.join().unwrap(), [place]);
            });
        });
        let _ = (queue.try_recv(), large.try_recv(), mailbox.try_recv());
    }
}

#[test]
fn it_does_not_swallow_the_wake_of_who_receives() {
    let queue = Queue::<u64>::new(4).unwrap();
    for number in 0..50 {
        thread::scope(|threads| {
            let watcher = threads.spawn(|| wait_any(&[&queue], Some(LONG)));
            thread::sleep(Duration::from_millis(1));
            let receiver = threads.spawn(|| queue.recv());
            thread::sleep(Duration::from_millis(1));
            queue.send(number).unwrap();
            assert_eq!(receiver.join().unwrap(), Ok(number));
            // It may have been too late to see that one.
            queue.send(number).unwrap();
            assert_eq!(watcher.join().unwrap(), [0]);
            assert_eq!(queue.recv(), Ok(number));
        });
    }
}

#[test]
fn a_child_is_ready_when_it_has_ended() {
    let (go, queue) = (Event::new().unwrap(), Queue::<u64>::new(4).unwrap());
    let waits = |go: Event| go.wait();
    let children: Vec<_> = (0..2).map(|_| Process::spawn(waits, (go.clone(),)).unwrap()).collect();
    assert_eq!(ready(&[&children[0], &queue, &children[1]]), []);
    children[1].kill().unwrap();
    assert_eq!(wait_any(&[&children[0], &queue, &children[1]], Some(LONG)), [2]);
    thread::scope(|threads| {
        let waiter = threads.spawn(|| wait_any(&[&queue, &children[0]], Some(LONG)));
        thread::sleep(SOON);
        go.set();
        assert_eq!(waiter.join().unwrap(), [1]);
    });
    assert!(children[0].join().unwrap().success());
    assert_eq!(ready(&[&children[0], &children[1]]), [0, 1], "still, once they are joined");
}

#[test]
fn more_than_one_call_can_sleep_on_are_watched_as_well() {
    let queues: Vec<_> = (0..300).map(|_| Queue::<u8>::new(1).unwrap()).collect();
    let wait = |timeout| {
        let all: Vec<&dyn Waitable> = queues.iter().map(|queue| queue as &dyn Waitable).collect();
        wait_any(&all, Some(timeout))
    };
    assert_eq!(wait(SOON), []);
    for place in [0, 127, 128, 299] {
        thread::scope(|threads| {
            let waiter = threads.spawn(|| wait(LONG));
            thread::sleep(SOON);
            queues[place].send(1).unwrap();
            assert_eq!(waiter.join().unwrap(), [place]);
        });
        queues[place].recv().unwrap();
    }
}

alone! {
    fn a_message_of_another_process_wakes_it() {
        let queue = Queue::<u64>::new(4).unwrap();
        let mailbox = Mailbox::<String>::new(4096).unwrap();
        let child = fork(|| {
            assert_eq!(wait_any(&[&queue, &mailbox], Some(LONG)), [1]);
            assert_eq!(mailbox.recv().unwrap(), "go");
            queue.send(7).unwrap();
        });
        child.asleep();
        mailbox.send("go".into()).unwrap();
        assert_eq!(wait_any(&[&queue], Some(LONG)), [0]);
        assert_eq!(queue.recv(), Ok(7));
        child.succeed();
    }

    fn what_a_killed_worker_held_is_ready() {
        let queue = Queue::<u64>::new(4).unwrap();
        queue.send(1).unwrap();
        let worker = fork(|| {
            std::mem::forget(queue.lease().unwrap());
            stop_here();
        });
        worker.stopped();
        assert_eq!(wait_any(&[&queue], Some(SOON)), [], "stopped is not dead");
        worker.kill();
        promptly("found", || assert_eq!(wait_any(&[&queue], Some(LONG)), [0]));
        assert_eq!(queue.recv(), Ok(1));
    }

    fn senders_that_are_killed_leave_it_ready() {
        let queue = Queue::<u64>::new(4).unwrap();
        let sender = fork(|| {
            let _sender = queue.sender();
            stop_here();
        });
        sender.stopped();
        assert_eq!(wait_any(&[&queue], Some(SOON)), []);
        sender.kill();
        promptly("found", || assert_eq!(wait_any(&[&queue], Some(LONG)), [0]));
    }

    fn a_waiter_that_is_killed_takes_nothing_with_it() {
        let queue = Queue::<u64>::new(4).unwrap();
        let waiter = fork(|| drop(wait_any(&[&queue], None)));
        waiter.asleep();
        let receiver = fork(|| assert_eq!(queue.recv(), Ok(1)));
        receiver.asleep();
        waiter.kill();
        queue.send(1).unwrap();
        promptly("received", || receiver.succeed());
    }
}
