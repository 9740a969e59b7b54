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
    while let Ok(bytes) = mailbox.recv_timeout(Duration::from_millis(80)) {
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

alone! {
    fn a_process_killed_at_any_point_stops_nobody_and_leaves_nothing() {
        for &(act, point, counts) in POINTS {
            let what = format!("{act:?} at {point}");
            let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
            if !is_send(act) {
                mailbox.send(message(act, 1)).unwrap();
            }
            stopped_in(&mailbox, act, point, 2).kill();
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
        let scenes: Vec<_> = POINTS.iter().map(|&(act, point, counts)| {
            let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
            if !is_send(act) {
                mailbox.send(message(act, 1)).unwrap();
            }
            let child = fork(|| {
                arm(point);
                perform(&mailbox, act, 2);
            });
            child.stopped();
            (act, point, counts, mailbox, child)
        }).collect();
        // Not taken for dead, however often the others look; who does not wait for ever gives up.
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            for (act, point, counts, mailbox, _) in &scenes {
                let short = Duration::from_millis(1);
                if is_send(*act) {
                    let late = mailbox.send_timeout(message(*act, 3), short);
                    assert!(late.is_err(), "robbed: {act:?} at {point}");
                    let expected = if *counts { 1 } else { 0 };
                    assert_eq!(mailbox.len(), expected, "{act:?} at {point}");
                } else {
                    mailbox.try_send(message(*act, 3)).ok();
                    assert!(mailbox.recv_timeout(short).is_err(), "robbed: {act:?} at {point}");
                }
            }
        }
        for (act, point, _, mailbox, child) in scenes {
            child.resume();
            child.succeed();
            let found = rest(&mailbox, act);
            let expected: &[u64] = if is_send(act) { &[2] } else { &[3] };
            assert!(found.iter().all(|number| expected.contains(number)), "{act:?} at {point}");
            assert_eq!(found.is_empty(), false, "{act:?} at {point}: {found:?}");
            goes_on(&mailbox, point);
        }
    }

    fn the_other_side_goes_on_while_a_process_is_stopped() {
        let mailbox = Mailbox::<Vec<u8>>::new(CAPACITY).unwrap();
        mailbox.send(message(Act::Send, 1)).unwrap();
        let sender = stopped_in_forever(&mailbox, Act::Send, "bytes.send.written");
        assert_eq!(mailbox.recv(), Ok(message(Act::Send, 1)));
        sender.resume();
        sender.succeed();
        let receiver = stopped_in_forever(&mailbox, Act::Recv, "bytes.recv.copied");
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
        let end = Instant::now() + Duration::from_secs(2);
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
            let mut drain = || while let Ok((number, bytes)) = mailbox.try_recv() {
                assert_eq!(bytes, numbered(number, length(number)));
                let last = &mut last[(number >> 32) as usize];
                assert!(number & 0xFFFF_FFFF == (*last & 0xFFFF_FFFF) + 1, "lost, or twice");
                *last = number;
                received += 1;
                if Instant::now() > until {
                    return;
                }
            };
            drain();
            senders[at].take().unwrap().kill();
            while !mailbox.is_empty() {
                drain();
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
fn stopped_in_forever(mailbox: &Mailbox<Vec<u8>>, act: Act, point: &'static str) -> Child {
    let child = fork(|| {
        arm(point);
        perform(mailbox, act, 2);
    });
    child.stopped();
    child
}
