//! The stage a model plays on: participants of a segment, one of whom may die at any step.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Counter;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::sync::atomic::AtomicU32;
use loom::thread;

use crate::raw::sync::model::{Died, Nap, Stores, begin, enters, leaves, mortal};
use crate::segment::{Look, Peers, Tag};

/// loom allows four to play at once, besides the thread that sets the scene.
const ROWS: usize = 6;
/// More steps than any operation of a model takes.
const MANY_STEPS: u32 = 200;

/// How much of a model to explore.
#[derive(Clone, Copy)]
pub(super) struct Model {
    preemptions: Option<usize>,
    nap: Nap,
    stores: Stores,
}

/// Explores every order of the participants' steps.
pub(super) fn model(nap: Nap) -> Model {
    Model { preemptions: None, nap, stores: Stores::Plain }
}

impl Model {
    /// Explores the orders in which a participant is interrupted at most `bound` times in all.
    pub(super) fn preemptions(self, bound: usize) -> Model {
        Model { preemptions: Some(bound), ..self }
    }

    /// For words on which a store and a CAS may race.
    pub(super) fn exchanging(self) -> Model {
        Model { stores: Stores::Exchange, ..self }
    }

    /// Plays the scene with nobody dying.
    pub(super) fn all_live(self, scene: impl Fn(&Stage) + Send + Sync + 'static) {
        self.play(None, scene);
    }

    /// Plays the scene over and over: the victim dies before its first shared access, before its
    /// second … until it gets to its end in every order.
    pub(super) fn victim_dies_at_every_step(self, scene: impl Fn(&Stage) + Send + Sync + 'static) {
        self.each_step(Fate::Dies, Arc::new(scene));
    }

    /// The same, but the victim only stops, for ever: it is not dead, and keeps what it holds.
    pub(super) fn victim_stops_at_every_step(self, scene: impl Fn(&Stage) + Send + Sync + 'static) {
        self.each_step(Fate::Stops, Arc::new(scene));
    }

    fn each_step(self, fate: Fate, scene: Arc<impl Fn(&Stage) + Send + Sync + 'static>) {
        for steps in 0..MANY_STEPS {
            let scene = scene.clone();
            if self.play(Some(Doom { steps, fate }), move |stage| scene(stage)) == 0 {
                assert!(steps > 0, "the model has no victim");
                return;
            }
        }
        panic!("the victim does not come to an end");
    }

    /// Tells in how many orders the victim met its doom.
    fn play(self, doom: Option<Doom>, scene: impl Fn(&Stage) + Send + Sync + 'static) -> u32 {
        let Model { nap, stores, .. } = self;
        let (orders, ends) = (Arc::new(Counter::new(0)), Arc::new(Counter::new(0)));
        let (ordered, ended) = (orders.clone(), ends.clone());
        let mut loom = loom::model::Builder::new();
        loom.preemption_bound = self.preemptions;
        loom.check(move || {
            begin(nap, stores);
            let stage = Stage::new(doom);
            ordered.fetch_add(1, Relaxed);
            scene(&stage);
            stage.finish();
            ended.fetch_add(u32::from(stage.is_victim_gone()), Relaxed);
        });
        let (orders, ends) = (orders.load(Relaxed), ends.load(Relaxed));
        println!("{orders} orders; the victim came to grief in {ends}");
        ends
    }
}

/// How a victim ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dies,
    Stops,
}

/// After how many steps a victim ends, and how.
#[derive(Clone, Copy)]
struct Doom {
    steps: u32,
    fate: Fate,
}

/// One segment, its participants, and the thread that waits for the end of all of them.
pub(super) struct Stage {
    kernel: Arc<Kernel>,
    doom: Option<Doom>,
    cast: Cell<u32>,
    playing: Rc<Cell<u32>>,
    victim_gone: Rc<Cell<bool>>,
}

impl Stage {
    fn new(doom: Option<Doom>) -> Stage {
        Stage {
            kernel: Arc::new(Kernel::new()),
            doom,
            cast: Cell::new(0),
            playing: Rc::default(),
            victim_gone: Rc::default(),
        }
    }

    /// A participant that died before the scene.
    pub(super) fn dead(&self) -> Member {
        let dead = self.member();
        self.kernel.bury(dead.tag);
        dead
    }

