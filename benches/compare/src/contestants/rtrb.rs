//! rtrb, a ring for one sender and one receiver, between threads.

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::polling::{until, until_taken};
use crate::engines::thread_link::{Gives, Receiving, Sending, Takes, ThreadLink, Threaded, passes};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Rtrb>::boxed()]
}

struct Rtrb;

impl<P> Gives<P> for Producer<P> {
    #[inline(always)]
    fn give(&mut self, message: P) {
        until_taken(message, |message| self.push(message).map_err(|PushError::Full(back)| back));
    }
}

impl<P> Takes<P> for Consumer<P> {
    #[inline(always)]
    fn take(&mut self) -> P {
        until(|| self.pop().ok())
    }
}

impl ThreadLink for Rtrb {
    const CARD: Card = Card {
        name: "rtrb",
        kind: Kind::Threads,
        about: "One to one. It cannot wait: it is tried with crossbeam's `Backoff`.",
    };
    type Outlet<P: Passed> = Sending<Producer<P>, P>;
    type Inlet<P: Passed> = Receiving<Consumer<P>, P>;

    fn takes(what: &What) -> bool {
        passes(what, false) && !matches!(what, What::Stream(shape) if !shape.is_one_to_one())
    }

    fn ends<P: Passed>(shape: &Shape) -> (Vec<Self::Outlet<P>>, Vec<Self::Inlet<P>>) {
        let (producer, consumer) = RingBuffer::new(shape.capacity);
        (vec![Sending::by(producer)], vec![Receiving::by(consumer)])
    }
}
