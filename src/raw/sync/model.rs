//! The façade's other side: shared memory and the futex as loom explores them, under mortal threads.
//!
//! Each shared access is a step, and a thread that was [given](mortal) only so many steps dies
//! before the next one: it unwinds with a private marker, and what a guard would do on the way does
//! nothing. Nothing that a process does between two shared accesses can be seen by another, so these
//! are all the moments at which a death makes a difference.
//!
//! The futex is the kernel's: a wait compares and falls asleep in one step. It reads the newest value,
//! as the kernel does under the lock of the hash bucket. Naps are either [`Nap::Endless`], so that a
//! wake that gets lost is a deadlock, which loom reports; or [`Nap::Bounded`]. Of bounded naps each
//! thread's first ends at any moment; the others end when nobody is awake, as time passes slowly.
//! (Were they to end at any moment as well, two sleepers could take turns for ever.)
//!
//! loom leaves the order of a plain store and a CAS that race open, even where the CAS took the older
//! value and so came first; who stored last then reads the other's value. Models of words on which
//! these two meet ask for [`Stores::Exchange`]: total order, at the price that a store continues the
//! release sequence of the one before it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loom::sync::atomic as shared;
use loom::thread::{self, Thread};

/// How long the naps of a model last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nap {
    /// Until woken.
    Endless,
    /// Until woken, or until time is up.
    Bounded,
}

/// How a store is modelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stores {
    Plain,
    Exchange,
}

/// What a thread unwinds with when its steps are used up.
pub(crate) struct Died;

loom::thread_local! {
    static STEPS_LEFT: Cell<Option<u32>> = Cell::new(None);
    static NAPPED: Cell<bool> = Cell::new(false);
}
std::thread_local! {
    // loom runs all threads of a model on one thread of the system, so these are the model's own.
    static NAP: Cell<Nap> = const { Cell::new(Nap::Endless) };
    static STORES: Cell<Stores> = const { Cell::new(Stores::Plain) };
    static BIAS_FENCES: Cell<bool> = const { Cell::new(true) };
    static AWAKE: Cell<u32> = const { Cell::new(0) };
    static ASLEEP: RefCell<Vec<Thread>> = const { RefCell::new(Vec::new()) };
}

/// Begins a run of a model: nobody is there yet.
pub(crate) fn begin(nap: Nap, stores: Stores) {
    NAP.set(nap);
    STORES.set(stores);
    BIAS_FENCES.set(true);
    AWAKE.set(0);
    ASLEEP.take();
}

/// Counts a participant in.
pub(crate) fn enters() {
    AWAKE.set(AWAKE.get() + 1);
}

/// Counts a participant out, at its end.
pub(crate) fn leaves() {
    AWAKE.set(AWAKE.get() - 1);
    time_passes();
}

/// Ends the bounded naps, where nobody is awake.
fn time_passes() {
    if AWAKE.get() == 0 && NAP.get() == Nap::Bounded {
        let asleep = ASLEEP.take();
        AWAKE.set(asleep.len() as u32);
        asleep.iter().for_each(Thread::unpark);
    }
}

/// Sleeps until `woken` or until time is up.
fn sleep() {
    let me = thread::current();
    let sleeps = || ASLEEP.with_borrow(|asleep| asleep.iter().any(|one| one.id() == me.id()));
    ASLEEP.with_borrow_mut(|asleep| asleep.push(me.clone()));
    AWAKE.set(AWAKE.get() - 1);
    time_passes();
    while sleeps() {
        thread::park();
    }
}

/// Ends the sleep of `sleeper`, unless its time was up already.
fn wake(sleeper: &Thread) {
    let found = ASLEEP.with_borrow(|asleep| asleep.iter().position(|one| one.id() == sleeper.id()));
    if let Some(place) = found {
        ASLEEP.with_borrow_mut(|asleep| asleep.remove(place));
        AWAKE.set(AWAKE.get() + 1);
        sleeper.unpark();
    }
}

/// Lets the current thread of a model take `steps` shared accesses and no more.
pub(crate) fn mortal(steps: u32) {
    STEPS_LEFT.with(|left| left.set(Some(steps)));
}

/// Passes a moment at which the current thread may die. Models call it around what they do
/// themselves, such as writing a payload.
pub(crate) fn step() {
    STEPS_LEFT.with(|left| match left.get() {
        None => {}
        Some(0) => resume_unwind(Box::new(Died)),
        Some(steps) => left.set(Some(steps - 1)),
    });
}

/// A step, and then the access; from the dead none at all.
fn access<R>(dead: R, access: impl FnOnce() -> R) -> R {
    if std::thread::panicking() {
        return dead;
    }
    step();
    access()
}

