//! kanal, between threads.

use kanal::{Receiver, Sender, bounded};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::thread_link::{Gives, Receiving, Sending, Takes, ThreadLink, Threaded, passes};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Kanal>::boxed()]
}

struct Kanal;

impl<P> Gives<P> for Sender<P> {
    #[inline(always)]
    fn give(&mut self, message: P) {
        self.send(message).expect("a receiver");
    }
}

impl<P> Takes<P> for Receiver<P> {
    #[inline(always)]
    fn take(&mut self) -> P {
        self.recv().expect("a sender")
    }
}

impl ThreadLink for Kanal {
    const CARD: Card =
        Card { name: "kanal", kind: Kind::Threads, about: "Bounded. Spins, yields, then sleeps." };
    type Outlet<P: Passed> = Sending<Sender<P>, P>;
    type Inlet<P: Passed> = Receiving<Receiver<P>, P>;

    fn takes(what: &What) -> bool {
        passes(what, true)
    }

    fn ends<P: Passed>(shape: &Shape) -> (Vec<Self::Outlet<P>>, Vec<Self::Inlet<P>>) {
        let (sender, receiver) = bounded(shape.capacity);
        (
            (0..shape.senders).map(|_| Sending::by(sender.clone())).collect(),
            (0..shape.receivers).map(|_| Receiving::by(receiver.clone())).collect(),
        )
    }
}
