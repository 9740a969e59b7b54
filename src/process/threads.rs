//! The threads that this crate starts for itself, counted, so that they are told from the program's.
//!
//! They hold nothing that a forked child needs: none of std's locks but for a moment, and none of this
//! crate's over a wait.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use crate::sys::per_process::PerProcess;

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
