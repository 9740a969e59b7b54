//! Processes that are stopped, and killed, at every named point inside an operation on a queue.

use super::*;
use crate::children::{Child, alone, fork, stop_here};
use crate::raw::hook::{arm, arm_nth};

/// What one process does while it is stopped and killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    Send,
    Recv,
    Lease,
    Done,
    GiveBack,
}

/// The points that an act passes, and whether the act counts once the point is passed.
const SMALL: &[(Act, &str, bool)] = &[
    (Act::Send, "queue.send.before_claim", false),
    (Act::Send, "queue.send.claimed", false),
    (Act::Send, "queue.send.before_commit", false),
    (Act::Send, "queue.send.committed", true),
    (Act::Recv, "queue.recv.before_claim", false),
    (Act::Recv, "queue.recv.claimed", false),
    (Act::Recv, "queue.recv.before_release", false),
    (Act::Recv, "queue.recv.released", true),
    (Act::Lease, "queue.recv.before_claim", false),
    (Act::Lease, "queue.recv.claimed", false),
    (Act::Lease, "queue.lease.copied", false),
    (Act::Lease, "queue.cell.before_taking", false),
    (Act::Lease, "queue.cell.taking", false),
    (Act::Lease, "queue.recv.released", false),
    (Act::Lease, "queue.cell.before_leased", false),
    (Act::Lease, "queue.cell.leased", false),
    (Act::Done, "queue.cell.before_put", false),
    (Act::GiveBack, "queue.cell.before_give_back", false),
    (Act::GiveBack, "queue.cell.given_back", false),
];

const LARGE: &[(Act, &str, bool)] = &[
    (Act::Send, "queue.reserved", false),
    (Act::Send, "queue.send.claimed", false),
    (Act::Send, "queue.cell.before_queued", false),
    (Act::Send, "queue.cell.queued", false),
    (Act::Send, "queue.send.before_commit", false),
    (Act::Send, "queue.send.committed", true),
    (Act::Recv, "queue.recv.claimed", false),
    (Act::Recv, "queue.cell.before_taking", false),
    (Act::Recv, "queue.cell.taking", false),
    (Act::Recv, "queue.recv.released", false),
    (Act::Recv, "queue.cell.leased", false),
    (Act::Recv, "queue.cell.before_put", false),
    (Act::Lease, "queue.recv.claimed", false),
    (Act::Lease, "queue.cell.taking", false),
    (Act::Lease, "queue.recv.released", false),
    (Act::Lease, "queue.cell.leased", false),
    (Act::Done, "queue.cell.before_put", false),
    (Act::GiveBack, "queue.cell.before_give_back", false),
    (Act::GiveBack, "queue.cell.given_back", false),
];

pub(super) fn perform<T: Shared>(queue: &Queue<T>, act: Act, message: T) {
    match act {
        Act::Send => queue.send(message).unwrap(),
        Act::Recv => {
            queue.recv().unwrap();
        }
        Act::Lease => std::mem::forget(queue.lease().unwrap()),
        Act::Done => queue.lease().unwrap().done(),
        Act::GiveBack => drop(queue.lease().unwrap()),
    }
}

/// Everything that is in the queue, without waiting.
fn rest<T: Shared>(queue: &Queue<T>, number: impl Fn(&T) -> u64) -> Vec<u64> {
    let late = Duration::from_millis(80);
    let mut all = Vec::new();
    while let Ok(message) = queue.recv_timeout(late) {
        all.push(number(&message));
    }
    all
}

