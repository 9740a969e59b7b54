//! crossbeam's channel and its queue, between threads.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};
use crossbeam::queue::ArrayQueue;

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Kind};
use crate::engines::polling::{until, until_taken};
use crate::engines::thread_link::{
    Gives, Receiving, Sending, Takes, ThreadLink, Threaded, clones, passes, waiting_ends,
};
use crate::engines::thread_message::Passed;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Threaded::<Channel>::boxed(), Threaded::<Array>::boxed()]
}

struct Channel;

waiting_ends!(Sender, Receiver);

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
        clones(shape, bounded(shape.capacity))
    }
}

struct Array;

impl<P> Gives<P> for Arc<ArrayQueue<P>> {
    #[inline(always)]
    fn give(&mut self, message: P) {
        until_taken(message, |message| self.push(message));
    }
}

impl<P> Takes<P> for Arc<ArrayQueue<P>> {
    #[inline(always)]
    fn take(&mut self) -> P {
        until(|| self.pop())
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
        clones(shape, (queue.clone(), queue))
    }
}
