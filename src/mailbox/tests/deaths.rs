//! Processes that are stopped, and killed, at every named point inside an operation on a mailbox.

use super::*;
use crate::children::{Child, all_succeed, alone, fork, promptly, stop_here};
use crate::raw::hook::arm;

/// What one process does while it is stopped and killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Send,
    SendLong,
    Recv,
    RecvLong,
}

/// The points that an act passes, and whether the act counts once the point is passed.
const POINTS: &[(Act, &str, bool)] = &[
    (Act::Send, "bytes.send.locked", false),
    (Act::Send, "bytes.send.written", false),
    (Act::Send, "bytes.send.committed", true),
    (Act::SendLong, "bytes.send.locked", false),
    (Act::SendLong, "bytes.spill.begun", false),
    (Act::SendLong, "bytes.spill.written", false),
    (Act::SendLong, "bytes.send.written", false),
    (Act::SendLong, "bytes.send.committed", true),
    (Act::Recv, "bytes.recv.locked", false),
    (Act::Recv, "bytes.recv.copied", false),
    (Act::Recv, "bytes.recv.released", true),
    (Act::RecvLong, "bytes.recv.copied", false),
    (Act::RecvLong, "bytes.recv.taken", false),
    (Act::RecvLong, "bytes.recv.released", true),
    (Act::RecvLong, "bytes.spill.cleared", true),
];

/// The points that who is alone on its side passes besides.
const BIASED: &[(Act, &str, bool)] = &[
    (Act::Send, "biased.entering", false),
    (Act::Send, "biased.inside", false),
    (Act::Send, "biased.left", true),
    (Act::SendLong, "biased.inside", false),
    (Act::SendLong, "biased.left", true),
    (Act::Recv, "biased.entering", false),
    (Act::Recv, "biased.inside", false),
    (Act::Recv, "biased.left", true),
    (Act::RecvLong, "biased.left", true),
];

/// Both sides as they are at first, and with a process that is alone on both.
fn scenes() -> impl Iterator<Item = (bool, Act, &'static str, bool)> {
    let with = |warm, points: &'static [(Act, &'static str, bool)]| {
        points.iter().map(move |&(act, point, counts)| (warm, act, point, counts))
    };
    with(false, POINTS).chain(with(true, POINTS)).chain(with(true, BIASED))
}

/// Sends and receives so often that both sides are its own.
fn warm_up(mailbox: &Mailbox<Vec<u8>>) {
    for number in 0..100 {
        mailbox.send(message(Act::Send, number)).unwrap();
        assert_eq!(mailbox.recv(), Ok(message(Act::Send, number)));
    }
}

const CAPACITY: usize = 256;
const LONG_ONE: usize = 100_000;

fn message(act: Act, number: u64) -> Vec<u8> {
    match act {
        Act::Send | Act::Recv => numbered(number, 20 + number as usize),
        Act::SendLong | Act::RecvLong => numbered(number, LONG_ONE + number as usize),
    }
}

fn perform(mailbox: &Mailbox<Vec<u8>>, act: Act, number: u64) {
    match act {
        Act::Send | Act::SendLong => mailbox.send(message(act, number)).unwrap(),
        Act::Recv | Act::RecvLong => drop(mailbox.recv().unwrap()),
    }
}

fn is_send(act: Act) -> bool {
    matches!(act, Act::Send | Act::SendLong)
}

/// The numbers of everything that is there.
fn rest(mailbox: &Mailbox<Vec<u8>>, act: Act) -> Vec<u64> {
    let mut all = Vec::new();
    while let Ok(bytes) = mailbox.try_recv() {
        let number = (0..100).find(|number| bytes == message(act, *number));
        all.push(number.expect("a whole message"));
    }
    all
}

