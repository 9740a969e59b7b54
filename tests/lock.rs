//! What a `Lock` promises to several processes.

mod children;

use children::{LONG, alone, fork, stop_here, wait_until};
use commonhold::{Event, Lock, LockError, LockTimeoutError, RecoverError, TryLockError, Value};
use std::thread;
use std::time::{Duration, Instant};

/// A child that has the lock and is stopped.
fn stopped_holder(door: &Lock) -> children::Child {
    let child = fork(|| {
        let guard = door.lock().unwrap();
        stop_here();
        drop(guard);
    });
    child.stopped();
    child
}

alone! {
    fn counts_exactly_under_contention() {
        let door = Lock::new().unwrap();
        let count = Value::<u64>::new(0).unwrap();
        let children: Vec<_> = (0..4)
            .map(|_| fork(|| {
                for _ in 0..25_000 {
                    let guard = door.lock().unwrap();
                    count.set(count.get() + 1); // two steps, exact only under the lock
                    drop(guard);
                }
            }))
            .collect();
        children.into_iter().for_each(children::Child::succeed);
        assert_eq!(count.get(), 100_000);
    }

    fn the_others_learn_of_a_killed_holder_and_one_recovers() {
        let door = Lock::new().unwrap();
        let holder = stopped_holder(&door);
        assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(door.recover().unwrap_err(), RecoverError::Held);
        let waiters: Vec<_> = (0..3)
            .map(|_| fork(|| {
                let start = Instant::now();
                assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
                println!("told after {:?}", start.elapsed());
            }))
            .collect();
        thread::sleep(Duration::from_millis(50)); // so that they sleep; if not, they are told sooner
        let killed = Instant::now();
        holder.kill();
        waiters.into_iter().for_each(children::Child::succeed);
        println!("all told within {:?} of the kill", killed.elapsed());
        assert!(killed.elapsed() < LONG);

        assert_eq!(door.try_lock().unwrap_err(), TryLockError::OwnerDied);
        let guard = door.recover().unwrap();
        assert_eq!(door.recover().unwrap_err(), RecoverError::Held);
        drop(guard);
        drop(door.lock().unwrap());
    }

    fn several_recover_and_one_gets_it() {
        let door = Lock::new().unwrap();
        let got = Value::<u32>::new(0).unwrap();
        let held = Value::<u32>::new(0).unwrap();
        let all_tried = Event::new().unwrap();
        stopped_holder(&door).kill();
        let recoverers: Vec<_> = (0..4)
            .map(|_| fork(|| match door.recover() {
                Ok(guard) => {
                    got.fetch_add(1);
                    all_tried.wait();
                    drop(guard);
                }
                Err(error) => {
                    assert_eq!(error, RecoverError::Held);
                    held.fetch_add(1);
                }
            }))
            .collect();
        wait_until("all to try", || got.get() + held.get() == 4);
        assert_eq!(got.get(), 1);
        all_tried.set();
        recoverers.into_iter().for_each(children::Child::succeed);
        drop(door.try_lock().unwrap());
    }

    fn a_stopped_holder_is_not_robbed() {
        let door = Lock::new().unwrap();
        let holder = stopped_holder(&door);
        let waiter = fork(|| drop(door.lock().unwrap()));
        let refused = door.lock_timeout(Duration::from_secs(3)).unwrap_err();
        assert_eq!(refused, LockTimeoutError::Timeout);
        assert!(waiter.is_running());
        holder.resume();
        holder.succeed();
        waiter.succeed();
        drop(door.lock().unwrap());
    }

    fn a_forked_child_does_not_hold_its_parents_lock() {
        let door = Lock::new().unwrap();
        let guard = door.lock().unwrap();
        let child = fork(|| {
            assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
            drop(door.lock().unwrap());
        });
        thread::sleep(Duration::from_millis(20));
        assert!(child.is_running());
        drop(guard);
        child.succeed();
    }

    fn a_guard_that_a_child_inherited_is_inert() {
        let door = Lock::new().unwrap();
        let mut guard = Some(door.lock().unwrap());
        fork(|| drop(guard.take())).succeed();
        assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
        drop(guard);
        drop(door.try_lock().unwrap());
    }

    fn an_ended_holder_is_a_dead_one_and_so_is_a_zombie() {
        let door = Lock::new().unwrap();
        fork(|| std::mem::forget(door.lock().unwrap())).succeed();
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
        drop(door.recover().unwrap());
        let zombie = stopped_holder(&door);
        zombie.kill_to_zombie();
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
    }

    /// `exec` keeps pid and start time; the program that held the lock is gone all the same.
    fn a_holder_that_became_another_program_is_dead() {
        let door = Lock::new().unwrap();
        let child = fork(|| {
            std::mem::forget(door.lock().unwrap());
            use std::os::unix::process::CommandExt;
            let error = std::process::Command::new("sleep").arg("100").exec();
            panic!("{error}");
        });
        let start = Instant::now();
        wait_until("the child to lock", || door.is_locked());
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
        println!("told after {:?}", start.elapsed());
        assert!(child.is_running());
        drop(door.recover().unwrap());
        child.kill();
    }

    fn a_leaked_guard_stays_held_while_its_process_lives() {
        let name = format!("test-lock-leaked-{}", std::process::id());
        let door = Lock::create(&name).unwrap();
        let seen = Event::new().unwrap();
        let child = fork(|| {
            let door = Lock::open(&name).unwrap();
            std::mem::forget(door.lock().unwrap());
            drop(door);
            seen.set();
            stop_here();
        });
        assert!(seen.wait_timeout(LONG));
        child.stopped();
        assert_eq!(door.lock_timeout(Duration::from_millis(200)).unwrap_err(), LockTimeoutError::Timeout);
        child.kill();
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
    }
}

#[test]
fn try_fails_at_once_within_one_process_too() {
    let door = Lock::new().unwrap();
    let guard = door.lock().unwrap();
    assert_eq!(door.try_lock().unwrap_err(), TryLockError::WouldBlock);
    thread::scope(|scope| {
        let other = scope.spawn(|| door.try_lock().map(drop).unwrap_err());
        assert_eq!(other.join().unwrap(), TryLockError::WouldBlock);
    });
    drop(guard);
    drop(door.try_lock().unwrap());
}

#[test]
fn a_timed_lock_never_gives_up_early() {
    let door = Lock::new().unwrap();
    let _held = door.lock().unwrap();
    for millis in [0, 1, 3, 10, 70, 150] {
        let timeout = Duration::from_millis(millis);
        let start = Instant::now();
        assert_eq!(door.lock_timeout(timeout).unwrap_err(), LockTimeoutError::Timeout);
        assert!(start.elapsed() >= timeout, "{millis} ms");
        let deadline = Instant::now() + timeout;
        assert_eq!(door.lock_deadline(deadline).unwrap_err(), LockTimeoutError::Timeout);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn a_timeout_too_large_waits() {
    let door = Lock::new().unwrap();
    drop(door.lock_timeout(Duration::MAX).unwrap());
}

#[test]
fn an_unwinding_guard_unlocks() {
    let door = Lock::new().unwrap();
    let panicked = thread::scope(|scope| {
        scope
            .spawn(|| {
                let _guard = door.lock().unwrap();
                std::panic::resume_unwind(Box::new("on purpose"));
            })
            .join()
    });
    assert!(panicked.is_err());
    drop(door.try_lock().unwrap());
}
