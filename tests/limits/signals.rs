//! A storm of signals: no system call that is interrupted ends a wait, nor makes it too short.

use crate::children::{Child, HANG, alone, directory, fork, promptly, stop_here, wait_until};
use crate::kinds::{KINDS, segment_with_an_object};
use commonhold::{
    Buffer, Error, Event, Lock, Mailbox, Mutex, Place, Pool, Process, Queue, Segment, Semaphore,
    Value, Waitable, wait_any,
};
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Microseconds between two signals.
const BETWEEN: i64 = 50;
/// A wait that so many signals came in was interrupted, if it can be.
const MANY: u32 = 100;
/// How long a timed wait is to be.
const SHORT: Duration = Duration::from_millis(20);

/// How many signals came: in memory that forked children share.
static COUNT: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

fn count() -> &'static AtomicU32 {
    if COUNT.load(Ordering::Relaxed).is_null() {
        let memory = Box::leak(Box::new(Buffer::<u32>::new(1).unwrap()));
        COUNT.store(memory.as_ptr().cast(), Ordering::Relaxed);
    }
    // SAFETY: the buffer is never dropped, and nobody takes it.
    unsafe { &*COUNT.load(Ordering::Relaxed) }
}

extern "C" fn on_signal(_: libc::c_int) {
    // SAFETY: the buffer was made before there were signals, and is never dropped.
    let count = unsafe { &*COUNT.load(Ordering::Relaxed) };
    count.fetch_add(1, Ordering::Relaxed);
}

/// Has signals come to this process from now on, that interrupt system calls.
fn storm() {
    storm_every(BETWEEN);
}

