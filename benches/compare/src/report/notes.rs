//! What has to be said beside the figures.

/// How it was measured.
pub const METHOD: &[&str] = &[
    "All who take part in a case run one after another, in rounds: A B C, A B C, … Each is warmed up and \
     given as many operations as take about as long as everybody else's; a figure is the median over the \
     rounds, the spread the farther end of the middle half.",
    "Two cores of a virtual machine may be near each other or far, and that changes within seconds. Before \
     and after each run a cache line is passed between them for 2 ms; runs during which the cores moved are \
     dropped, and so are those during which somebody else had the core, as long as enough are left.",
    "Each contestant of a case is a process of its own, and has children of its own where several are needed. \
     Who gives no answer within 25 s, or dies, is left out with a line, and its processes are killed.",
    "Senders are pinned to one core, receivers to another; participants of a lock alternately.",
    "Contents are checked. Before measuring, every word of some messages; while measuring, both ends of each \
     message, the order of each sender's messages, and the sum of all. What a lock protects is a counter that \
     is not atomic, and must come out right.",
    "Ratios are of speeds in the same round: 2× is twice as fast. The best peer is the fastest between \
     processes, or where there is none between threads; the limit is a program that does what is measured and \
     nothing else, and survives nobody's death.",
    "Everything is compiled in release mode with thin LTO, and used as its documentation advises. Where there \
     are two ways, the better one takes part, or both.",
];

/// What one does that others do not, so that figures alone do not compare them: tables with their heads.
pub const DIFFERENCES: [&[&[&str]]; 3] = [LINKS, LOCKS, POOLS];

const LINKS: &[&[&str]] = &[
    &["messages", "copies", "waits by", "reaches", "kept", "if a process is killed"],
    &[
        "commonhold Queue<T>",
        "in and out up to 64 B; longer ones in, read in place",
        "spinning, then sleeping",
        "one receiver",
        "in memory, as long as the queue has a user",
        "nothing sent is lost, nothing is seen twice, nobody hangs",
    ],
    &[
        "commonhold reserve, lease",
        "none",
        "spinning, then sleeping",
        "one receiver",
        "likewise",
        "likewise; a lease is delivered again",
    ],
    &[
        "commonhold Queue<[T]>, Mailbox",
        "in and out",
        "spinning, then sleeping",
        "one receiver",
        "likewise",
        "likewise",
    ],
    &[
        "iceoryx2",
        "in (or none), read in place",
        "polling; events sleep",
        "every subscriber",
        "in memory of the publisher, as long as somebody has it",
        "dead nodes are found, and what they held is cleaned up; nobody who polls hangs",
    ],
    &[
        "cloudtoid",
        "in and out",
        "polling, or sleeping 5 ms at most",
        "one receiver",
        "in a mapped file, as long as the queue has a user",
        "recovers, after up to 10 s",
    ],
    &[
        "Boost message_queue",
        "in and out, under a lock",
        "sleeping",
        "one receiver, by priority",
        "in memory, until it is removed",
        "its lock stays locked for ever",
    ],
    &[
        "pipe, sockets",
        "in and out, by the kernel",
        "sleeping",
        "one receiver",
        "by the kernel, as long as an end is open",
        "the kernel closes its end; half a message can be left in a stream",
    ],
    &[
        "POSIX mq",
        "in and out, by the kernel",
        "sleeping",
        "one receiver, by priority",
        "by the kernel, until it is removed",
        "messages stay; what was received is lost",
    ],
    &[
        "ipc-channel",
        "in and out, by the kernel, and a new Vec",
        "sleeping",
        "one receiver",
        "by the kernel, as long as an end is open",
        "the kernel closes its end",
    ],
    &[
        "Python Queue, SimpleQueue",
        "pickled, in and out, by the kernel",
        "sleeping",
        "one receiver",
        "by the kernel, as long as an end is open; what a feeding thread has, in its process",
        "its lock can stay locked for ever",
    ],
    &[
        "std, crossbeam, kanal, rtrb",
        "in and out up to 64 B; longer ones as a pointer",
        "spinning, sleeping or polling",
        "one receiver, in the same process",
        "in memory of the process",
        "all threads end with their process",
    ],
];

const LOCKS: &[&[&str]] = &[
    &["locks and permits", "waits by", "if the holder is killed"],
    &["commonhold Lock", "spinning, then sleeping", "the next one is told, and can recover it"],
    &["commonhold Semaphore", "sleeping", "the permit comes back"],
    &["pthread mutex, Boost, raw_sync", "sleeping", "all others wait for ever"],
    &[
        "pthread mutex, robust",
        "sleeping",
        "the next one is told, and can recover it; if who was woken is killed as well, others may wait for ever",
    ],
    &["sem_t, Boost semaphore, Python", "sleeping", "the permit is lost"],
    &["std, parking_lot", "spinning, then sleeping", "all threads end with their process"],
];

const POOLS: &[&[&str]] = &[
    &["pools", "arguments and results", "if a worker is killed"],
    &[
        "commonhold Pool",
        "in shared memory, as they are",
        "its own task fails, or is tried again; the worker is replaced",
    ],
    &["Python Pool", "pickled, by pipes", "its result never comes, and who waits for it hangs"],
    &[
        "Python ProcessPoolExecutor",
        "pickled, by pipes",
        "all tasks that are not done fail, and the pool is broken",
    ],
    &["procspawn Pool", "serialized, by sockets", "its own task fails"],
    &["rayon", "in memory of the process", "all threads end with their process"],
];

/// What the tables above do not say.
pub const ALL_ARE_MEMORY: &str = "Nothing here outlives a reboot: none of them writes to a disk.";

/// Who could be expected, and why it is not there.
pub const ABSENT: &[&str] = &[
    "iceoryx2 has no part where several receivers share the work: each of its subscribers gets every message.",
    "raw_sync and shared_memory have no queue; their locks, events and memory take part.",
    "procspawn's pool has no way to take tasks in chunks.",
];
