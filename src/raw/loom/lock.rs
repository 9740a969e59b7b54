//! Models of the lock word: one holder at a time, no lost wake, and a way out of every death.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use loom::cell::UnsafeCell;

use super::stage::{Member, Stage, model};
use crate::raw::lock::{Held, LockWord, Refused};
use crate::raw::sync::model::{Nap, step};
use crate::segment::Peers;
use crate::sys::clock::Deadline;

/// A lock and what it protects. loom fails the model when two hold it at once, or when one does not
/// see what the one before it wrote.
struct Guarded {
    lock: LockWord,
    entries: UnsafeCell<u32>,
}

impl Guarded {
    fn new() -> Arc<Guarded> {
        Arc::new(Guarded { lock: LockWord::new(), entries: UnsafeCell::new(0) })
    }

    /// Writes in the critical section; a victim may die before, between and after.
    fn enter(&self) {
        for _ in 0..2 {
            step();
            self.entries.with_mut(|entries| {
                // SAFETY: the caller holds the lock; loom checks that nobody else is here.
                unsafe { *entries += 1 }
            });
        }
        step();
    }

    fn entries(&self) -> u32 {
        // SAFETY: as above; and whoever asks comes after all participants.
        self.entries.with(|entries| unsafe { *entries })
    }

    fn lock_and_enter(&self, me: &Member) {
        let tag = self.lock.lock(me, Deadline::Never).unwrap();
        self.enter();
        self.lock.unlock(me, tag);
    }

    /// Gets in, by recovery where it must. Counts the recoveries.
    fn enter_after_all(&self, me: &Member, recoveries: &Cell<u32>) {
        let tag = loop {
            match self.lock.lock(me, Deadline::Never) {
                Ok(tag) => break tag,
                Err(Refused::Timeout) => unreachable!("there is no deadline"),
                Err(Refused::OwnerDied | Refused::Poisoned) => match self.lock.recover(me) {
                    Ok(tag) => {
                        recoveries.set(recoveries.get() + 1);
                        break tag;
                    }
                    Err(Held) => continue,
                },
            }
        };
        self.enter();
        self.lock.unlock(me, tag);
    }
}

/// Starts `count` participants that have to get in, whatever happens to the others.
fn survivors(stage: &Stage, guarded: &Arc<Guarded>, count: u32) -> Rc<Cell<u32>> {
    let recoveries = Rc::new(Cell::new(0));
    for _ in 0..count {
        let (guarded, recoveries) = (guarded.clone(), recoveries.clone());
        stage.living(move |me| guarded.enter_after_all(me, &recoveries));
    }
    recoveries
}

#[test]
fn two_take_turns() {
    model(Nap::Endless).all_live(|stage| {
        let guarded = Guarded::new();
        for _ in 0..2 {
            let guarded = guarded.clone();
            stage.living(move |me| (0..2).for_each(|_| guarded.lock_and_enter(me)));
        }
        stage.finish();
        assert_eq!(guarded.entries(), 8);
    });
}

#[test]
fn three_take_turns_and_no_wake_is_lost() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let guarded = Guarded::new();
        for _ in 0..3 {
            let guarded = guarded.clone();
            stage.living(move |me| guarded.lock_and_enter(me));
        }
        stage.finish();
        assert_eq!(guarded.entries(), 6);
    });
}

#[test]
fn threads_of_one_participant_exclude_each_other() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let guarded = Guarded::new();
        let process = stage.member();
        for _ in 0..2 {
            let guarded = guarded.clone();
            stage.thread_of(&process, move |me| guarded.lock_and_enter(me));
        }
        let other = guarded.clone();
        stage.living(move |me| other.lock_and_enter(me));
        stage.finish();
        assert_eq!(guarded.entries(), 6);
    });
}

#[test]
fn holder_dies_and_exactly_one_recovers() {
    model(Nap::Brief).preemptions(2).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.victim(move |me| theirs.lock_and_enter(me));
        let recoveries = survivors(stage, &guarded, 2);
        stage.finish();
        assert!(recoveries.get() <= u32::from(stage.is_victim_gone()));
        assert!(!guarded.lock.is_locked() || recoveries.get() == 0);
        assert!((4..=6).contains(&guarded.entries()));
    });
}

