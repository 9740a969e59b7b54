//! Which cases there are.

use crate::case::{Access, Bytes, Case, Group, Shape, Unit, What};

/// Lengths of messages: see [`crate::engines::message::by_size`].
pub const SIZES: [usize; 6] = [8, 64, 1 << 10, 8 << 10, 64 << 10, 1 << 20];
const QUICK_SIZES: [usize; 3] = [8, 64, 64 << 10];

static STREAM: Group = Group {
    name: "stream",
    title: "Messages from one to another, by their length",
    about: "Messages one after another, as fast as both sides can, between two cores; the sender has \
            each in memory of its own, the receiver looks at it at both ends.",
    unit: Unit::Rate,
    axis: Some("bytes of a message"),
};
static CROWD: Group = Group {
    name: "crowd",
    title: "Messages from several to several",
    about: "All senders on one core, all receivers on another; each message reaches one receiver. \
            All messages of all senders, by the time from the first start to the last end.",
    unit: Unit::Rate,
    axis: Some("senders and receivers"),
};
static CAPACITY: Group = Group {
    name: "capacity",
    title: "Messages of 8 bytes, by the capacity of the queue",
    about: "As above, one to one. A small queue makes both sides wait for each other often.",
    unit: Unit::Rate,
    axis: Some("messages that it holds"),
};
static HAND_OVER: Group = Group {
    name: "in place",
    title: "Messages that nobody copies",
    about: "The sender is given a place, writes both ends of the message there and hands it over; the \
            receiver reads both ends there and gives the place back.",
    unit: Unit::Rate,
    axis: Some("bytes of a message"),
};
static ROUND_TRIP: Group = Group {
    name: "round trip",
    title: "There and back, while both run",
    about: "A message there and, as soon as it arrived, one of the same length back. Each trip is timed \
            by itself, which adds one look at the clock (about 10 ns).",
    unit: Unit::Time,
    axis: Some("bytes of a message"),
};
static ASLEEP: Group = Group {
    name: "asleep",
    title: "There and back, while the other sleeps",
    about: "The same with a pause of 300 µs before each trip, so that who waits without using its core is \
            asleep. Who can only poll does not take part.",
    unit: Unit::Time,
    axis: Some("bytes of a message"),
};
static SIGNAL: Group = Group {
    name: "signal",
    title: "A sign there and back",
    about: "Nothing but that something happened.",
    unit: Unit::Time,
    axis: None,
};
static LOCK: Group = Group {
    name: "lock",
    title: "Locks, by how many want one",
    about: "Lock, increment a counter, unlock; one participant alone, or several that do 200 ns of other \
            work between, alternately on two cores. All operations of all participants.",
    unit: Unit::Rate,
    axis: Some("participants"),
};
static SEMAPHORE: Group = Group {
    name: "semaphore",
    title: "Semaphores, by how many want a permit",
    about: "As a lock: one permit, taken and given back.",
    unit: Unit::Rate,
    axis: Some("participants"),
};
static VALUE: Group = Group {
    name: "value",
    title: "Values",
    about: "Read as a whole; or read, incremented and written as one step. One user.",
    unit: Unit::Time,
    axis: None,
};
static DOOR: Group = Group {
    name: "door",
    title: "Making a named object, and finding it",
    about: "A queue of 64 messages of 8 bytes, or what comes closest; made and removed, or opened and \
            closed by a process beside the one that keeps it.",
    unit: Unit::Time,
    axis: None,
};
static SEGMENT: Group = Group {
    name: "segment",
    title: "Shared memory, by its size",
    about: "Made, its first and last byte written, and removed. Reserved: the memory is there for sure, \
            and who comes later is not ended by SIGBUS; else the kernel finds pages when they are touched.",
    unit: Unit::Time,
    axis: Some("bytes"),
};
static POOL: Group = Group {
    name: "pool",
    title: "Tasks of a pool of two workers",
    about: "The time for each task: of many, which take so long each, in chunks as the pool likes them or \
            one by one; of a single one that is waited for; and of the start of a pool, until its first \
            result.",
    unit: Unit::Time,
    axis: None,
};
static SPAWN: Group = Group {
    name: "process",
    title: "A process that does nothing, started and waited for",
    about: "Of a program of the size of this one.",
    unit: Unit::Time,
    axis: None,
};

