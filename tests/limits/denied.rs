//! System calls that a sandbox denies: an error, or a way round them that keeps the promise.

use crate::children::{HANG, alone, die_here, fork, promptly, stop_here};
use crate::skip;
use commonhold::{
    Buffer, Error, ErrorKind, Event, Lock, LockError, Mailbox, Mutex, Pool, Process, Queue,
    Segment, Semaphore, Value, Waitable, wait_any,
};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A system call; all of it, or where it has these bits in this argument.
type Which = (libc::c_long, Option<(u8, u64)>);

/// What is denied.
struct Call {
    name: &'static str,
    which: &'static [Which],
}

const fn all_of(number: libc::c_long) -> Which {
    (number, None)
}

const fn with(number: libc::c_long, argument: u8, bits: libc::c_int) -> Which {
    (number, Some((argument, bits as u64)))
}

const MEMBARRIER: Call = Call { name: "membarrier", which: &[all_of(libc::SYS_membarrier)] };
const PIDFD_OPEN: Call = Call { name: "pidfd_open", which: &[all_of(libc::SYS_pidfd_open)] };
const PIDFD_SEND_SIGNAL: Call =
    Call { name: "pidfd_send_signal", which: &[all_of(libc::SYS_pidfd_send_signal)] };
const FUTEX_WAITV: Call = Call { name: "futex_waitv", which: &[all_of(libc::SYS_futex_waitv)] };
const MEMFD_CREATE: Call = Call { name: "memfd_create", which: &[all_of(libc::SYS_memfd_create)] };
const CLOSE_RANGE: Call = Call { name: "close_range", which: &[all_of(libc::SYS_close_range)] };
const FALLOCATE: Call = Call { name: "fallocate", which: &[all_of(libc::SYS_fallocate)] };
const FLOCK: Call = Call { name: "flock", which: &[all_of(libc::SYS_flock)] };
const EVENTFD: Call = Call { name: "eventfd2", which: &[all_of(libc::SYS_eventfd2)] };
const WIPE_ON_FORK: Call =
    Call { name: "MADV_WIPEONFORK", which: &[with(libc::SYS_madvise, 2, libc::MADV_WIPEONFORK)] };
const O_TMPFILE: Call = Call {
    name: "O_TMPFILE",
    which: &[
        with(libc::SYS_openat, 2, libc::O_TMPFILE),
        #[cfg(target_arch = "x86_64")]
        with(libc::SYS_open, 1, libc::O_TMPFILE),
    ],
};

impl Call {
    /// Denies it to this process and its children from now on.
    fn deny(&self, errno: i32) {
        let rule = |(argument, bits)| {
            let op = SeccompCmpOp::MaskedEq(bits);
            let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, bits);
            SeccompRule::new(vec![condition.unwrap()]).unwrap()
        };
        let rules = self.which.iter().map(|(number, bits)| (*number, bits.map(rule)));
        let rules: BTreeMap<_, _> =
            rules.map(|(number, rule)| (number, rule.into_iter().collect())).collect();
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(errno as u32),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let program: BpfProgram = filter.unwrap().try_into().unwrap();
        apply_filter(&program).unwrap();
    }
}

/// Runs it in a child that is denied this call, with either error.
fn without(call: &Call, f: impl Fn()) {
    if std::env::consts::ARCH != "x86_64" && std::env::consts::ARCH != "aarch64" {
        return skip("denied calls", std::env::consts::ARCH);
    }
    for errno in [libc::EPERM, libc::ENOSYS] {
        fork(|| {
            call.deny(errno);
            f();
        })
        .succeed_or(|| format!("{} is denied by {errno}", call.name));
    }
}

/// What can be used from several processes.
#[derive(Clone)]
struct Objects {
    door: Lock,
    books: Mutex<u64>,
    page: Buffer<u64>,
    seats: Semaphore,
    bell: Event,
    there: Queue<u64>,
    back: Queue<u64>,
    slices: Queue<[u64]>,
    mail: Mailbox<String>,
    count: Value<[u64; 4]>,
}

impl Objects {
    fn anonymous() -> Result<Objects, Error> {
        Ok(Objects {
            door: Lock::new()?,
            books: Mutex::new(0)?,
            page: Buffer::new(4)?,
            seats: Semaphore::new(2)?,
            bell: Event::new()?,
            there: Queue::new(4)?,
            back: Queue::new(4)?,
            slices: Queue::<[u64]>::new(400)?,
            mail: Mailbox::new(400)?,
            count: Value::new([0; 4])?,
        })
    }

