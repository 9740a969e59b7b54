//! A signal that is set and cleared, and waited for.
//!
//! Who waited may go on only if it was set at some moment of the wait; who found it unset may say so only if
//! it was not set all the while.

use std::collections::HashMap;

use crate::storm::family::{End, Fault, Faults, Oracle, Play};
use crate::storm::participant::{Me, Patience};
use crate::storm::story::Op;

pub trait Signal {
    fn set(&self);
    fn clear(&self);
    /// Whether it was set in time.
    fn wait(&self, patience: Patience) -> bool;
}

const SET: u8 = 1;
const CLEAR: u8 = 2;
const WAIT: u8 = 3;

const YES: u8 = 1;
const NO: u8 = 2;

pub struct Signalling<S>(pub S);

impl<S: Signal> Signalling<S> {
    fn set(&self, me: &mut Me) {
        let aim = me.aim();
        me.begin(SET, 0, 0);
        self.0.set();
        me.strike(aim);
        me.end(YES, 0, 0);
    }

    fn clear(&self, me: &mut Me) {
        me.begin(CLEAR, 0, 0);
        self.0.clear();
        me.end(YES, 0, 0);
    }

    fn wait(&self, me: &mut Me, patience: Patience) {
        me.wait(WAIT, 0, u64::from(patience == Patience::Long));
        let was = self.0.wait(patience);
        me.end(if was { YES } else { NO }, 0, 0);
    }
}

impl<S: Signal> Play for Signalling<S> {
    fn act(&self, me: &mut Me) {
        match me.rng.u8(0..10) {
            0..3 => self.set(me),
            3..6 => self.clear(me),
            _ => {
                let patience = me.patience();
                self.wait(me, patience);
            }
        }
    }

    /// Once is enough, even for those who clear it at once. It is done again for those who begin to wait
    /// after that.
    fn relieve(&self, me: &mut Me) {
        self.set(me);
    }

    fn audit(&self, me: &mut Me) {
        self.clear(me);
        self.wait(me, Patience::Not);
        self.set(me);
        self.wait(me, Patience::Not);
        self.wait(me, Patience::Long);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Set,
    Clear,
    /// Some are at it, or died at it.
    Neither,
}

pub struct Signals {
    known: Known,
    /// Who is setting or clearing, and what; and whether nobody did the opposite meanwhile.
    changing: HashMap<u32, (u8, bool)>,
    /// Each one who waits: whether it was always certainly set, and whether certainly clear.
    waiting: HashMap<u32, (bool, bool)>,
}

impl Default for Signals {
    fn default() -> Signals {
        Signals { known: Known::Clear, changing: HashMap::new(), waiting: HashMap::new() }
    }
}

impl Signals {
    fn is_now(&mut self, known: Known) {
        self.known = known;
        for (set, clear) in self.waiting.values_mut() {
            *set &= known == Known::Set;
            *clear &= known == Known::Clear;
        }
    }
}

impl Oracle for Signals {
    fn begins(&mut self, life: u32, op: Op, _: &mut Faults) {
        match op.op {
            WAIT => {
                let known = (self.known == Known::Set, self.known == Known::Clear);
                _ = self.waiting.insert(life, known);
            }
            what => {
                let mut alone = true;
                for (other, others_alone) in self.changing.values_mut() {
                    if *other != what {
                        (alone, *others_alone) = (false, false);
                    }
                }
                self.changing.insert(life, (what, alone));
                let stays = if what == SET { Known::Set } else { Known::Clear };
                if self.known != stays {
                    self.is_now(Known::Neither);
                }
            }
        }
    }

    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        if op.op != WAIT {
            // Of two opposites at once, either may have been the later.
            if let Some((what, true)) = self.changing.remove(&life) {
                self.is_now(if what == SET { Known::Set } else { Known::Clear });
            }
            return;
        }
        let (set, clear) = self.waiting.remove(&life).unwrap_or_default();
        match end.outcome {
            YES if clear => faults.one(Fault::Twice, || format!("life {life}: never set, {op:?}")),
            NO if op.b != 0 => faults.one(Fault::Hang, || format!("life {life}: in vain")),
            NO if set => faults.one(Fault::Lost, || format!("life {life}: always set, {op:?}")),
            _ => {}
        }
    }

    fn goes(&mut self, life: u32, _: Option<Op>, _: &mut Faults) {
        self.waiting.remove(&life);
        if self.changing.remove(&life).is_some() {
            self.is_now(Known::Neither);
        }
    }

    fn is_free(&self) -> bool {
        self.known == Known::Set
    }

    fn settle(&mut self, _: &mut Faults) {
        self.changing.clear();
        self.waiting.clear();
        self.known = Known::Set;
    }
}
