//! Values and elements: numbers that everybody adds one to, in every way there is.
//!
//! Each addition says what the number was before. No number may come twice, none may be passed over
//! but by the dead, and one that was read or found may not be older than what was certain before.

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};
use commonhold::{Array, Value};
use std::collections::{HashMap, HashSet};

use super::things::options;
use crate::storm::family::{Door, End, Family, Fault, Faults, Oracle, Play, Scene};
use crate::storm::participant::Me;
use crate::storm::story::Op;

/// A number in each of its words; `None`: of two numbers.
trait Numbered: NoUninit + CheckedBitPattern + Zeroable + PartialEq + Send + Sync + 'static {
    fn of(number: u64) -> Self;
    fn number(self) -> Option<u64>;
}

impl Numbered for u64 {
    fn of(number: u64) -> u64 {
        number
    }

    fn number(self) -> Option<u64> {
        Some(self)
    }
}

impl Numbered for [u64; 24] {
    fn of(number: u64) -> [u64; 24] {
        [number; 24]
    }

    fn number(self) -> Option<u64> {
        self.iter().all(|word| *word == self[0]).then_some(self[0])
    }
}

/// Some cells. What was there before is torn where it is `None`.
trait Cells {
    fn len(&self) -> u64;
    fn get(&self, cell: usize) -> Option<u64>;
    fn update(&self, cell: usize) -> Option<u64>;
    fn try_update(&self, cell: usize) -> Option<u64>;
    fn exchange(&self, cell: usize) -> Option<u64>;
}

fn next<T: Numbered>(value: T) -> T {
    T::of(value.number().unwrap_or(u64::MAX - 1) + 1)
}

impl<T: Numbered> Cells for Value<T> {
    fn len(&self) -> u64 {
        1
    }

    fn get(&self, _: usize) -> Option<u64> {
        Value::get(self).number()
    }

    fn update(&self, _: usize) -> Option<u64> {
        Value::update(self, next).number()
    }

    fn try_update(&self, _: usize) -> Option<u64> {
        let updated = Value::try_update(self, |value| Some(next(value)));
        updated.unwrap_or_else(|value| value).number()
    }

    fn exchange(&self, _: usize) -> Option<u64> {
        let mut seen = Value::get(self);
        loop {
            match self.compare_exchange(seen, next(seen)) {
                Ok(before) => return before.number(),
                Err(now) => seen = now,
            }
        }
    }
}

impl<T: Numbered> Cells for Array<T> {
    fn len(&self) -> u64 {
        Array::len(self) as u64
    }

    fn get(&self, cell: usize) -> Option<u64> {
        Array::get(self, cell).and_then(T::number)
    }

    fn update(&self, cell: usize) -> Option<u64> {
        Array::update(self, cell, next).ok().and_then(T::number)
    }

    fn try_update(&self, cell: usize) -> Option<u64> {
        let updated = Array::try_update(self, cell, |value| Some(next(value)));
        updated.ok().and_then(|value| value.unwrap_or_else(|value| value).number())
    }

    fn exchange(&self, cell: usize) -> Option<u64> {
        let mut seen = Array::get(self, cell)?;
        loop {
            match self.compare_exchange(cell, seen, next(seen)).ok()? {
                Ok(before) => return before.number(),
                Err(now) => seen = now,
            }
        }
    }
}

const ADD: u8 = 1;
const GET: u8 = 2;
const FINAL: u8 = 3;

const TORN: u8 = 1;
const WHOLE: u8 = 0;

struct Counting<C>(C);

impl<C: Cells> Counting<C> {
    fn say(me: &mut Me, number: Option<u64>) {
        me.end(if number.is_some() { WHOLE } else { TORN }, number.unwrap_or(0), 0);
    }
}

impl<C: Cells> Play for Counting<C> {
    fn act(&self, me: &mut Me) {
        let cell = me.rng.u64(0..self.0.len());
        let (at, way) = (cell as usize, me.rng.u8(0..8));
        me.wait(if way < 6 { ADD } else { GET }, cell, 0);
        let number = match way {
            0..2 => self.0.update(at),
            2..4 => self.0.try_update(at),
            4..6 => self.0.exchange(at),
            _ => self.0.get(at),
        };
        Self::say(me, number);
    }

