//! Parents that die, or are stopped, in the middle of starting a child or of learning of its end.

use crate::children::{LONG, alone, fork, wait_until};
use crate::sys::hook::{arm, stopped_at};
use crate::sys::liveness::is_dead;
use crate::{Event, Lock, LockError, Process, Value};

use std::time::Duration;

fn sleep_long() {
    std::thread::sleep(LONG);
}

fn tell_and_sleep(pid: Value<u32>) {
    pid.set(std::process::id());
    sleep_long();
}

alone! {
    fn a_parent_killed_anywhere_in_a_start_leaves_no_child() {
        for point in ["launch.started", "launch.watched", "launch.ready"] {
            let pid = Value::new(0).unwrap();
            let parent = stopped_at(point, || {
                let _ = Process::spawn(tell_and_sleep, pid.clone());
            });
            // The letter was written before the child was there: it needs its parent no more.
            wait_until("the child to run", || pid.get() != 0);
            assert!(!is_dead(pid.get(), 0), "{point}");
            parent.kill();
            wait_until("the child to end", || is_dead(pid.get(), 0));
        }
    }

    fn a_parent_killed_before_it_says_what_is_to_run_leaves_no_child() {
        let pids = crate::Array::<u32>::new(2).unwrap();
        let parent = fork(|| {
            let begin = || Process::options().begin().unwrap();
            let _begun = [begin(), begin()];
            super::carry_on();
            wait_until("both to be started", || crate::active_children().len() == 2);
            for (cell, child) in crate::active_children().iter().enumerate() {
                pids.set(cell, child.pid()).unwrap();
            }
            sleep_long();
        });
        let pids = || pids.to_vec();
        wait_until("both to be started", || pids().iter().all(|pid| *pid != 0));
        assert!(pids().iter().all(|pid| !is_dead(*pid, 0)), "they wait for what they are to run");
        parent.kill();
        wait_until("both to end", || pids().iter().all(|pid| is_dead(*pid, 0)));
    }

    fn what_was_begun_and_is_told_nothing_ends() {
        let begun = Process::options().begin().unwrap();
        drop(begun);
        assert_eq!(crate::active_children().len(), 0);
        let told = Process::options().begin().unwrap().run(|| (), ()).unwrap();
        let (child, _arriving) = told.start().unwrap();
        assert!(child.join().unwrap().success());
    }

    fn a_parent_stopped_anywhere_in_a_start_goes_on_with_it() {
        for point in ["launch.started", "launch.watched", "launch.ready"] {
            let pid = Value::new(0).unwrap();
            let parent = stopped_at(point, || {
                let child = Process::spawn(tell_and_sleep, pid.clone()).unwrap();
                child.kill().unwrap();
                assert_eq!(child.join().unwrap().signal(), Some(9));
            });
            wait_until("the child to run", || pid.get() != 0);
            std::thread::sleep(Duration::from_millis(100));
            parent.resume();
            parent.succeed();
        }
    }

    fn a_parent_killed_over_its_childs_end_leaves_what_the_child_held_to_be_found() {
        for point in ["keeper.learned", "keeper.known"] {
            let (lock, held) = (Lock::new().unwrap(), Event::new().unwrap());
            let parent = stopped_at(point, || {
                let hold = |lock: Lock, held: Event| {
                    std::mem::forget(lock.lock());
                    held.set();
                    sleep_long();
                };
                let child = Process::spawn(hold, (lock.clone(), held.clone())).unwrap();
                held.wait();
                child.kill().unwrap();
                child.join().unwrap();
            });
            parent.kill();
            assert_eq!(lock.lock().unwrap_err(), LockError::OwnerDied, "{point}");
            drop(lock.recover().unwrap());
        }
    }

    fn a_point_is_reached() {
        // What the others rely on.
        arm("launch.ready");
        let copy = crate::children::fork(|| _ = Process::spawn(|| (), ()));
        copy.stopped();
        copy.resume();
        copy.succeed();
    }
}
