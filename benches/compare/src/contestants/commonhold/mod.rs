//! This crate.

mod doors;
mod links;
mod objects;
mod pool;

use crate::contestant::Contestant;
use crate::engines::link::Linked;
use crate::engines::lock::Locked;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Linked::<links::Copied>::boxed(),
        Linked::<links::InPlace>::boxed(),
        Linked::<links::Bytes>::boxed(),
        Linked::<links::Mail>::boxed(),
        Linked::<links::Signals>::boxed(),
        Locked::<objects::Locks>::boxed(),
        Locked::<objects::Semaphores>::boxed(),
        objects::values(),
        doors::doors(),
        doors::segments(),
        pool::pool(),
        pool::processes(),
    ]
}