    fn audit(&self, me: &mut Me) {
        for cell in 0..self.0.len() {
            me.wait(FINAL, cell, 0);
            Self::say(me, self.0.get(cell as usize));
        }
    }
}

#[derive(Default)]
struct Cell {
    /// What it was when the round began.
    first: u64,
    /// What the additions say that it was before them.
    befores: HashSet<u64>,
    added: u64,
    perhaps: u64,
    /// It is so much at least.
    least: u64,
    last: Option<u64>,
}

#[derive(Default)]
struct Counts {
    cells: HashMap<u64, Cell>,
    /// What each cell was at least when an operation began.
    least: HashMap<u32, u64>,
}

impl Oracle for Counts {
    fn begins(&mut self, life: u32, op: Op, _: &mut Faults) {
        let least = self.cells.entry(op.a).or_default().least;
        self.least.insert(life, least);
    }

    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        let cell = self.cells.entry(op.a).or_default();
        if end.outcome == TORN {
            return faults.one(Fault::Torn, || format!("life {life}, {op:?}"));
        }
        let least = self.least.get(&life).copied().unwrap_or(0);
        if end.a < least {
            faults.one(Fault::Lost, || format!("{} where {least} was before: {op:?}", end.a));
        }
        match op.op {
            ADD => {
                if !cell.befores.insert(end.a) {
                    faults.one(Fault::Twice, || format!("two additions to {}: {op:?}", end.a));
                }
                cell.added += 1;
                cell.least = cell.least.max(end.a + 1);
            }
            GET => cell.least = cell.least.max(end.a),
            _ => cell.last = Some(end.a),
        }
    }

    fn goes(&mut self, _: u32, open: Option<Op>, _: &mut Faults) {
        if let Some(op) = open.filter(|op| op.op == ADD) {
            self.cells.entry(op.a).or_default().perhaps += 1;
        }
    }

    fn is_free(&self) -> bool {
        true
    }

    fn settle(&mut self, faults: &mut Faults) {
        for (number, cell) in &mut self.cells {
            let (least, last) = (cell.first + cell.added, cell.last.take().unwrap_or(0));
            let about = || format!("cell {number} is {last}, of {least} to +{}", cell.perhaps);
            faults.add(Fault::Lost, least.saturating_sub(last), about);
            faults.add(Fault::Twice, last.saturating_sub(least + cell.perhaps), about);
            *cell = Cell { first: last, least: last, ..Cell::default() };
        }
        self.least.clear();
    }
}

fn value<T: Numbered>(scene: &Scene, door: Door) -> Box<dyn Play> {
    let place = options(scene);
    let place = place.at(&scene.name);
    let value = match door {
        Door::Create => Value::create(place, T::of(0)),
        Door::Open => Value::<T>::open(place),
    };
    Box::new(Counting(value.expect("the value")))
}

fn array<T: Numbered>(scene: &Scene, door: Door) -> Box<dyn Play> {
    let place = options(scene);
    let place = place.at(&scene.name);
    let array = match door {
        Door::Create => Array::<T>::create(place, 1 + (scene.variant >> 8 & 3) as usize),
        Door::Open => Array::open(place),
    };
    Box::new(Counting(array.expect("the array")))
}

pub fn families() -> Vec<Family> {
    vec![
        Family {
            name: "value",
            play: |scene, door| match scene.variant % 3 {
                0 => value::<u64>(scene, door),
                _ => value::<[u64; 24]>(scene, door),
            },
            oracle: |_| Box::<Counts>::default(),
            control: false,
            slow: false,
        },
        Family {
            name: "array",
            play: |scene, door| match scene.variant % 3 {
                0 => array::<u64>(scene, door),
                _ => array::<[u64; 24]>(scene, door),
            },
            oracle: |_| Box::<Counts>::default(),
            control: false,
            slow: false,
        },
    ]
}
