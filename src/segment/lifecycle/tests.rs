use super::*;
use crate::children::{Child, alone, directory, fork, listed, stop_here};
use crate::sys::hook::arm;
use crate::{Lock, LockError, Value};

const ATTACHING: [&str; 3] = ["attach.mapped", "register.timed", "register.seated"];

/// A child that is stopped at this point of `work`.
fn stopped_at(point: &'static str, work: impl FnOnce()) -> Child {
    let child = fork(|| {
        arm(point);
        work();
    });
    child.stopped();
    child
}

fn assert_nothing_left() {
    crate::gc().unwrap();
    assert!(listed(&directory()).is_empty(), "{:?}", listed(&directory()));
}

/// The name can be had, used and left by a new process.
fn assert_usable(point: &str) {
    fork(|| {
        let value = Value::open_or_create("n", 5_u64).unwrap();
        assert_eq!(value.fetch_add(1), 5, "{point}");
        fork(|| assert_eq!(Value::<u64>::open("n").unwrap().get(), 6)).succeed();
    })
    .succeed();
}

alone! {
    fn a_creator_killed_anywhere_leaves_nothing_or_a_stale_name() {
        for point in ATTACHING.into_iter().chain(["add.built", "add.committed", "create.built", "create.linked"]) {
            let creator = stopped_at(point, || {
                Value::create("n", 1_u64).unwrap();
            });
            let is_there = point == "create.linked";
            match Value::<u64>::open("n") {
                Ok(value) => assert!(is_there && value.get() == 1, "{point}"),
                Err(error) => assert!(!is_there && error.kind() == ErrorKind::NotFound, "{point}"),
            }
            creator.kill();
            assert_eq!(listed(&directory()).len(), usize::from(is_there), "{point}");
            assert_usable(point);
            assert_nothing_left();
        }
    }

    fn a_creator_that_is_stopped_before_the_link_holds_nobody_up() {
        let creator = stopped_at("create.built", || {
            let error = Value::create("n", 1_u64).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        });
        let value = Value::create("n", 2_u64).unwrap();
        creator.resume();
        creator.succeed();
        assert_eq!(Value::<u64>::open("n").unwrap().get(), 2);
        drop(value);
        let either = stopped_at("create.built", || {
            assert_eq!(Value::open_or_create("n", 3_u64).unwrap().get(), 4);
        });
        let value = Value::create("n", 4_u64).unwrap();
        either.resume();
        either.succeed();
        drop(value);
        assert_nothing_left();
    }

    fn who_is_killed_while_opening_harms_nobody() {
        let points = ["open.opened", "open.locked", "open.marked", "open.attached"];
        for point in points.into_iter().chain(ATTACHING) {
            let options = crate::Segment::options().participants(2);
            let value = Value::create(options.at("n"), 5_u64).unwrap();
            stopped_at(point, || {
                // As a process that had nothing from its parent.
                std::mem::forget(open("n", &SegmentOptions::default()).map(drop));
            })
            .kill();
            // The lock is free, and so is the one row that is left.
            fork(|| assert_eq!(Value::<u64>::open("n").unwrap().get(), 5)).succeed();
            assert_eq!(value.get(), 5, "{point}");
            drop(value);
            assert!(listed(&directory()).is_empty(), "{point}: the last one out removes it");
        }
    }

    fn who_opens_while_the_last_one_leaves_finds_nothing_or_a_new_one() {
        for creates in [false, true] {
            let opener = fork(|| {
                stop_here(); // made before the name, of which it so inherits nothing
                arm("open.opened");
                if creates {
                    assert_eq!(Value::open_or_create("n", 2_u64).unwrap().get(), 2);
                } else {
                    let missing = Value::<u64>::open("n").unwrap_err();
                    assert_eq!(missing.kind(), ErrorKind::NotFound);
                }
            });
            opener.stopped();
            let value = Value::create("n", 1_u64).unwrap();
            opener.resume();
            opener.stopped();
            drop(value);
            assert!(listed(&directory()).is_empty());
            opener.resume();
            opener.succeed();
            assert!(listed(&directory()).is_empty());
        }
    }

    fn who_opens_while_the_name_is_removed_does_not_get_what_had_it() {
        let opener = fork(|| {
            stop_here();
            arm("open.opened");
            assert_eq!(Value::open_or_create("n", 2_u64).unwrap().get(), 2);
        });
        opener.stopped();
        let value = Value::create("n", 1_u64).unwrap();
        opener.resume();
        opener.stopped();
        value.unlink().unwrap(); // and goes on living
        opener.resume();
        opener.succeed();
        assert_eq!(value.get(), 1);
        assert!(listed(&directory()).is_empty());
    }

    fn the_last_one_killed_while_leaving_leaves_nothing_or_a_stale_name() {
        for point in ["leave.retired", "bury.counted", "leave.closed", "leave.locked", "leave.done"] {
            stopped_at(point, || drop(Value::create("n", 1_u64).unwrap())).kill();
            assert!(Value::<u64>::open("n").is_err(), "{point}");
            assert_usable(point);
            assert_nothing_left();
        }
    }

    fn one_that_is_stopped_while_leaving_does_not_remove_what_others_have_meanwhile() {
        // Before it closed its file, the name lives; after, it is stale and is replaced.
        for (point, found) in [("leave.retired", 1), ("leave.closed", 2)] {
            let leaver = stopped_at(point, || drop(Value::create("n", 1_u64).unwrap()));
            let user = fork(|| {
                let value = Value::open_or_create("n", 2_u64).unwrap();
                assert_eq!(value.get(), found, "{point}");
                stop_here();
                value.set(3);
                stop_here();
            });
            user.stopped();
            leaver.resume();
            leaver.succeed();
            user.resume();
            user.stopped();
            fork(|| assert_eq!(Value::<u64>::open("n").unwrap().get(), 3)).succeed();
            user.resume();
            user.succeed();
            assert!(listed(&directory()).is_empty(), "{point}");
        }
    }

    fn who_is_killed_while_removing_leaves_the_name_to_the_next() {
        let value = Value::create("n", 1_u64).unwrap();
        stopped_at("unlink.locked", || value.unlink().unwrap()).kill();
        assert_eq!(Value::<u64>::open("n").unwrap().get(), 1);
        drop(value);
        assert_nothing_left();
        for remove in [|| _ = crate::gc().unwrap(), || _ = Value::create("n", 2_u64).unwrap()] {
            fork(|| std::mem::forget(Value::create("n", 1_u64).unwrap())).succeed();
            stopped_at("stale.known", remove).kill();
            assert_eq!(listed(&directory()), ["n"]);
            assert_usable("stale.known");
        }
        assert_nothing_left();
    }

    fn a_collector_does_not_take_a_name_from_who_opens_it_meanwhile() {
        fork(|| std::mem::forget(Value::create("n", 1_u64).unwrap())).succeed();
        let collector = stopped_at("stale.known", || assert_eq!(crate::gc().unwrap(), ["n"]));
        let opener = fork(|| {
            let value = Value::open_or_create("n", 2_u64).unwrap();
            assert_eq!(value.get(), 2);
            fork(|| assert_eq!(Value::<u64>::open("n").unwrap().get(), 2)).succeed();
        });
        std::thread::sleep(std::time::Duration::from_millis(50)); // so that it waits for the lock; if not, it is found out sooner
        assert!(opener.is_running());
        collector.resume();
        collector.succeed();
        opener.succeed();
        assert_nothing_left();
    }

    fn a_lock_held_by_who_was_killed_while_registering_is_a_dead_ones() {
        // Its row has a pid, its process no tag yet: nothing can be held under it, and it is freed.
        let door = Lock::create(crate::Segment::options().participants(2).at("n")).unwrap();
        for point in ["register.timed", "register.seated"] {
            stopped_at(point, || drop(door.lock().unwrap())).kill();
            drop(door.lock().unwrap());
            fork(|| std::mem::forget(door.lock().unwrap())).succeed();
            assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied, "{point}");
            stopped_at("take_over.announced", || drop(door.recover().unwrap())).kill();
            stopped_at("bury.counted", || _ = door.lock()).kill();
            assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied, "{point}");
            drop(door.recover().unwrap());
        }
    }
}
