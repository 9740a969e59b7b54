//! Models of the biased lock: one inside at a time, whoever has the bias, ends it, or dies.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use loom::cell::UnsafeCell;

use super::stage::{Member, Stage, model};
use crate::raw::biased::{BiasedLock, Grant, Hold, Lane, SEATS, Seat};
use crate::raw::sync::model::{Nap, step};
use crate::sys::clock::Deadline;

/// A lock and what it protects: two halves, equal whenever nobody is inside, and how often it was used.
struct Guarded {
    lock: BiasedLock,
    seats: Vec<Seat>,
    halves: UnsafeCell<(u32, u32)>,
    /// How often the dead were repaired after.
    repairs: Cell<u32>,
}

impl Guarded {
    fn new() -> Rc<Guarded> {
        Rc::new(Guarded {
            lock: BiasedLock::new(),
            seats: (0..SEATS).map(|_| Seat::new()).collect(),
            halves: UnsafeCell::new((0, 0)),
            repairs: Cell::new(0),
        })
    }

    fn lane(&self) -> Lane<'_> {
        Lane { lock: &self.lock, seats: &self.seats }
    }

    fn read(&self) -> (u32, u32) {
        // SAFETY: [CLM-1] the caller holds the lock, or comes after all; loom checks it.
        self.halves.with(|halves| unsafe { *halves })
    }

    fn write(&self, change: impl FnOnce(&mut (u32, u32))) {
        // SAFETY: [CLM-1] the caller holds the lock; loom checks that nobody else is here.
        self.halves.with_mut(|halves| change(unsafe { &mut *halves }));
    }

    /// Makes whole what a dead one left half-done.
    fn repair(&self) {
        self.repairs.set(self.repairs.get() + 1);
        self.write(|halves| halves.1 = halves.0);
    }

    /// Uses the lock once. Tells how it was held.
    fn use_once(&self, me: &Member, grant: &Grant) -> Hold {
        let lane = self.lane();
        let hold = lane.lock(me, grant, Deadline::Never, || self.repair()).unwrap();
        let (before, other) = self.read();
        assert_eq!(before, other, "half-done, and nobody repaired it");
        step();
        self.write(|halves| halves.0 += 1);
        step();
        self.write(|halves| halves.1 += 1);
        lane.unlock(me, grant, hold, (before, before + 1));
        hold
    }

    /// Uses it once, and is granted the lock for that, unless another came before.
    fn granted_to(self: &Rc<Self>, me: &Member) -> Grant {
        let grant = Grant::none();
        assert!(matches!(self.use_once(me, &grant), Hold::Word(_)));
        grant
    }
}

#[test]
fn who_is_alone_is_granted_the_lock_and_uses_it_without_its_word() {
    model(Nap::Endless).all_live(|stage| {
        let guarded = Guarded::new();
        stage.living(move |me| {
            let grant = guarded.granted_to(me);
            assert!(matches!(guarded.use_once(me, &grant), Hold::Seat(_)));
            assert!(matches!(guarded.use_once(me, &grant), Hold::Seat(_)));
            guarded.lane().end(me, &grant, || ());
            assert!(matches!(guarded.use_once(me, &Grant::none()), Hold::Word(_)));
        });
    });
}

/// The owner uses it twice, and another once.
fn an_owner_and_another(stage: &Stage) -> Rc<Guarded> {
    let guarded = Guarded::new();
    let theirs = guarded.clone();
    stage.living(move |me| {
        let grant = theirs.granted_to(me);
        theirs.use_once(me, &grant);
        theirs.use_once(me, &grant);
    });
    let ours = guarded.clone();
    stage.living(move |me| {
        ours.use_once(me, &Grant::none());
    });
    guarded
}

#[test]
fn who_ends_the_bias_is_never_inside_with_the_owner() {
    model(Nap::Endless).preemptions(3).all_live(|stage| {
        let guarded = an_owner_and_another(stage);
        stage.finish();
        assert_eq!((guarded.read(), guarded.repairs.get()), ((4, 4), 0));
    });
}

