//! A lock: taken, given back, waited for, taken over.

use commonhold::{Lock, LockError, RecoverError, TryLockError};
use std::time::Duration;

use crate::case::{Case, Ground, Trial};
use crate::helper::{BOUND, Helper, Kept};
use crate::victim::Mark;

const BRIEFLY: Duration = Duration::from_millis(3);

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Lock::lock", "free", |ground| dies(ground, false, lock)),
        Case::new("Lock::try_lock", "free", |ground| {
            dies(ground, false, |lock| std::mem::forget(lock.try_lock().expect("it is free")))
        }),
        Case::new("Lock::unlock", "nobody waits", |ground| dies(ground, true, |_| {})),
        Case::new("Lock::unlock", "another sleeps", unlock_with_sleeper),
        Case::new("Lock::lock_timeout", "held, in vain", |ground| waits(ground, false)),
        Case::new("Lock::lock_timeout", "held; another sleeps", |ground| waits(ground, true)),
        Case::new("Lock::recover", "the holder is dead", recover),
    ]
}

fn lock(lock: &Lock) {
    std::mem::forget(lock.lock().expect("it is free"));
}

/// Takes it from whoever died with it, and gives it back.
fn recover_if_need_be(lock: &Lock) {
    match lock.lock_timeout(BOUND) {
        Ok(held) => drop(held),
        Err(_) => drop(lock.recover().expect("its holder is dead")),
    }
}

/// Holds, excludes, is free again, and wakes.
fn works(lock: &Lock, ground: &crate::log::Page) {
    let held = lock.try_lock().expect("free");
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.recover(), Err(RecoverError::Held)), "taken from the living");
    let other = lock.clone();
    let sleeper = Helper::asleep(*ground, 5, move |log| {
        let held = other.lock_timeout(BOUND);
        log.end(&[u64::from(held.is_ok())])
    });
    drop(held);
    assert_eq!(sleeper.ends(), [1], "a sleeper was not woken");
    match lock.lock_timeout(BOUND) {
        Err(commonhold::LockTimeoutError::OwnerDied) => drop(lock.recover().expect("dead")),
        other => panic!("{:?}: it ended with the lock", other.is_ok()),
    }
    assert!(!lock.is_locked());
}

/// What another does after the first death.
fn second(lock: &Lock, ground: &Ground) -> impl Fn(&Mark) + 'static {
    let (lock, enter) = (lock.clone(), ground.entrance());
    move |mark| {
        enter();
        mark.begin();
        recover_if_need_be(&lock);
        mark.end(&[])
    }
}

fn dies(ground: &Ground, held: bool, then: fn(&Lock)) -> Trial {
    let lock = Lock::create(ground.segment.at("lock")).unwrap();
    let (own, enter, page) = (lock.clone(), ground.entrance(), ground.page);
    let second = second(&lock, ground);
    Trial::new(
        move |mark| {
            enter();
            let guard = held.then(|| own.lock().unwrap());
            mark.begin();
            drop(guard);
            then(&own);
            mark.end(&[])
        },
        move |fates| {
            let state = lock.try_lock().map(drop);
            match (&state, &fates.second, fates.first.is_some(), held) {
                (_, Some((_, None)), ..) => {}
                // The second was perhaps through before the first took it.
                (Err(TryLockError::OwnerDied), Some(_), ..) if fates.beside => {}
                (Ok(()), Some(_), ..) | (Ok(()), None, true, true) => {}
                (Err(TryLockError::OwnerDied), None, true, false) => {}
                (Ok(()) | Err(TryLockError::OwnerDied), None, false, _) => {}
                other => panic!("not what it came to: {other:?}"),
            }
            recover_if_need_be(&lock);
            works(&lock, &page);
        },
    )
    .then(second)
}

fn unlock_with_sleeper(ground: &Ground) -> Trial {
    let lock = Lock::create(ground.segment.at("lock")).unwrap();
    let (own, enter, page) = (lock.clone(), ground.entrance(), ground.page);
    let other = lock.clone();
    let asleep = std::rc::Rc::new(std::cell::RefCell::new(None));
    let bed = asleep.clone();
    Trial::new(
        move |mark| {
            enter();
            let guard = own.lock().unwrap();
            mark.begin();
            drop(guard);
            mark.end(&[])
        },
        move |_| {
            let sleeper: Helper = asleep.take().expect("somebody sleeps");
            assert_eq!(sleeper.ends(), [1], "it waited in vain");
            recover_if_need_be(&lock);
            works(&lock, &page);
        },
    )
    .once_it_stands(move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let held = match other.lock() {
                Ok(held) => Ok(held),
                Err(LockError::OwnerDied) => other.recover(),
                Err(LockError::Poisoned) => panic!("nobody panicked"),
            };
            let well = held.is_ok();
            drop(held);
            log.end(&[u64::from(well)])
        }));
    })
}

/// This process holds it while the victim waits, perhaps beside another.
fn waits(ground: &Ground, beside: bool) -> Trial {
    let lock = Lock::create(ground.segment.at("lock")).unwrap();
    let (own, enter, page) = (lock.clone(), ground.entrance(), ground.page);
    let held = Kept::new(lock.clone(), |lock| lock.lock().unwrap());
    let asleep = beside.then(|| {
        let other = lock.clone();
        Helper::asleep(page, 2, move |log| {
            let well = other.lock_timeout(BOUND).map(drop).is_ok();
            log.end(&[u64::from(well)])
        })
    });
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let waited = own.lock_timeout(BRIEFLY).map(drop);
            mark.end(&[u64::from(waited.is_ok())])
        },
        move |fates| {
            assert!(
                matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
                "taken from the living"
            );
            drop(held);
            if let Some(asleep) = asleep {
                assert_eq!(asleep.ends(), [1], "it waited in vain");
            }
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 0));
            works(&lock, &page);
        },
    )
}

fn recover(ground: &Ground) -> Trial {
    let lock = Lock::create(ground.segment.at("lock")).unwrap();
    let own = lock.clone();
    let dead = Helper::start(ground.page, 2, move |log| {
        std::mem::forget(own.lock().unwrap());
        log.end(&[])
    });
    dead.ends();
    let (own, enter, page) = (lock.clone(), ground.entrance(), ground.page);
    let second = second(&lock, ground);
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            assert!(matches!(own.lock(), Err(LockError::OwnerDied)));
            drop(own.recover().expect("its holder is dead"));
            mark.end(&[])
        },
        move |fates| {
            let well = fates.first.is_some() || (fates.second_ended() && !fates.beside);
            assert!(!well || lock.try_lock().is_ok());
            recover_if_need_be(&lock);
            works(&lock, &page);
        },
    )
    .then(second)
}
