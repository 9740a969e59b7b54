//! Names: made, found, left, removed, collected.
//!
//! What is made says who made it. Under one name there is one at a time, for as long as somebody uses it
//! and nobody removes the name.

use commonhold::{Error, ErrorKind, Segment, Value, gc, segments, unlink};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::things::options;
use crate::storm::family::{End, Family, Fault, Faults, Oracle, Play, Scene};
use crate::storm::participant::Me;
use crate::storm::story::Op;

type Content = [u64; 4];

/// Of the name `a`; `b`: what it says if it is made now.
const CREATE: u8 = 1;
const OPEN: u8 = 2;
const OPEN_OR_CREATE: u8 = 3;
/// Leaves what it has of the name `a`.
const LEAVE: u8 = 4;
const UNLINK: u8 = 5;
const GC: u8 = 6;
const AUDIT: u8 = 7;

const YES: u8 = 1;
const REFUSED: u8 = 2;
const TORN: u8 = 3;

const NAMES: u64 = 3;

struct Names {
    prefix: String,
    participants: commonhold::SegmentOptions,
}

impl Names {
    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// The last name is of a segment, in which the content is an object among others.
    fn door(&self, op: u8, number: u64, id: u64) -> Result<Value<Content>, Error> {
        let (name, content) = (self.name(number), [id; 4]);
        if number + 1 < NAMES {
            let place = self.participants.at(&name);
            return match op {
                CREATE => Value::create(place, content),
                OPEN => Value::open(place),
                _ => Value::open_or_create(place, content),
            };
        }
        let segment = match op {
            CREATE => self.participants.create(&name, 4096)?,
            OPEN => Segment::open(&name)?,
            _ => self.participants.open_or_create(&name, 4096)?,
        };
        Value::open_or_create(segment.at("content"), content)
    }

    fn use_one(&self, me: &mut Me, op: u8, number: u64) {
        let id = me.fresh_id();
        me.wait(op, number, id);
        let value = match self.door(op, number, id) {
            Ok(value) => value,
            Err(error) => {
                let expected = match op {
                    CREATE => ErrorKind::AlreadyExists,
                    OPEN => ErrorKind::NotFound,
                    _ => panic!("{error}"),
                };
                assert_eq!(error.kind(), expected, "{error}");
                return me.end(REFUSED, 0, 0);
            }
        };
        let content = value.get();
        let whole = content.iter().all(|word| *word == content[0]);
        me.end(if whole { YES } else { TORN }, content[0], 0);
        me.think();
        me.wait(LEAVE, number, 0);
        drop(value);
        me.end(YES, 0, 0);
    }
}

impl Play for Names {
    fn act(&self, me: &mut Me) {
        let number = me.rng.u64(0..NAMES);
        match me.rng.u8(0..16) {
            0..5 => self.use_one(me, CREATE, number),
            5..9 => self.use_one(me, OPEN, number),
            9..14 => self.use_one(me, OPEN_OR_CREATE, number),
            14 => {
                me.wait(UNLINK, number, 0);
                if let Err(error) = unlink(&self.name(number)) {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                }
                me.end(YES, 0, 0);
            }
            _ => {
                me.wait(GC, 0, 0);
                gc().expect("to collect");
                me.end(YES, 0, 0);
            }
        }
    }

    fn audit(&self, me: &mut Me) {
        me.wait(AUDIT, 0, 0);
        let (since, mut left) = (Instant::now(), vec![String::new()]);
        // The kernel may still be at taking the last ones apart.
        while !left.is_empty() && since.elapsed() < Duration::from_secs(2) {
            gc().expect("to collect");
            let all = segments().expect("a list").into_iter().map(|info| info.name().to_owned());
            left = all.filter(|name| name.starts_with(&self.prefix)).collect();
        }
        me.end(if left.is_empty() { YES } else { REFUSED }, left.len() as u64, 0);
        for number in 0..NAMES {
            self.use_one(me, CREATE, number);
            self.use_one(me, OPEN, number);
        }
    }
}

#[derive(Default)]
struct Instance {
    name: u64,
    users: HashSet<u32>,
    /// Nobody has begun to remove the name since it was certainly there.
    named: bool,
}

impl Instance {
    /// It is there, and has its name.
    fn stands(&self) -> bool {
        self.named && !self.users.is_empty()
    }
}

