//! What a `Mutex` promises to several processes, and to the threads of each.

mod children;

use children::{all_succeed, alone, fork, promptly, stop_here, wait_until};
use commonhold::{
    Event, LockError, LockGuard, LockTimeoutError, Mutex, MutexGuard, RecoverError, TryLockError,
    Value,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

type Page = [u64; 64];

/// Compiles only while the type is not `Send`: otherwise `_` has two answers.
macro_rules! assert_not_send {
    ($type:ty) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + Send> Ambiguous<u8> for T {}
            <$type as Ambiguous<_>>::check();
        };
    };
}
assert_not_send!(LockGuard<'static>);
assert_not_send!(MutexGuard<'static, u64>);

const fn assert_sync<T: Sync>() {}
const _: () = assert_sync::<MutexGuard<'static, u64>>();
const _: () = assert_sync::<Mutex<u64>>();

fn unique(what: &str) -> String {
    format!("test-mutex-{what}-{}", std::process::id())
}

fn panic_with<T>(guard: T) {
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        resume_unwind(Box::new("on purpose"));
    }));
    assert!(unwound.is_err());
}

/// Writes over `old`, which is found once in the segment's file.
fn overwrite(name: &str, old: [u8; 4], new: [u8; 4]) {
    use std::os::unix::fs::FileExt;
    let dir = std::env::var_os("COMMONHOLD_DIR").map_or("/dev/shm".into(), PathBuf::from);
    let path = dir.join(name);
    let bytes = std::fs::read(&path).unwrap();
    let found: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&old)).collect();
    assert_eq!(found.len(), 1, "in {path:?}");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&new, found[0] as u64).unwrap();
}

const CHEESE: char = '\u{1F9C0}';
const NO_CHAR: [u8; 4] = [0xEE; 4];

fn spoil(name: &str) {
    overwrite(name, u32::from(CHEESE).to_ne_bytes(), NO_CHAR);
}

