//! Panics as text: what was said, and where.
//!
//! A hook notes both before a panic unwinds, and goes on to the hook that was there, which prints them.
//! [`catch`] hands out what was noted.
#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// A message that is longer is cut.
const LONGEST: usize = 16 << 10;

/// A panic that was caught.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    /// File, line and column; `unknown` where the panic was not raised by the macro.
    pub(crate) location: String,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.location)
    }
}

thread_local! {
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
    /// Panics of this thread are reported to somebody who asked for it, and not printed.
    static REPORTED: Cell<bool> = const { Cell::new(false) };
}

/// Has every panic of this process noted, from now on. Where panics abort, `last_words` gets them.
pub(crate) fn note_all(last_words: impl Fn(&Panic) + Send + Sync + 'static) {
    // Ordering: the flag guards nothing but itself; a forked child inherits it together with the hook.
    static NOTED: AtomicBool = AtomicBool::new(false);
    if NOTED.swap(true, Ordering::Relaxed) {
        return;
    }
    let next = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let location = info.location().map_or("unknown".to_owned(), |at| at.to_string());
        let panic = Panic { message: message(info.payload()), location };
        if cfg!(panic = "abort") {
            last_words(&panic);
        }
        // Not while the thread itself ends, nor inside of this very call.
        let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(panic)));
        if !REPORTED.try_with(Cell::get).unwrap_or(false) {
            next(info);
        }
    }));
}

/// As [`catch`], of what is told to somebody else: it is not printed here.
pub(crate) fn catch_silently<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    let before = REPORTED.replace(true);
    let caught = catch(f);
    REPORTED.set(before);
    caught
}

/// Runs `f`; a panic in it becomes an error.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    LAST.take();
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let noted = LAST.take();
        let unnoted = || Panic { message: message(&*payload), location: "unknown".to_owned() };
        let panic = noted.unwrap_or_else(unnoted);
        // A payload may panic when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        panic
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic with something else than text");
    let cut = (0..=text.len().min(LONGEST)).rev().find(|at| text.is_char_boundary(*at));
    text[..cut.unwrap_or(0)].to_owned()
}