    fn named() -> Result<Objects, Error> {
        let shop = Segment::open_or_create("shop", 1 << 20)?;
        Ok(Objects {
            door: Lock::create(shop.at("door"))?,
            books: Mutex::create(shop.at("books"), 0)?,
            page: Buffer::create(shop.at("page"), 4)?,
            seats: Semaphore::create(shop.at("seats"), 2)?,
            bell: Event::create(shop.at("bell"))?,
            there: Queue::create(shop.at("there"), 4)?,
            back: Queue::create(shop.at("back"), 4)?,
            slices: Queue::<[u64]>::create(shop.at("slices"), 400)?,
            mail: Mailbox::create(shop.at("mail"), 400)?,
            count: Value::create(shop.at("count"), [0; 4])?,
        })
    }

    /// Holds everything that can be held, and stands still.
    fn hold(&self) {
        let _all = (
            self.door.lock().unwrap(),
            self.books.lock().unwrap(),
            self.page.write().unwrap(),
            (self.seats.acquire(), self.seats.acquire()),
            self.there.lease().unwrap(),
        );
        stop_here();
    }

    /// What one holds who is stopped is taken by nobody; when it is killed, and be it a zombie, it is found.
    fn the_dead_are_found(&self, deny: impl Fn()) {
        const NO_TIME: Duration = Duration::from_millis(150);
        for reaped in [true, false] {
            self.there.send(7).unwrap();
            let holder = fork(|| {
                deny();
                self.hold();
            });
            holder.stopped();
            assert!(self.door.lock_timeout(NO_TIME).is_err());
            assert!(self.there.try_recv().is_err());
            match reaped {
                true => holder.kill(),
                false => holder.kill_to_zombie(),
            }
            promptly("deaths are found", || {
                assert_eq!(self.door.lock().unwrap_err(), LockError::OwnerDied);
                assert_eq!(self.books.lock().unwrap_err(), LockError::OwnerDied);
                assert_eq!(self.page.read().unwrap_err(), LockError::OwnerDied);
                drop((self.seats.acquire(), self.seats.acquire()));
                assert_eq!(self.there.recv(), Ok(7));
            });
            drop(self.door.recover().unwrap());
            drop(self.books.recover().unwrap());
            drop(self.page.recover().unwrap());
        }
    }

    /// A zombie whose parent is another, which does not look.
    fn a_strangers_zombie_is_found(&self, deny: impl Fn()) {
        let parent = fork(|| {
            let holder = fork(|| {
                deny();
                std::mem::forget(self.door.lock().unwrap());
                die_here();
            });
            holder.settled();
            stop_here();
            holder.was_killed();
        });
        parent.stopped();
        promptly("a zombie is found", || {
            assert_eq!(self.door.lock().unwrap_err(), LockError::OwnerDied);
        });
        drop(self.door.recover().unwrap());
        parent.resume();
        parent.succeed();
    }

    /// Two processes keep each other awake.
    fn sleepers_wake(&self, deny: impl Fn()) {
        const ROUNDS: u64 = 300;
        let other = fork(|| {
            deny();
            for round in 0..ROUNDS {
                assert_eq!(self.there.recv(), Ok(round));
                self.count.update(|count| count.map(|n| n + 1));
                *self.books.lock().unwrap() += 1;
                self.back.send(round).unwrap();
                self.slices.send(&[round, round]).unwrap();
                assert_eq!(self.mail.recv().unwrap(), round.to_string());
            }
            assert_eq!(wait_any(&[&self.bell as &dyn Waitable, &self.there], None), [1]);
            assert_eq!(self.there.recv(), Ok(7));
            self.bell.set();
        });
        promptly("many wakes", || {
            for round in 0..ROUNDS {
                self.there.send(round).unwrap();
                *self.books.lock().unwrap() += 1;
                assert_eq!(self.back.recv(), Ok(round));
                assert_eq!(self.slices.recv().unwrap(), [round, round]);
                self.mail.send(round.to_string()).unwrap();
            }
            assert_eq!(*self.books.lock().unwrap(), 2 * ROUNDS);
            assert_eq!(self.count.get(), [ROUNDS; 4]);
        });
        assert!(wait_any(&[&self.back as &dyn Waitable, &self.bell], Some(HANG / 500)).is_empty());
        other.asleep();
        promptly("one of several", || {
            self.there.send(7).unwrap();
            self.bell.wait();
        });
        other.succeed();
    }

    fn keeps_the_promise(&self, deny: impl Fn()) {
        self.the_dead_are_found(&deny);
        self.a_strangers_zombie_is_found(&deny);
        self.sleepers_wake(&deny);
    }
}

fn square(n: u64) -> u64 {
    n * n
}

