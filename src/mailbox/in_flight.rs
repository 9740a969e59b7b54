//! What lives until a message was received: the objects whose handles it carries.
//!
//! The receiver opens them by this process's descriptors, or finds them by their names; both last as long
//! as this process uses them. So it keeps a handle of each until the message was received, and one of the
//! mailbox, to see that. Nobody tells it: it looks whenever it sends or receives a message with handles.
//! If it ends before, what else keeps the objects decides. A forked child has no part in what its parent
//! keeps.
#![forbid(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use super::Mailbox;
use crate::raw::bytering::send::Number;
use crate::sys::per_process::PerProcess;
use crate::transfer::{Carried, Transfer};

/// A message on its way, and what it carries.
struct Passage {
    arrived: Box<dyn Fn() -> bool + Send>,
    _carried: Carried,
}

static PASSAGES: PerProcess<Mutex<Vec<Passage>>> = PerProcess::new();

/// Keeps what a message carries until it was received.
pub(super) fn keep<T: Transfer>(mailbox: &Mailbox<T>, number: Number, carried: Carried) {
    let handle = mailbox.handle.clone();
    let passage =
        Passage { arrived: Box::new(move || handle.was_received(number)), _carried: carried };
    match PASSAGES.get_or(|| Ok(Mutex::default())) {
        Ok(list) => list.lock().unwrap_or_else(PoisonError::into_inner).push(passage),
        // No memory for a page: kept for as long as the process lives, rather than not at all.
        Err(_) => std::mem::forget(passage),
    }
    let_go();
}

/// Lets go of what has arrived.
pub(super) fn let_go() {
    let Some(list) = PASSAGES.get() else { return };
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    let arrived: Vec<Passage> = list.extract_if(.., |one| (one.arrived)()).collect();
    drop(list);
    // Outside of the lock: a last handle leaves its segment.
    drop(arrived);
}