#[derive(Default)]
struct Registry {
    instances: HashMap<u64, Instance>,
    /// What may be made: somebody has begun to.
    begun: HashMap<u64, u64>,
    /// Who looks at a name, since when, and what stood under it all the while.
    looking: HashMap<u32, (u64, Vec<u64>)>,
    unlinking: HashMap<u32, u64>,
    /// When somebody last was at removing a name; in what was heard so far.
    removed: HashMap<u64, u64>,
    heard: u64,
}

impl Registry {
    fn look_again(&mut self) {
        let instances = &self.instances;
        let stands = |id: &u64| instances.get(id).is_some_and(Instance::stands);
        self.looking.values_mut().for_each(|(_, all)| all.retain(stands));
    }

    fn found(&mut self, life: u32, op: Op, id: u64, faults: &mut Faults) {
        let (since, stood) = self.looking.remove(&life).unwrap_or_default();
        if self.begun.get(&id) != Some(&op.a) {
            return faults.one(Fault::Torn, || format!("life {life} found {id:#x}, never made"));
        }
        for other in stood.into_iter().filter(|other| *other != id) {
            faults.one(Fault::Twice, || format!("life {life} found {id:#x} beside {other:#x}"));
        }
        let being_removed = self.unlinking.values().any(|name| *name == op.a)
            || self.removed.get(&op.a).is_some_and(|at| *at >= since);
        let instance = self.instances.entry(id).or_default();
        // Who made it gave it its name. But somebody may have removed that since.
        if instance.users.is_empty() && !being_removed && op.b == id {
            instance.named = true;
        }
        instance.name = op.a;
        instance.users.insert(life);
    }

    fn ends_unlink(&mut self, life: u32) {
        if let Some(name) = self.unlinking.remove(&life) {
            self.removed.insert(name, self.heard);
        }
    }

    fn leave(&mut self, life: u32) {
        self.instances.values_mut().for_each(|instance| _ = instance.users.remove(&life));
        self.look_again();
    }
}

impl Oracle for Registry {
    fn begins(&mut self, life: u32, op: Op, _: &mut Faults) {
        self.heard += 1;
        match op.op {
            CREATE | OPEN | OPEN_OR_CREATE => {
                if op.op != OPEN || op.a + 1 == NAMES {
                    self.begun.insert(op.b, op.a);
                }
                let here = self.instances.iter();
                let here = here.filter(|(_, one)| one.name == op.a && one.stands());
                let here = here.map(|(id, _)| *id).collect();
                self.looking.insert(life, (self.heard, here));
            }
            LEAVE => self.leave(life),
            UNLINK => {
                self.unlinking.insert(life, op.a);
                let here = self.instances.values_mut().filter(|one| one.name == op.a);
                here.for_each(|one| one.named = false);
                self.look_again();
            }
            _ => {}
        }
    }

    fn ends(&mut self, life: u32, op: Op, end: End, faults: &mut Faults) {
        match (op.op, end.outcome) {
            (CREATE | OPEN | OPEN_OR_CREATE, YES) => self.found(life, op, end.a, faults),
            (CREATE | OPEN | OPEN_OR_CREATE, TORN) => {
                faults.one(Fault::Torn, || format!("life {life}, {op:x?}, {end:x?}"));
            }
            (OPEN, _) => {
                for other in self.looking.remove(&life).unwrap_or_default().1 {
                    faults.one(Fault::Lost, || format!("life {life} did not find {other:#x}"));
                }
            }
            (UNLINK, _) => self.ends_unlink(life),
            (AUDIT, REFUSED) => faults.one(Fault::Hang, || format!("{} names were left", end.a)),
            _ => {}
        }
    }

    fn goes(&mut self, life: u32, _: Option<Op>, _: &mut Faults) {
        self.looking.remove(&life);
        self.ends_unlink(life);
        self.leave(life);
    }

    fn is_free(&self) -> bool {
        true
    }

    fn settle(&mut self, _: &mut Faults) {
        *self = Registry::default();
    }
}

pub fn families() -> Vec<Family> {
    vec![Family {
        name: "segment",
        play: |scene: &Scene, _| {
            Box::new(Names { prefix: scene.name.clone(), participants: options(scene) })
        },
        oracle: |_| Box::<Registry>::default(),
        control: false,
        slow: false,
    }]
}
