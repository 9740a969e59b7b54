//! What lives until a message was received: the objects whose handles it carries.
//!
//! The receiver opens them by this process's descriptors, or finds them by their names; both last as long
//! as this process uses them. So it keeps a handle of each until the message was received, and one of the
//! mailbox, to see that. Nobody tells it: it looks whenever it sends or receives a message with handles.
//! If it ends before, what else keeps the objects decides.
#![forbid(unsafe_code)]

use std::sync::{Mutex, TryLockError};

use super::Mailbox;
use crate::raw::bytering::send::Number;
use crate::transfer::{Carried, Transfer};

/// A message on its way, and what it carries.
struct Passage {
    arrived: Box<dyn Fn() -> bool + Send>,
    _carried: Carried,
}

static PASSAGES: Mutex<Vec<Passage>> = Mutex::new(Vec::new());
/// Other threads hold the list for microseconds; a thread that a forked child does not have, for ever.
const TRIES: u32 = 10_000;

/// Keeps what a message carries until it was received.
pub(super) fn keep<T: Transfer>(mailbox: &Mailbox<T>, number: Number, carried: Carried) {
    let handle = mailbox.handle.clone();
    let passage =
        Passage { arrived: Box::new(move || handle.was_received(number)), _carried: carried };
    match with_list(|list| list.push(passage)) {
        Ok(()) => {}
        // Kept for as long as the process lives, rather than not at all.
        Err(push) => std::mem::forget(push),
    }
    let_go();
}

/// Lets go of what has arrived.
pub(super) fn let_go() {
    // Dropped outside of the lock: a last handle leaves its segment.
    let arrived = with_list(|list| list.extract_if(.., |one| (one.arrived)()).collect::<Vec<_>>());
    drop(arrived);
}

fn with_list<R, F: FnOnce(&mut Vec<Passage>) -> R>(f: F) -> Result<R, F> {
    for _ in 0..TRIES {
        match PASSAGES.try_lock() {
            Ok(mut list) => return Ok(f(&mut list)),
            Err(TryLockError::Poisoned(list)) => {
                return Ok(f(&mut list.into_inner()));
            }
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    Err(f)
}
