//! What a `Semaphore` promises to several processes, and to the threads of each.

mod children;

use children::{Child, HANG, all_succeed, alone, fork, promptly, stop_here, wait_until};
use commonhold::{NoPermit, OverRelease, Permit, Semaphore, Value};
use std::mem::forget;
use std::thread;
use std::time::{Duration, Instant};

const fn assert_send<T: Send>() {}
const _: () = assert_send::<Permit<'static>>();

fn new(permits: u32) -> Semaphore {
    Semaphore::new(permits).unwrap()
}

/// Takes all permits there are, and gives them back.
fn assert_permits(seats: &Semaphore, count: u32) {
    let all: Vec<_> = std::iter::from_fn(|| seats.try_acquire().ok()).collect();
    assert_eq!(all.len() as u32, count);
    drop(all);
    assert_eq!(seats.available(), count);
}

/// A child that holds this many permits, and is stopped.
fn stopped_holder(seats: &Semaphore, permits: u32) -> Child {
    let child = fork(|| {
        let held: Vec<_> = (0..permits).map(|_| seats.acquire()).collect();
        stop_here();
        drop(held);
    });
    child.stopped();
    child
}

alone! {
    fn never_more_are_inside_than_there_are_permits() {
        let seats = new(3);
        let inside = Value::<u32>::new(0).unwrap();
        let visit = || (0..1_000).for_each(|_| {
            let _permit = seats.acquire();
            assert!(inside.fetch_add(1) < 3);
            inside.fetch_sub(1);
        });
        let children: Vec<_> = (0..2)
            .map(|_| fork(|| thread::scope(|scope| (0..3).for_each(|_| _ = scope.spawn(visit)))))
            .collect();
        visit();
        all_succeed(children);
        assert_permits(&seats, 3);
    }

    fn release_wakes_as_many_as_it_adds() {
        let seats = new(0);
        let through = Value::<u32>::new(0).unwrap();
        let waiters: Vec<_> = (0..4)
            .map(|_| fork(|| {
                seats.acquire().forget();
                through.fetch_add(1);
            }))
            .collect();
        waiters.iter().for_each(Child::asleep);
        for (n, all) in [(2, 2), (1, 3), (1, 4)] {
            let start = Instant::now();
            seats.release(n).unwrap();
            wait_until("the released", || through.get() == all);
            println!("{n} through after {:?}", start.elapsed());
            thread::sleep(Duration::from_millis(10)); // one too many would most likely show
            assert_eq!(through.get(), all);
        }
        all_succeed(waiters);
    }

    fn bounded_ones_refuse_atomically() {
        let seats = Semaphore::bounded(100).unwrap();
        (0..50).for_each(|_| seats.acquire().forget());
        let added = Value::<u32>::new(0).unwrap();
        let children: Vec<_> = (0..4)
            .map(|_| fork(|| for _ in 0..25 {
                match seats.release(1) {
                    Ok(()) => _ = added.fetch_add(1),
                    Err(OverRelease) => assert_eq!(seats.available(), 100),
                }
            }))
            .collect();
        all_succeed(children);
        assert_eq!(added.get(), 50);
        assert_eq!(seats.release(1), Err(OverRelease));
        assert_permits(&seats, 100);
    }

    fn permits_of_a_killed_process_come_back() {
        let seats = new(3);
        let mine = seats.acquire();
        let holder = stopped_holder(&seats, 2);
        assert_eq!(seats.try_acquire().unwrap_err(), NoPermit);
        let waiters: Vec<_> = (0..3).map(|_| fork(|| drop(seats.acquire()))).collect();
        waiters.iter().for_each(Child::asleep);
        assert!(waiters.iter().all(Child::is_running));
        holder.kill_to_zombie();
        promptly("three through two permits of a killed process", || all_succeed(waiters));
        assert_permits(&seats, 2);
        drop(mine);
        assert_permits(&seats, 3);
        // Found at once by who only tries.
        stopped_holder(&seats, 3).kill();
        drop(seats.try_acquire().unwrap());
        assert_permits(&seats, 3);
    }

    /// `exec` keeps pid and start time; the program that held the permit is gone all the same.
    fn the_permit_of_a_process_that_became_another_program_comes_back() {
        let seats = new(1);
        let child = fork(|| {
            forget(seats.acquire());
            use std::os::unix::process::CommandExt;
            let error = std::process::Command::new("sleep").arg("100").exec();
            panic!("{error}");
        });
        wait_until("the child to take it", || seats.available() == 0);
        drop(promptly("permit of a program that is gone", || seats.acquire_timeout(HANG).unwrap()));
        assert!(child.is_running());
        child.kill();
    }

    fn a_permit_that_a_child_inherited_is_inert() {
        let seats = new(3);
        let mut permits = vec![seats.acquire(), seats.acquire()];
        let ends: [fn(Permit<'_>); 2] = [|permit| drop(permit), |permit| permit.forget()];
        for end in ends {
            fork(|| {
                // Nor does it stand for one that the child has itself.
                let own = seats.acquire();
                end(permits.pop().unwrap());
                assert_eq!(seats.try_acquire().unwrap_err(), NoPermit);
                drop(own);
            }).succeed();
        }
        drop(permits);
        assert_permits(&seats, 3);
    }

    fn a_leaked_permit_is_held_while_its_process_lives() {
        let name = format!("test-semaphore-leaked-{}", std::process::id());
        let seats = Semaphore::create_bounded(&name, 1).unwrap();
        let child = fork(|| {
            let seats = Semaphore::open(&name).unwrap();
            forget(seats.acquire());
            drop(seats);
            stop_here();
        });
        child.stopped();
        let refused = seats.acquire_timeout(Duration::from_millis(150)).unwrap_err();
        assert_eq!(refused, NoPermit);
        assert_eq!(seats.release(1), Err(OverRelease));
        child.kill();
        assert_permits(&seats, 1);
    }

    /// A process counts to 1,048,575; that one has too many is nothing to the others.
    fn one_process_that_holds_a_million_is_refused_more() {
        const MOST: u32 = (1 << 20) - 1;
        let seats = new(MOST + 2);
        let hoarder = fork(|| {
            (0..MOST).for_each(|_| forget(seats.acquire()));
            assert_eq!(seats.available(), 2);
            assert_eq!(seats.try_acquire().unwrap_err(), NoPermit);
            let refused = seats.acquire_timeout(Duration::from_millis(20)).unwrap_err();
            assert_eq!(refused, NoPermit);
            stop_here();
        });
        hoarder.stopped();
        drop([seats.try_acquire().unwrap(), seats.try_acquire().unwrap()]);
        hoarder.kill();
        let all = promptly("a million permits back", || {
            [seats.acquire(), seats.acquire(), seats.try_acquire().unwrap()]
        });
        assert_eq!(seats.available(), MOST - 1);
        drop(all);
    }

    /// Killed at random moments, none of which may keep a permit or make one up.
    fn a_storm_of_kills_neither_loses_nor_makes_permits() {
        let seats = new(4);
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..40 {
            let workers: Vec<_> = (0..3)
                .map(|_| fork(|| loop {
                    let _two = (seats.acquire_timeout(Duration::from_millis(1)), seats.try_acquire());
                }))
                .collect();
            for worker in workers {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                thread::sleep(Duration::from_micros(random % 1_500));
                worker.kill();
            }
            assert_permits(&seats, 4);
        }
    }
}

#[test]
fn counts_down_and_up() {
    let seats = new(2);
    let first = seats.acquire();
    assert_eq!(seats.available(), 1);
    let second = seats.try_acquire().unwrap();
    assert_eq!(seats.available(), 0);
    assert_eq!(seats.try_acquire().unwrap_err(), NoPermit);
    drop(first);
    assert_eq!(seats.available(), 1);
    seats.release(3).unwrap();
    assert_eq!(seats.available(), 4);
    second.forget();
    assert_permits(&seats, 4);
    seats.release(0).unwrap();
    assert_permits(&seats, 4);
}

#[test]
fn over_release_changes_nothing() {
    let seats = Semaphore::bounded(2).unwrap();
    assert_eq!(seats.release(1), Err(OverRelease));
    let held = seats.acquire();
    assert_eq!(seats.release(1), Err(OverRelease), "those that are held count");
    assert_eq!(seats.available(), 1);
    held.forget();
    assert_eq!(seats.release(2), Err(OverRelease));
    assert_eq!(seats.release(u32::MAX), Err(OverRelease));
    assert_eq!(seats.available(), 1);
    seats.release(1).unwrap();
    assert_permits(&seats, 2);

    let all = new(u32::MAX);
    assert_eq!(all.release(1), Err(OverRelease));
    assert_eq!(all.available(), u32::MAX);
    assert_eq!(Semaphore::bounded(0).unwrap().release(1), Err(OverRelease));
}

#[test]
fn a_timed_acquire_never_gives_up_early() {
    let seats = new(0);
    for millis in [0, 1, 3, 10, 70, 150] {
        let timeout = Duration::from_millis(millis);
        let start = Instant::now();
        assert_eq!(seats.acquire_timeout(timeout).unwrap_err(), NoPermit);
        assert!(start.elapsed() >= timeout, "{millis} ms");
        let deadline = Instant::now() + timeout;
        assert_eq!(seats.acquire_deadline(deadline).unwrap_err(), NoPermit);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn a_permit_that_is_there_is_had_without_time_and_a_timeout_too_large_waits() {
    let seats = new(1);
    drop(seats.acquire_timeout(Duration::ZERO).unwrap());
    drop(seats.acquire_deadline(Instant::now()).unwrap());
    let permit = seats.acquire();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(seats.acquire_timeout(Duration::MAX).unwrap()));
        thread::sleep(Duration::from_millis(10));
        assert!(!waiter.is_finished());
        drop(permit);
        waiter.join().unwrap();
    });
}

#[test]
fn a_permit_may_end_on_another_thread() {
    let seats = new(1);
    let permit = seats.acquire();
    thread::scope(|scope| _ = scope.spawn(|| drop(permit)));
    assert_permits(&seats, 1);
}
