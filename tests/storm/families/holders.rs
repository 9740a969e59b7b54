//! What is held: taken, kept for a while, let go; and perhaps words that its holder changes.
//!
//! The words are one number that grows by one with every hold that changes it. Where a holder dies in the
//! middle, who comes next is told, and mends them.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::storm::family::{End, Fault, Faults, Oracle, Play};
use crate::storm::participant::{Me, Patience};
use crate::storm::story::Op;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    Plain,
    /// Its holder had died.
    Recovered,
}

/// What a holder may do with the words.
pub enum Words<'a> {
    None,
    Read(&'a [u64]),
    Change(&'a mut [u64]),
}

/// What is done while it is held. False: in a copy of the holder, which has nothing to let go of.
pub type Inside<'a> = &'a mut dyn FnMut(How, Words) -> bool;

pub trait Hold {
    /// Takes it, calls this, lets go. False: it could not be taken in time.
    fn hold(&self, change: bool, patience: Patience, inside: Inside) -> bool;

    /// Whether everybody holds it for long and waits for it without a bound, so that there always are some who wait.
    fn is_crowded(&self) -> bool {
        false
    }

    /// Nobody holds it: whether it says so.
    fn is_as_new(&self) -> bool;
}

/// How long each holds what is crowded.
const CROWDED: Duration = Duration::from_micros(300);

const TAKE: u8 = 1;
const LET_GO: u8 = 2;
/// Nobody holds it, it says; or not.
const LOOK: u8 = 3;

const PLAIN: u8 = 1;
const RECOVERED: u8 = 2;
const NOT: u8 = 3;
const TORN: u8 = 4;
/// It could be taken, but for this long it could not have been free.
const MARKED: u8 = 5;

pub struct Holding<H> {
    pub of: H,
    /// Whether it is one holder's alone.
    pub alone: bool,
}

impl<H: Hold> Holding<H> {
    fn take(&self, me: &mut Me, patience: Patience) {
        let change = self.alone || me.rng.bool();
        let long = u64::from(patience == Patience::Long);
        me.wait(TAKE, u64::from(change), long);
        let mut aim = None;
        let took = self.of.hold(change, patience, &mut |how, words| {
            let lets_go = self.inside(me, how, words);
            if lets_go {
                aim = me.aim();
                me.begin(LET_GO, 0, 0);
            }
            lets_go
        });
        me.end_copy();
        if !took {
            return me.end(NOT, 0, 0);
        }
        let struck = me.strike(aim);
        me.end(PLAIN, 0, 0);
        if struck {
            // Before anybody else: so what the struck one was woken for is gone when it dies.
            self.take(me, patience);
        }
    }

    /// While it is held. False in a copy, which does nothing.
    fn inside(&self, me: &mut Me, how: How, mut words: Words) -> bool {
        let (outcome, number) = self.enter(me, how, &mut words);
        me.end(outcome, number, 0);
        if self.of.is_crowded() {
            std::thread::sleep(CROWDED);
        }
        me.think();
        if me.forks_a_copy() {
            return false;
        }
        if let Words::Change(words) = words {
            let next = number + 1;
            for word in words.iter_mut() {
                *word = next;
                if me.rng.u8(..) == 0 {
                    me.spin(10);
                }
            }
        }
        if self.alone {
            me.board.inside.store(0, Ordering::SeqCst);
        }
        true
    }

    /// Leaves a mark, looks for that of another, and mends what the dead left.
    fn enter(&self, me: &mut Me, how: How, words: &mut Words) -> (u8, u64) {
        let mark = u64::from(me.life);
        let before = match self.alone {
            true => me.board.inside.swap(mark, Ordering::SeqCst),
            false => 0,
        };
        let (whole, number) = match words {
            Words::None => (true, 0),
            Words::Read(words) => (words.iter().all(|word| *word == words[0]), words[0]),
            Words::Change(words) => {
                let most = words.iter().copied().max().unwrap_or(0);
                let whole = words.iter().all(|word| *word == most);
                words.fill(most);
                (whole, most)
            }
        };
        match how {
            How::Recovered => (RECOVERED, number),
            How::Plain if !whole => (TORN, number),
            How::Plain if before != 0 => (MARKED, before),
            How::Plain => (PLAIN, number),
        }
    }
}

impl<H: Hold> Play for Holding<H> {
    fn act(&self, me: &mut Me) {
        let patience = if self.of.is_crowded() { Patience::Long } else { me.patience() };
        self.take(me, patience);
    }

    fn audit(&self, me: &mut Me) {
        // Whatever the last holder left is taken over.
        for _ in 0..2 {
            self.take(me, Patience::Long);
        }
        me.begin(LOOK, 0, 0);
        me.end(if self.of.is_as_new() { PLAIN } else { NOT }, 0, 0);
    }
}

/// Judges a thing of so many places.
pub struct Holders {
    pub places: usize,
    /// Whether it is told that a holder died.
    pub tells: bool,
    /// Whether there are words, and readers.
    pub words: bool,
    holders: HashMap<u32, Holder>,
    /// Such a holder died, and nobody took over since.
    dead: bool,
    number: u64,
    /// The last one may have changed the words or not.
    perhaps_next: bool,
}

#[derive(Clone, Copy)]
struct Holder {
    change: bool,
    letting_go: bool,
}

impl Holders {
    pub fn new(places: usize, tells: bool, words: bool) -> Holders {
        Holders {
            places,
            tells,
            words,
            holders: HashMap::new(),
            dead: false,
            number: 0,
            perhaps_next: false,
        }
    }

    fn takes(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        let say = |what: &str| format!("life {life} took it: {what}, {end:?}");
        let recovered = end.outcome == RECOVERED;
        // Who takes over may change, whatever it came for.
        let change = op.a != 0 || recovered || !self.words;
        match end.outcome {
            NOT if op.b != 0 => return faults.one(Fault::Hang, || say("in vain")),
            NOT => return,
            TORN => faults.one(Fault::Torn, || say("and nobody said that it is torn")),
            MARKED => faults.one(Fault::Broken, || say("while another is inside")),
            _ => {}
        }
        let firm = self.holders.values().filter(|other| !other.letting_go);
        let beside = if change { firm.count() } else { firm.filter(|other| other.change).count() };
        let room = if change { self.places } else { 1 };
        if beside >= room {
            faults.one(Fault::Broken, || say(&format!("{beside} have it already")));
        }
        if self.tells && self.dead && !recovered {
            faults.one(Fault::Broken, || say("and was not told that its holder died"));
        }
        self.dead &= !recovered;
        if self.words && end.outcome != MARKED {
            let right = end.a == self.number || self.perhaps_next && end.a == self.number + 1;
            if !right {
                let kind = if end.a < self.number { Fault::Lost } else { Fault::Twice };
                faults.one(kind, || say(&format!("the number should be {}", self.number)));
            }
            (self.number, self.perhaps_next) = (end.a, false);
        }
        self.holders.insert(life, Holder { change, letting_go: false });
    }
}

impl Oracle for Holders {
    fn begins(&mut self, life: u32, op: Op, _: &mut Faults) {
        let Some(holder) = self.holders.get_mut(&life).filter(|_| op.op == LET_GO) else { return };
        holder.letting_go = true;
        if holder.change && self.words {
            self.number += 1;
        }
    }

    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        match op.op {
            TAKE => self.takes(life, op, end, faults),
            LET_GO => _ = self.holders.remove(&life),
            _ if end.outcome == NOT => faults.one(Fault::Lost, || "it is not as new".to_owned()),
            _ => {}
        }
    }

    fn goes(&mut self, life: u32, _: Option<Op>, _: &mut Faults) {
        match self.holders.remove(&life) {
            // It may have let go.
            Some(Holder { letting_go: true, .. }) | None => {}
            Some(Holder { change: true, .. }) => {
                self.dead = true;
                self.perhaps_next = true;
            }
            Some(_) => {}
        }
    }

    fn is_free(&self) -> bool {
        match self.words {
            true => self.holders.is_empty(),
            false => self.holders.len() < self.places,
        }
    }

    fn settle(&mut self, _: &mut Faults) {
        self.holders.clear();
    }
}
