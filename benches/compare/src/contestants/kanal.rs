//! kanal, between threads.

use kanal::{Receiver, Sender, bounded};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::thread_link::{
    Gives, Receiving, Sending, Takes, ThreadLink, Threaded, clones, passes, waiting_ends,
};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Kanal>::boxed()]
}

struct Kanal;

waiting_ends!(Sender, Receiver);

impl ThreadLink for Kanal {
    const CARD: Card =
        Card { name: "kanal", kind: Kind::Threads, about: "Bounded. Spins, yields, then sleeps." };
    type Outlet<P: Passed> = Sending<Sender<P>, P>;
    type Inlet<P: Passed> = Receiving<Receiver<P>, P>;

    fn takes(what: &What) -> bool {
        passes(what, true)
    }

    fn ends<P: Passed>(shape: &Shape) -> (Vec<Self::Outlet<P>>, Vec<Self::Inlet<P>>) {
        clones(shape, bounded(shape.capacity))
    }
}
