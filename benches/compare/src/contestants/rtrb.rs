//! rtrb, a ring for one sender and one receiver, between threads.

use crossbeam::utils::Backoff;
use rtrb::{Consumer, PopError, Producer, PushError, RingBuffer};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::thread_link::{Gives, Receiving, Sending, Takes, ThreadLink, Threaded, passes};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Rtrb>::boxed()]
}

struct Rtrb;

impl<P> Gives<P> for Producer<P> {
    #[inline(always)]
    fn give(&mut self, mut message: P) {
        let backoff = Backoff::new();
        while let Err(PushError::Full(back)) = self.push(message) {
            message = back;
            backoff.snooze();
        }
    }
}

impl<P> Takes<P> for Consumer<P> {
    #[inline(always)]
    fn take(&mut self) -> P {
        let backoff = Backoff::new();
        loop {
            match self.pop() {
                Ok(message) => return message,
                Err(PopError::Empty) => backoff.snooze(),
            }
        }
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
