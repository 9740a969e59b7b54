//! What is measured.

use std::fmt;

/// A link: how long its messages are, how many send and receive, how many messages it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub bytes: usize,
    pub senders: usize,
    pub receivers: usize,
    pub capacity: usize,
}

impl Shape {
    /// One to one, and as many messages as 4 MiB hold, between 16 and 1024.
    pub const fn one_to_one(bytes: usize) -> Shape {
        Shape::of(bytes, 1, 1)
    }

    pub const fn of(bytes: usize, senders: usize, receivers: usize) -> Shape {
        let fit = (4 << 20) / bytes;
        let capacity = if fit > 1024 {
            1024
        } else if fit < 16 {
            16
        } else {
            fit
        };
        Shape { bytes, senders, receivers, capacity }
    }

    pub fn is_one_to_one(&self) -> bool {
        self.senders == 1 && self.receivers == 1
    }
}

/// One operation on a value that is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Get,
    /// Read, changed, written, as one step.
    Update,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Messages are copied in.
    Stream(Shape),
    /// Messages are written and read where they lie.
    HandOver(Shape),
    /// A message there, a message back. Asleep: each waits so long that the other sleeps.
    RoundTrip {
        bytes: usize,
        asleep: bool,
    },
    /// The same with a sign instead of a message.
    Signal {
        asleep: bool,
    },
    /// Locked, a counter incremented, unlocked; when there are several, 200 ns of other work between.
    Lock {
        participants: usize,
    },
    /// The same with a semaphore of one permit.
    Semaphore {
        participants: usize,
    },
    Value {
        bytes: usize,
        access: Access,
    },
    /// A named object that holds 64 messages of 8 bytes, or the least that there is.
    Create,
    Open,
    /// Made, its first and last byte written, and removed.
    Segment {
        bytes: u64,
        reserved: bool,
    },
    /// Many tasks that take so many microseconds, in chunks as the pool likes them, or one by one.
    Tasks {
        micros: u64,
        one_by_one: bool,
    },
    OneTask,
    PoolStart,
    Spawn,
}

impl What {
    /// So many operations a run has at least, however slow they are: with fewer it would tell of how a queue is
    /// filled, or of how a pool begins.
    pub fn least(&self) -> u64 {
        match *self {
            What::Stream(shape) | What::HandOver(shape) => 2 * shape.capacity as u64,
            What::RoundTrip { .. } | What::Signal { .. } => 20,
            What::Lock { .. } | What::Semaphore { .. } => 1000,
            What::Tasks { micros, one_by_one: false } => (20_000 / (1 + micros)).max(200),
            What::Tasks { micros, one_by_one: true } => (1000 / (1 + micros)).max(100),
            _ => 1,
        }
    }
}

/// How a figure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// So many operations a second.
    Rate,
    /// So long for each.
    Time,
}

/// Cases that are one table or plot.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    pub name: &'static str,
    pub title: &'static str,
    /// What an operation is, and what to know about it.
    pub about: &'static str,
    pub unit: Unit,
    /// What differs from case to case, if that is a number.
    pub axis: Option<&'static str>,
}

/// One measurement, that several take part in.
#[derive(Clone, Debug)]
pub struct Case {
    pub group: &'static Group,
    /// Within the group.
    pub label: String,
    pub x: f64,
    pub what: What,
    /// Is it measured when time is short?
    pub quick: bool,
}

impl Case {
    pub fn id(&self) -> String {
        format!("{}/{}", self.group.name, self.label)
    }
}

/// A number of bytes, as people say it.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 30 => write!(f, "{} GiB", bytes >> 30),
            bytes if bytes >= 1 << 20 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} B"),
        }
    }
}
