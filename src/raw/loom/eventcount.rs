//! Models of the eventcount: no wake is lost among the living, and nobody waits for the dead.

use std::sync::Arc;

use super::stage::{Stage, model};
use crate::raw::eventcount::{Eventcount, Moment};
use crate::raw::sync::model::Nap;
use crate::raw::sync::{AtomicU32, Ordering, fence, futex_wait, futex_wake};
use crate::sys::clock::Deadline;

/// What a sleeper and a publisher do to an eventcount; the broken ones do it otherwise.
trait Waiting: 'static {
    fn new() -> Self;
    fn publish_to(&self, count: u32);
    fn wait(&self, look: impl FnMut(Moment) -> Option<()>);
}

impl Waiting for Eventcount {
    fn new() -> Self {
        Eventcount::new()
    }

    fn publish_to(&self, count: u32) {
        Eventcount::publish_to(self, count);
    }

    fn wait(&self, look: impl FnMut(Moment) -> Option<()>) {
        Eventcount::wait(self, Deadline::Never, look).unwrap();
    }
}

/// Items, and those who wait for them.
struct Shop<E> {
    items: AtomicU32,
    arrivals: E,
}

impl<E: Waiting> Shop<E> {
    fn new() -> Arc<Shop<E>> {
        Arc::new(Shop { items: AtomicU32::new(0), arrivals: E::new() })
    }

    fn deliver(&self, count: u32) {
        self.items.fetch_add(count, Ordering::Release);
        self.arrivals.publish_to(count);
    }

    fn take(&self) -> Option<()> {
        let mut items = self.items.load(Ordering::Acquire);
        while items > 0 {
            let taken =
                self.items.compare_exchange(items, items - 1, Ordering::Acquire, Ordering::Acquire);
            match taken {
                Ok(_) => return Some(()),
                Err(now) => items = now,
            }
        }
        None
    }

    fn wait_for_one(&self) {
        self.arrivals.wait(|_| self.take());
    }

    /// Waits without taking anything.
    fn wait_for_any(&self) {
        self.arrivals.wait(|_| (self.items.load(Ordering::Acquire) > 0).then_some(()));
    }
}

/// Publishers that deliver so many items each, and sleepers that take so many each.
fn trade<E: Waiting>(stage: &Stage, deliveries: &[u32], takers: &[u32]) {
    let shop = Shop::<E>::new();
    for &count in deliveries {
        let shop = shop.clone();
        stage.living(move |_| shop.deliver(count));
    }
    for &count in takers {
        let shop = shop.clone();
        stage.living(move |_| (0..count).for_each(|_| shop.wait_for_one()));
    }
    stage.finish();
    assert_eq!(shop.take().is_some(), deliveries.iter().sum::<u32>() > takers.iter().sum());
}

#[test]
fn one_publishes_and_one_sleeps() {
    model(Nap::Endless).all_live(|stage| trade::<Eventcount>(stage, &[1], &[1]));
}

#[test]
fn two_publish_and_one_sleeps() {
    model(Nap::Endless).preemptions(4).all_live(|stage| trade::<Eventcount>(stage, &[1, 1], &[2]));
}

#[test]
fn two_publish_to_each_of_two_that_sleep() {
    model(Nap::Endless)
        .preemptions(2)
        .all_live(|stage| trade::<Eventcount>(stage, &[1, 1], &[1, 1]));
}

#[test]
fn one_publishes_to_two_at_once() {
    model(Nap::Endless).preemptions(4).all_live(|stage| trade::<Eventcount>(stage, &[2], &[1, 1]));
}

#[test]
fn one_publishes_twice_to_two() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let shop = Shop::<Eventcount>::new();
        let theirs = shop.clone();
        stage.living(move |_| (0..2).for_each(|_| theirs.deliver(1)));
        for _ in 0..2 {
            let shop = shop.clone();
            stage.living(move |_| shop.wait_for_one());
        }
        stage.finish();
        assert!(shop.take().is_none());
    });
}

#[test]
fn a_publisher_dies_and_nobody_waits_for_it() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let shop = Shop::<Eventcount>::new();
        let (dying, living, sleeping) = (shop.clone(), shop.clone(), shop.clone());
        stage.victim(move |_| dying.deliver(1));
        stage.living(move |_| living.deliver(1));
        stage.living(move |_| sleeping.wait_for_one());
        stage.finish();
    });
}