alone! {
    fn counts_exactly_in_threads_of_processes() {
        let page = Mutex::new([0_u64; 64]).unwrap();
        let count = |page: &Mutex<Page>| {
            for _ in 0..5_000 {
                let mut page = page.lock().unwrap();
                assert!(page.iter().all(|n| *n == page[0]), "seen half-changed");
                page.iter_mut().for_each(|n| *n += 1);
            }
        };
        let children: Vec<_> = (0..2)
            .map(|_| fork(|| thread::scope(|scope| {
                (0..2).for_each(|_| _ = scope.spawn(|| count(&page)));
            })))
            .collect();
        count(&page);
        all_succeed(children);
        assert_eq!(*page.lock().unwrap(), [25_000; 64]);
    }

    fn two_handles_of_one_name_are_one_mutex() {
        let name = unique("handles");
        let first = Mutex::create(&name, 1_u64).unwrap();
        let second = Mutex::<u64>::open(&name).unwrap();
        let guard = second.lock().unwrap();
        assert_eq!(first.try_lock().unwrap_err(), TryLockError::WouldBlock);
        let child = fork(|| {
            let third = Mutex::<u64>::open(&name).unwrap();
            assert_eq!(third.try_lock().unwrap_err(), TryLockError::WouldBlock);
            *third.lock().unwrap() += 1;
        });
        child.asleep();
        drop(guard);
        drop(second);
        child.succeed();
        assert_eq!(*first.lock().unwrap(), 2);
    }

    fn several_recover_from_a_killed_holder_and_one_gets_it() {
        let total = Mutex::new(7_u64).unwrap();
        let got = Value::<u32>::new(0).unwrap();
        let held = Value::<u32>::new(0).unwrap();
        let all_tried = Event::new().unwrap();
        let holder = fork(|| {
            let mut guard = total.lock().unwrap();
            *guard = 8;
            stop_here();
        });
        holder.stopped();
        assert_eq!(total.recover().unwrap_err(), RecoverError::Held);
        assert_eq!(total.recover_with(9).unwrap_err(), RecoverError::Held);
        let told = fork(|| assert_eq!(total.lock().unwrap_err(), LockError::OwnerDied));
        told.asleep();
        holder.kill_to_zombie();
        promptly("told of a killed holder", || told.succeed());
        let recoverers: Vec<_> = (0..4)
            .map(|_| fork(|| match total.recover() {
                Ok(guard) => {
                    assert_eq!(*guard, 8);
                    got.fetch_add(1);
                    all_tried.wait();
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
        all_succeed(recoverers);
        assert_eq!(*total.try_lock().unwrap(), 8);
    }

    fn a_panic_in_one_process_poisons_it_for_all() {
        let total = Mutex::new(1_u64).unwrap();
        fork(|| {
            let mut guard = total.lock().unwrap();
            *guard = 2;
            panic_with(guard);
        }).succeed();
        assert_eq!(total.lock().unwrap_err(), LockError::Poisoned);
        assert_eq!(total.try_lock().unwrap_err(), TryLockError::Poisoned);
        let timed = total.lock_timeout(Duration::from_millis(1)).unwrap_err();
        assert_eq!(timed, LockTimeoutError::Poisoned);
        fork(|| assert_eq!(*total.recover().unwrap(), 2)).succeed();
        assert_eq!(*total.try_lock().unwrap(), 2);
    }

    fn a_guard_that_a_child_inherited_is_inert() {
        let total = Mutex::new(1_u64).unwrap();
        let mut guard = Some(total.lock().unwrap());
        fork(|| {
            assert_eq!(total.try_lock().unwrap_err(), TryLockError::WouldBlock);
            let mut guard = guard.take().unwrap();
            assert!(catch_unwind(AssertUnwindSafe(|| *guard)).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| *guard = 5)).is_err());
            panic_with(guard); // poisons nothing
            assert_eq!(total.try_lock().unwrap_err(), TryLockError::WouldBlock);
        }).succeed();
        fork(|| drop(guard.take())).succeed();
        assert_eq!(total.try_lock().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(guard.as_deref(), Some(&1));
        drop(guard);
        assert_eq!(*total.try_lock().unwrap(), 1);
    }

    fn bytes_that_are_no_value_are_recovered_by_replacing_them() {
        let name = unique("invalid");
        let snack = Mutex::create(&name, CHEESE).unwrap();
        let eater = fork(|| {
            let _guard = snack.lock().unwrap();
            stop_here();
        });
        eater.stopped();
        spoil(&name);
        eater.kill();
        assert_eq!(snack.lock().unwrap_err(), LockError::OwnerDied);
        for _ in 0..2 {
            assert_eq!(snack.recover().unwrap_err(), RecoverError::Invalid);
            assert_eq!(snack.lock().unwrap_err(), LockError::OwnerDied);
        }
        assert_eq!(*snack.recover_with(CHEESE).unwrap(), CHEESE);
        assert_eq!(*snack.try_lock().unwrap(), CHEESE);

        fork(|| std::mem::forget(snack.lock().unwrap())).succeed();
        spoil(&name);
        let guard = snack.lock_or_repair(|left| {
            assert_eq!(left, None);
            CHEESE
        });
        assert_eq!(*guard, CHEESE);
        drop(guard);

        // Overwritten while nobody held it: a caller's bug, told by a panic, and recoverable.
        spoil(&name);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(snack.lock()))).is_err());
        assert_eq!(snack.lock().unwrap_err(), LockError::OwnerDied);
        assert_eq!(*snack.recover_with(CHEESE).unwrap(), CHEESE);
    }

    fn a_leaked_guard_stays_held_while_its_process_lives() {
        let name = unique("leaked");
        let total = Mutex::create(&name, 3_u64).unwrap();
        let child = fork(|| {
            let total = Mutex::<u64>::open(&name).unwrap();
            std::mem::forget(total.lock().unwrap());
            drop(total);
            stop_here();
        });
        child.stopped();
        let refused = total.lock_timeout(Duration::from_millis(150)).unwrap_err();
        assert_eq!(refused, LockTimeoutError::Timeout);
        child.kill();
        assert_eq!(*total.recover().unwrap(), 3);
    }
}

