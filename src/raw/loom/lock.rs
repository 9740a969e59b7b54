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

/// A lock and what it protects: two halves, equal whenever nobody is inside. loom fails the model
/// when two are inside at once, or when one does not see what the one before it wrote.
struct Guarded {
    lock: LockWord,
    halves: UnsafeCell<(u32, u32)>,
}

impl Guarded {
    fn new() -> Arc<Guarded> {
        Arc::new(Guarded { lock: LockWord::new(), halves: UnsafeCell::new((0, 0)) })
    }

    /// As a participant leaves it that was killed inside.
    fn left_by(dead: &Member) -> Arc<Guarded> {
        let guarded = Guarded::new();
        guarded.lock.lock(dead, Deadline::Now).unwrap();
        guarded.write(|halves| halves.0 += 1);
        guarded
    }

    fn read(&self) -> (u32, u32) {
        // SAFETY: [CLM-1] the caller holds the lock, or comes after all participants; loom checks it.
        self.halves.with(|halves| unsafe { *halves })
    }

    fn write(&self, change: impl FnOnce(&mut (u32, u32))) {
        // SAFETY: [CLM-1] the caller holds the lock; loom checks that nobody else is here.
        self.halves.with_mut(|halves| change(unsafe { &mut *halves }));
    }

    /// The critical section, in which a victim may die at any of three moments.
    fn change(&self) {
        let (one, other) = self.read();
        assert_eq!(one, other, "half-written, and seen as whole");
        step();
        self.write(|halves| halves.0 += 1);
        step();
        self.write(|halves| halves.1 += 1);
        step();
    }

    /// Makes whole what a dead holder left, if it did not get to the end. Tells how often.
    fn repair(&self) -> u32 {
        let (one, other) = self.read();
        if one != other {
            step();
            self.write(|halves| halves.1 = halves.0);
        }
        u32::from(one != other)
    }

    fn lock_and_change(&self, me: &Member) {
        let tag = self.lock.lock(me, Deadline::Never).unwrap();
        self.change();
        self.lock.unlock(me, tag);
    }

    /// Gets in, by recovery where it must. Counts the repairs.
    fn change_after_all(&self, me: &Member, repairs: &Cell<u32>) {
        let tag = loop {
            match self.lock.lock(me, Deadline::Never) {
                Ok(tag) => break tag,
                Err(Refused::Timeout) => unreachable!("there is no deadline"),
                Err(Refused::OwnerDied | Refused::Poisoned) => match self.lock.recover(me) {
                    Ok(tag) => {
                        repairs.set(repairs.get() + self.repair());
                        break tag;
                    }
                    Err(Held) => continue,
                },
            }
        };
        self.change();
        self.lock.unlock(me, tag);
    }
}

/// Starts `count` participants that have to get in, whatever happens to the others. Counts their
/// repairs.
fn survivors(stage: &Stage, guarded: &Arc<Guarded>, count: u32) -> Rc<Cell<u32>> {
    let repairs = Rc::new(Cell::new(0));
    for _ in 0..count {
        let (guarded, repairs) = (guarded.clone(), repairs.clone());
        stage.living(move |me| guarded.change_after_all(me, &repairs));
    }
    repairs
}

/// In this model at most one holder was killed inside: one repairs it, nobody sees it otherwise, and
/// each of `survivors` got in.
fn assert_repaired_once(stage: &Stage, guarded: &Guarded, repairs: u32, survivors: u32) {
    let (one, other) = guarded.read();
    let victims = u32::from(stage.is_victim_gone());
    assert!(repairs <= victims);
    assert!(one >= survivors && one <= survivors + 1);
    assert!(one == other || victims == 1 && guarded.lock.is_locked(), "left so by who died last");
}

#[test]
fn two_take_turns() {
    model(Nap::Endless).preemptions(5).all_live(|stage| {
        let guarded = Guarded::new();
        for _ in 0..2 {
            let guarded = guarded.clone();
            stage.living(move |me| (0..2).for_each(|_| guarded.lock_and_change(me)));
        }
        stage.finish();
        assert_eq!(guarded.read(), (4, 4));
    });
}

