//! Who gets a name, who keeps it, and what becomes of it when processes are killed.

mod children;

use children::{Child, alone, die_here, directory, fork, listed, stop_here};
use commonhold::{Array, ErrorKind, Event, Lock, Segment, Value};
use std::thread;

/// A value that shows when it is not whole: the same number in every place.
type Stamp = [u64; 9];

fn stamp(number: u64) -> Stamp {
    [number; 9]
}

fn whole(stamp: Stamp) -> u64 {
    assert_eq!(stamp, [stamp[0]; 9], "half-built");
    stamp[0]
}

/// The name's creator was killed; nobody else had it.
fn leave_behind(name: &str) {
    fork(|| {
        let _value = Value::create(name, stamp(1)).unwrap();
        die_here()
    })
    .was_killed();
}

fn kind<T>(result: Result<T, commonhold::Error>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

alone! {
    fn of_64_processes_that_race_for_a_name_one_creates() {
        const RACERS: usize = 64;
        const NAMES: usize = 200;
        let go: Vec<Event> = (0..NAMES).map(|_| Event::new().unwrap()).collect();
        let seen = Array::<u64>::new(RACERS).unwrap();
        let done = Value::<u64>::new(0).unwrap();
        let end = Event::new().unwrap();
        let racers: Vec<Child> = (0..RACERS)
            .map(|racer| fork(|| {
                let mut held = None;
                for (number, go) in go.iter().enumerate() {
                    let name = format!("race-{number}");
                    go.wait();
                    let mine = (number * RACERS + racer) as u64 + 1;
                    let value = Value::open_or_create(&name, stamp(mine)).unwrap();
                    seen.set(racer, whole(value.get())).unwrap();
                    held.replace(value); // so the last round's is dropped while this one goes on
                    done.fetch_add(1);
                }
                end.wait();
            }))
            .collect();
        for (number, go) in go.iter().enumerate() {
            go.set();
            let all = ((number + 1) * RACERS) as u64;
            children::wait_until("all racers to have it", || done.get() == all);
            let seen = seen.to_vec();
            assert!(seen.iter().all(|number| *number == seen[0]), "{seen:?}");
            assert_eq!((seen[0] - 1) / RACERS as u64, number as u64, "created in this round");
        }
        end.set();
        racers.into_iter().for_each(Child::succeed);
    }

    fn threads_that_open_and_drop_one_name_come_to_no_harm() {
        let racers: Vec<Child> = (0..2)
            .map(|_| fork(|| {
                thread::scope(|scope| {
                    for thread in 0..4 {
                        scope.spawn(move || {
                            for round in 0..150 {
                                let mine = stamp(thread * 1000 + round);
                                let value = Value::open_or_create("shared", mine).unwrap();
                                whole(value.get());
                                value.set(mine);
                                whole(value.get());
                            }
                        });
                    }
                });
            }))
            .collect();
        racers.into_iter().for_each(Child::succeed);
        assert_eq!(kind(Value::<Stamp>::open("shared")), ErrorKind::NotFound);
    }

    fn a_process_that_creates_and_drops_while_others_list_leaves_nothing() {
        let stop = Event::new().unwrap();
        let lister = fork(|| {
            while !stop.is_set() {
                commonhold::segments().unwrap();
            }
        });
        fork(|| {
            for _ in 0..2_000 {
                drop(Lock::create("brief").unwrap());
            }
        })
        .succeed();
        stop.set();
        lister.succeed();
        assert!(listed(&directory()).is_empty());
    }

    fn the_last_of_several_that_leave_at_once_removes_the_name() {
        for round in 0..100 {
            let (ready, go) = (Value::<u32>::new(0).unwrap(), Event::new().unwrap());
            let leavers: Vec<Child> = (0..4)
                .map(|_| fork(|| {
                    let door = Lock::open_or_create("left").unwrap();
                    ready.fetch_add(1);
                    go.wait();
                    drop(door);
                }))
                .collect();
            children::wait_until("all to have it", || ready.get() == 4);
            assert_eq!(listed(&directory()), ["left"]);
            go.set();
            leavers.into_iter().for_each(Child::succeed);
            assert!(listed(&directory()).is_empty(), "round {round}");
        }
    }

    fn a_living_name_is_not_replaced() {
        let value = Value::create("n", stamp(1)).unwrap();
        assert_eq!(kind(Value::create("n", stamp(2))), ErrorKind::AlreadyExists);
        assert_eq!(kind(Lock::create("n")), ErrorKind::AlreadyExists);
        assert_eq!(kind(Segment::create("n", 100)), ErrorKind::AlreadyExists);
        fork(|| {
            // Inherited; also for a process that opens it itself.
            assert_eq!(kind(Value::create("n", stamp(3))), ErrorKind::AlreadyExists);
            assert_eq!(whole(Value::<Stamp>::open("n").unwrap().get()), 1);
        })
        .succeed();
        let holder = fork(|| {
            stop_here();
        });
        holder.stopped();
        drop(value);
        // The child inherited it, and never touched it: it lives, stopped or not.
        assert_eq!(kind(Value::create("n", stamp(4))), ErrorKind::AlreadyExists);
        assert_eq!(whole(Value::<Stamp>::open("n").unwrap().get()), 1);
        assert!(commonhold::gc().unwrap().is_empty());
        holder.kill();
        assert_eq!(commonhold::gc().unwrap(), ["n"]);
    }

    fn what_killed_processes_left_is_not_found_and_is_replaced() {
        leave_behind("n");
        assert_eq!(kind(Value::<Stamp>::open("n")), ErrorKind::NotFound);
        let listed_as = commonhold::segments().unwrap();
        assert_eq!(listed_as.len(), 1);
        assert!(listed_as[0].is_stale() && listed_as[0].name() == "n");
        let value = Value::create("n", stamp(2)).unwrap();
        assert_eq!(whole(value.get()), 2);
        drop(value);
        assert!(listed(&directory()).is_empty());

        leave_behind("n");
        let value = Value::open_or_create("n", stamp(3)).unwrap();
        assert_eq!(whole(value.get()), 3);
        drop(value);

        leave_behind("b");
        leave_behind("a");
        let kept = Value::create("c", stamp(4)).unwrap();
        assert_eq!(commonhold::gc().unwrap(), ["a", "b"]);
        assert!(commonhold::gc().unwrap().is_empty());
        assert_eq!(listed(&directory()), ["c"]);
        drop(kept);
    }

    fn a_thousand_killed_creators_leave_nothing() {
        for round in 0..1_000 {
            let name = format!("killed-{}", round % 7);
            fork(|| {
                let value = Value::create(&name, stamp(round)).unwrap();
                assert_eq!(whole(value.get()), round);
                die_here()
            })
            .was_killed();
        }
        let names: Vec<String> = (0..7).map(|number| format!("killed-{number}")).collect();
        assert_eq!(listed(&directory()), names);
        assert_eq!(commonhold::gc().unwrap(), names);
        assert!(listed(&directory()).is_empty());
    }

    /// Killed at any moment of creating, opening and dropping, in which it spends all its time.
    fn processes_killed_at_any_moment_leave_nothing_that_is_not_stale() {
        let mut random = 0x9E37_79B9_u64;
        for round in 0..150 {
            let turns = Value::<u64>::new(0).unwrap();
            let victims: Vec<Child> = (0..2)
                .map(|victim| fork(|| {
                    for turn in 0.. {
                        let value = Value::open_or_create("storm", stamp(victim)).unwrap();
                        assert!(whole(value.get()) < 2);
                        drop(value);
                        turns.set(turn);
                    }
                }))
                .collect();
            children::wait_until("some turns", || turns.get() > 1);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            for _ in 0..(random >> 33) % 20_000 {
                std::hint::spin_loop();
            }
            let mut victims = victims.into_iter();
            victims.next().unwrap().kill();
            // The other one goes on.
            let before = turns.get();
            children::wait_until("more turns", || turns.get() != before);
            victims.next().unwrap().kill();
            let removed = commonhold::gc().unwrap();
            assert!(removed.is_empty() || removed == ["storm"], "{removed:?}");
            assert!(listed(&directory()).is_empty(), "round {round}");
        }
    }

    fn a_name_that_leads_elsewhere_is_not_removed_by_its_former_users() {
        let old = Value::create("n", stamp(1)).unwrap();
        commonhold::unlink("n").unwrap();
        assert_eq!(kind(Value::<Stamp>::open("n")), ErrorKind::NotFound);
        let new = fork(|| {
            let _new = Value::create("n", stamp(2)).unwrap();
            stop_here();
        });
        new.stopped();
        assert_eq!(kind(old.unlink().map_err(|error| {
            assert!(error.to_string().contains("another segment"), "{error}");
            error
        })), ErrorKind::NotFound);
        assert_eq!((old.get()[0], whole(Value::<Stamp>::open("n").unwrap().get())), (1, 2));
        drop(old);
        assert_eq!(whole(Value::<Stamp>::open("n").unwrap().get()), 2);
        new.resume();
        new.succeed();
        // It ended without dropping anything it had not yet: the name is gone either way.
        commonhold::gc().unwrap();
        assert!(listed(&directory()).is_empty());
    }

    fn unlinking_takes_the_name_and_nothing_else() {
        let value = Value::create("n", stamp(1)).unwrap();
        let user = fork(|| {
            let value = Value::<Stamp>::open("n").unwrap();
            stop_here();
            assert_eq!(whole(value.get()), 5);
            value.set(stamp(6));
        });
        user.stopped();
        value.unlink().unwrap();
        assert_eq!(kind(value.unlink()), ErrorKind::NotFound);
        assert_eq!(kind(commonhold::unlink("n")), ErrorKind::NotFound);
        assert!(listed(&directory()).is_empty());
        value.set(stamp(5));
        user.resume();
        user.succeed();
        assert_eq!(whole(value.get()), 6);
    }
}