#[test]
fn two_that_are_granted_it_in_turn_never_meet() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let guarded = Guarded::new();
        for _ in 0..2 {
            let guarded = guarded.clone();
            stage.living(move |me| {
                let grant = Grant::none();
                for _ in 0..4 {
                    guarded.use_once(me, &grant);
                }
                guarded.lane().end(me, &grant, || ());
            });
        }
        stage.finish();
        assert_eq!(guarded.read(), (8, 8));
    });
}

#[test]
fn an_owner_dies_anywhere_and_the_next_one_repairs() {
    model(Nap::Bounded).preemptions(2).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        let dying = guarded.clone();
        stage.victim(move |me| {
            let grant = dying.granted_to(me);
            dying.use_once(me, &grant);
        });
        let living = guarded.clone();
        stage.living(move |me| {
            living.use_once(me, &Grant::none());
        });
        stage.finish();
        let last = stage.member();
        guarded.use_once(&last, &Grant::none());
        let (one, other) = guarded.read();
        assert!(one == other && guarded.repairs.get() <= 1, "{one} {other}");
    });
}

#[test]
fn who_ends_the_bias_dies_anywhere() {
    model(Nap::Bounded).preemptions(2).victim_dies_at_every_step(|stage| {
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        stage.living(move |me| {
            let grant = theirs.granted_to(me);
            theirs.use_once(me, &grant);
            theirs.use_once(me, &grant);
        });
        let dying = guarded.clone();
        stage.victim(move |me| {
            dying.use_once(me, &Grant::none());
        });
        stage.finish();
        let last = stage.member();
        guarded.use_once(&last, &Grant::none());
        let (one, other) = guarded.read();
        assert!(one == other && one >= 4, "{one} {other}");
    });
}

#[test]
fn a_child_that_was_forked_is_not_the_owner() {
    model(Nap::Endless).preemptions(2).all_live(|stage| {
        let guarded = Guarded::new();
        let parent = stage.member();
        let grant = Arc::new(guarded.granted_to(&parent));
        let child = stage.member();
        let (copy, theirs) = (grant.clone(), guarded.clone());
        stage.thread_of(&child, move |me| {
            assert!(matches!(theirs.use_once(me, &copy), Hold::Word(_)));
        });
        stage.finish();
        assert_eq!(guarded.read(), (2, 2));
    });
}

/// The protocol without one of its parts, by hand: an owner that goes inside, and one that ends its bias.
mod broken {
    use super::*;
    use crate::raw::sync::{AtomicU32, Ordering, fence};

    struct Halves {
        bias: AtomicU32,
        inside: AtomicU32,
        value: UnsafeCell<u32>,
    }

    fn meet(owner_fences: bool, other_fences: bool, other_waits: bool) {
        model(Nap::Endless).all_live(move |stage| {
            let halves = Rc::new(Halves {
                bias: AtomicU32::new(1),
                inside: AtomicU32::new(0),
                value: UnsafeCell::new(0),
            });
            let theirs = halves.clone();
            stage.living(move |_| {
                theirs.inside.store(1, Ordering::Relaxed);
                if owner_fences {
                    fence(Ordering::SeqCst);
                }
                if theirs.bias.load(Ordering::Acquire) == 1 {
                    // SAFETY: [CLM-1] loom checks that nobody else is here.
                    theirs.value.with_mut(|value| unsafe { *value += 1 });
                }
                theirs.inside.store(0, Ordering::Release);
            });
            let ours = halves.clone();
            stage.living(move |_| {
                ours.bias.store(0, Ordering::Relaxed);
                if other_fences {
                    fence(Ordering::SeqCst);
                }
                while other_waits && ours.inside.load(Ordering::Acquire) != 0 {
                    crate::raw::sync::spin_loop();
                }
                // SAFETY: [CLM-1] loom checks that nobody else is here.
                ours.value.with_mut(|value| unsafe { *value += 1 });
            });
            stage.finish();
        });
    }

    #[test]
    fn the_copy_that_is_to_be_broken_is_whole() {
        meet(true, true, true);
    }

    #[test]
    #[should_panic]
    fn breaks_without_the_fence_of_the_owner() {
        meet(false, true, true);
    }

    #[test]
    #[should_panic]
    fn breaks_without_the_fence_of_who_ends_the_bias() {
        meet(true, false, true);
    }

    #[test]
    #[should_panic]
    fn breaks_when_nobody_waits_for_the_owner() {
        meet(true, true, false);
    }
}
