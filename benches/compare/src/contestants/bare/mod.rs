//! What the hardware and the kernel allow: programs that do what is measured, and nothing else.
//!
//! They survive nobody's death, cannot be closed, and keep their memory by themselves.

mod futex;
mod lock;
mod memory;
mod ping_pong;
mod pool;
mod ring;
mod vyukov;

pub use memory::{room_for, touch};

use crate::contestant::Contestant;
use crate::engines::link::Linked;
use crate::engines::lock::Locked;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Linked::<ring::Ring>::boxed(),
        Linked::<ring::InPlace>::boxed(),
        Linked::<vyukov::Vyukov>::boxed(),
        Linked::<ping_pong::PingPong>::boxed(),
        Linked::<futex::FutexWord>::boxed(),
        Locked::<lock::FutexLock>::boxed(),
        memory::copies(),
        memory::values(),
        memory::files(),
        pool::tasks(),
        pool::processes(),
    ]
}