#[test]
fn recovery_dies_and_the_next_finishes_it() {
    model(Nap::Brief).preemptions(2).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        guarded.lock.lock(&stage.dead(), Deadline::Now).unwrap();
        let recoveries = Rc::new(Cell::new(0));
        let (theirs, counted) = (guarded.clone(), recoveries.clone());
        stage.victim(move |me| theirs.enter_after_all(me, &counted));
        let survived = survivors(stage, &guarded, 1);
        stage.finish();
        let recovered = recoveries.get() + survived.get();
        assert!((1..=1 + u32::from(stage.is_victim_gone())).contains(&recovered));
        assert!((2..=4).contains(&guarded.entries()));
    });
}

#[test]
fn dying_while_taking_over_silently_keeps_nobody_out() {
    model(Nap::Brief).preemptions(2).victim_dies_at_every_step(|stage| {
        fn update(guarded: &Guarded, me: &Member) {
            let tag = guarded.lock.lock_or_take_over(me);
            guarded.enter();
            guarded.lock.unlock(me, tag);
        }
        let guarded = Guarded::new();
        let (first, second) = (guarded.clone(), guarded.clone());
        stage.victim(move |me| update(&first, me));
        stage.living(move |me| update(&second, me));
        stage.finish();
        assert!((2..=4).contains(&guarded.entries()));
    });
}

#[test]
fn poisoner_dies_at_every_step() {
    model(Nap::Brief).preemptions(2).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.victim(move |me| {
            if let Ok(tag) = theirs.lock.lock(me, Deadline::Now) {
                theirs.enter();
                theirs.lock.poison(me, tag);
            }
        });
        let recoveries = survivors(stage, &guarded, 2);
        stage.finish();
        assert!(recoveries.get() <= 1);
        assert!((4..=6).contains(&guarded.entries()));
    });
}

#[test]
fn poison_wakes_everybody() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let guarded = Guarded::new();
        let panicking = stage.member();
        let tag = guarded.lock.lock(&panicking, Deadline::Now).unwrap();
        let theirs = guarded.clone();
        stage.thread_of(&panicking, move |me| theirs.lock.poison(me, tag));
        let told = Rc::new(Cell::new(0));
        for _ in 0..2 {
            let (guarded, told) = (guarded.clone(), told.clone());
            stage.living(move |me| {
                assert_eq!(guarded.lock.lock(me, Deadline::Never), Err(Refused::Poisoned));
                told.set(told.get() + 1);
            });
        }
        stage.finish();
        assert_eq!(told.get(), 2);
    });
}

#[test]
fn what_was_put_back_unrecovered_is_recovered_by_another() {
    model(Nap::Brief).preemptions(2).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        guarded.lock.lock(&stage.dead(), Deadline::Now).unwrap();
        let theirs = guarded.clone();
        stage.victim(move |me| {
            if let Ok(tag) = theirs.lock.recover(me) {
                theirs.enter();
                theirs.lock.unrecover(tag);
            }
        });
        let recoveries = survivors(stage, &guarded, 1);
        stage.finish();
        assert_eq!(recoveries.get(), 1);
        assert!(!guarded.lock.is_locked());
    });
}

#[test]
fn a_stopped_holder_is_not_robbed() {
    model(Nap::Brief).preemptions(2).victim_stops_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.victim(move |me| theirs.lock_and_enter(me));
        let other = guarded.clone();
        stage.living(move |me| match other.lock.lock(me, Deadline::Now) {
            Ok(tag) => {
                other.enter();
                other.lock.unlock(me, tag);
            }
            Err(refused) => {
                assert_eq!(refused, Refused::Timeout);
                if let Ok(tag) = other.lock.recover(me) {
                    other.enter(); // it was free by then
                    other.lock.unlock(me, tag);
                }
            }
        });
        stage.finish();
    });
}

#[test]
fn a_copied_guard_is_inert() {
    model(Nap::Endless).all_live(|stage| {
        let guarded = Guarded::new();
        let (parent, child) = (stage.member(), stage.member());
        let tag = guarded.lock.lock(&parent, Deadline::Now).unwrap();
        let forked = guarded.clone();
        stage.thread_of(&child, move |me| {
            assert_ne!(me.me(), tag);
            forked.lock.unlock(me, tag);
            forked.lock.poison(me, tag);
        });
        let theirs = guarded.clone();
        stage.thread_of(&parent, move |me| {
            theirs.enter();
            theirs.lock.unlock(me, tag);
        });
        let other = guarded.clone();
        stage.living(move |me| other.lock_and_enter(me));
        stage.finish();
        assert_eq!(guarded.entries(), 4);
    });
}
