//! Tags that come round: of a build whose rows have as few generations as four bits hold.
//!
//! `RUSTFLAGS="--cfg commonhold_few_generations"`, and a target directory of its own.
#![cfg(commonhold_few_generations)]

mod children;
mod claims;

use children::{
    Child, HANG, all_succeed, alone, die_here, directory, fork, listed, promptly, stop_here,
    wait_until,
};
use claims::{CLAIMS, Claim, NAPS, Objects, ROWS};
use commonhold::{Mailbox, Queue, Segment, Semaphore, Value};

/// Generations of a row.
const GENERATIONS: u32 = 14;

/// Objects, and a process that has done something to them.
type Held = (&'static Claim, Objects, Child);

fn with_each(which: &str, act: impl Fn(&Claim, &Objects)) -> Vec<Held> {
    let each = CLAIMS.iter().enumerate().map(|(number, claim)| {
        let all = Objects::new(&format!("{which}-{number}"));
        let child = fork(|| act(claim, &all));
        child.stopped();
        (claim, all, child)
    });
    each.collect()
}

/// Has every row that is free given out once in each generation. Some leave, and some end in there.
fn come_round(everywhere: &[&Objects]) {
    for turn in 0..GENERATIONS * ROWS {
        let passer = fork(|| {
            everywhere.iter().for_each(|all| drop(all.turnstile.lock().unwrap()));
            if turn % 3 == 0 {
                die_here();
            }
        });
        match turn % 3 {
            0 => passer.was_killed(),
            _ => passer.succeed(),
        }
    }
}

fn names_become_stale() {
    wait_until("the names to be stale", || {
        commonhold::gc().unwrap();
        listed(&directory()).is_empty()
    });
}

alone! {
    fn the_living_keep_what_they_hold_and_the_dead_do_not_however_often_tags_come_round() {
        let living = with_each("living", |claim, all| (claim.hold)(all, &mut stop_here));
        let leaked = with_each("leaked", |claim, all| {
            (claim.leak)(all);
            stop_here();
        });
        let dead = with_each("dead", |claim, all| (claim.hold)(all, &mut stop_here));
        dead.iter().for_each(|(.., child)| child.kill_to_zombie());
        let everywhere: Vec<&Objects> =
            [&living, &leaked, &dead].into_iter().flatten().map(|(_, all, _)| all).collect();
        for _ in 0..3 {
            come_round(&everywhere);
            let waiters = living.iter().chain(&leaked).map(|(claim, all, _)| {
                fork(|| assert!((claim.is_held)(all, NAPS), "{} was taken", claim.name))
            });
            all_succeed(waiters.collect::<Vec<_>>());
        }
        for (claim, all, _) in &dead {
            promptly(claim.name, || (claim.is_the_deads)(all));
        }
        for (claim, all, child) in living {
            child.resume();
            child.succeed();
            promptly(claim.name, || (claim.is_free)(&all));
        }
        for (claim, all, child) in leaked {
            child.kill();
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        drop(dead);
        names_become_stale();
    }

    /// One dies after the other, each holding everything of one kind, and what it held is had by the next.
    fn a_chain_of_dead_holders_passes_everything_on() {
        for claim in CLAIMS.iter().filter(|claim| !["sender", "receiver"].contains(&claim.name)) {
            let all = Objects::new("chain");
            for turn in 0..3 * GENERATIONS * 2 {
                let holder = fork(|| (claim.hold)(&all, &mut || die_here()));
                holder.was_killed();
                if turn % 5 == 0 {
                    // By one that was not there before; it leaves again.
                    fork(|| (claim.is_the_deads)(&all)).succeed();
                } else {
                    (claim.is_the_deads)(&all);
                }
            }
            drop(all);
            names_become_stale();
        }
    }

    /// Killed anywhere, hundreds of them; nothing that was sent is lost or comes twice, no permit is missing.
    fn processes_that_come_and_are_killed_lose_nothing() {
        const VICTIMS: u64 = 400;
        let shop = Segment::options().participants(6).create("shop", 1 << 20).unwrap();
        let jobs = Queue::<[u64; 2]>::create(shop.at("jobs"), 8).unwrap();
        let large = Queue::<[u64; 12]>::create(shop.at("large"), 8).unwrap();
        let slices = Queue::<[u64]>::create(shop.at("slices"), 400).unwrap();
        let mail = Mailbox::<Vec<u64>>::create(shop.at("mail"), 400).unwrap();
        let seats = Semaphore::create(shop.at("seats"), 3).unwrap();
        let total = Value::create(shop.at("total"), [0_u64; 5]).unwrap();
        for victim in 1..=VICTIMS {
            let sent = Value::<[u64; 4]>::new([0; 4]).unwrap(); // committed before: told by the victim
            let child = fork(|| {
                for number in 1.. {
                    let _seat = seats.acquire();
                    total.update(|numbers| numbers.map(|n| n + 1));
                    let count = |at: usize| sent.update(|mut all| { all[at] = number; all });
                    _ = jobs.send([victim, number]); count(0);
                    _ = large.send([victim, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); count(1);
                    _ = slices.send(&[victim, number]); count(2);
                    _ = mail.send(vec![victim, number]); count(3);
                }
            });
            let mut received = [0_u64; 4];
            let mut check = |at: usize, got: [u64; 2]| {
                // In order, without a gap, and the last victim's are all there already.
                assert_eq!(got, [victim, received[at] + 1], "kind {at}");
                received[at] += 1;
            };
            let rounds = 1 + victim % 7;
            for _ in 0..rounds {
                check(0, jobs.recv_timeout(HANG).unwrap());
                let large = large.recv_timeout(HANG).unwrap();
                check(1, [large[0], large[1]]);
                check(2, slices.recv_timeout(HANG).unwrap().try_into().unwrap());
                check(3, mail.recv_timeout(HANG).unwrap().try_into().unwrap());
            }
            child.kill();
            // What was committed, and nothing else: the next one's come behind it.
            while let Ok(got) = jobs.try_recv() { check(0, got); }
            while let Ok(got) = large.try_recv() { check(1, [got[0], got[1]]); }
            while let Ok(got) = slices.try_recv() { check(2, got.try_into().unwrap()); }
            while let Ok(got) = mail.try_recv() { check(3, got.try_into().unwrap()); }
            let told = sent.get();
            for at in 0..4 {
                assert!((told[at]..=told[at] + 1).contains(&received[at]), "{at}: {told:?} {received:?}");
            }
        }
        drop((seats.acquire(), seats.acquire(), seats.acquire()));
        assert_eq!(seats.available(), 3);
        let all = total.get();
        assert!(all.iter().all(|n| *n == all[0]), "{all:?}");
        // Every row had every generation, more than once.
        assert!(VICTIMS > u64::from(2 * 6 * GENERATIONS));
    }
}
