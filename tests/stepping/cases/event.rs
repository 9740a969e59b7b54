//! An event: set, cleared, waited for.

use commonhold::Event;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::case::{Case, Ground, Trial};
use crate::helper::{BOUND, Helper};
use crate::log::Page;
use crate::victim::Mark;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Event::set", "nobody waits", |ground| change(ground, false, Event::set)),
        Case::new("Event::clear", "set", |ground| change(ground, true, Event::clear)),
        Case::new("Event::set", "another sleeps", set_with_sleeper),
        Case::new("Event::wait_timeout", "in vain; another sleeps", wait),
    ]
}

fn sleeper(event: &Event, page: Page, number: usize) -> Helper {
    let other = event.clone();
    Helper::asleep(page, number, move |log| log.end(&[u64::from(other.wait_timeout(BOUND))]))
}

/// Sets and clears, and wakes.
fn works(event: &Event, page: Page) {
    event.clear();
    assert!(!event.is_set());
    assert!(!event.wait_timeout(Duration::from_micros(10)));
    let asleep = sleeper(event, page, 5);
    event.set();
    event.clear();
    assert_eq!(asleep.ends(), [1], "it waited in vain");
    event.set();
    assert!(event.is_set() && event.wait_timeout(BOUND));
}

fn change(ground: &Ground, before: bool, operate: fn(&Event)) -> Trial {
    let event = Event::create(ground.segment.at("event")).unwrap();
    if before {
        event.set();
    }
    let (own, enter, page) = (event.clone(), ground.entrance(), ground.page);
    let (other, enter_too) = (event.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            match (&fates.first, &fates.second) {
                (_, Some((_, Some(_)))) => assert_eq!(event.is_set(), !before),
                (Some(_), None) => assert_eq!(event.is_set(), !before),
                _ => {}
            }
            works(&event, page);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        operate(&other);
        mark.end(&[])
    })
}

fn set_with_sleeper(ground: &Ground) -> Trial {
    let event = Event::create(ground.segment.at("event")).unwrap();
    let (own, enter, page) = (event.clone(), ground.entrance(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let (bed, other) = (asleep.clone(), event.clone());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            own.set();
            mark.end(&[])
        },
        move |fates| {
            assert!(event.is_set() || fates.first.is_none());
            if !event.is_set() {
                event.set();
            }
            let asleep: Helper = asleep.take().expect("somebody sleeps");
            assert_eq!(asleep.ends(), [1], "it waited in vain");
            works(&event, page);
        },
    )
    .once_it_stands(move || *bed.borrow_mut() = Some(sleeper(&other, page, 2)))
}

fn wait(ground: &Ground) -> Trial {
    let event = Event::create(ground.segment.at("event")).unwrap();
    let (own, enter, page) = (event.clone(), ground.entrance(), ground.page);
    let asleep = sleeper(&event, page, 2);
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let came = own.wait_timeout(Duration::from_millis(3));
            mark.end(&[u64::from(came)])
        },
        move |_| {
            event.set();
            assert_eq!(asleep.ends(), [1], "it waited in vain");
            works(&event, page);
        },
    )
}