    /// A further participant, who plays no part but in the scene's own thread.
    pub(super) fn member(&self) -> Member {
        let row = self.cast.replace(self.cast.get() + 1);
        assert!((row as usize) < ROWS);
        Member { tag: Tag::new(row, 0), kernel: self.kernel.clone() }
    }

    /// Starts a participant that lives.
    pub(super) fn living(&self, part: impl FnOnce(&Member) + 'static) {
        self.start(self.member(), None, part);
    }

    /// Starts another thread of the participant `who`.
    pub(super) fn thread_of(&self, who: &Member, part: impl FnOnce(&Member) + 'static) {
        self.start(who.clone(), None, part);
    }

    /// Starts the participant that dies, if this model has one.
    pub(super) fn victim(&self, part: impl FnOnce(&Member) + 'static) {
        self.start(self.member(), self.doom, part);
    }

    /// Starts a thread of the participant `who`, which dies, if this model has a victim.
    pub(super) fn victim_as(&self, who: &Member, part: impl FnOnce(&Member) + 'static) {
        self.start(who.clone(), self.doom, part);
    }

    fn start(&self, who: Member, doom: Option<Doom>, part: impl FnOnce(&Member) + 'static) {
        let director = thread::current();
        let (playing, victim_gone) = (self.playing.clone(), self.victim_gone.clone());
        playing.set(playing.get() + 1);
        enters();
        thread::spawn(move || {
            if let Some(doom) = doom {
                mortal(doom.steps);
            }
            match (catch_unwind(AssertUnwindSafe(|| part(&who))), doom) {
                (Ok(()), _) => {}
                (Err(end), Some(doom)) if end.is::<Died>() => {
                    victim_gone.set(true);
                    if doom.fate == Fate::Dies {
                        who.kernel.bury(who.tag);
                    }
                }
                (Err(failure), _) => resume_unwind(failure),
            }
            leaves();
            playing.set(playing.get() - 1);
            director.unpark(); // and what this thread did happened before what comes after `finish`
        });
    }

    /// Waits until every participant came to its end, so that the scene may look at the outcome.
    pub(super) fn finish(&self) {
        while self.playing.get() > 0 {
            thread::park();
        }
    }

    /// Whether the victim died, or stopped, on its way. For after [`Stage::finish`].
    pub(super) fn is_victim_gone(&self) -> bool {
        self.victim_gone.get()
    }
}

/// Who is dead: what `sys::liveness` answers in earnest.
struct Kernel {
    rows: [AtomicU32; ROWS],
    deaths: AtomicU32,
}

const ALIVE: u32 = 0;
const DEAD: u32 = 1;
const FOUND: u32 = 2;

impl Kernel {
    fn new() -> Kernel {
        Kernel { rows: std::array::from_fn(|_| AtomicU32::new(ALIVE)), deaths: AtomicU32::new(0) }
    }

    // Ordering:
    // what a process wrote before it died is visible to who learns of its death
    fn bury(&self, tag: Tag) {
        self.rows[tag.row() as usize].store(DEAD, Release);
    }

    fn is_dead(&self, tag: Tag) -> bool {
        let row = &self.rows[tag.row() as usize];
        match row.load(Acquire) {
            ALIVE => false,
            FOUND => true,
            _ => {
                if row.swap(FOUND, Acquire) == DEAD {
                    self.deaths.fetch_add(1, Release);
                }
                true
            }
        }
    }
}

/// A participant's view of the others.
#[derive(Clone)]
pub(super) struct Member {
    tag: Tag,
    kernel: Arc<Kernel>,
}

impl Peers for Member {
    fn me(&self) -> Tag {
        self.tag
    }

    fn me_if_registered(&self) -> Tag {
        self.tag
    }

    fn is_dead(&self, tag: Tag, _look: Look) -> bool {
        match tag {
            Tag::NOBODY | Tag::GONE => true,
            Tag::POISONED => false,
            _ => self.kernel.is_dead(tag),
        }
    }

    fn take_over<R>(&self, _dead: Tag, cas: impl FnOnce() -> R) -> Option<R> {
        Some(cas())
    }
}
