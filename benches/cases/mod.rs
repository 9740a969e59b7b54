//! What is measured, and against what.

pub mod bare_ring;
pub mod bytes;
pub mod contended;
pub mod doors;
pub mod hand_over;
pub mod objects;
pub mod pool;
pub mod processes;
pub mod queues;
pub mod recovery;
pub mod trips;
pub mod values;

use std::time::Duration;

use crate::support::children;
use crate::support::ratio::{Case, Ratio, Run, Target};

use Target::{NanosAtMost, Speed, SpeedAtLeast, TimeAtMost};

/// Messages of 64 B, 64 KiB and 1 MiB.
type Line = [u64; 8];
type Kib64 = [u64; 8 << 10];
type Mib1 = [u64; 128 << 10];
/// Pauses of a writer.
const NONE: Duration = Duration::ZERO;
const MICRO: Duration = Duration::from_micros(1);

macro_rules! cases {
    ($($constant:ident $name:literal $set_up:expr;)*) => {
        $(const $constant: Case = Case { name: $name, set_up: || -> Run { $set_up } };)*
        /// Every measurement.
        pub const CASES: &[Case] = &[$($constant),*];
    };
}

cases! {
    LOCK "lock/commonhold" objects::lock();
    LOCK_STD "lock/std" objects::lock_std();
    MUTEX "mutex/commonhold" objects::mutex();
    MUTEX_STD "mutex/std" objects::mutex_std();
    GET "value get/commonhold" values::get();
    GET_STD "value get/atomic" values::get_std();
    SET "value set/commonhold" values::set();
    SET_STD "value set/atomic" values::set_std();
    UPDATE "value update/commonhold" values::update();
    UPDATE_STD "value update/compare_exchange_weak" values::update_std();
    GET_64 "value get 64 B/commonhold" values::get_64();
    GET_64_BARE "value get 64 B/bare seqlock" values::get_64_bare();
    SET_64 "value set 64 B/commonhold" values::set_64();
    SET_64_BARE "value set 64 B/bare seqlock" values::set_64_bare();
    WRITTEN "value get 64 B, written each µs/commonhold, processes" values::written(MICRO);
    WRITTEN_BARE "value get 64 B, written each µs/bare seqlock, threads" values::written_seqlock(MICRO);
    RUSHED "value get 64 B, written in haste/commonhold, processes" values::written(NONE);
    RUSHED_BARE "value get 64 B, written in haste/bare seqlock, threads" values::written_seqlock(NONE);
    RUSHED_STD "value get 64 B, written in haste/std::Mutex, threads" values::written_mutex(NONE);
    ARRAY_GET "array/get" objects::array_get();
    ARRAY_ADD "array/fetch_add" objects::array_add();
    READ "buffer read 512 B/commonhold" objects::buffer_read();
    READ_STD "buffer read 512 B/std::RwLock" objects::buffer_read_std();
    WRITE "buffer write 512 B/commonhold" objects::buffer_write();
    WRITE_STD "buffer write 512 B/std::RwLock" objects::buffer_write_std();
    SEMAPHORE "semaphore/commonhold" objects::semaphore();
    SEMAPHORE_C "semaphore/sem_t" objects::semaphore_c();
    EVENT "event is_set/commonhold" objects::event_is_set();
    EVENT_STD "event is_set/atomic" objects::event_is_set_std();
    EVENT_SET "event/set and clear" objects::event_set_clear();
    WAIT_ANY "wait_any/of two, one ready" objects::ready_of_two();
    ALONE "one thread/Queue<u64>, send and recv" objects::queue();
    MAIL "one thread/Mailbox<u64>, send and recv" objects::mailbox();
    CONTENDED "lock contended/commonhold, processes" contended::processes();
    CONTENDED_STD "lock contended/std, threads" contended::threads();
    ONE "queue 1 to 1/commonhold, processes" queues::processes::<u64>(1, "copy");
    ONE_STD "queue 1 to 1/ArrayQueue, threads" queues::threads::<u64>(1);
    ONE_BARE "queue 1 to 1/bare ring, threads" bare_ring::threads(1);
    TWO "queue 2 to 2/commonhold, processes" queues::processes::<u64>(2, "copy");
    TWO_STD "queue 2 to 2/ArrayQueue, threads" queues::threads::<u64>(2);
    TWO_BARE "queue 2 to 2/bare ring, threads" bare_ring::threads(2);
    CROWD "queue 8 to 8/commonhold, processes" queues::processes::<u64>(8, "copy");
    TRIES "queue 1 to 1, try/commonhold, processes" queues::processes::<u64>(1, "try");
    LINE "queue 64 B/commonhold, processes" queues::processes::<Line>(1, "copy");
    LINE_STD "queue 64 B/ArrayQueue, threads" queues::threads::<Line>(1);
    MANY "queue send_all, recv_many/commonhold, processes" queues::processes::<u64>(1, "many");
    HAND_64 "queue reserve, lease/64 B" hand_over::processes::<Line>(false);
    HAND_64K "queue reserve, lease/64 KiB" hand_over::processes::<Kib64>(false);
    HAND_1M "queue reserve, lease/1 MiB" hand_over::processes::<Mib1>(false);
    PLACE_64K "queue in place 64 KiB/commonhold, processes" hand_over::processes::<Kib64>(true);
    PLACE_64K_BARE "queue in place 64 KiB/tuned ring, threads" hand_over::threads::<Kib64>();
    PLACE_1M "queue in place 1 MiB/commonhold, processes" hand_over::processes::<Mib1>(true);
    PLACE_1M_BARE "queue in place 1 MiB/tuned ring, threads" hand_over::threads::<Mib1>();
    TRIP "round trip, both run/queues, processes" trips::processes("queue", false);
    TRIP_EVENT "round trip, both run/events, processes" trips::processes("event", false);
    TRIP_BARE "round trip, both run/two cache lines, threads" trips::threads(false);
    WAKE "round trip, both asleep/queues, processes" trips::processes("queue", true);
    WAKE_EVENT "round trip, both asleep/events, processes" trips::processes("event", true);
    WAKE_BARE "round trip, both asleep/two futexes, threads" trips::threads(true);
    RECOVERY "recovery/of a lock whose holder is killed" recovery::recovery(false);
    RECOVERY_CHILD "recovery/of a lock whose holder is killed, a Process" recovery::recovery(true);
    MAIL_ONE "mailbox 1 to 1/u64, processes" bytes::processes("number", 8);
    MAIL_1K "mailbox 1 to 1/1 KiB, processes" bytes::processes("vec", 1 << 10);
    MAIL_64K "mailbox 1 to 1/64 KiB, processes" bytes::processes("vec", 64 << 10);
    BYTES_8 "bytes 1 to 1/8 B, processes" bytes::processes("slice", 8);
    BYTES_1K "bytes 1 to 1/1 KiB, processes" bytes::processes("slice", 1 << 10);
    BYTES_64K "bytes 1 to 1/64 KiB, processes" bytes::processes("slice", 64 << 10);
    BYTES_8_BARE "bytes 1 to 1/8 B, tuned ring, threads" bytes::threads_bare(8);
    BYTES_1K_BARE "bytes 1 to 1/1 KiB, tuned ring, threads" bytes::threads_bare(1 << 10);
    BYTES_64K_BARE "bytes 1 to 1/64 KiB, tuned ring, threads" bytes::threads_bare(64 << 10);
    NEW "doors new/commonhold" doors::new();
    SEGMENT "doors create/segment of 1 MiB" doors::create_segment();
    OPEN_IN "doors open/in an attached segment" doors::open_in_segment();
    CREATE "doors create/commonhold" doors::create();
    CREATE_BARE "doors create/bare file" doors::create_bare();
    OPEN "doors open/commonhold" doors::open();
    OPEN_BARE "doors open/bare file" doors::open_bare();
    POOL "pool map/commonhold, processes" pool::map(0);
    POOL_RAYON "pool map/rayon, threads" pool::map_rayon(0);
    POOL_BARE "pool map/bare, threads" pool::map_bare(0);
    POOL_1 "pool map, chunk 1/commonhold, processes" pool::map(1);
    POOL_1_RAYON "pool map, chunk 1/rayon, threads" pool::map_rayon(1);
    POOL_1_BARE "pool map, chunk 1/bare, threads" pool::map_bare(1);
    IMAP "pool imap/commonhold, processes" pool::imap(true);
    IMAP_ANY "pool imap_unordered/commonhold, processes" pool::imap(false);
    APPLY "pool apply_async, get/commonhold, processes" pool::apply();
    APPLY_RAYON "pool apply_async, get/rayon, threads" pool::apply_rayon();
    APPLY_BARE "pool apply_async, get/bare wake-ups, threads" pool::round_trip_bare();
    POOL_START "pool start/commonhold, processes" pool::start(false);
    POOL_START_BARE "pool start/bare processes" pool::start_bare(false);
    POOL_LIFE "pool start to end/commonhold, processes" pool::start(true);
    POOL_LIFE_BARE "pool start to end/bare processes" pool::start_bare(true);
    SPAWN "process/spawn and join" processes::spawn();
    SPAWN_BARE "process/posix_spawn and wait" processes::spawn_bare();
    FORK "process/fork and join" processes::fork();
    PARALLEL "process/run_parallel of two" processes::parallel();
}

