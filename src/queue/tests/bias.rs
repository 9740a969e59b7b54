//! Processes that are stopped, and killed, where an end is granted a side, claims as its owner, or
//! loses it.

use super::deaths::{Act, perform};
use super::*;
use crate::children::{Child, alone, fork, stop_here};
use crate::raw::hook::{arm, arm_nth};

/// Who comes to a point, and on which side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    /// Who is about to become the owner.
    Novice,
    /// The owner.
    Owner,
    /// The owner that finds its bias ended.
    Loser,
    /// Who ends the bias of an owner that is stopped, or dead.
    Ender { owner_dies: bool },
}

const LIVES: Who = Who::Ender { owner_dies: false };
const DIED: Who = Who::Ender { owner_dies: true };

const POINTS: &[(Who, &str)] = &[
    (Who::Novice, "queue.bias.seated"),
    (Who::Novice, "queue.bias.before_grant"),
    (Who::Novice, "queue.bias.granted"),
    (Who::Owner, "queue.bias.before_look"),
    (Who::Loser, "queue.bias.lost"),
    (Who::Loser, "queue.bias.decided"),
    (LIVES, "queue.bias.revoking"),
    (LIVES, "queue.bias.before_decision"),
    (LIVES, "queue.bias.decided"),
    (LIVES, "queue.bias.revoked"),
    (DIED, "queue.bias.revoking"),
    (DIED, "queue.bias.before_decision"),
    (DIED, "queue.bias.decided"),
    (DIED, "queue.bias.revoked"),
];

/// So many claims in a row make an owner.
const ALONE: u64 = 17;

/// Becomes the owner of both sides; or up to the last send, or receive.
fn warm<T: Shared>(queue: &Queue<T>, last: Act, message: impl Fn(u64) -> T) {
    for n in 0..ALONE {
        queue.send(message(n)).unwrap();
        if last == Act::Recv || n + 1 < ALONE {
            queue.recv().unwrap();
        }
    }
}

fn soon<T: Shared>(queue: &Queue<T>, number: impl Fn(&T) -> u64) -> Vec<u64> {
    let late = Duration::from_millis(5);
    let next = || queue.recv_timeout(late).ok();
    std::iter::from_fn(next).map(|message| number(&message)).collect()
}

