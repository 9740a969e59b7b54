//! One operation after another, each of which may go wrong in the ways that are allowed.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::page::{Ending, Lane, Page};
use crate::panics;

/// Whatever has a time limit here waits for that long.
pub const SHORT: Duration = Duration::from_micros(300);

/// What an operation came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Came {
    To(u64),
    Error(u64),
    Panic,
    /// It was left out.
    Nothing,
}

impl Came {
    pub fn to(value: impl Hash) -> Came {
        Came::To(hashed(value))
    }

    /// Takes an error for one, and hashes what is none.
    pub fn of<T: Hash, E: Debug>(result: Result<T, E>) -> Came {
        match result {
            Ok(value) => Came::to(value),
            Err(error) => Came::Error(hashed(format!("{error:?}"))),
        }
    }

    /// The same where something is held, which is looked at and dropped.
    pub fn with<T, E: Debug, R: Hash>(result: Result<T, E>, look: impl FnOnce(T) -> R) -> Came {
        Came::of(result.map(look))
    }
}

fn hashed(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A process that uses objects, and is watched.
pub struct Uses {
    page: &'static Page,
    lane: &'static Lane,
    came: RefCell<Vec<Came>>,
    turn: Cell<u32>,
}

/// How often what has no time limit is done.
const SELDOM: u32 = 8;

impl Uses {
    /// The uses of the process that is judged (0), or of the one beside it.
    pub fn new(page: &'static Page, lane: usize) -> Uses {
        Uses { page, lane: &page.lanes[lane], came: RefCell::default(), turn: Cell::new(0) }
    }

    /// Runs one operation. A panic that is not documented ends this process.
    pub fn op(&self, name: &'static str, operation: impl FnOnce() -> Came) {
        self.lane.begin(name);
        let came = catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|_| {
            if let Some(text) = panics::undocumented() {
                self.fail(&format!("{name}: panic: {text}"));
            }
            Came::Panic
        });
        self.lane.end();
        self.came.borrow_mut().push(came);
    }

    /// Runs an operation that has no form with a time limit, and would wait for longer than a batch has.
    pub fn seldom(&self, name: &'static str, operation: impl FnOnce() -> Came) {
        match self.turn.replace(self.turn.get() + 1) % SELDOM {
            0 => self.op(name, operation),
            _ => self.came.borrow_mut().push(Came::Nothing),
        }
    }

    /// Ends this process, which did what must not be.
    pub fn fail(&self, why: &str) -> ! {
        self.page.complain(why);
        // SAFETY: ends this process at once.
        unsafe { nix::libc::_exit(101) }
    }

    /// How often bytes were put back for this process.
    pub fn put_back(&self) -> u64 {
        self.page.put_back.load(SeqCst)
    }

    /// What was done since this was asked last.
    pub fn take(&self) -> Vec<Came> {
        self.came.take()
    }
}

/// What a mutation led to, by what its operations came to, and would have come to without it.
pub fn ending(came: &[Came], without: &[Came]) -> Ending {
    let one = |(came, without): (&Came, &Came)| match came {
        _ if came == without || *without == Came::Nothing => Ending::Nothing,
        Came::Nothing => Ending::Nothing,
        Came::Panic => Ending::Panic,
        Came::Error(_) => Ending::Error,
        Came::To(_) => Ending::Wrong,
    };
    came.iter().zip(without).map(one).min().unwrap_or(Ending::Nothing)
}
