//! Boost.Interprocess, compiled in where its headers were found.

#[cfg(boost)]
mod links;
#[cfg(boost)]
mod objects;
#[cfg(boost)]
mod shim;

use crate::contestant::Contestant;

#[cfg(boost)]
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    use crate::engines::link::Linked;
    use crate::engines::lock::Locked;
    vec![
        Linked::<links::Queue>::boxed(),
        Linked::<links::Signals>::boxed(),
        Locked::<objects::Mutex>::boxed(),
        Locked::<objects::Semaphore>::boxed(),
        objects::memory(),
    ]
}

/// Says that it is not there, in one case.
#[cfg(not(boost))]
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    use crate::case::{Shape, What};
    use crate::contestant::{Card, Kind, entry};
    use crate::engines::operation::Operator;
    let card = Card {
        name: "Boost.Interprocess",
        kind: Kind::Processes,
        about: "Not compiled in: its headers, or a compiler for them, were not found.",
    };
    vec![Operator::boxed(card, |what| match what {
        What::Stream(shape) if *shape == Shape::one_to_one(8) => {
            entry(|| Err("its headers were not found when this was compiled".to_owned()))
        }
        _ => None,
    })]
}
