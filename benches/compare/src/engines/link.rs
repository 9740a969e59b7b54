//! What a link between processes has to bring.

use std::marker::PhantomData;

use crate::case::{Case, Shape, What};
use crate::contestant::{Card, Contestant, Entry, Keeper, Seat, entry};
use crate::engines::message::{Content, Message, by_size};
use crate::engines::{stream, trips};

/// The end that sends.
pub trait Outlet {
    fn send(&mut self, number: u64, content: Content);
}

/// The end that receives.
pub trait Inlet {
    fn recv(&mut self, content: Content) -> u64;
}

pub trait Link: Send + Sync + 'static {
    const CARD: Card;
    type Outlet<M: Message>: Outlet;
    type Inlet<M: Message>: Inlet;

    fn takes(what: &What) -> bool;

    /// Makes what the children open.
    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String>;

    fn outlet<M: Message>(place: &str, shape: &Shape) -> Self::Outlet<M>;
    fn inlet<M: Message>(place: &str, shape: &Shape) -> Self::Inlet<M>;
}

/// A link whose ends are opened alike, and can both send and receive.
pub trait EvenLink: Send + Sync + 'static {
    const CARD: Card;
    type End<M: Message>: Outlet + Inlet;

    fn takes(what: &What) -> bool;
    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String>;
    fn open<M: Message>(place: &str, shape: &Shape) -> Self::End<M>;
}

impl<L: EvenLink> Link for L {
    const CARD: Card = L::CARD;
    type Outlet<M: Message> = L::End<M>;
    type Inlet<M: Message> = L::End<M>;

    fn takes(what: &What) -> bool {
        L::takes(what)
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        L::make::<M>(place, shape)
    }

    fn outlet<M: Message>(place: &str, shape: &Shape) -> L::End<M> {
        L::open(place, shape)
    }

    fn inlet<M: Message>(place: &str, shape: &Shape) -> L::End<M> {
        L::open(place, shape)
    }
}

/// The contestant that a link is.
pub struct Linked<L>(PhantomData<L>);

impl<L: Link> Linked<L> {
    pub fn boxed() -> Box<dyn Contestant> {
        Box::new(Linked::<L>(PhantomData))
    }
}

/// Is it a case for who has no say in how many messages are held?
pub fn has_usual_capacity(shape: &Shape) -> bool {
    *shape == Shape::of(shape.bytes, shape.senders, shape.receivers)
}

/// The shape of the links of a case, if it has any.
pub fn shape_of(what: &What) -> Option<Shape> {
    match what {
        What::Stream(shape) | What::HandOver(shape) => Some(*shape),
        What::RoundTrip { bytes, .. } => Some(Shape { capacity: 16, ..Shape::one_to_one(*bytes) }),
        What::Signal { .. } => Some(Shape { capacity: 16, ..Shape::one_to_one(8) }),
        _ => None,
    }
}

impl<L: Link> Contestant for Linked<L> {
    fn card(&self) -> Card {
        L::CARD
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        let shape = shape_of(&case.what).filter(|_| L::takes(&case.what))?;
        entry(move || {
            by_size!(shape.bytes, M => match case.what {
                What::Stream(_) | What::HandOver(_) => stream::enter::<L, M>(case, &shape),
                _ => trips::enter::<L, M>(case, &shape),
            })
        })
    }

    fn play(&self, case: &Case, seat: &Seat) {
        let shape = shape_of(&case.what).expect("a case of links");
        by_size!(shape.bytes, M => match seat.side.as_str() {
            "send" => stream::play_sender::<L, M>(seat, &shape),
            "recv" => stream::play_receiver::<L, M>(seat, &shape),
            side => trips::play::<L, M>(side, seat, &shape),
        });
    }
}