const fn ratio(name: &'static str, ours: Case, theirs: Case, target: Target) -> Ratio {
    Ratio { name, ours, theirs: Some(theirs), target }
}

/// A time, which nobody else's matters for.
const fn bound(name: &'static str, ours: Case, most: Duration) -> Ratio {
    Ratio { name, ours, theirs: None, target: NanosAtMost(most.as_nanos() as f64) }
}

/// The table.
pub const RATIOS: &[Ratio] = &[
    ratio("lock/std::Mutex", LOCK, LOCK_STD, TimeAtMost(1.1)),
    ratio("Mutex<u64>/std::Mutex<u64>", MUTEX, MUTEX_STD, TimeAtMost(1.1)),
    ratio("lock contended/std::Mutex of threads", CONTENDED, CONTENDED_STD, SpeedAtLeast(0.97)),
    ratio("Value<u64>::get/AtomicU64::load", GET, GET_STD, TimeAtMost(1.1)),
    ratio("Value<u64>::update/compare_exchange_weak", UPDATE, UPDATE_STD, TimeAtMost(1.15)),
    ratio("Value<[u8; 64]>::get/bare seqlock", GET_64, GET_64_BARE, SpeedAtLeast(1.0)),
    ratio(
        "Value<[u8; 64]>::get, written each µs/bare seqlock",
        WRITTEN,
        WRITTEN_BARE,
        SpeedAtLeast(1.0),
    ),
    ratio(
        "Value<[u8; 64]>::get, written in haste/std::Mutex",
        RUSHED,
        RUSHED_STD,
        SpeedAtLeast(2.0),
    ),
    ratio("Semaphore/sem_t", SEMAPHORE, SEMAPHORE_C, TimeAtMost(2.0)),
    ratio("Event::is_set/AtomicU64::load", EVENT, EVENT_STD, TimeAtMost(2.0)),
    bound("Event::is_set", EVENT, Duration::from_nanos(1)),
    ratio("Queue<u64> 1 to 1/ArrayQueue", ONE, ONE_STD, SpeedAtLeast(4.0)),
    ratio("Queue<u64> 1 to 1 by tries/ArrayQueue", TRIES, ONE_STD, SpeedAtLeast(4.0)),
    ratio("Queue<u64> 2 to 2/ArrayQueue", TWO, TWO_STD, SpeedAtLeast(4.0)),
    ratio("Queue<u64> 8 to 8/1 to 1", CROWD, ONE, SpeedAtLeast(1.0 / 3.0)),
    ratio("Queue<u64> 1 to 1/bare ring of threads", ONE, ONE_BARE, Speed),
    ratio("Queue<u64> 2 to 2/bare ring of threads", TWO, TWO_BARE, Speed),
    ratio("bare ring of threads 1 to 1/ArrayQueue", ONE_BARE, ONE_STD, Speed),
    ratio("Queue<[u8; 64]> 1 to 1/ArrayQueue", LINE, LINE_STD, SpeedAtLeast(3.0)),
    ratio("send_all and recv_many/send and recv", MANY, ONE, SpeedAtLeast(2.0)),
    ratio("hand over 64 KiB/64 B", HAND_64K, HAND_64, TimeAtMost(2.0)),
    ratio("hand over 1 MiB/64 B", HAND_1M, HAND_64, TimeAtMost(2.0)),
    ratio("in place 64 KiB/tuned ring in place", PLACE_64K, PLACE_64K_BARE, SpeedAtLeast(0.7)),
    ratio("in place 1 MiB/tuned ring in place", PLACE_1M, PLACE_1M_BARE, SpeedAtLeast(0.7)),
    ratio("round trip, both run/two cache lines", TRIP, TRIP_BARE, TimeAtMost(1.15)),
    ratio("round trip, both asleep/two futexes", WAKE, WAKE_BARE, TimeAtMost(1.1)),
    bound("recovery of a killed holder's lock", RECOVERY, Duration::from_millis(100)),
    bound("recovery of a killed Process's lock", RECOVERY_CHILD, Duration::from_millis(5)),
    ratio("Queue<[u8]> 8 B/tuned ring of bytes", BYTES_8, BYTES_8_BARE, Speed),
    ratio("Queue<[u8]> 1 KiB/tuned ring of bytes", BYTES_1K, BYTES_1K_BARE, SpeedAtLeast(0.9)),
    ratio("Queue<[u8]> 64 KiB/tuned ring of bytes", BYTES_64K, BYTES_64K_BARE, SpeedAtLeast(0.9)),
    ratio("Mailbox<u64> 1 to 1/tuned ring of bytes", MAIL_ONE, BYTES_8_BARE, Speed),
    ratio("Mailbox<Vec<u8>> 1 KiB/tuned ring of bytes", MAIL_1K, BYTES_1K_BARE, Speed),
    ratio("Mailbox<Vec<u8>> 64 KiB/tuned ring of bytes", MAIL_64K, BYTES_64K_BARE, Speed),
    ratio("Queue::create/shm file", CREATE, CREATE_BARE, TimeAtMost(2.0)),
    ratio("Queue::open/shm file", OPEN, OPEN_BARE, TimeAtMost(2.0)),
    ratio("pool map/bare pool of threads", POOL, POOL_BARE, TimeAtMost(3.0)),
    ratio("pool map/rayon", POOL, POOL_RAYON, Speed),
    ratio("pool map, chunk 1/bare pool of threads", POOL_1, POOL_1_BARE, TimeAtMost(1.5)),
    ratio("pool map, chunk 1/rayon", POOL_1, POOL_1_RAYON, Speed),
    ratio("pool apply_async, get/bare wake-ups", APPLY, APPLY_BARE, TimeAtMost(1.2)),
    ratio("pool apply_async, get/rayon", APPLY, APPLY_RAYON, Speed),
    ratio("pool start/two bare processes", POOL_START, POOL_START_BARE, TimeAtMost(1.5)),
    ratio("pool start to end/two bare processes", POOL_LIFE, POOL_LIFE_BARE, Speed),
    ratio("Process::spawn and join/posix_spawn and wait", SPAWN, SPAWN_BARE, TimeAtMost(1.5)),
];

/// Plays the role of a child; false in a process that is none.
pub fn play() -> bool {
    let Some(role) = children::role() else { return false };
    let words: Vec<&str> = role.split(' ').collect();
    match words[0] {
        "bytes" => bytes::play(&words[1..]),
        "fork" => processes::play(),
        "doors" => doors::play(&words[1..]),
        "pool" => pool::play(&words[1..]),
        "nothing" => {}
        "lock" => contended::play(&words[1..]),
        "recovery" => recovery::play(&words[1..]),
        "trip" => trips::play(&words[1..]),
        "value" => values::play(&words[1..]),
        "queue" => queues::play(&words[1..]),
        _ => panic!("no role {role:?}"),
    }
    true
}