/// Kills a process at each point, and looks at what the others find.
fn killed_at_each_point<T: Shared>(
    points: &[(Act, &'static str, bool)],
    message: impl Fn(u64) -> T,
    number: impl Fn(&T) -> u64 + Copy,
) {
    // The larger one is at the last position before they begin anew.
    for (capacity, start) in [(1, 0), (4, (1 << 40) - 1)] {
        for &(act, point, counts) in points {
            let queue = started_at::<T>(capacity, start);
            if act != Act::Send {
                queue.send(message(1)).unwrap();
            }
            let child = fork(|| {
                arm(point);
                perform(&queue, act, message(2));
                panic!("{point} was not reached by {act:?}");
            });
            child.stopped();
            child.kill();
            let left = if act == Act::Send {
                // Others go on at once, and what was committed comes first.
                queue.send_timeout(message(3), Duration::from_secs(10)).ok();
                let expected: &[u64] = match (counts, capacity) {
                    (true, 1) => &[2],
                    (true, _) => &[2, 3],
                    (false, _) => &[3],
                };
                (rest(&queue, number), expected.to_vec())
            } else {
                let expected = if counts { vec![] } else { vec![1] };
                (rest(&queue, number), expected)
            };
            assert_eq!(left.0, left.1, "{act:?} at {point}, capacity {capacity}");
            assert!(queue.wait_done_timeout(Duration::from_secs(10)), "{act:?} at {point}");
            // And it is as good as new.
            for n in 10..30 {
                queue.send_timeout(message(n), Duration::from_secs(10)).unwrap();
                queue.lease_timeout(Duration::from_secs(10)).unwrap().done();
            }
            queue.close();
            assert_eq!(queue.recv().err(), Some(RecvError::Closed));
        }
    }
}

/// A process that is stopped in the middle of an operation, and what others received meanwhile.
struct Stopped<T: Shared> {
    act: Act,
    point: &'static str,
    queue: Queue<T>,
    child: Child,
    early: Vec<u64>,
}

/// Stops a process at each point, lets the others work for 3 seconds, and lets it go on.
fn stopped_at_each_point<T: Shared>(
    points: &[(Act, &'static str, bool)],
    message: impl Fn(u64) -> T,
    number: impl Fn(&T) -> u64 + Copy,
) {
    let scenes: Vec<Stopped<T>> = points
        .iter()
        .map(|&(act, point, _)| {
            let queue = Queue::<T>::new(4).unwrap();
            if act != Act::Send {
                queue.send(message(1)).unwrap();
            }
            let child = fork(|| {
                arm(point);
                perform(&queue, act, message(2));
                if act == Act::Lease {
                    stop_here();
                }
            });
            child.stopped();
            queue.send(message(3)).unwrap();
            let early = rest(&queue, number);
            Stopped { act, point, queue, child, early }
        })
        .collect();
    // A stopped process is not taken for dead, however long the others look.
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for Stopped { act, point, queue, .. } in &scenes {
            assert!(rest(queue, number).is_empty(), "robbed: {act:?} at {point}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    for scene in scenes {
        goes_on(scene, &message, number);
    }
}

/// Lets a stopped process go on: everything was received once, by it or by others.
fn goes_on<T: Shared>(
    scene: Stopped<T>,
    message: impl Fn(u64) -> T,
    number: impl Fn(&T) -> u64 + Copy,
) {
    let Stopped { act, point, queue, child, early } = scene;
    queue.send(message(4)).unwrap();
    child.resume();
    if act == Act::Lease {
        child.stopped();
        child.kill();
    } else {
        child.succeed();
    }
    let mut all = early;
    all.extend(rest(&queue, number));
    all.sort();
    let complete: &[u64] = if act == Act::Send { &[2, 3, 4] } else { &[1, 3, 4] };
    if matches!(act, Act::Recv | Act::Done) {
        // The child got one; which, depends on where it was stopped.
        let missing: Vec<_> = complete.iter().filter(|n| !all.contains(n)).collect();
        assert_eq!((missing.len(), all.len()), (1, 2), "{act:?} at {point}: {all:?}");
    } else {
        assert_eq!(all, complete, "{act:?} at {point}");
    }
    assert!(queue.wait_done_timeout(Duration::from_secs(10)), "{act:?} at {point}");
}

/// The points inside recovery, and what leads there.
#[derive(Clone, Copy, Debug)]
enum Wreck {
    /// A producer died between claim and commit; another one sent after it, or did not.
    Sender { followed: bool },
    /// A consumer died between claim and release, of the newest message, or of one before.
    Receiver { followed: bool },
    /// A consumer died with a copy in a cell.
    Copy,
    /// A consumer died with a lease.
    Lease,
}

const RECOVERY: &[(Wreck, &str)] = &[
    (Wreck::Sender { followed: false }, "queue.abandoned"),
    (Wreck::Sender { followed: false }, "queue.skip.before_head"),
    (Wreck::Sender { followed: false }, "queue.skip.before_free"),
    (Wreck::Sender { followed: true }, "queue.abandoned"),
    (Wreck::Sender { followed: true }, "queue.skip.before_head"),
    (Wreck::Sender { followed: true }, "queue.skip.before_free"),
    (Wreck::Receiver { followed: false }, "queue.adopt.before_newest"),
    (Wreck::Receiver { followed: false }, "queue.adopted"),
    (Wreck::Receiver { followed: true }, "queue.adopt.before_orphan"),
    (Wreck::Receiver { followed: true }, "queue.adopted"),
    (Wreck::Copy, "queue.adopted"),
    (Wreck::Lease, "queue.cell.before_adopt"),
    (Wreck::Lease, "queue.cell.adopted"),
];

fn wreck<T: Shared>(queue: &Queue<T>, wreck: Wreck, message: impl Fn(u64) -> T) {
    let (point, act) = match wreck {
        Wreck::Sender { .. } => ("queue.send.claimed", Act::Send),
        Wreck::Receiver { .. } => ("queue.recv.claimed", Act::Recv),
        Wreck::Copy => ("queue.cell.taking", Act::Lease),
        Wreck::Lease => ("queue.cell.leased", Act::Lease),
    };
    let is_sender = matches!(wreck, Wreck::Sender { .. });
    if !is_sender {
        queue.send(message(1)).unwrap();
    }
    let child = fork(|| {
        arm(point);
        perform(queue, act, message(9));
    });
    child.stopped();
    match wreck {
        Wreck::Sender { followed: true } => queue.send(message(2)).unwrap(),
        Wreck::Receiver { followed: true } => {
            queue.send(message(2)).unwrap();
            queue.recv().unwrap();
        }
        _ => {}
    }
    child.kill();
}

/// The first recoverer dies at the point, too; or is stopped there while a second one recovers.
fn recovery_is_resumed<T: Shared>(message: impl Fn(u64) -> T, number: impl Fn(&T) -> u64 + Copy) {
    for stopped in [false, true] {
        for &(what, point) in RECOVERY {
            let queue = Queue::<T>::new(4).unwrap();
            wreck(&queue, what, &message);
            let first = fork(|| {
                arm(point);
                let _ = queue.recv_timeout(Duration::from_secs(10));
            });
            first.stopped();
            let first = match stopped {
                true => Some(first),
                false => {
                    first.kill();
                    None
                }
            };
            queue.send(message(5)).unwrap();
            let mut all = rest(&queue, number);
            if let Some(first) = first {
                // Stopped, it may hold one; killed, it gives it back.
                first.kill();
                all.extend(rest(&queue, number));
            }
            all.sort();
            let expected: &[u64] = match what {
                Wreck::Sender { followed: true } => &[2, 5],
                Wreck::Sender { .. } => &[5],
                _ => &[1, 5],
            };
            assert_eq!(all, expected, "{what:?} at {point}, stopped: {stopped}");
            assert!(queue.wait_done_timeout(Duration::from_secs(10)), "{what:?} at {point}");
            for n in 10..30 {
                queue.send_timeout(message(n), Duration::from_secs(10)).unwrap();
                assert_eq!(queue.recv().map(|message| number(&message)), Ok(n));
            }
        }
    }
}

alone! {
    fn a_process_killed_at_any_point_with_a_small_message_stops_nobody() {
        killed_at_each_point(SMALL, |n| n, |n| *n);
    }

    fn a_process_killed_at_any_point_with_a_large_message_stops_nobody() {
        killed_at_each_point(LARGE, large, |large| large[9]);
    }

    fn a_process_stopped_at_any_point_with_a_small_message_loses_nothing() {
        stopped_at_each_point(SMALL, |n| n, |n| *n);
    }

    fn a_process_stopped_at_any_point_with_a_large_message_loses_nothing() {
        stopped_at_each_point(LARGE, large, |large| large[9]);
    }

    fn recovery_of_small_messages_may_itself_die_or_stop_at_any_point() {
        recovery_is_resumed(|n| n, |n| *n);
    }

    fn recovery_of_large_messages_may_itself_die_or_stop_at_any_point() {
        recovery_is_resumed(large, |large| large[9]);
    }

    fn who_dies_before_its_record_or_after_leaves_nothing_to_wait_for() {
        // Two producers: the second dies while it records the first, which is stopped.
        let queue = Queue::<u64>::new(4).unwrap();
        let first = fork(|| {
            arm("queue.send.claimed");
            queue.send(1).unwrap();
        });
        first.stopped();
        for point in ["queue.before_record", "queue.send.before_claim"] {
            let second = fork(|| {
                arm(point);
                queue.send(2).unwrap();
            });
            second.stopped();
            second.kill();
        }
        queue.send(3).unwrap();
        first.resume();
        first.succeed();
        assert_eq!(rest(&queue, |n| *n), [1, 3]);
    }

    fn a_closer_may_die_or_stop_before_the_close() {
        for kill in [false, true] {
            let queue = Queue::<u64>::new(4).unwrap();
            let producer = fork(|| {
                arm("queue.send.claimed");
                let _ = queue.send(1);
            });
            producer.stopped();
            let closer = fork(|| {
                arm("queue.close.recorded");
                queue.close();
            });
            closer.stopped();
            queue.send(2).unwrap(); // tail moved on under the closer
            assert!(!queue.is_closed());
            if kill {
                closer.kill();
                queue.close();
            } else {
                closer.resume();
                closer.succeed();
            }
            assert_eq!(queue.send(3), Err(SendError::Closed(3)));
            assert_eq!(queue.try_recv(), Err(TryRecvError::Empty), "one may still commit");
            producer.resume();
            producer.succeed();
            assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2]);
        }
    }

    fn a_producer_killed_after_the_close_is_not_waited_for() {
        for capacity in [1, 4] {
            let queue = Queue::<u64>::new(capacity).unwrap();
            let producer = fork(|| {
                arm("queue.send.claimed");
                let _ = queue.send(1);
            });
            producer.stopped();
            queue.close();
            assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
            producer.kill();
            assert_eq!(queue.recv(), Err(RecvError::Closed));
        }
    }

    fn waiters_learn_of_deaths_by_themselves() {
        let queue = Queue::<u64>::new(1).unwrap();
        queue.send(1).unwrap();
        let holder = fork(|| {
            arm("queue.recv.claimed");
            let _ = queue.recv();
        });
        holder.stopped();
        let waiter = fork(|| assert_eq!(queue.recv(), Ok(1)));
        std::thread::sleep(Duration::from_millis(100));
        assert!(waiter.is_running());
        let killed = Instant::now();
        holder.kill();
        waiter.succeed();
        println!("received {:?} after the kill", killed.elapsed());
    }

    /// A copy that a dead consumer had begun must be gone before its message is received from the
    /// ring, also by who is not due to look at the cells.
    fn an_adopted_message_is_not_delivered_again_from_a_dead_copy() {
        let queue = Queue::<u64>::new(4).unwrap();
        queue.send(1).unwrap();
        let child = fork(|| {
            arm("queue.cell.taking");
            let _ = queue.lease();
        });
        child.stopped();
        child.kill();
        let hasty = queue.clone();
        hasty.recv_end.looks_no_more();
        assert_eq!(hasty.try_recv(), Ok(1));
        assert_eq!(rest(&queue, |n| *n), []);
    }

    fn under_load_what_the_dead_held_comes_back_as_well() {
        let queue = Queue::<u64>::new(64).unwrap();
        queue.send(u64::MAX).unwrap();
        let holder = fork(|| {
            std::mem::forget(queue.lease().unwrap());
            stop_here();
        });
        holder.stopped();
        let feeder = fork(|| {
            let mut n = 0;
            while queue.send(n).is_ok() {
                n += 1;
            }
        });
        let start = Instant::now();
        let mut count = 0;
        let mut holder = Some(holder);
        loop {
            count += 1;
            if count == 10_000 {
                holder.take().unwrap().kill();
            }
            if queue.recv().unwrap() == u64::MAX {
                break;
            }
            assert!(start.elapsed() < crate::children::LONG, "starved");
        }
        println!("came back after {count} messages, {:?}", start.elapsed());
        queue.close();
        feeder.succeed();
    }

    fn guards_that_a_child_inherited_are_inert() {
        let queue = Queue::<u64>::new(4).unwrap();
        let pages = Queue::<Large>::new(4).unwrap();
        queue.send(1).unwrap();
        let mut lease = Some(queue.lease().unwrap());
        let mut slot = Some(pages.reserve().unwrap());
        fork(|| {
            let (lease, slot) = (lease.take().unwrap(), slot.take().unwrap());
            let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| *lease));
            assert!(read.is_err());
            let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.send()));
            assert!(sent.is_err());
            lease.done();
        })
        .succeed();
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty), "it is still leased here");
        let mut slot = slot.unwrap();
        slot[0] = 7;
        slot.send().unwrap();
        assert_eq!(pages.recv().unwrap()[0], 7);
        drop(lease);
        assert_eq!(queue.recv(), Ok(1));
    }

    fn a_child_that_inherited_a_queue_uses_it_under_its_own_name() {
        let queue = Queue::<u64>::new(4).unwrap();
        queue.send(1).unwrap();
        let child = fork(|| {
            assert_eq!(queue.recv(), Ok(1));
            queue.send(2).unwrap();
            arm_nth("queue.send.claimed", 0);
            let _ = queue.send(3);
        });
        child.stopped();
        child.kill();
        assert_eq!(rest(&queue, |n| *n), [2], "the child is dead, its parent is not");
    }

    fn many_processes_lose_nothing_and_see_nothing_twice() {
        const EACH: u64 = 20_000;
        let queue = Queue::<u64>::new(16).unwrap();
        let out = Queue::<u64>::new(1 << 17).unwrap();
        let workers: Vec<_> = (0..3)
            .map(|_| fork(|| {
                while let Ok(lease) = queue.lease() {
                    out.send(*lease).unwrap();
                    lease.done();
                }
            }))
            .collect();
        let senders: Vec<_> = (0..3)
            .map(|from| {
                let queue = &queue;
                fork(move || (0..EACH).for_each(|n| queue.send(from * EACH + n).unwrap()))
            })
            .collect();
        senders.into_iter().for_each(crate::children::Child::succeed);
        queue.wait_done();
        queue.close();
        workers.into_iter().for_each(crate::children::Child::succeed);
        let mut all: Vec<u64> = std::iter::from_fn(|| out.try_recv().ok()).collect();
        all.sort();
        assert_eq!(all, (0..3 * EACH).collect::<Vec<_>>());
    }
}
