//! The byte ring: messages of any length, and who is at either end.
//!
//! | file | |
//! |---|---|
//! | `ring.rs`, `hands.rs`, `words.rs` | the state machine, what the holder of a lock does, and its words |
//! | `annex.rs` | messages that are longer than the ring |
//! | `layout.rs` | how it lies in a block |
//! | `sink.rs`, `elements.rs` | where a received message goes |
//! | `send.rs`, `recv.rs`, `wait.rs` | its verbs, with waiting |
//! | `closing.rs` | what can be done with it whatever it carries |

pub(crate) mod hands;
pub(crate) mod ring;
pub(crate) mod sink;
pub(crate) mod words;

#[cfg(not(loom))]
mod annex;
#[cfg(not(loom))]
mod closing;
#[cfg(not(loom))]
pub(crate) mod elements;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
pub(crate) mod recv;
#[cfg(not(loom))]
pub(crate) mod send;
#[cfg(not(loom))]
pub(crate) mod wait;
#[cfg(not(loom))]
mod watch;

/// How often, in nanoseconds, who finds nothing, or no room, asks whether the other side lives.
#[cfg(not(loom))]
const LOOK_INTERVAL: u64 = 64_000;

#[cfg(not(loom))]
#[cold]
#[inline(never)]
fn overwritten() -> ! {
    panic!("a ring of messages was overwritten by something else: its words are of no ring");
}

#[cfg(all(test, not(loom)))]
mod tests;