/// It is as good as new, and no memory is left beside it.
fn goes_on(mailbox: &Mailbox<Vec<u8>>, what: &str) {
    for number in 10..20 {
        for act in [Act::Send, Act::SendLong] {
            mailbox.send_timeout(message(act, number), LONG).unwrap();
            assert_eq!(mailbox.recv_timeout(LONG), Ok(message(act, number)), "{what}");
        }
    }
    assert_eq!((mailbox.len(), mailbox.handle.annex_pages()), (0, 0), "{what}");
}

/// A child that is stopped at this point of the act.
fn stopped_in(mailbox: &Mailbox<Vec<u8>>, act: Act, point: &'static str, number: u64) -> Child {
    let child = fork(|| {
        arm(point);
        perform(mailbox, act, number);
        panic!("{point} was not reached by {act:?}");
    });
    child.stopped();
    child
}

/// The same, of a child that may be alone on both sides. Before it receives, a message is sent.
fn stopped_alone(mailbox: &Mailbox<Vec<u8>>, warm: bool, act: Act, point: &'static str) -> Child {
    let child = fork(|| {
        if warm {
            warm_up(mailbox);
        }
        stop_here();
        arm(point);
        perform(mailbox, act, 2);
    });
    child.stopped();
    if !is_send(act) {
        // By somebody else, who leaves again: the receivers' side stays the child's.
        fork(|| mailbox.send(message(act, 1)).unwrap()).succeed();
    }
    child.resume();
    child.stopped();
    child
}

/// Whoever comes, in the middle of the act of another that is stopped, gets nowhere; unless that is
/// outside already.
fn is_not_robbed(mailbox: &Mailbox<Vec<u8>>, act: Act, point: &str, counts: bool, what: &str) {
    let outside = point == "biased.left";
    for _ in 0..3 {
        if is_send(act) {
            let late = mailbox.send_timeout(message(act, 3), Duration::from_millis(1));
            assert!(outside || late.is_err(), "robbed: {what}");
            assert!(outside || mailbox.len() == usize::from(counts), "{what}");
        } else if !outside {
            mailbox.try_send(message(act, 3)).ok();
            assert!(mailbox.recv_timeout(Duration::from_millis(1)).is_err(), "robbed: {what}");
        }
    }
}