fn storm_every(micros: i64) {
    count();
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler adds to a number in memory that stays.
    unsafe { sigaction(Signal::SIGALRM, &action) }.unwrap();
    let each = libc::timeval { tv_sec: 0, tv_usec: micros };
    let timer = libc::itimerval { it_interval: each, it_value: each };
    // SAFETY: the timer is a valid one, and the old one is not asked for.
    let set = unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

/// One of everything that can be waited for, with nothing to be had.
struct Objects {
    door: Lock,
    books: Mutex<u64>,
    page: Buffer<u64>,
    seats: Semaphore,
    bell: Event,
    empty: Queue<u64>,
    full: Queue<u64>,
    empty_bytes: Queue<[u8]>,
    full_bytes: Queue<[u8]>,
    empty_mail: Mailbox<String>,
    full_mail: Mailbox<String>,
    large: Queue<[u64; 20]>,
}

impl Objects {
    fn new() -> Objects {
        let objects = Objects {
            door: Lock::new().unwrap(),
            books: Mutex::new(0).unwrap(),
            page: Buffer::new(4).unwrap(),
            seats: Semaphore::new(1).unwrap(),
            bell: Event::new().unwrap(),
            empty: Queue::new(4).unwrap(),
            full: Queue::new(4).unwrap(),
            empty_bytes: Queue::<[u8]>::new(100).unwrap(),
            full_bytes: Queue::<[u8]>::new(100).unwrap(),
            empty_mail: Mailbox::new(100).unwrap(),
            full_mail: Mailbox::new(100).unwrap(),
            large: Queue::new(2).unwrap(),
        };
        while objects.full.try_send(1).is_ok() {}
        objects.full_bytes.send(&[1; 100]).unwrap();
        objects.full_mail.send("x".repeat(90)).unwrap();
        while objects.large.try_send([1; 20]).is_ok() {}
        objects
    }
}

/// A wait: for ever, for so long (true: in vain), and what ends it.
struct Wait {
    what: &'static str,
    forever: fn(&Objects),
    timed: fn(&Objects, Duration) -> bool,
    end: fn(&Objects),
}

macro_rules! waits {
    ($($what:literal: $forever:expr, $timed:expr, $end:expr;)*) => {
        [$(Wait { what: $what, forever: $forever, timed: $timed, end: $end }),*]
    };
}

fn nothing(_: &Objects) {}

/// Of what is held by a stopped process, which goes on in the end.
fn waits_for_a_holder() -> [Wait; 5] {
    waits! {
        "Lock::lock": |all| drop(all.door.lock().unwrap()),
            |all, time| all.door.lock_timeout(time).is_err(), nothing;
        "Mutex::lock": |all| drop(all.books.lock().unwrap()),
            |all, time| all.books.lock_timeout(time).is_err(), nothing;
        "Buffer::read": |all| drop(all.page.read().unwrap()),
            |all, time| all.page.read_timeout(time).is_err(), nothing;
        "Buffer::write": |all| drop(all.page.write().unwrap()),
            |all, time| all.page.write_timeout(time).is_err(), nothing;
        "Semaphore::acquire": |all| drop(all.seats.acquire()),
            |all, time| all.seats.acquire_timeout(time).is_err(), nothing;
    }
}

/// Of what somebody does.
fn waits_for_an_act() -> [Wait; 11] {
    waits! {
        "Event::wait": |all| all.bell.wait(), |all, time| !all.bell.wait_timeout(time),
            |all| all.bell.set();
        "Queue::recv": |all| assert_eq!(all.empty.recv(), Ok(7)),
            |all, time| all.empty.recv_timeout(time).is_err(), |all| all.empty.send(7).unwrap();
        "Queue::lease": |all| all.empty.lease().unwrap().done(),
            |all, time| all.empty.lease_timeout(time).is_err(), |all| all.empty.send(7).unwrap();
        "Queue::send": |all| all.full.send(7).unwrap(),
            |all, time| all.full.send_timeout(7, time).is_err(), |all| _ = all.full.recv().unwrap();
        "Queue::send, large": |all| all.large.send([7; 20]).unwrap(),
            |all, time| all.large.send_timeout([7; 20], time).is_err(),
            |all| _ = all.large.recv().unwrap();
        "Queue::recv, slices": |all| assert_eq!(all.empty_bytes.recv().unwrap(), [7]),
            |all, time| all.empty_bytes.recv_timeout(time).is_err(),
            |all| all.empty_bytes.send(&[7]).unwrap();
        "Queue::send, slices": |all| all.full_bytes.send(&[7; 100]).unwrap(),
            |all, time| all.full_bytes.send_timeout(&[7; 100], time).is_err(),
            |all| _ = all.full_bytes.recv().unwrap();
        "Mailbox::recv": |all| assert_eq!(all.empty_mail.recv().unwrap(), "seven"),
            |all, time| all.empty_mail.recv_timeout(time).is_err(),
            |all| all.empty_mail.send("seven".to_owned()).unwrap();
        "Mailbox::send": |all| all.full_mail.send("y".repeat(90)).unwrap(),
            |all, time| all.full_mail.send_timeout("y".repeat(90), time).is_err(),
            |all| _ = all.full_mail.recv().unwrap();
        "Queue::wait_done": |all| all.full.wait_done(),
            |all, time| !all.full.wait_done_timeout(time),
            |all| while all.full.try_recv().is_ok() {};
        "wait_any": |all| assert_eq!(wait_any(&[&all.bell as &dyn Waitable, &all.empty], None), [1]),
            |all, time| wait_any(&[&all.bell as &dyn Waitable, &all.empty], Some(time)).is_empty(),
            |all| all.empty.send(7).unwrap();
    }
}

/// Nothing that is timed ends early, and what waits for ever waits until there is what it waits for.
fn is_as_long_as_it_should_be(wait: &Wait, all: &Objects, end: impl FnOnce()) {
    fork(|| {
        storm();
        let start = Instant::now();
        assert!((wait.timed)(all, SHORT), "{}: there is nothing to be had", wait.what);
        let took = start.elapsed();
        assert!((SHORT..HANG).contains(&took), "{}: {took:?}", wait.what);
    })
    .succeed();
    count().store(0, Ordering::Relaxed);
    let waiter = fork(|| {
        storm();
        (wait.forever)(all);
    });
    wait_until("signals", || count().load(Ordering::Relaxed) > MANY);
    assert!(waiter.is_running(), "{}: nothing ended it yet", wait.what);
    end();
    (wait.end)(all);
    promptly(wait.what, || waiter.succeed());
}

fn stopped_holder(all: &Objects) -> Child {
    let holder = fork(|| {
        let _all = (all.door.lock(), all.books.lock(), all.page.write(), all.seats.acquire());
        stop_here();
    });
    holder.stopped();
    holder
}

fn square(n: u64) -> u64 {
    n * n
}

/// What makes, finds and removes.
fn set_everything_up() -> Result<(), Error> {
    for kind in KINDS {
        (kind.create)("x".into())?;
        (kind.open_or_create)("x".into())?;
        (kind.new)()?;
    }
    for (number, kind) in KINDS.iter().enumerate() {
        (kind.open)(Place::from(&format!("kept-{number}")))?;
    }
    segment_with_an_object("x")?;
    drop(Buffer::<u8>::create("large", 32 << 20)?);
    drop(Buffer::<u8>::new(32 << 20)?);
    Segment::create("gone", 4096)?.unlink()?;
    assert!(commonhold::gc()?.is_empty());
    Ok(())
}

alone! {
    fn waits_are_neither_cut_short_nor_lost() {
        count();
        for wait in &waits_for_a_holder() {
            let all = Objects::new();
            let holder = stopped_holder(&all);
            is_as_long_as_it_should_be(wait, &all, || holder.resume());
            // It unlocks before it ends; who was waiting has had its turn.
            holder.succeed();
        }
        for wait in &waits_for_an_act() {
            is_as_long_as_it_should_be(wait, &Objects::new(), || ());
        }
    }

    fn what_is_set_up_is() {
        count();
        let keep = |number: usize| (KINDS[number].keep)(Place::from(&format!("kept-{number}")));
        let _kept: Vec<_> = (0..KINDS.len()).map(|number| keep(number).unwrap()).collect();
        fork(|| {
            storm();
            let before = crate::belongings();
            set_everything_up().unwrap();
            assert_eq!(crate::belongings(), before);
            assert!(count().load(Ordering::Relaxed) > MANY);
        })
        .succeed();
    }

    /// Who waits for the lifecycle lock of a stopped one sleeps in between. Of a span that is interrupted as
    /// often as this nothing passes, as the kernel counts its own tolerance to what is left.
    fn who_waits_for_a_stopped_one_to_finish_goes_on_after_it() {
        count();
        let door = Lock::create("door").unwrap();
        let holder = fork(|| {
            let file = std::fs::File::options().write(true).open(directory().join("door")).unwrap();
            // The lock that the crate has on a file while it opens it.
            let whole = libc::flock {
                l_type: libc::F_WRLCK as i16,
                l_whence: libc::SEEK_SET as i16,
                l_start: 0,
                l_len: 0,
                l_pid: 0,
            };
            nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLK(&whole)).unwrap();
            stop_here();
        });
        holder.stopped();
        let waiter = fork(|| {
            storm_every(BETWEEN / 3);
            drop(Lock::open("door").unwrap());
        });
        wait_until("signals", || count().load(Ordering::Relaxed) > MANY);
        assert!(waiter.is_running());
        holder.resume();
        holder.succeed();
        promptly("Lock::open", || waiter.succeed());
        drop(door);
    }

    fn processes_and_pools_are_as_ever() {
        fork(|| {
            storm();
            let total = Value::<u64>::new(0).unwrap();
            for _ in 0..3 {
                let child = Process::spawn(
                    |total: Value<u64>, long: Vec<u8>| _ = total.fetch_add(long.len() as u64),
                    (total.clone(), vec![1; 1 << 20]),
                );
                assert!(child.unwrap().join().unwrap().success());
            }
            assert_eq!(total.get(), 3 << 20);
            let slow = Process::spawn(std::thread::park, ()).unwrap();
            let start = Instant::now();
            assert!(slow.join_timeout(SHORT).unwrap().is_none());
            assert!(start.elapsed() >= SHORT);
            slow.kill().unwrap();
            assert_eq!(slow.join().unwrap().signal(), Some(9));
            let pool = Pool::new(2).unwrap();
            assert_eq!(pool.map(square, 0..1000).unwrap()[999], 998_001);
            assert_eq!(pool.apply(|n: Vec<u8>| n.len(), vec![0; 3 << 20]).unwrap(), 3 << 20);
            let task = pool.apply_async(std::thread::park, ()).unwrap();
            let start = Instant::now();
            assert!(task.get_timeout(SHORT).is_err());
            assert!(start.elapsed() >= SHORT);
            promptly("the end of a pool", || drop(pool));
        })
        .succeed();
    }
}
