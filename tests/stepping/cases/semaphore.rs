//! A semaphore: no permit is lost with the dead.

use commonhold::Semaphore;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::case::{Case, Ground, Trial};
use crate::helper::{BOUND, Helper, Kept};
use crate::victim::Mark;

const PERMITS: u32 = 2;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Semaphore::acquire", "free", |ground| {
            dies(ground, 0, |seats| std::mem::forget(seats.acquire()))
        }),
        Case::new("Semaphore::acquire, drop", "free", |ground| {
            dies(ground, 0, |seats| drop(seats.acquire()))
        }),
        Case::new("Semaphore::release", "unbounded", |ground| {
            dies(ground, 1, |seats| seats.release(1).unwrap())
        }),
        Case::new("Semaphore::release", "bounded, past its bound", past_its_bound),
        Case::new("Semaphore::try_acquire", "none left, of the dead", of_the_dead),
        Case::new("Permit::forget", "held", |ground| {
            dies(ground, -1, |seats| seats.acquire().forget())
        }),
        Case::new("Permit::drop", "another sleeps", drop_with_sleeper),
        Case::new("Semaphore::acquire_timeout", "none left, in vain", waits),
    ]
}

/// Just so many permits are there, and wake who waits for them.
fn works(seats: &Semaphore, total: u32) {
    let all: Vec<_> = (0..total)
        .map(|number| {
            seats.acquire_timeout(BOUND).unwrap_or_else(|_| panic!("{number} of {total}"))
        })
        .collect();
    assert!(seats.try_acquire().is_err(), "more than there are");
    drop(all);
    assert_eq!(seats.available(), total);
}

/// What the operation changes about the number of permits, if it does.
fn dies(ground: &Ground, change: i32, operate: fn(&Semaphore)) -> Trial {
    let seats = Semaphore::create(ground.segment.at("seats"), PERMITS).unwrap();
    let (own, enter) = (seats.clone(), ground.entrance());
    let (other, enter_too) = (seats.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            let changed = (PERMITS as i32 + change) as u32;
            let before = seats.available();
            // Those of the dead count once there are no others.
            let all: Vec<_> = (0..9).map_while(|_| seats.try_acquire().ok()).collect();
            let total = all.len() as u32;
            drop(all);
            match fates.first {
                Some(_) => assert_eq!(total, changed, "{before} before"),
                None => assert!([PERMITS, changed].contains(&total), "{total}, {before} before"),
            }
            works(&seats, total);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        drop(other.acquire());
        mark.end(&[])
    })
}

fn drop_with_sleeper(ground: &Ground) -> Trial {
    let seats = Semaphore::create(ground.segment.at("seats"), 1).unwrap();
    let (own, enter, page) = (seats.clone(), ground.entrance(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let (bed, other) = (asleep.clone(), seats.clone());
    Trial::new(
        move |mark| {
            enter();
            let seat = own.acquire();
            mark.begin();
            drop(seat);
            mark.end(&[])
        },
        move |_| {
            let asleep: Helper = asleep.take().expect("somebody sleeps");
            assert_eq!(asleep.ends(), [1], "it waited in vain");
            works(&seats, 1);
        },
    )
    .once_it_stands(move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let well = other.acquire_timeout(BOUND).map(drop).is_ok();
            log.end(&[u64::from(well)])
        }));
    })
}

/// This process has the only permit, and another sleeps for it as well.
fn waits(ground: &Ground) -> Trial {
    let seats = Semaphore::create(ground.segment.at("seats"), 1).unwrap();
    let seat = Kept::new(seats.clone(), Semaphore::acquire);
    let (own, enter, other) = (seats.clone(), ground.entrance(), seats.clone());
    let asleep = Helper::asleep(ground.page, 2, move |log| {
        let well = other.acquire_timeout(BOUND).map(drop).is_ok();
        log.end(&[u64::from(well)])
    });
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let came = own.acquire_timeout(Duration::from_millis(3)).map(drop).is_ok();
            mark.end(&[u64::from(came)])
        },
        move |fates| {
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 0), "one too many");
            drop(seat);
            assert_eq!(asleep.ends(), [1], "it waited in vain");
            works(&seats, 1);
        },
    )
}

fn past_its_bound(ground: &Ground) -> Trial {
    let seats = Semaphore::create_bounded(ground.segment.at("seats"), PERMITS).unwrap();
    let (own, enter) = (seats.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let refused = own.release(1).is_err();
            mark.end(&[u64::from(refused)])
        },
        move |fates| {
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 1));
            works(&seats, PERMITS);
        },
    )
}

/// All permits are a dead one's: who comes finds that out.
fn of_the_dead(ground: &Ground) -> Trial {
    let seats = Semaphore::create(ground.segment.at("seats"), PERMITS).unwrap();
    let own = seats.clone();
    let dead = Helper::start(ground.page, 2, move |log| {
        (0..PERMITS).for_each(|_| std::mem::forget(own.acquire()));
        log.end(&[])
    });
    dead.ends();
    let (own, enter) = (seats.clone(), ground.entrance());
    let (other, enter_too) = (seats.clone(), ground.entrance());
    let victim = move |mark: &Mark| {
        enter();
        mark.begin();
        let got = own.try_acquire().map(drop).is_ok();
        mark.end(&[u64::from(got)])
    };
    Trial::new(victim, move |_| works(&seats, PERMITS)).then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        drop(other.try_acquire());
        mark.end(&[])
    })
}
