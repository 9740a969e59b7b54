//! crossbeam's channel and its queue, between threads.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::Backoff;

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::thread_link::{Gives, Receiving, Sending, Takes, ThreadLink, Threaded, passes};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Channel>::boxed(), Threaded::<Array>::boxed()]
}

struct Channel;

impl<P> Gives<P> for Sender<P> {
    #[inline(always)]
    fn give(&mut self, message: P) {
        assert!(self.send(message).is_ok());
    }
}

impl<P> Takes<P> for Receiver<P> {
    #[inline(always)]
    fn take(&mut self) -> P {
        self.recv().expect("a sender")
    }
}

impl ThreadLink for Channel {
    const CARD: Card = Card {
        name: "crossbeam channel",
        kind: Kind::Threads,
        about: "Bounded. Spins a little, then sleeps.",
    };
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

struct Array;

impl<P> Gives<P> for Arc<ArrayQueue<P>> {
    #[inline(always)]
    fn give(&mut self, mut message: P) {
        let backoff = Backoff::new();
        while let Err(back) = self.push(message) {
            message = back;
            backoff.snooze();
        }
    }
}

impl<P> Takes<P> for Arc<ArrayQueue<P>> {
    #[inline(always)]
    fn take(&mut self) -> P {
        let backoff = Backoff::new();
        loop {
            match self.pop() {
                Some(message) => return message,
                None => backoff.snooze(),
            }
        }
    }
}

impl ThreadLink for Array {
    const CARD: Card = Card {
        name: "crossbeam ArrayQueue",
        kind: Kind::Threads,
        about: "It cannot wait: it is tried with crossbeam's `Backoff`, which spins and then yields.",
    };
    type Outlet<P: Passed> = Sending<Arc<ArrayQueue<P>>, P>;
    type Inlet<P: Passed> = Receiving<Arc<ArrayQueue<P>>, P>;

    fn takes(what: &What) -> bool {
        passes(what, false)
    }

    fn ends<P: Passed>(shape: &Shape) -> (Vec<Self::Outlet<P>>, Vec<Self::Inlet<P>>) {
        let queue = Arc::new(ArrayQueue::new(shape.capacity));
        (
            (0..shape.senders).map(|_| Sending::by(queue.clone())).collect(),
            (0..shape.receivers).map(|_| Receiving::by(queue.clone())).collect(),
        )
    }
}