/// A queue of two messages and room, or of none; and one of whom is about to come to the point.
fn victim<T: Shared>(
    queue: &Queue<T>,
    (who, point): (Who, &'static str),
    act: Act,
    message: impl Fn(u64) -> T + Copy,
) -> (Child, Option<Child>) {
    if who == Who::Novice {
        // First the side of who sends, then the other.
        let child = fork(|| {
            arm_nth(point, u32::from(act == Act::Recv));
            warm(queue, act, message);
        });
        child.stopped();
        return (child, None);
    }
    let points: &[&str] = match who {
        Who::Loser => &["queue.bias.before_look", point],
        Who::Owner => &[point],
        _ => &[],
    };
    let owner = fork(|| {
        warm(queue, Act::Recv, message);
        stop_here();
        points.iter().for_each(|point| arm(point));
        if points.is_empty() {
            queue.send(message(300)).unwrap();
        } else {
            perform(queue, act, message(2));
        }
    });
    owner.stopped();
    if act == Act::Recv {
        // The owner of the other side is.
        [100, 101].into_iter().for_each(|n| queue.send(message(n)).unwrap());
    }
    if let Who::Ender { owner_dies } = who {
        let owner = if owner_dies {
            owner.kill();
            None
        } else {
            Some(owner)
        };
        let ender = fork(|| {
            arm(point);
            perform(queue, act, message(2));
        });
        ender.stopped();
        return (ender, owner);
    }
    owner.resume();
    owner.stopped();
    (owner, None)
}

fn at_each_point<T: Shared>(message: impl Fn(u64) -> T + Copy, number: impl Fn(&T) -> u64 + Copy) {
    for &(who, point) in POINTS {
        for (act, dies) in
            [(Act::Send, true), (Act::Send, false), (Act::Recv, true), (Act::Recv, false)]
        {
            let scene = format!("{who:?} at {point} to {act:?}, dies: {dies}");
            let queue = Queue::<T>::new(4).unwrap();
            let (victim, owner) = victim(&queue, (who, point), act, message);
            let mut all = vec![];
            if who == Who::Loser {
                // Ends the bias. What the owner was about to claim is decided.
                match act {
                    Act::Send => queue.try_send(message(200)).unwrap(),
                    _ => all.push(number(&queue.try_recv().unwrap())),
                }
                victim.resume();
                victim.stopped();
            }
            let novice = if act == Act::Send { None } else { Some(ALONE - 1) };
            let mut expected = match (who, act) {
                (Who::Novice, _) => Vec::from_iter(novice),
                (_, Act::Recv) => vec![100, 101],
                (Who::Loser, _) => vec![200],
                _ => vec![],
            };
            if dies {
                victim.kill();
            } else {
                all.extend(soon(&queue, number));
                queue.try_send(message(400)).unwrap();
                expected.push(400);
                victim.resume();
                victim.succeed();
                if act == Act::Send {
                    expected.push(if who == Who::Novice { ALONE - 1 } else { 2 });
                }
            }
            if let Some(owner) = owner {
                owner.resume();
                owner.succeed();
                expected.push(300);
            }
            queue.send_timeout(message(500), Duration::from_secs(10)).expect(&scene);
            expected.push(500);
            all.extend(soon(&queue, number));
            all.sort();
            expected.sort();
            if act == Act::Recv && !dies {
                // The victim received one: which, depends on where it was stopped.
                let missing: Vec<_> = expected.iter().filter(|n| !all.contains(n)).collect();
                assert_eq!((missing.len(), all.len() + 1), (1, expected.len()), "{scene}: {all:?}");
            } else {
                assert_eq!(all, expected, "{scene}");
            }
            assert!(queue.wait_done_timeout(Duration::from_secs(10)), "{scene}");
            // And it is as good as new, also to one who is alone again.
            for n in 0..100 {
                queue.send_timeout(message(n), Duration::from_secs(10)).unwrap();
                assert_eq!(queue.recv_timeout(Duration::from_secs(10)).map(|m| number(&m)), Ok(n));
            }
            queue.close();
            assert_eq!(queue.recv().err(), Some(RecvError::Closed));
        }
    }
}

const RUN: [u64; 5] = [1, 2, 3, 4, 5];
const LATE: Duration = Duration::from_secs(10);

/// Sends the run at once; or receives `found` at once, of which there may be more than one part.
fn run(queue: &Queue<u64>, act: Act, found: &[u64]) {
    if act == Act::Send {
        return queue.send_all(&RUN).unwrap();
    }
    let mut all = vec![];
    while all.len() < found.len() {
        let left = found.len() - all.len();
        queue.recv_many(&mut all, left).unwrap();
    }
    assert_eq!(all, found);
}

/// The owner of both sides, in the middle of a run, where it comes to the point for the third time.
fn in_a_run(
    queue: &Queue<u64>,
    points: [&'static str; 2],
    act: Act,
    found: &'static [u64],
) -> Child {
    let owner = fork(|| {
        warm(queue, Act::Recv, |n| n);
        stop_here();
        arm_nth(points[0], 2);
        arm(points[1]);
        run(queue, act, found);
    });
    owner.stopped();
    if act == Act::Recv {
        RUN.into_iter().for_each(|n| queue.send(n).unwrap());
    }
    owner.resume();
    owner.stopped();
    owner
}

/// What another sends in the middle of the run, or takes out of it.
fn cut_in(queue: &Queue<u64>, act: Act, taken: u64) {
    match act {
        Act::Send => queue.try_send(200).unwrap(),
        _ => assert_eq!(queue.try_recv(), Ok(taken)),
    }
}

alone! {
    fn an_owner_and_who_ends_its_bias_may_die_or_stop_at_any_point_with_a_small_message() {
        at_each_point(|n| n, |n| *n);
    }

    fn an_owner_and_who_ends_its_bias_may_die_or_stop_at_any_point_with_a_large_message() {
        at_each_point(large, |large| large[9]);
    }

    /// What an owner is about to claim may be decided against it. Nobody may take what comes after that
    /// for received before it is.
    fn a_position_that_an_owner_did_not_claim_after_all_is_passed_over_by_nobody() {
        let queue = Queue::<u64>::new(4).unwrap();
        let owner = fork(|| {
            warm(&queue, Act::Recv, |n| n);
            stop_here();
            arm("queue.bias.lost");
            queue.recv_timeout(Duration::from_secs(10)).unwrap();
        });
        owner.stopped();
        // A message, a position that its sender died with, and another message.
        queue.send(1).unwrap();
        let dead = fork(|| {
            arm("queue.send.claimed");
            queue.send(2).unwrap();
        });
        dead.stopped();
        queue.send(3).unwrap();
        dead.kill();
        // Who ends the bias has seen that the first is not claimed.
        let ender = fork(|| {
            arm("queue.bias.before_decision");
            arm("queue.bias.revoked");
            queue.recv_timeout(Duration::from_secs(10)).unwrap();
        });
        ender.stopped();
        // The owner is about to claim it.
        owner.resume();
        owner.stopped();
        // Who takes that for a claim comes to the abandoned position.
        let late = fork(|| {
            arm("queue.bias.before_decision");
            assert_eq!(queue.recv_timeout(Duration::from_secs(10)), Ok(1));
        });
        late.stopped();
        // It was not claimed.
        ender.resume();
        ender.stopped();
        late.resume();
        late.succeed();
        ender.kill();
        owner.resume();
        owner.succeed();
        queue.send(4).unwrap();
        assert_eq!(queue.recv_timeout(Duration::from_secs(10)), Ok(4));
    }

    /// The child's copy of its parent's end says that this thread is the owner. The parent's seat may be
    /// another end's of the child by then.
    fn an_end_that_was_inherited_from_an_owner_takes_no_other_ends_seat() {
        let mut inherited = Some(Queue::<u64>::new(4).unwrap());
        let other = inherited.as_ref().unwrap().clone();
        warm(inherited.as_ref().unwrap(), Act::Recv, |n| n);
        let child = fork(|| {
            let (inherited, late) = (inherited.take().unwrap(), Duration::from_secs(5));
            stop_here();
            // The bias of the parent was not worth its end: the next one comes later.
            for n in 0..1000 {
                other.send(n).unwrap();
                assert_eq!(other.recv(), Ok(n));
            }
            for n in 0..10 {
                inherited.send(2000 + n).unwrap();
                other.send(n).unwrap();
                assert_eq!(inherited.recv_timeout(late), Ok(2000 + n));
                assert_eq!(other.recv_timeout(late), Ok(n));
            }
        });
        child.stopped();
        drop(inherited);
        child.resume();
        child.succeed();
    }

    /// A lease that came back while an end became the owner, which looks at no leases.
    fn a_new_owner_learns_what_came_back_before() {
        let queue = Queue::<u64>::new(256).unwrap();
        queue.send(u64::MAX).unwrap();
        let other = queue.clone();
        let lease = other.lease().unwrap();
        (0..100).for_each(|n| queue.send(n).unwrap());
        let child = fork(|| {
            arm("queue.bias.before_grant");
            queue.recv().unwrap();
            loop {
                // What comes back makes the receive after the next one look at everything.
                drop(queue.lease().unwrap());
                let back = queue.recv().unwrap();
                let next = queue.recv().unwrap();
                if next >= ALONE - 1 {
                    assert_eq!((back, next), (ALONE - 2, ALONE - 1));
                    break;
                }
            }
            assert_eq!(queue.recv(), Ok(u64::MAX));
        });
        child.stopped();
        drop(lease);
        child.resume();
        child.succeed();
    }
    /// What an owner was about to claim, when its bias ended, is decided for it: it goes on behind who came
    /// in between.
    fn an_owner_loses_its_bias_in_a_run_after_a_claim() {
        for act in [Act::Send, Act::Recv] {
            let queue = Queue::<u64>::new(8).unwrap();
            let points = ["queue.bias.before_look", "queue.bias.lost"];
            let owner = in_a_run(&queue, points, act, &[1, 2, 3, 5]);
            cut_in(&queue, act, 4);
            owner.resume();
            owner.stopped();
            owner.resume();
            owner.succeed();
            let left: &[u64] = if act == Act::Send { &[1, 2, 3, 200, 4, 5] } else { &[] };
            assert_eq!(soon(&queue, |n| *n), left);
        }
    }

    /// Or against it.
    fn an_owner_loses_its_bias_in_a_run_before_a_claim() {
        for act in [Act::Send, Act::Recv] {
            let queue = Queue::<u64>::new(8).unwrap();
            let before = if act == Act::Send { "queue.send.before_claim" } else { "queue.recv.before_claim" };
            let owner = in_a_run(&queue, [before, "queue.bias.lost"], act, &[1, 2, 4, 5]);
            let ender = fork(|| {
                arm("queue.bias.before_decision");
                cut_in(&queue, act, 3);
            });
            ender.stopped();
            owner.resume();
            owner.stopped();
            ender.resume();
            ender.succeed();
            owner.resume();
            owner.succeed();
            let left: &[u64] = if act == Act::Send { &[1, 2, 200, 3, 4, 5] } else { &[] };
            assert_eq!(soon(&queue, |n| *n), left);
        }
    }

    /// What was committed stays, and what was not taken comes back.
    fn an_owner_dies_in_a_run() {
        for (act, point) in [(Act::Send, "queue.send.claimed"), (Act::Recv, "queue.recv.claimed")] {
            let queue = Queue::<u64>::new(8).unwrap();
            in_a_run(&queue, [point, "queue.bias.lost"], act, &RUN).kill();
            queue.send_timeout(6, LATE).unwrap();
            let left: &[u64] = if act == Act::Send { &[1, 2, 6] } else { &[3, 4, 5, 6] };
            let mut all = soon(&queue, |n| *n);
            all.sort();
            assert_eq!(all, left);
        }
    }
}
