//! What has to be said beside the figures.

/// How it was measured.
pub const METHOD: &[&str] = &[
    "All who take part in a case run one after another, in rounds: A B C, A B C, … Each is warmed up and \
     given as many operations as take about as long as everybody else's; a figure is the median over the \
     rounds, the spread the farther end of the middle half.",
    "Two cores of a virtual machine may be near each other or far, and that changes within seconds. Before \
     and after each run a cache line is passed between them for 2 ms; runs during which the cores moved are \
     dropped, and so are those during which somebody else had the core, as long as enough are left.",
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

/// What a peer does that others do not, so that figures alone do not compare them.
pub const DIFFERENCES: [[&str; 5]; 12] = [
    ["", "copies", "waits by", "reaches", "if a process is killed"],
    [
        "commonhold Queue<T>",
        "in and out up to 64 B; longer ones in, read in place",
        "spinning, then sleeping",
        "one receiver",
        "nothing sent is lost, nothing is seen twice, nobody hangs",
    ],
    [
        "commonhold reserve, lease",
        "none",
        "spinning, then sleeping",
        "one receiver",
        "likewise; a lease is delivered again",
    ],
    [
        "commonhold Queue<[T]>, Mailbox",
        "in and out",
        "spinning, then sleeping",
        "one receiver",
        "likewise",
    ],
    [
        "iceoryx2",
        "in (or none), read in place",
        "polling; events sleep",
        "every subscriber",
        "dead nodes are found, and what they held is cleaned up; nobody who polls hangs",
    ],
    [
        "cloudtoid",
        "in and out",
        "polling, or sleeping 5 ms at most",
        "one receiver",
        "recovers, after up to 10 s",
    ],
    [
        "Boost message_queue",
        "in and out, under a lock",
        "sleeping",
        "one receiver, by priority",
        "its lock stays locked for ever",
    ],
    [
        "pipe, sockets",
        "in and out, by the kernel",
        "sleeping",
        "one receiver",
        "the kernel closes the end; what is in the pipe stays",
    ],
    [
        "POSIX mq",
        "in and out, by the kernel",
        "sleeping",
        "one receiver, by priority",
        "messages stay",
    ],
    [
        "ipc-channel",
        "in and out, by the kernel, and a new Vec",
        "sleeping",
        "one receiver",
        "the kernel closes the end",
    ],
    [
        "Python Queue, SimpleQueue",
        "pickled, in and out, by the kernel",
        "sleeping",
        "one receiver",
        "its lock can stay locked for ever",
    ],
    [
        "std, crossbeam, kanal, rtrb",
        "in and out up to 64 B; longer ones as a pointer",
        "spinning, sleeping or polling",
        "one receiver, in the same process",
        "all threads end with their process",
    ],
];

/// Who could be expected, and why it is not there.
pub const ABSENT: &[&str] = &[
    "iceoryx2 has no part where several receivers share the work: each of its subscribers gets every message.",
    "raw_sync and shared_memory have no queue; their locks, events and memory take part.",
    "procspawn's pool has no way to take tasks in chunks.",
];
