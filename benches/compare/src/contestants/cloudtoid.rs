//! cloudtoid-interprocess: queues of bytes in shared memory.

use cloudtoid_interprocess::{Error, Options, Publisher, Subscriber};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{Inlet, Link, Linked, Outlet};
use crate::engines::message::{Buffer, Content, Message, read_bytes};
use crate::engines::polling::until;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Linked::<Polled>::boxed(), Linked::<Waiting>::boxed()]
}

struct Polled;
struct Waiting;

/// What a message takes beside its bytes.
const HEADER: usize = 8;

fn options<M: Message>(place: &str, shape: &Shape) -> Options {
    let capacity = (shape.capacity * (M::BYTES + HEADER)).max(64);
    Options::new(place, capacity).with_path("/dev/shm")
}

pub struct Sending(Publisher, Buffer);

impl Sending {
    fn open<M: Message>(place: &str, shape: &Shape) -> Sending {
        let publisher = Publisher::open(&options::<M>(place, shape)).expect("the queue");
        Sending(publisher, Buffer::of::<M>())
    }
}

impl Outlet for Sending {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        let message = self.1.write(number, content);
        until(|| match self.0.try_send(message) {
            Err(Error::Full) => None,
            sent => Some(sent.expect("the queue")),
        });
    }
}

pub struct Polling(Subscriber, Buffer);

impl Inlet for Polling {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        until(|| self.0.try_recv_into(self.1.bytes_mut()).expect("the queue"));
        self.1.read(content)
    }
}

pub struct Sleeping<M>(Subscriber, std::marker::PhantomData<M>);

impl<M: Message> Inlet for Sleeping<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        read_bytes::<M>(&self.0.recv().expect("the queue"), content)
    }
}

fn keep<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
    let publisher = Publisher::open(&options::<M>(place, shape));
    Ok(Box::new(publisher.map_err(|error| error.to_string())?))
}

impl Link for Polled {
    const CARD: Card = Card {
        name: "cloudtoid, polled",
        kind: Kind::Processes,
        about: "`try_send` and `try_recv_into` with crossbeam's `Backoff`.",
    };
    type Outlet<M: Message> = Sending;
    type Inlet<M: Message> = Polling;

    fn takes(what: &What) -> bool {
        matches!(what, What::Stream(_) | What::RoundTrip { asleep: false, .. })
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        keep::<M>(place, shape)
    }

    fn outlet<M: Message>(place: &str, shape: &Shape) -> Sending {
        Sending::open::<M>(place, shape)
    }

    fn inlet<M: Message>(place: &str, shape: &Shape) -> Polling {
        let subscriber = Subscriber::open(&options::<M>(place, shape)).expect("the queue");
        Polling(subscriber, Buffer::of::<M>())
    }
}

impl Link for Waiting {
    const CARD: Card = Card {
        name: "cloudtoid, waiting",
        kind: Kind::Processes,
        about: "`recv`, which sleeps, and makes a new `Vec`; `try_send` with crossbeam's `Backoff`.",
    };
    type Outlet<M: Message> = Sending;
    type Inlet<M: Message> = Sleeping<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Stream(_) | What::RoundTrip { .. })
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        keep::<M>(place, shape)
    }

    fn outlet<M: Message>(place: &str, shape: &Shape) -> Sending {
        Sending::open::<M>(place, shape)
    }

    fn inlet<M: Message>(place: &str, shape: &Shape) -> Sleeping<M> {
        let subscriber = Subscriber::open(&options::<M>(place, shape)).expect("the queue");
        Sleeping(subscriber, std::marker::PhantomData)
    }
}