alone! {
    fn a_process_killed_at_any_point_stops_nobody_and_leaves_nothing() {
        for (warm, act, point, counts) in scenes() {
            let what = format!("{act:?} at {point}, alone: {warm}");
            let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
            stopped_alone(&mailbox, warm, act, point).kill();
            let found = promptly(&what, || {
                if is_send(act) {
                    // Others go on at once, and what was committed comes first.
                    mailbox.send_timeout(message(act, 3), LONG).unwrap();
                }
                rest(&mailbox, act)
            });
            let expected: &[u64] = match (is_send(act), counts) {
                (true, true) => &[2, 3],
                (true, false) => &[3],
                (false, true) => &[],
                (false, false) => &[1],
            };
            assert_eq!(found, expected, "{what}");
            goes_on(&mailbox, &what);
        }
    }

    fn a_process_stopped_at_any_point_keeps_what_it_holds_and_loses_nothing() {
        let stopped: Vec<_> = scenes().map(|(warm, act, point, counts)| {
            let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
            let child = stopped_alone(&mailbox, warm, act, point);
            (format!("{act:?} at {point}, alone: {warm}"), act, point, counts, mailbox, child)
        }).collect();
        // Not taken for dead, however often the others look; who does not wait for ever gives up.
        thread::scope(|threads| {
            for (what, act, point, counts, mailbox, _) in &stopped {
                threads.spawn(move || is_not_robbed(mailbox, *act, point, *counts, what));
            }
        });
        for (what, act, _, _, mailbox, child) in stopped {
            child.resume();
            child.succeed();
            let mut found = rest(&mailbox, act);
            found.dedup();
            let expected: &[u64] = match is_send(act) {
                true => &[2, 3],
                false => &[3],
            };
            assert!(expected.starts_with(&found), "{what}: {found:?}");
            assert!(!is_send(act) || !found.is_empty(), "{what}");
            goes_on(&mailbox, &what);
        }
    }

    fn who_ends_the_bias_may_die_or_stop() {
        for point in ["biased.revoking", "biased.before_end"] {
            for kill in [true, false] {
                let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
                warm_up(&mailbox);
                let other = fork(|| {
                    arm(point);
                    mailbox.send(message(Act::Send, 2)).unwrap();
                });
                other.stopped();
                if kill {
                    other.kill();
                } else {
                    let late = mailbox.send_timeout(message(Act::Send, 3), Duration::from_millis(1));
                    assert!(late.is_err(), "{point}: it has the word");
                    other.resume();
                    other.succeed();
                }
                mailbox.send_timeout(message(Act::Send, 3), LONG).unwrap();
                let expected: &[u64] = if kill { &[3] } else { &[2, 3] };
                assert_eq!(rest(&mailbox, Act::Send), expected, "{point}, killed: {kill}");
                goes_on(&mailbox, point);
            }
        }
    }

    fn what_the_dead_left_beside_it_is_gone_with_the_next_one() {
        for warm in [false, true] {
            for (act, point) in [
                (Act::SendLong, "bytes.spill.written"),
                (Act::SendLong, "bytes.send.written"),
                (Act::RecvLong, "bytes.recv.released"),
            ] {
                let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
                stopped_alone(&mailbox, warm, act, point).kill();
                assert!(mailbox.handle.annex_pages() > 0, "{point}");
                mailbox.send(message(Act::Send, 1)).unwrap();
                if !is_send(act) {
                    assert_eq!(mailbox.recv(), Ok(message(Act::Send, 1)));
                }
                assert_eq!(mailbox.handle.annex_pages(), 0, "{point}, alone: {warm}");
            }
        }
    }

    fn who_finds_the_owner_dead_may_die_as_well() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        stopped_alone(&mailbox, true, Act::SendLong, "bytes.spill.written").kill();
        for point in ["biased.owner_died", "bytes.spill.undone"] {
            stopped_in(&mailbox, Act::Send, point, 2).kill();
        }
        assert_eq!(rest(&mailbox, Act::Send), []);
        goes_on(&mailbox, "after both");
    }

    fn who_dies_when_it_is_granted_a_side_leaves_it_to_others() {
        for point in ["biased.seated", "biased.granted"] {
            let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
            // More often than there are seats.
            for _ in 0..10 {
                let child = fork(|| {
                    arm(point);
                    // Biases that did not last raise the bar.
                    loop {
                        warm_up(&mailbox);
                    }
                });
                child.stopped();
                child.kill();
                while mailbox.try_recv().is_ok() {}
            }
            warm_up(&mailbox);
            goes_on(&mailbox, point);
        }
    }

    fn a_child_of_who_is_alone_is_not() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        warm_up(&mailbox);
        let child = fork(|| {
            warm_up(&mailbox);
            arm("biased.inside");
            mailbox.send(message(Act::Send, 2)).unwrap();
        });
        child.stopped();
        let late = mailbox.send_timeout(message(Act::Send, 3), Duration::from_millis(1));
        assert!(late.is_err());
        child.resume();
        child.succeed();
        warm_up_after(&mailbox, 2);
        goes_on(&mailbox, "the parent");
    }

    fn the_other_side_goes_on_while_a_process_is_stopped() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        mailbox.send(message(Act::Send, 1)).unwrap();
        let sender = stopped_and_to_go_on(&mailbox, Act::Send, "bytes.send.written");
        assert_eq!(mailbox.recv(), Ok(message(Act::Send, 1)));
        sender.resume();
        sender.succeed();
        let receiver = stopped_and_to_go_on(&mailbox, Act::Recv, "bytes.recv.copied");
        mailbox.send_timeout(message(Act::Send, 3), LONG).unwrap();
        assert_eq!(mailbox.len(), 2);
        receiver.resume();
        receiver.succeed();
        assert_eq!(mailbox.recv(), Ok(message(Act::Send, 3)));
    }

    fn recovery_may_itself_die() {
        for point in ["bytes.spill.undone", "bytes.spill.cleared"] {
            let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
            let (act, first) = match point {
                "bytes.spill.undone" => (Act::SendLong, "bytes.spill.written"),
                _ => (Act::RecvLong, "bytes.recv.released"),
            };
            mailbox.send(message(act, 1)).unwrap();
            for point in [first, point, point] {
                stopped_in(&mailbox, act, point, 2).kill();
                if act == Act::RecvLong && point == first {
                    mailbox.send_timeout(message(act, 1), LONG).unwrap();
                }
            }
            rest(&mailbox, act);
            goes_on(&mailbox, point);
        }
    }

    fn waiters_learn_of_deaths_by_themselves() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        let holder = stopped_in(&mailbox, Act::Send, "bytes.send.written", 1);
        let waiter = fork(|| mailbox.send(message(Act::Send, 2)).unwrap());
        waiter.asleep();
        assert!(waiter.is_running());
        let killed = Instant::now();
        holder.kill();
        waiter.succeed();
        println!("sent {:?} after the kill", killed.elapsed());
        assert_eq!(rest(&mailbox, Act::Send), [2]);
    }

    fn who_has_the_turn_may_die_or_stop() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        let full = CAPACITY - OVERHEAD;
        mailbox.send(numbered(1, full)).unwrap();
        // It waits for room, and has the turn.
        let first = fork(|| mailbox.send(numbered(2, full)).unwrap());
        first.asleep();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(first.pid() as i32),
            nix::sys::signal::Signal::SIGSTOP,
        ).unwrap();
        first.stopped();
        let second = fork(|| mailbox.send(numbered(3, full)).unwrap());
        second.asleep();
        // There is room, and whose turn it is does not take it: the other goes ahead.
        assert_eq!(mailbox.recv(), Ok(numbered(1, full)));
        second.succeed();
        let third = fork(|| mailbox.send(numbered(4, full)).unwrap());
        third.asleep();
        first.kill();
        assert_eq!(mailbox.recv_timeout(LONG), Ok(numbered(3, full)));
        third.succeed();
        assert_eq!(mailbox.recv_timeout(LONG), Ok(numbered(4, full)));
    }

    fn a_sender_that_was_killed_after_its_commit_has_sent_what_is_long() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        let child = fork(|| {
            for number in 1..=3 {
                mailbox.send(message(Act::SendLong, number)).unwrap();
            }
            stop_here();
        });
        child.stopped();
        child.kill();
        assert_eq!(rest(&mailbox, Act::SendLong), [1, 2, 3]);
        assert_eq!(mailbox.handle.annex_pages(), 0);
    }

    fn a_name_with_a_long_message_is_gone_with_its_last_user() {
        let name = "mailbox-long";
        let child = fork(|| {
            let mailbox = Mailbox::<Vec<u8>>::create(name, CAPACITY).unwrap();
            mailbox.send(message(Act::SendLong, 1)).unwrap();
            stop_here();
        });
        child.stopped();
        let opened = Mailbox::<Vec<u8>>::open(name).unwrap();
        let listed = crate::segments().unwrap();
        let info = listed.iter().find(|info| info.name() == name).unwrap();
        assert!(info.size() < 1 << 20, "{info:?}");
        child.kill();
        let other = fork(|| {
            let other = Mailbox::<Vec<u8>>::open(name).unwrap();
            assert_eq!(other.recv(), Ok(message(Act::SendLong, 1)));
            other.send(message(Act::SendLong, 2)).unwrap();
        });
        other.succeed();
        assert_eq!(rest(&opened, Act::SendLong), [2]);
    }

    fn a_child_that_inherited_a_mailbox_uses_it_under_its_own_name() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        mailbox.send(message(Act::Send, 1)).unwrap();
        let child = fork(|| {
            assert_eq!(mailbox.recv(), Ok(message(Act::Send, 1)));
            mailbox.send(message(Act::Send, 2)).unwrap();
            arm("bytes.send.written");
            let _ = mailbox.send(message(Act::Send, 3));
        });
        child.stopped();
        child.kill();
        assert_eq!(rest(&mailbox, Act::Send), [2], "the child is dead, its parent is not");
        goes_on(&mailbox, "after the child");
    }

    fn many_processes_lose_nothing_and_see_nothing_twice() {
        const EACH: u64 = 5_000;
        let length = |number: u64| (number * 13 % 400) as usize; // some are long
        let mailbox = Mailbox::<(u64, Vec<u8>)>::new(CAPACITY).unwrap();
        let out = Mailbox::<u64>::new(1 << 20).unwrap();
        let receivers: Vec<_> = (0..3).map(|_| fork(|| {
            while let Ok((number, bytes)) = mailbox.recv() {
                assert_eq!(bytes, numbered(number, length(number)));
                out.send(number).unwrap();
            }
        })).collect();
        let senders: Vec<_> = (0..3).map(|from| {
            let mailbox = &mailbox;
            fork(move || for number in from * EACH..(from + 1) * EACH {
                mailbox.send((number, numbered(number, length(number)))).unwrap();
            })
        }).collect();
        all_succeed(senders);
        mailbox.close();
        all_succeed(receivers);
        let mut all: Vec<u64> = std::iter::from_fn(|| out.try_recv().ok()).collect();
        all.sort();
        assert_eq!(all, (0..3 * EACH).collect::<Vec<_>>());
    }

    /// Senders and receivers are killed at random moments: what was sent is received once, or was in the
    /// hands of one that was killed.
    fn a_storm_of_kills_loses_only_what_the_dead_had_received() {
        let mailbox = Mailbox::<(u64, Vec<u8>)>::new(CAPACITY).unwrap();
        let length = |number: u64| (number * 13 % 400) as usize;
        let (mut kills, mut received, mut last) = (0, 0_u64, [0_u64; 64]);
        let end = Instant::now() + Duration::from_secs(1);
        let mut senders: Vec<Option<Child>> = (0..64).map(|_| None).collect();
        let mut at = 0;
        while Instant::now() < end {
            at = (at + 1) % senders.len();
            let first = (last[at] & 0xFFFF_FFFF) + 1;
            let mailbox = &mailbox;
            senders[at] = Some(fork(move || for number in first.. {
                let number = (at as u64) << 32 | number;
                mailbox.send((number, numbered(number, length(number)))).unwrap();
            }));
            let until = Instant::now() + Duration::from_micros(500 + 37 * (kills % 50));
            let mut check = |(number, bytes): (u64, Vec<u8>)| {
                assert_eq!(bytes, numbered(number, length(number)));
                let last = &mut last[(number >> 32) as usize];
                assert!(number & 0xFFFF_FFFF == (*last & 0xFFFF_FFFF) + 1, "lost, or twice");
                *last = number;
                received += 1;
            };
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                if let Ok(message) = mailbox.recv_timeout(left) {
                    check(message);
                }
            }
            senders[at].take().unwrap().kill();
            while let Ok(message) = mailbox.try_recv() {
                check(message);
            }
            kills += 1;
        }
        println!("{received} messages, {kills} kills");
        assert!(kills > 10 && received > 0);
        mailbox.send_timeout((0, vec![0; 1000]), LONG).unwrap();
        assert_eq!(mailbox.recv_timeout(LONG).unwrap().1.len(), 1000);
        assert_eq!(mailbox.handle.annex_pages(), 0);
    }
}

/// A child that is stopped at this point, and ends well when it goes on.
fn stopped_and_to_go_on(mailbox: &Mailbox<Vec<u8>>, act: Act, point: &'static str) -> Child {
    let child = fork(|| {
        arm(point);
        perform(mailbox, act, 2);
    });
    child.stopped();
    child
}

/// Receives this message, and goes on.
fn warm_up_after(mailbox: &Mailbox<Vec<u8>>, number: u64) {
    assert_eq!(mailbox.recv(), Ok(message(Act::Send, number)));
    warm_up(mailbox);
}