macro_rules! atomic {
    ($name:ident, $int:ty) => {
        /// loom's atomic, whose every access is a [`step`].
        #[derive(Debug, Default)]
        pub(crate) struct $name(shared::$name);

        impl $name {
            #[track_caller]
            pub(crate) fn new(value: $int) -> Self {
                Self(shared::$name::new(value))
            }
        }

        accesses!($name, $int);
    };
}

macro_rules! accesses {
    ($name:ident, $int:ty) => {
        impl $name {
            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $int {
                access(0, || self.0.load(order))
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $int, order: Ordering) {
                access((), || match STORES.get() {
                    Stores::Plain => self.0.store(value, order),
                    Stores::Exchange => drop(self.0.swap(value, order)),
                });
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                access(Err(0), || self.0.compare_exchange(current, new, success, failure))
            }

            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.compare_exchange(current, new, success, failure)
            }
        }

        accesses!($name, $int, swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max);
    };
    ($name:ident, $int:ty, $($rmw:ident)*) => {
        impl $name {
            $(
                #[track_caller]
                pub(crate) fn $rmw(&self, value: $int, order: Ordering) -> $int {
                    access(0, || self.0.$rmw(value, order))
                }
            )*
        }
    };
}

atomic!(AtomicU8, u8);
atomic!(AtomicU16, u16);
atomic!(AtomicU64, u64);

/// loom's atomic, whose every access is a [`step`], with the kernel's queue of its sleepers.
#[derive(Debug)]
pub(crate) struct AtomicU32(shared::AtomicU32, Mutex<VecDeque<Thread>>);

accesses!(AtomicU32, u32);

impl AtomicU32 {
    #[track_caller]
    pub(crate) fn new(value: u32) -> Self {
        Self(shared::AtomicU32::new(value), Mutex::default())
    }

    /// The newest value. loom takes this for an access that conflicts with all others, also with
    /// loads; so all orders of waits and wakes are explored.
    fn newest(&self) -> u32 {
        /// No state machine has this value; the exchange fails, and leaves no store behind.
        const NEVER: u32 = 0x2A5A_5A5A;
        self.0
            .compare_exchange(NEVER, NEVER, Ordering::Relaxed, Ordering::Relaxed)
            .expect_err("a value kept for the model")
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Thread>> {
        self.1.lock().unwrap()
    }
}

impl Default for AtomicU32 {
    fn default() -> Self {
        Self::new(0)
    }
}

/// Sleeps while `word` holds `expected`, as long as the model's naps are.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, _nap: Duration) {
    access((), || {
        if word.newest() != expected {
            return;
        }
        let me = thread::current();
        word.queue().push_back(me.clone());
        if NAP.get() == Nap::Endless {
            sleep();
        } else {
            if NAPPED.with(|napped| napped.replace(true)) {
                sleep();
            }
            thread::yield_now(); // also: to loom, stores become visible by this
            word.newest();
        }
        word.queue().retain(|queued| queued.id() != me.id());
    });
}

/// Wakes up to `count` sleepers, the first come first, and tells how many there were.
pub(crate) fn futex_wake(word: &AtomicU32, count: u32) -> u32 {
    access(0, || {
        word.newest();
        let mut queue = word.queue();
        let woken = queue.len().min(count as usize);
        queue.drain(..woken).for_each(|sleeper| wake(&sleeper));
        woken as u32
    })
}

/// Lets the others run: a thread that waits awake makes no progress by itself.
pub(crate) fn spin_loop() {
    thread::yield_now();
}

/// A fence between threads.
pub(crate) fn fence(order: Ordering) {
    access((), || shared::fence(order));
}

/// Nothing: it orders no two threads.
pub(crate) fn compiler_fence(_order: Ordering) {}

/// The publisher's half of the asymmetric fence, which loom knows as a symmetric one only.
pub(crate) fn publisher_fence() {
    fence(Ordering::SeqCst);
}

/// The sleeper's half.
#[must_use]
pub(crate) fn sleeper_fence() -> bool {
    fence(Ordering::SeqCst);
    true
}

/// Makes the fences of a bias nothing: a broken variant.
pub(crate) fn break_bias_fences() {
    BIAS_FENCES.set(false);
}

/// The half of a bias's owner.
pub(crate) fn light_fence() {
    if BIAS_FENCES.get() {
        fence(Ordering::SeqCst);
    }
}

/// The half of who ends a bias.
pub(crate) fn heavy_fence() {
    light_fence();
}

/// Whether a plain store and a light fence cost less than a CAS.
pub(crate) fn bias_pays() -> bool {
    true
}

/// What tells the threads of a model apart.
pub(crate) fn thread_key() -> usize {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    thread::current().id().hash(&mut hasher);
    hasher.finish() as usize
}
