//! The threads that this crate starts for itself, counted, so that they are told from the program's.
//!
//! They hold nothing that a forked child needs: none of std's locks but for a moment, and none of this
//! crate's over a wait.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder, JoinHandle};

use crate::sys::per_process::PerProcess;

/// How many more threads [`on_each`] asks for.
const AT_ONCE: usize = 8;

// Ordering: a count, that guards nothing else.
static OWN: PerProcess<AtomicUsize> = PerProcess::new();

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

struct Counted(&'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a thread of the crate's own.
pub(crate) fn start(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let own = OWN.get_or(|| Ok(AtomicUsize::new(0)))?;
    own.fetch_add(1, Ordering::Relaxed);
    let counted = Counted(own);
    Builder::new().name(name.to_owned()).spawn(move || {
        let _counted = counted;
        IS_OWN.set(true);
        f();
    })
}

/// Runs `f` on each of these, on as many as [`AT_ONCE`] threads beside this one, or on as few as the system
/// gives: on this one alone, if need be.
pub(crate) fn on_each<T: Sync>(items: &[T], f: impl Fn(&T) + Sync) {
    let Some((first, others)) = items.split_first() else { return };
    let run = |share: &[T]| share.iter().for_each(&f);
    thread::scope(|scope| {
        let mut left = Vec::new();
        for share in others.chunks(others.len().div_ceil(AT_ONCE).max(1)) {
            if Builder::new().spawn_scoped(scope, move || run(share)).is_err() {
                left.push(share);
            }
        }
        f(first);
        left.into_iter().for_each(run);
    });
}

/// How many threads of this process are the crate's own.
pub(crate) fn own() -> usize {
    OWN.get().map_or(0, |own| own.load(Ordering::Relaxed))
}

/// Whether the calling thread is one of them.
pub(crate) fn is_own() -> bool {
    IS_OWN.get()
}

/// Counts the calling thread as one of them, for the rest of its life: in a forked child, its first.
pub(crate) fn own_this() {
    IS_OWN.set(true);
    if let Ok(own) = OWN.get_or(|| Ok(AtomicUsize::new(0))) {
        own.fetch_add(1, Ordering::Relaxed);
    }
}
