//! A locked value: whole while free, somebody's to repair after a death.

use commonhold::{Mutex, TryLockError};

use crate::case::{Case, Ground, Trial};
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
    ]
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
