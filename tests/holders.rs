//! Who holds something and stops, forks, becomes another program, ends, leaks or unwinds: the paused keep
//! what they hold, the dead do not, for every kind of claim alike.

mod children;
mod claims;

use children::{
    Child, LONG, all_succeed, alone, die_here, directory, fork, listed, promptly, stop_here,
    wait_until,
};
use claims::{CLAIMS, Claim, NAPS, Objects};
use commonhold::Event;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::mem::forget;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

/// One of each kind of claim, on objects of its own, with what a child of ours does with it.
fn with_each(act: impl Fn(&Claim, &Objects)) -> Vec<(&'static Claim, Objects, Child)> {
    let each = CLAIMS.iter().enumerate().map(|(number, claim)| {
        let all = Objects::new(&format!("shop-{number}"));
        let child = fork(|| act(claim, &all));
        (claim, all, child)
    });
    each.collect()
}

/// A holder of each that stands still.
fn stopped_holders() -> Vec<(&'static Claim, Objects, Child)> {
    let each = with_each(|claim, all| (claim.hold)(all, &mut stop_here));
    each.iter().for_each(|(.., child)| child.stopped());
    each
}

/// Others wait for all of them at once, in vain.
fn are_held(each: &[(&'static Claim, Objects, Child)]) {
    let waiters: Vec<_> = each
        .iter()
        .map(|(claim, all, _)| {
            fork(|| assert!((claim.is_held)(all, NAPS), "{} was taken", claim.name))
        })
        .collect();
    all_succeed(waiters);
}

/// Runs `f` as the first process of a PID namespace, whose `/proc` it sees; says why not where that is not
/// permitted.
fn in_a_pid_namespace(f: impl FnOnce()) {
    let outer = fork(|| {
        if let Err(why) = unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS) {
            return println!("skipped: a PID namespace: {why}");
        }
        fork(|| {
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).unwrap();
            f();
        })
        .succeed();
    });
    outer.succeed();
}

/// Forks until a child has this number, which nobody has now, and another start time than the one before.
fn child_with_the_number(pid: u32, started: u64) -> Child {
    loop {
        std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
        let child = fork(stop_here);
        child.stopped();
        if child.pid() == pid && start_time(pid) != started {
            return child;
        }
    }
}

/// When a process started, in ticks.
fn start_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    after_name.split_whitespace().nth(19).unwrap().parse().unwrap()
}

/// Names whose last user ended without dropping it are stale; of those who are just ending, soon.
fn tidy() {
    wait_until("the names to be stale", || {
        commonhold::gc().unwrap();
        listed(&directory()).is_empty()
    });
}