#[test]
fn what_nobody_told_of_is_found_all_the_same() {
    model(Nap::Bounded).preemptions(4).victim_dies_at_every_step(|stage| {
        let shop = Shop::<Eventcount>::new();
        let (dying, storing, sleeping) = (shop.clone(), shop.clone(), shop.clone());
        stage.victim(move |_| dying.arrivals.publish());
        stage.living(move |_| storing.items.store(1, Ordering::Release));
        stage.living(move |_| sleeping.wait_for_one());
        stage.finish();
    });
}

#[test]
fn a_sleeper_dies_and_the_wake_with_it() {
    model(Nap::Bounded).preemptions(2).victim_dies_at_every_step(|stage| {
        let shop = Shop::<Eventcount>::new();
        let (dying, publishing, sleeping) = (shop.clone(), shop.clone(), shop.clone());
        stage.victim(move |_| dying.wait_for_one());
        stage.living(move |_| (0..2).for_each(|_| publishing.deliver(1)));
        stage.living(move |_| sleeping.wait_for_one());
        stage.finish();
    });
}

#[test]
fn a_stopped_publisher_or_sleeper_stops_nobody() {
    model(Nap::Bounded).preemptions(3).victim_stops_at_every_step(|stage| {
        let shop = Shop::<Eventcount>::new();
        let (stopping, publishing, sleeping) = (shop.clone(), shop.clone(), shop.clone());
        stage.victim(move |_| {
            stopping.deliver(1);
            stopping.wait_for_any();
        });
        stage.living(move |_| publishing.deliver(1));
        stage.living(move |_| sleeping.wait_for_one());
        stage.finish();
    });
}

/// The eventcount with one of its parts left out.
struct Without<const PART: u8>(AtomicU32);

const FENCE_OF_PUBLISHER: u8 = 0;
const FENCE_OF_SLEEPER: u8 = 1;
const LAST_LOOK: u8 = 2;
const STEP_OF_SEQUENCE: u8 = 3;
const NOTHING: u8 = 4;

impl<const PART: u8> Waiting for Without<PART> {
    fn new() -> Self {
        Without(AtomicU32::new(0))
    }

    fn publish_to(&self, count: u32) {
        if PART != FENCE_OF_PUBLISHER {
            fence(Ordering::SeqCst);
        }
        let word = self.0.load(Ordering::Relaxed);
        if word >> 31 != 0 && futex_wake(&self.0, count) < count {
            let step = u32::from(PART != STEP_OF_SEQUENCE);
            let cleared = (word + step) & !(1 << 31);
            let cleared =
                self.0.compare_exchange(word, cleared, Ordering::AcqRel, Ordering::Relaxed);
            if cleared.is_ok() {
                futex_wake(&self.0, u32::MAX);
            }
        }
    }

    fn wait(&self, mut look: impl FnMut(Moment) -> Option<()>) {
        loop {
            if look(Moment::Awake).is_some() {
                return;
            }
            let word = self.0.fetch_or(1 << 31, Ordering::AcqRel) | 1 << 31;
            if PART != FENCE_OF_SLEEPER {
                fence(Ordering::SeqCst);
            }
            if PART != LAST_LOOK && look(Moment::Awake).is_some() {
                return;
            }
            futex_wait(&self.0, word, std::time::Duration::MAX);
        }
    }
}

#[test]
fn the_copy_that_is_to_be_broken_is_whole() {
    model(Nap::Endless).all_live(|stage| trade::<Without<NOTHING>>(stage, &[1], &[1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn breaks_without_the_fence_of_the_publisher() {
    model(Nap::Endless).all_live(|stage| trade::<Without<FENCE_OF_PUBLISHER>>(stage, &[1], &[1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn breaks_without_the_fence_of_the_sleeper() {
    model(Nap::Endless).all_live(|stage| trade::<Without<FENCE_OF_SLEEPER>>(stage, &[1], &[1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn breaks_without_the_last_look() {
    model(Nap::Endless).all_live(|stage| trade::<Without<LAST_LOOK>>(stage, &[1], &[1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn breaks_without_the_step_of_the_sequence() {
    model(Nap::Endless)
        .preemptions(2)
        .all_live(|stage| trade::<Without<STEP_OF_SEQUENCE>>(stage, &[1, 1], &[1, 1]));
}