#[test]
fn try_fails_at_once_within_one_process_too() {
    let total = Mutex::new(1_u64).unwrap();
    let guard = total.lock().unwrap();
    assert_eq!(total.try_lock().unwrap_err(), TryLockError::WouldBlock);
    thread::scope(|scope| {
        let other = scope.spawn(|| total.try_lock().map(drop).unwrap_err());
        assert_eq!(other.join().unwrap(), TryLockError::WouldBlock);
    });
    drop(guard);
    drop(total.try_lock().unwrap());
}

#[test]
fn a_timed_lock_never_gives_up_early() {
    let total = Mutex::new(1_u64).unwrap();
    let _held = total.lock().unwrap();
    for millis in [0, 1, 3, 10, 70, 150] {
        let timeout = Duration::from_millis(millis);
        let start = Instant::now();
        assert_eq!(total.lock_timeout(timeout).unwrap_err(), LockTimeoutError::Timeout);
        assert!(start.elapsed() >= timeout, "{millis} ms");
        let deadline = Instant::now() + timeout;
        assert_eq!(total.lock_deadline(deadline).unwrap_err(), LockTimeoutError::Timeout);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn a_timeout_too_large_waits() {
    let total = Mutex::new(1_u64).unwrap();
    let guard = total.lock().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| *total.lock_timeout(Duration::MAX).unwrap());
        thread::sleep(Duration::from_millis(10));
        assert!(!waiter.is_finished());
        drop(guard);
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

#[test]
fn a_panicking_thread_poisons_and_repair_runs_once() {
    let total = Mutex::new(1_u64).unwrap();
    panic_with(total.lock().unwrap());
    assert_eq!(total.lock().unwrap_err(), LockError::Poisoned);
    let mut repairs = 0;
    for _ in 0..2 {
        *total.lock_or_repair(|left| {
            repairs += 1;
            left.unwrap() + 10
        }) += 1;
    }
    assert_eq!((repairs, *total.lock().unwrap()), (1, 13));
}

#[test]
fn a_repair_that_panics_leaves_it_to_be_recovered() {
    let total = Mutex::new(1_u64).unwrap();
    panic_with(total.lock().unwrap());
    let repair = || drop(total.lock_or_repair(|_| resume_unwind(Box::new("on purpose"))));
    assert!(catch_unwind(AssertUnwindSafe(repair)).is_err());
    assert!(total.try_lock().is_err());
    assert_eq!(*total.recover().unwrap(), 1);
    drop(total.try_lock().unwrap());
}

/// What is locked and given back while a panic unwinds past it was not left by that panic.
#[test]
fn a_guard_taken_while_unwinding_poisons_nothing() {
    struct Counts<'m>(&'m Mutex<u64>);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let total = Mutex::new(1_u64).unwrap();
    panic_with(Counts(&total));
    assert_eq!(*total.lock().unwrap(), 2);
}

#[test]
fn recover_takes_what_is_free_and_recover_with_replaces() {
    let total = Mutex::new(1_u64).unwrap();
    assert_eq!(*total.recover().unwrap(), 1);
    let guard = total.recover_with(4).unwrap();
    assert_eq!(total.recover().unwrap_err(), RecoverError::Held);
    assert_eq!(*guard, 4);
    drop(guard);
    assert_eq!(*total.lock_or_repair(|_| unreachable!()), 4);
}

#[test]
fn a_value_without_size_is_a_lock() {
    let nothing = Mutex::new([0_u64; 0]).unwrap();
    let guard = nothing.lock().unwrap();
    assert_eq!(nothing.try_lock().unwrap_err(), TryLockError::WouldBlock);
    drop(guard);
}
