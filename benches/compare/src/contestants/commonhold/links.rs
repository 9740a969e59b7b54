//! Queues, mailboxes and events.

use commonhold::{Event, Mailbox, Queue};

use crate::case::{Shape, What};
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Outlet};
use crate::engines::message::{Buffer, Content, Message, read_bytes};
use crate::engines::sign::{Counted, Sign};

/// Longer messages are not moved by value.
const BY_VALUE: usize = 64;

fn keep<T: 'static>(made: Result<T, commonhold::Error>) -> Result<Keeper, String> {
    made.map(|made| Box::new(made) as Keeper).map_err(|error| error.to_string())
}

fn sends(what: &What) -> bool {
    matches!(what, What::Stream(_) | What::RoundTrip { .. })
}

pub struct Copied;
pub struct Copying<M: Message>(Queue<M>, Box<M>);

impl<M: Message> Outlet for Copying<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        content.write(bytemuck::cast_slice_mut(std::slice::from_mut(&mut *self.1)), number);
        if M::BYTES <= BY_VALUE {
            assert!(self.0.send(*self.1).is_ok());
        } else {
            let mut slot = self.0.reserve().expect("an open queue");
            bytemuck::bytes_of_mut(&mut *slot).copy_from_slice(bytemuck::bytes_of(&*self.1));
            slot.send().expect("an open queue");
        }
    }
}

impl<M: Message> Inlet for Copying<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let words = |message: &M| content.read(bytemuck::cast_slice(std::slice::from_ref(message)));
        if M::BYTES <= BY_VALUE {
            words(&self.0.recv().expect("an open queue"))
        } else {
            let lease = self.0.lease().expect("an open queue");
            let number = words(&lease);
            lease.done();
            number
        }
    }
}

impl EvenLink for Copied {
    const CARD: Card = Card {
        name: "commonhold Queue<T>",
        kind: Kind::Commonhold,
        about: "`send`, `recv` by value up to 64 bytes; longer ones are copied into a reserved slot and read in \
                a lease. Spins a little, then sleeps.",
    };
    type End<M: Message> = Copying<M>;

    fn takes(what: &What) -> bool {
        sends(what)
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        keep(Queue::<M>::create(place, shape.capacity))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Copying<M> {
        Copying(Queue::open(place).expect("the queue"), bytemuck::allocation::zeroed_box())
    }
}

pub struct InPlace;
pub struct Placing<M: Message>(Queue<M>);

impl<M: Message> Outlet for Placing<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        let mut slot = self.0.reserve().expect("an open queue");
        content.write(bytemuck::cast_slice_mut(std::slice::from_mut(&mut *slot)), number);
        slot.send().expect("an open queue");
    }
}

impl<M: Message> Inlet for Placing<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let lease = self.0.lease().expect("an open queue");
        let number = content.read(bytemuck::cast_slice(std::slice::from_ref(&*lease)));
        lease.done();
        number
    }
}

impl EvenLink for InPlace {
    const CARD: Card = Card {
        name: "commonhold reserve, lease",
        kind: Kind::Commonhold,
        about: "A slot is reserved, written and sent; a lease is read and done with. What a killed receiver held \
                is delivered again.",
    };
    type End<M: Message> = Placing<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::HandOver(_))
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        Copied::make::<M>(place, shape)
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Placing<M> {
        Placing(Queue::open(place).expect("the queue"))
    }
}

pub struct Bytes;
pub struct Slices(Queue<[u64]>, Buffer);

/// What a message takes beside its bytes, at most.
const HEADER: usize = 16;

impl Outlet for Slices {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        self.1.write(number, content);
        self.0.send(&self.1.0).expect("an open queue");
    }
}

impl Inlet for Slices {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        self.0.recv_into(&mut self.1.0).expect("an open queue");
        self.1.read(content)
    }
}

impl EvenLink for Bytes {
    const CARD: Card = Card {
        name: "commonhold Queue<[T]>",
        kind: Kind::Commonhold,
        about: "Slices of any length, copied in and out: `send(&[T])`, `recv_into(&mut Vec<T>)`. Spins a little, \
                then sleeps.",
    };
    type End<M: Message> = Slices;

    fn takes(what: &What) -> bool {
        sends(what)
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        keep(Queue::<[u64]>::create(place, shape.capacity * (M::BYTES + HEADER)))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Slices {
        Slices(Queue::open(place).expect("the queue"), Buffer::of::<M>())
    }
}

pub struct Mail;
pub struct Mails<M>(Mailbox<Vec<u8>>, Buffer, std::marker::PhantomData<M>);

impl<M: Message> Outlet for Mails<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        let message = self.1.write(number, content).to_vec();
        assert!(self.0.send(message).is_ok());
    }
}

impl<M: Message> Inlet for Mails<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        read_bytes::<M>(&self.0.recv().expect("an open mailbox"), content)
    }
}

impl EvenLink for Mail {
    const CARD: Card = Card {
        name: "commonhold Mailbox<Vec<u8>>",
        kind: Kind::Commonhold,
        about: "A `Vec` is made, copied in, and made anew at the other side: what a queue of anything costs.",
    };
    type End<M: Message> = Mails<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Stream(shape) if shape.is_one_to_one() && shape.capacity != 2)
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        keep(Mailbox::<Vec<u8>>::create(place, shape.capacity * (M::BYTES + 2 * HEADER)))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Mails<M> {
        Mails(Mailbox::open(place).expect("the mailbox"), Buffer::of::<M>(), Default::default())
    }
}

pub struct Signals;

impl Sign for Event {
    #[inline(always)]
    fn set(&mut self) {
        Event::set(self);
    }

    #[inline(always)]
    fn wait(&mut self) {
        Event::wait(self);
        self.clear();
    }
}

impl EvenLink for Signals {
    const CARD: Card = Card {
        name: "commonhold Event",
        kind: Kind::Commonhold,
        about: "`set`; `wait` and `clear`. The waiter sleeps.",
    };
    type End<M: Message> = Counted<Event>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Signal { .. })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        keep(Event::create(place))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Counted<Event> {
        Counted::of(Event::open(place).expect("the event"))
    }
}
