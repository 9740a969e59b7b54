//! The objects whose memory is mutated, and everything that can be done with them.

mod cells;
mod locks;
mod mailbox;
mod queue;
mod sample;
mod shop;
mod slices;

use commonhold::{
    Array, Buffer, Error, Event, Lock, Mailbox, Mutex, Queue, Segment, SegmentOptions, Semaphore,
    Text, Value,
};

use crate::uses::Uses;

/// An object in the hands of a process.
pub trait Subject {
    /// Brings it to where mutations find something: messages in it, sides that are biased.
    fn warm(&self);

    /// Every operation. Those that wait have a time limit, where there is such a form.
    fn each(&self, uses: &Uses);

    /// Takes what can be held, goes on with it after `meanwhile`, and gives it back.
    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut());

    /// Takes what can be held, for a process that is about to be killed.
    fn take_to_the_grave(&self);
}

/// A kind of object.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub create: fn(&str) -> Result<Box<dyn Subject>, Error>,
    pub open: fn(&str) -> Result<Box<dyn Subject>, Error>,
}

impl Kind {
    /// Whether it gives out references to values that not all bytes are. These are checked when the claim
    /// is taken; who writes over them while somebody else looks at them makes of them what is none.
    pub fn is_checked_in_place(&self) -> bool {
        matches!(self.name, "Mutex<Text<30>>" | "Queue<Text<14>>")
    }
}

/// Few participants: a segment without much that is never looked at.
fn options() -> SegmentOptions {
    Segment::options().participants(6)
}

macro_rules! kinds {
    ($($name:literal: $type:ty, $create:ident($($first:expr),*);)*) => {
        vec![$(Kind {
            name: $name,
            create: |name| Ok(Box::new(<$type>::$create(options().at(name) $(, $first)*)?)),
            open: |name| Ok(Box::new(<$type>::open(name)?)),
        }),*]
    };
}

/// All that are tried.
pub fn all() -> Vec<Kind> {
    let mut kinds = kinds! {
        "Value<u64>": Value<u64>, create(7);
        "Value<char>": Value<char>, create('v');
        "Value<[u64; 5]>": Value<[u64; 5]>, create([7; 5]);
        "Value<Text<30>>": Value<Text<30>>, create(sample::text("seven"));
        "Array<u16>": Array<u16>, create(9);
        "Array<[u64; 3]>": Array<[u64; 3]>, create_from_slice(&[[1; 3], [2; 3], [3; 3]]);
        "Lock": Lock, create();
        "Mutex<u32>": Mutex<u32>, create(7);
        "Mutex<Text<30>>": Mutex<Text<30>>, create(sample::text("seven"));
        "Buffer<u32>": Buffer<u32>, create(50);
        "Event": Event, create();
        "Semaphore": Semaphore, create(5);
        "Semaphore, bounded": Semaphore, create_bounded(5);
        "Queue<u64>": Queue<u64>, create(16);
        "Queue<u64> of one": Queue<u64>, create(1);
        "Queue<Text<14>>": Queue<Text<14>>, create(8);
        "Queue<[u64; 20]>": Queue<[u64; 20]>, create(8);
        "Queue<[u16]>": Queue<[u16]>, create(400);
        "Queue<[bool]>": Queue<[bool]>, create(200);
        "Mailbox<Letter>": Mailbox<mailbox::Letter>, create(300);
        "Mailbox<Value<u64>>": Mailbox<Value<u64>>, create(600);
    };
    kinds.push(Kind { name: "Segment", create: shop::create, open: shop::open });
    kinds
}
