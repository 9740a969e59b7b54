//! A locked value: whole while free, somebody's to repair after a death.

use commonhold::{LockError, LockTimeoutError, Mutex, TryLockError};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use crate::case::{Case, Ground, Trial};
use crate::helper::{BOUND, Helper, Kept};
use crate::victim::Mark;

type Books = [u64; 4];

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Mutex::lock, write, unlock", "free", |ground| {
            dies(ground, |books| books.lock().unwrap().iter_mut().for_each(|line| *line += 1))
        }),
        Case::new("Mutex::try_lock, write, unlock", "free", |ground| {
            dies(ground, |books| books.try_lock().unwrap().iter_mut().for_each(|line| *line += 1))
        }),
        Case::new("Mutex::lock_or_repair", "free", |ground| {
            dies(ground, |books| {
                books.lock_or_repair(|_| unreachable!()).iter_mut().for_each(|line| *line += 1)
            })
        }),
        Case::new("MutexGuard::drop", "unwinding", |ground| poisons(ground, false)).long(),
        Case::new("MutexGuard::drop", "unwinding; another sleeps", |ground| poisons(ground, true))
            .long(),
        Case::new("Mutex::recover", "poisoned", |ground| takes_over(ground, recover)),
        Case::new("Mutex::recover_with", "poisoned", |ground| {
            takes_over(ground, |books| drop(books.recover_with([6; 4]).unwrap()))
        }),
        Case::new("Mutex::lock_or_repair", "poisoned", |ground| {
            takes_over(ground, |books| _ = repaired(books))
        }),
        Case::new("Mutex::lock_timeout", "held, in vain", in_vain),
    ]
}

/// Drops it as a panic does.
pub fn unwind_with<G>(guard: G) {
    let unwinding = AssertUnwindSafe(move || {
        let _guard = guard;
        resume_unwind(Box::new(()));
    });
    assert!(catch_unwind(unwinding).is_err());
}

fn recover(books: &Mutex<Books>) {
    let mut found = books.recover().unwrap();
    let last = found[3];
    found.fill(last);
}

/// What it was, or half of both, where somebody died in it.
fn repaired(books: &Mutex<Books>) -> Books {
    *books.lock_or_repair(|left| {
        let left = left.expect("any bytes are books");
        [left[3]; 4] // the last line is written last
    })
}

fn dies(ground: &Ground, operate: fn(&Mutex<Books>)) -> Trial {
    let books = Mutex::<Books>::create(ground.segment.at("books"), [1; 4]).unwrap();
    let (own, enter) = (books.clone(), ground.entrance());
    let (other, enter_too) = (books.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            let found = match books.try_lock() {
                Ok(found) => {
                    assert!(found.iter().all(|line| *line == found[0]), "free, but half done");
                    *found
                }
                Err(TryLockError::OwnerDied) => {
                    let cut = fates.first.is_none() || matches!(fates.second, Some((_, None)));
                    assert!(cut, "died with it after it gave it back");
                    repaired(&books)
                }
                Err(error) => panic!("{error}"),
            };
            let whole = fates.first.is_some() && fates.second.is_none();
            assert!(!whole || found == [2; 4], "{found:?}");
            *books.try_lock().unwrap() = [7; 4];
            assert_eq!(repaired(&books), [7; 4]);
            // Half-written by who died is what who recovers finds, and may set right at once.
            drop(books.recover_with([8; 4]).expect("free"));
            assert_eq!(repaired(&books), [8; 4]);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        let now = repaired(&other);
        mark.end(&now)
    })
}

fn books(ground: &Ground) -> Mutex<Books> {
    Mutex::<Books>::create(ground.segment.at("books"), [1; 4]).unwrap()
}

/// Somebody who recovers, and gives it back.
fn second(ground: &Ground, books: &Mutex<Books>) -> impl Fn(&Mark) + 'static {
    let (other, enter) = (books.clone(), ground.entrance());
    move |mark| {
        enter();
        mark.begin();
        let now = repaired(&other);
        mark.end(&now)
    }
}

/// Held when the panic began; whoever comes next is told, whatever was cut off.
fn poisons(ground: &Ground, another_sleeps: bool) -> Trial {
    let books = books(ground);
    let (own, enter, page) = (books.clone(), ground.entrance(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let (bed, other, then) = (asleep.clone(), books.clone(), second(ground, &books));
    let trial = Trial::new(
        move |mark| {
            enter();
            let guard = own.lock().unwrap();
            mark.begin();
            unwind_with(guard);
            mark.end(&[])
        },
        move |fates| {
            if let Some(asleep) = asleep.take() {
                let asleep: Helper = asleep;
                assert_eq!(asleep.ends(), [1], "it waited in vain");
            } else if fates.second.is_none() {
                match books.try_lock() {
                    Err(TryLockError::Poisoned) => {}
                    Err(TryLockError::OwnerDied) => assert!(fates.first.is_none()),
                    other => panic!("taken from who panicked: {:?}", other.is_ok()),
                }
            }
            assert_eq!(repaired(&books), [1; 4]);
            drop(books.try_lock().expect("free"));
        },
    );
    if !another_sleeps {
        return trial.then(then);
    }
    trial.once_it_stands(move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let told = matches!(other.lock(), Err(LockError::OwnerDied | LockError::Poisoned));
            log.end(&[u64::from(told)])
        }));
    })
}

/// Of one that was poisoned half way.
fn takes_over(ground: &Ground, operate: fn(&Mutex<Books>)) -> Trial {
    let books = books(ground);
    let mut guard = books.lock().unwrap();
    guard[0] = 2;
    unwind_with(guard);
    let (own, enter, then) = (books.clone(), ground.entrance(), second(ground, &books));
    let check = move |fates: &crate::case::Fates| {
        let found = books.try_lock().map(|found| *found);
        match found {
            Ok(found) => assert!(found.iter().all(|line| *line == found[0]), "half done"),
            Err(TryLockError::Poisoned) => {
                assert!(fates.first.is_none() && !fates.second_ended());
            }
            Err(TryLockError::OwnerDied) => {
                assert!(fates.first.is_none() || !fates.second_ended());
            }
            Err(error) => panic!("{error}"),
        }
        repaired(&books);
        drop(books.try_lock().expect("free"));
    };
    let victim = move |mark: &Mark| {
        enter();
        mark.begin();
        operate(&own);
        mark.end(&[])
    };
    Trial::new(victim, check).then(then)
}

fn in_vain(ground: &Ground) -> Trial {
    let books = books(ground);
    let held = Kept::new(books.clone(), |books| books.lock().unwrap());
    let (own, enter) = (books.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let timeout = own.lock_timeout(Duration::from_millis(3));
            mark.end(&[u64::from(matches!(timeout, Err(LockTimeoutError::Timeout)))])
        },
        move |fates| {
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 1));
            drop(held);
            assert_eq!(*books.lock_timeout(BOUND).expect("free"), [1; 4]);
        },
    )
}