fn are_the_deads(each: &[(&'static Claim, Objects)]) {
    for (claim, all) in each {
        promptly(claim.name, || (claim.is_the_deads)(all));
    }
}

alone! {
    fn the_stopped_keep_what_they_hold_and_go_on() {
        let each = stopped_holders();
        are_held(&each);
        for (claim, all, child) in each {
            child.resume();
            child.succeed();
            promptly(claim.name, || (claim.is_free)(&all));
        }
        tidy();
    }

    fn the_stopped_that_are_killed_are_dead_at_once() {
        let mut dead = Vec::new();
        for (claim, all, child) in stopped_holders() {
            child.kill();
            dead.push((claim, all));
        }
        are_the_deads(&dead);
    }

    fn nobody_has_to_wait_for_a_zombie() {
        let (mut dead, mut zombies) = (Vec::new(), Vec::new());
        for (claim, all, child) in stopped_holders() {
            child.kill_to_zombie();
            zombies.push(child);
            dead.push((claim, all));
        }
        are_the_deads(&dead);
    }

    /// A stopped process is one that others wait for; when it goes, they are told.
    fn who_waits_for_a_stopped_one_learns_of_its_death() {
        for (claim, all, child) in stopped_holders() {
            let waiter = fork(|| (claim.is_the_deads)(&all));
            waiter.asleep();
            child.kill();
            promptly(claim.name, || waiter.succeed());
        }
        tidy();
    }

    fn who_became_another_program_is_dead() {
        let each = with_each(|claim, all| {
            (claim.leak)(all);
            stop_here();
            panic!("{}", Command::new("sleep").arg("100").exec());
        });
        each.iter().for_each(|(.., child)| child.stopped());
        are_held(&each);
        each.iter().for_each(|(.., child)| child.resume());
        let is_another = |child: &Child| {
            let name = std::fs::read_to_string(format!("/proc/{}/comm", child.pid()));
            name.is_ok_and(|name| name.trim() == "sleep")
        };
        for (claim, all, child) in &each {
            wait_until("another program", || is_another(child));
            promptly(claim.name, || (claim.is_the_deads)(all));
            assert!(child.is_running());
        }
    }

    /// What a thread leaks stays held by its process, until that ends, in whatever way.
    fn what_a_thread_leaked_is_its_processs() {
        let each = with_each(|claim, all| {
            std::thread::scope(|scope| {
                scope.spawn(|| (claim.leak)(all)).join().unwrap();
            });
            stop_here();
        });
        each.iter().for_each(|(.., child)| child.stopped());
        are_held(&each);
        for (claim, all, child) in each {
            child.resume();
            child.succeed(); // an exit, with it in hand
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        tidy();
    }

    /// A process ends while another of its threads holds it.
    fn what_another_thread_holds_at_an_exit_is_a_dead_ones() {
        let each = with_each(|claim, all| {
            let (told, held) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    (claim.hold)(all, &mut || {
                        told.send(()).unwrap();
                        std::thread::park_timeout(LONG);
                    });
                });
                held.recv().unwrap();
                children::end_child(true);
            });
        });
        for (claim, all, child) in each {
            child.succeed();
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        tidy();
    }

    fn what_a_panic_went_through_is_given_back_or_poisoned() {
        let each = with_each(|claim, all| {
            std::panic::set_hook(Box::new(|_| ()));
            let hold = || (claim.hold)(all, &mut || panic!("in the middle"));
            assert!(catch_unwind(AssertUnwindSafe(hold)).is_err());
            stop_here(); // alive
        });
        for (claim, all, child) in each {
            child.stopped();
            promptly(claim.name, || (claim.is_unwound)(&all));
        }
        tidy();
    }

    /// A copy of a holder, which does nothing, keeps nothing; nor does what it drops give it back.
    fn a_copy_of_a_dead_holder_keeps_nothing() {
        let over = Event::new().unwrap();
        let each = with_each(|claim, all| {
            (claim.hold)(all, &mut || {
                forget(fork(|| assert!(over.wait_timeout(LONG)))); // it lives on
                die_here();
            });
        });
        for (claim, all, child) in each {
            child.was_killed();
            promptly(claim.name, || (claim.is_the_deads)(&all));
        }
        over.set();
        tidy();
    }

    /// Another process has the number of a dead holder, and lives.
    fn who_has_a_dead_ones_number_does_not_hold_what_that_held() {
        in_a_pid_namespace(|| {
            for (claim, all, holder) in stopped_holders() {
                let (pid, started) = (holder.pid(), start_time(holder.pid()));
                holder.kill();
                let namesake = child_with_the_number(pid, started);
                promptly(claim.name, || (claim.is_the_deads)(&all));
                assert!(namesake.is_running());
            }
            // One that is a participant as well, under a tag of its own.
            for (claim, all, holder) in stopped_holders() {
                let (pid, started) = (holder.pid(), start_time(holder.pid()));
                holder.kill();
                drop(child_with_the_number(pid, started));
                std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
                let namesake = fork(|| {
                    (claim.is_the_deads)(&all);
                    stop_here();
                });
                assert_eq!(namesake.pid(), pid);
                namesake.stopped();
                drop(namesake);
            }
            tidy();
        });
    }

    /// An end that is alone on its side keeps nobody from it, stopped or dead, and loses nothing.
    fn who_was_alone_on_a_side_and_stands_still_stops_nobody() {
        for dies in [false, true] {
            let all = Objects::new("shop");
            let owner = fork(|| {
                for number in 0..100 {
                    all.jobs.send(number).unwrap();
                    all.jobs.recv().unwrap();
                    all.mail.send(number).unwrap();
                    all.mail.recv().unwrap();
                    all.slices.send(&[number]).unwrap();
                    all.slices.recv().unwrap();
                }
                all.jobs.send(200).unwrap();
                all.mail.send(200).unwrap();
                all.slices.send(&[200]).unwrap();
                stop_here();
                all.jobs.send(300).unwrap();
                all.mail.send(300).unwrap();
                all.slices.send(&[300]).unwrap();
            });
            owner.stopped();
            for number in [201, 202] {
                promptly("beside an owner", || {
                    all.jobs.send(number).unwrap();
                    all.mail.send(number).unwrap();
                    all.slices.send(&[number]).unwrap();
                    assert_eq!(all.jobs.recv(), Ok(number - 1));
                    assert_eq!(all.mail.recv(), Ok(number - 1));
                    assert_eq!(all.slices.recv().unwrap(), [number - 1]);
                });
            }
            let last: &[u64] = match dies {
                true => {
                    owner.kill();
                    &[202]
                }
                false => {
                    owner.resume();
                    owner.succeed();
                    &[202, 300]
                }
            };
            for number in last {
                assert_eq!(all.jobs.recv(), Ok(*number));
                assert_eq!(all.mail.recv(), Ok(*number));
                assert_eq!(all.slices.recv().unwrap(), [*number]);
            }
            assert!(all.jobs.is_empty() && all.mail.is_empty() && all.slices.is_empty());
        }
    }
}