fn a_process() -> Result<(), Error> {
    assert!(Process::spawn(|| (), ())?.join()?.success());
    Ok(())
}

fn a_pool() -> Result<(), Error> {
    let pool = Pool::new(2)?;
    assert_eq!(pool.map(square, 0..100).unwrap().len(), 100);
    promptly("the end of a pool", || drop(pool));
    Ok(())
}

/// Everything there is, made in a process that is denied something, keeps the promise.
fn everything_keeps_the_promise() {
    Objects::anonymous().unwrap().keeps_the_promise(|| ());
    Objects::named().unwrap().keeps_the_promise(|| ());
}

fn is_refused<T>(result: Result<T, Error>, tried: &str) {
    let error = result.map(drop).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::PermissionDenied), "{text}");
    assert!(text.contains(tried), "{text}");
    let why = ["Operation not permitted", "Function not implemented"];
    assert!(why.iter().any(|why| text.contains(why)), "{text}");
}

/// Nothing that is made beside its name is there, and nothing is left.
fn leaves_nothing(f: impl Fn()) {
    let before = crate::belongings();
    f();
    assert_eq!(crate::belongings(), before);
}

alone! {
    fn without_membarrier() {
        without(&MEMBARRIER, || {
            everything_keeps_the_promise();
            a_process().unwrap();
            a_pool().unwrap();
        });
    }

    fn without_futex_waitv() {
        without(&FUTEX_WAITV, || {
            everything_keeps_the_promise();
            a_pool().unwrap();
        });
    }

    fn without_pidfd_open() {
        without(&PIDFD_OPEN, || {
            everything_keeps_the_promise();
            leaves_nothing(|| {
                is_refused(a_process(), "spawn process: watching the new process");
                is_refused(a_pool(), "watching the new process");
            });
        });
    }

    fn without_pidfd_send_signal() {
        without(&PIDFD_SEND_SIGNAL, || {
            a_process().unwrap();
            a_pool().unwrap();
            let stop = Event::new().unwrap();
            let child = Process::spawn(|stop: Event| stop.wait(), stop.clone()).unwrap();
            is_refused(child.kill(), "process");
            stop.set();
            assert!(child.join().unwrap().success());
        });
    }

    fn without_memory_files() {
        without(&MEMFD_CREATE, || {
            Objects::named().unwrap().keeps_the_promise(|| ());
            leaves_nothing(|| {
                is_refused(Lock::new(), "create anonymous lock: making a file");
                is_refused(Buffer::<u8>::new(5 << 20), "create anonymous buffer: making a file");
                is_refused(a_pool(), "making a file");
            });
            a_process().unwrap();
        });
    }

    fn without_unnamed_files() {
        without(&O_TMPFILE, || {
            Objects::anonymous().unwrap().keeps_the_promise(|| ());
            leaves_nothing(|| {
                is_refused(Lock::create("door"), "create lock \"door\": making a file in ");
                is_refused(Lock::open_or_create("door"), "open or create lock \"door\": making a file");
                is_refused(Segment::create("shop", 4096), "create segment \"shop\": making a file");
            });
            a_process().unwrap();
            a_pool().unwrap();
        });
    }

    fn without_what_setting_up_needs() {
        for (call, tried) in [
            (&FALLOCATE, "reserving"),
            (&FLOCK, "marking it as used"),
            (&WIPE_ON_FORK, "mapping a page for this process"),
        ] {
            without(call, || leaves_nothing(|| is_refused(Lock::create("door"), tried)));
        }
        without(&FALLOCATE, || leaves_nothing(|| is_refused(Lock::new(), "reserving")));
        without(&EVENTFD, || leaves_nothing(|| {
            is_refused(a_process(), "watching the new process");
            is_refused(a_pool(), "making a bell");
        }));
        without(&CLOSE_RANGE, || {
            a_process().unwrap();
            a_pool().unwrap();
        });
    }

    /// One of two that share everything is denied what the other uses.
    fn one_side_without() {
        for call in [&MEMBARRIER, &FUTEX_WAITV, &PIDFD_OPEN] {
            for errno in [libc::EPERM, libc::ENOSYS] {
                // The child alone, which was registered as its parent is.
                fork(|| Objects::anonymous().unwrap().keeps_the_promise(|| call.deny(errno)))
                    .succeed_or(|| format!("a child without {} ({errno})", call.name));
                // The one that made everything, but not who opens it.
                let all = Objects::named().unwrap();
                fork(|| {
                    call.deny(errno);
                    all.keeps_the_promise(|| ());
                })
                .succeed_or(|| format!("its like without {} ({errno})", call.name));
                drop(all);
            }
        }
    }
}