#[test]
fn three_take_turns_and_no_wake_is_lost() {
    model(Nap::Endless).preemptions(5).all_live(|stage| {
        let guarded = Guarded::new();
        for _ in 0..3 {
            let guarded = guarded.clone();
            stage.living(move |me| guarded.lock_and_change(me));
        }
        stage.finish();
        assert_eq!(guarded.read(), (3, 3));
    });
}

#[test]
fn threads_of_one_participant_exclude_each_other() {
    model(Nap::Endless).preemptions(4).all_live(|stage| {
        let guarded = Guarded::new();
        let process = stage.member();
        for _ in 0..2 {
            let guarded = guarded.clone();
            stage.thread_of(&process, move |me| guarded.lock_and_change(me));
        }
        let other = guarded.clone();
        stage.living(move |me| other.lock_and_change(me));
        stage.finish();
        assert_eq!(guarded.read(), (3, 3));
    });
}

#[test]
fn holder_dies_and_one_repairs() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.victim(move |me| theirs.lock_and_change(me));
        let repairs = survivors(stage, &guarded, 2);
        stage.finish();
        assert_repaired_once(stage, &guarded, repairs.get(), 2);
    });
}

#[test]
fn recovery_dies_and_the_next_finishes_it() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::left_by(&stage.dead());
        let repairs = Rc::new(Cell::new(0));
        let (theirs, counted) = (guarded.clone(), repairs.clone());
        stage.victim(move |me| theirs.change_after_all(me, &counted));
        let survivors = survivors(stage, &guarded, 1);
        stage.finish();
        let repairs = repairs.get() + survivors.get();
        let victims = u32::from(stage.is_victim_gone());
        assert!((1..=1 + victims).contains(&repairs));
    });
}

#[test]
fn dying_while_taking_over_silently_keeps_nobody_out() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        fn update(guarded: &Guarded, me: &Member) {
            let tag = guarded.lock.lock_or_take_over(me);
            guarded.repair();
            guarded.change();
            guarded.lock.unlock(me, tag);
        }
        let guarded = Guarded::left_by(&stage.dead());
        let (first, second) = (guarded.clone(), guarded.clone());
        stage.victim(move |me| update(&first, me));
        stage.living(move |me| update(&second, me));
        stage.finish();
        assert!((2..=3).contains(&guarded.read().0));
    });
}

#[test]
fn poisoner_dies_at_every_step() {
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.victim(move |me| {
            if let Ok(tag) = theirs.lock.lock(me, Deadline::Now) {
                step();
                theirs.write(|halves| halves.0 += 1); // and here it panics
                theirs.lock.poison(me, tag);
            }
        });
        let repairs = survivors(stage, &guarded, 2);
        stage.finish();
        let (one, other) = guarded.read();
        assert!(repairs.get() <= 1 && (2..=3).contains(&one));
        assert!(one == other || guarded.lock.is_locked());
    });
}

#[test]
fn poison_wakes_everybody() {
    model(Nap::Endless).preemptions(4).all_live(|stage| {
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
    model(Nap::Bounded).preemptions(3).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::left_by(&stage.dead());
        let theirs = guarded.clone();
        stage.victim(move |me| {
            if let Ok(tag) = theirs.lock.recover(me) {
                step();
                theirs.lock.unrecover(me, tag);
            }
        });
        let repairs = survivors(stage, &guarded, 1);
        stage.finish();
        assert_eq!((repairs.get(), guarded.read()), (1, (2, 2)));
    });
}

#[test]
fn a_stopped_holder_is_not_robbed() {
    model(Nap::Bounded).preemptions(2).victim_stops_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.victim(move |me| theirs.lock_and_change(me));
        let other = guarded.clone();
        stage.living(move |me| match other.lock.lock(me, Deadline::Now) {
            Ok(tag) => {
                other.change();
                other.lock.unlock(me, tag);
            }
            Err(refused) => {
                assert_eq!(refused, Refused::Timeout);
                if let Ok(tag) = other.lock.recover(me) {
                    other.change(); // it was free by then
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
            theirs.change();
            theirs.lock.unlock(me, tag);
        });
        let other = guarded.clone();
        stage.living(move |me| other.lock_and_change(me));
        stage.finish();
        assert_eq!(guarded.read(), (2, 2));
    });
}