/// Every case, in the order of the report.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |group, label: String, x: f64, what, quick| {
        cases.push(Case { group, label, x, what, quick });
    };
    for bytes in SIZES {
        let what = What::Stream(Shape::one_to_one(bytes));
        let quick = QUICK_SIZES.contains(&bytes);
        add(&STREAM, Bytes(bytes as u64).to_string(), bytes as f64, what, quick);
    }
    for bytes in [8, 64] {
        for (senders, receivers) in [(1, 1), (2, 2), (4, 4), (8, 8), (1, 4), (4, 1)] {
            let label = format!("{senders} to {receivers}, {bytes} B");
            let what = What::Stream(Shape::of(bytes, senders, receivers));
            let quick = bytes == 64 && matches!((senders, receivers), (1, 1) | (2, 2) | (8, 8));
            add(&CROWD, label, (senders + receivers) as f64, what, quick);
        }
    }
    for capacity in [2, 16, 128, 1024, 16384] {
        let what = What::Stream(Shape { capacity, ..Shape::one_to_one(8) });
        add(&CAPACITY, format!("{capacity} messages"), capacity as f64, what, capacity == 16);
    }
    for bytes in [64, 1 << 10, 64 << 10, 1 << 20] {
        let what = What::HandOver(Shape { capacity: 16, ..Shape::one_to_one(bytes) });
        add(&HAND_OVER, Bytes(bytes as u64).to_string(), bytes as f64, what, bytes == 64 << 10);
    }
    for (group, asleep) in [(&ROUND_TRIP, false), (&ASLEEP, true)] {
        for bytes in [8, 1 << 10, 64 << 10] {
            let what = What::RoundTrip { bytes, asleep };
            add(group, Bytes(bytes as u64).to_string(), bytes as f64, what, bytes == 8);
        }
    }
    add(&SIGNAL, "both run".into(), 0.0, What::Signal { asleep: false }, true);
    add(&SIGNAL, "both sleep".into(), 1.0, What::Signal { asleep: true }, true);
    let several = |participants: usize| match participants {
        1 => "alone".to_owned(),
        _ => format!("{participants} participants"),
    };
    for participants in [1, 2, 4, 8, 16] {
        let what = What::Lock { participants };
        add(&LOCK, several(participants), participants as f64, what, participants < 4);
    }
    for participants in [1, 2, 8] {
        let what = What::Semaphore { participants };
        add(&SEMAPHORE, several(participants), participants as f64, what, participants < 2);
    }
    for bytes in [8, 64] {
        for (verb, access) in [("get", Access::Get), ("update", Access::Update)] {
            let what = What::Value { bytes, access };
            add(&VALUE, format!("{verb} {bytes} B"), bytes as f64, what, true);
        }
    }
    add(&DOOR, "create".into(), 0.0, What::Create, true);
    add(&DOOR, "open".into(), 1.0, What::Open, true);
    for reserved in [false, true] {
        for bytes in [64 << 10, 1 << 20, 64 << 20, 1 << 30, 8 << 30] {
            let kind = if reserved { "reserved" } else { "as touched" };
            let what = What::Segment { bytes, reserved };
            add(
                &SEGMENT,
                format!("{}, {kind}", Bytes(bytes)),
                bytes as f64,
                what,
                bytes == 1 << 20,
            );
        }
    }
    for one_by_one in [false, true] {
        for micros in [0, 1, 10, 100] {
            let how = if one_by_one { "one by one" } else { "in chunks" };
            let what = What::Tasks { micros, one_by_one };
            add(&POOL, format!("{micros} µs, {how}"), micros as f64, what, micros == 0);
        }
    }
    add(&POOL, "a single task".into(), 0.0, What::OneTask, true);
    add(&POOL, "start and first result".into(), 0.0, What::PoolStart, true);
    add(&SPAWN, "start and wait".into(), 0.0, What::Spawn, true);
    cases
}
