//! Making named objects, and opening them.

use commonhold::{Buffer, Queue, Segment};

use super::super::bare::room_for;
use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Kind, entry};
use crate::engines::operation::{Operator, opened, pinned};
use crate::engines::rendezvous::fresh_place;
use crate::support::children::serve;

const CAPACITY: usize = 64;
const NAME: &str = "commonhold create, open";

pub fn doors() -> Box<dyn Contestant> {
    let card = Card {
        name: NAME,
        kind: Kind::Commonhold,
        about: "`Queue::create` and its last drop, which removes it; `Queue::open` and its drop.",
    };
    let enter = |what: &What| match what {
        What::Create => entry(create),
        What::Open => entry(open),
        _ => None,
    };
    Box::new(Operator { card, enter, play: |_, seat| keep(&seat.place) })
}

fn create() -> Result<Bout, String> {
    let place = fresh_place();
    pinned(move || drop(Queue::<u64>::create(&place, CAPACITY).expect("a new queue")))
}

fn open() -> Result<Bout, String> {
    opened(NAME, |place| drop(Queue::<u64>::open(place).expect("the queue")))
}

fn keep(place: &str) {
    let queue = Queue::<u64>::create(place, CAPACITY).expect("a new queue");
    serve(|_| queue.len().to_string());
}

pub fn segments() -> Box<dyn Contestant> {
    let card = Card {
        name: "commonhold Buffer<u8>",
        kind: Kind::Commonhold,
        about: "`Buffer::create`, reserved as ever, or with the option `sparse`.",
    };
    Operator::boxed(card, |what| match *what {
        What::Segment { bytes, reserved } => entry(move || segment(bytes as usize, !reserved)),
        _ => None,
    })
}

fn segment(bytes: usize, sparse: bool) -> Result<Bout, String> {
    room_for(bytes as u64)?;
    let place = fresh_place();
    pinned(move || {
        let options = Segment::options().sparse(sparse);
        let buffer = Buffer::<u8>::create(options.at(&place), bytes).expect("a new buffer");
        let mut bytes_of_it = buffer.write().expect("nobody else");
        (bytes_of_it[0], bytes_of_it[bytes - 1]) = (1, 1);
    })
}
