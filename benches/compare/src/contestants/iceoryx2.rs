//! iceoryx2: publish-subscribe by polling, with a copy or in place; events; services.
//!
//! As in its own benchmark, receivers poll. Nothing may be lost here, so that a publisher whose
//! subscriber is slow tries again, which is iceoryx2's default.

use std::hint::spin_loop;
use std::marker::PhantomData;
use std::sync::Once;

use iceoryx2::node::Node;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::port::update_connections::UpdateConnections;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::{event, publish_subscribe};

use crate::case::{Shape, What};
use crate::contestant::{Bout, Card, Contestant, Keeper, Kind, entry};
use crate::engines::link::{Inlet, Link, Linked, Outlet};
use crate::engines::message::{Content, Message};
use crate::engines::operation::{Operator, opened, pinned};
use crate::engines::rendezvous::{fresh_place, wait_for};
use crate::support::children::serve;

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Linked::<PubSub<Copied>>::boxed(),
        Linked::<PubSub<InPlace>>::boxed(),
        Linked::<Events>::boxed(),
        doors(),
    ]
}

type Ipc = ipc::Service;
type Topic<M> = publish_subscribe::PortFactory<Ipc, M, ()>;

fn node() -> Node<Ipc> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| set_log_level(LogLevel::Error));
    let builder = NodeBuilder::new().signal_handling_mode(SignalHandlingMode::Disabled);
    builder.create().expect("a node")
}

fn topic<M: Message>(node: &Node<Ipc>, place: &str, capacity: usize) -> Topic<M> {
    let name = place.try_into().expect("a name");
    let service = node.service_builder(&name).publish_subscribe::<M>();
    let service = service.enable_safe_overflow(false).history_size(0);
    let service = service.subscriber_max_buffer_size(capacity);
    service.max_publishers(8).max_subscribers(1).max_nodes(16).open_or_create().expect("a service")
}

/// How a message gets into what is published.
pub trait Way: Send + Sync + 'static {
    const CARD: Card;
    fn takes(what: &What) -> bool;
    fn send<M: Message>(publisher: &Publisher<Ipc, M, ()>, scratch: &mut M, sent: (u64, Content));
}

pub struct PubSub<W>(PhantomData<W>);
pub struct Copied;
pub struct InPlace;

fn words<M: Message>(message: &mut M) -> &mut [u64] {
    bytemuck::cast_slice_mut(std::slice::from_mut(message))
}

impl Way for Copied {
    const CARD: Card = Card {
        name: "iceoryx2",
        kind: Kind::Processes,
        about: "Publish-subscribe without overflow, polled; copied into a loan, read in place. It delivers to every \
                subscriber, and so takes no part where several share the work.",
    };

    fn takes(what: &What) -> bool {
        match what {
            What::Stream(shape) => shape.receivers == 1,
            What::RoundTrip { asleep, .. } => !asleep,
            _ => false,
        }
    }

    #[inline(always)]
    fn send<M: Message>(
        publisher: &Publisher<Ipc, M, ()>,
        scratch: &mut M,
        (number, content): (u64, Content),
    ) {
        content.write(words(scratch), number);
        let mut sample = publisher.loan_uninit().expect("a loan");
        // By value it would cross the stack, twice.
        // SAFETY: the payload is as large as the message, which is plain words.
        unsafe { sample.payload_mut().as_mut_ptr().copy_from_nonoverlapping(scratch, 1) };
        // SAFETY: it was written just now.
        unsafe { sample.assume_init() }.send().expect("a subscriber");
    }
}

impl Way for InPlace {
    const CARD: Card = Card {
        name: "iceoryx2 loan",
        kind: Kind::Processes,
        about: "The same, written in a loan and read in place.",
    };

    fn takes(what: &What) -> bool {
        matches!(what, What::HandOver(_))
    }

    #[inline(always)]
    fn send<M: Message>(
        publisher: &Publisher<Ipc, M, ()>,
        _: &mut M,
        (number, content): (u64, Content),
    ) {
        let mut sample = publisher.loan_uninit().expect("a loan");
        // SAFETY: plain words of shared memory, which the kernel made zero.
        content.write(words(unsafe { sample.payload_mut().assume_init_mut() }), number);
        // SAFETY: as above.
        unsafe { sample.assume_init() }.send().expect("a subscriber");
    }
}

pub struct Publishing<M: Message, W> {
    publisher: Publisher<Ipc, M, ()>,
    scratch: Box<M>,
    way: PhantomData<W>,
}

pub struct Subscribed<M: Message>(Subscriber<Ipc, M, ()>);

impl<M: Message, W: Way> Outlet for Publishing<M, W> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        W::send(&self.publisher, &mut self.scratch, (number, content));
    }
}

impl<M: Message> Inlet for Subscribed<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        loop {
            if let Some(sample) = self.0.receive().expect("a connection") {
                return content.read(bytemuck::cast_slice(std::slice::from_ref(sample.payload())));
            }
            spin_loop();
        }
    }
}

impl<W: Way> Link for PubSub<W> {
    const CARD: Card = W::CARD;
    type Outlet<M: Message> = Publishing<M, W>;
    type Inlet<M: Message> = Subscribed<M>;

    fn takes(what: &What) -> bool {
        W::takes(what)
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        let node = node();
        let topic = topic::<M>(&node, place, shape.capacity);
        Ok(Box::new((topic, node)))
    }

    fn outlet<M: Message>(place: &str, shape: &Shape) -> Publishing<M, W> {
        let topic = topic::<M>(&node(), place, shape.capacity);
        let publisher = topic.publisher_builder().create().expect("a publisher");
        let subscribed = || (topic.dynamic_config().number_of_subscribers() > 0).then_some(());
        wait_for("a subscriber", subscribed);
        publisher.update_connections().expect("a connection");
        Publishing { publisher, scratch: bytemuck::allocation::zeroed_box(), way: PhantomData }
    }

    fn inlet<M: Message>(place: &str, shape: &Shape) -> Subscribed<M> {
        let topic = topic::<M>(&node(), place, shape.capacity);
        let subscriber = topic.subscriber_builder().create().expect("a subscriber");
        let published = || (topic.dynamic_config().number_of_publishers() > 0).then_some(());
        wait_for("a publisher", published);
        // Until then a publisher drops what does not fit.
        subscriber.update_connections().expect("a connection");
        Subscribed(subscriber)
    }
}

pub struct Events;
pub struct Notifying(Notifier<Ipc>);
pub struct Listening(Listener<Ipc>, u64);

fn events(node: &Node<Ipc>, place: &str) -> event::PortFactory<Ipc> {
    let name = place.try_into().expect("a name");
    node.service_builder(&name).event().open_or_create().expect("a service")
}

impl Outlet for Notifying {
    #[inline(always)]
    fn send(&mut self, _: u64, _: Content) {
        self.0.notify().expect("a listener");
    }
}

impl Inlet for Listening {
    #[inline(always)]
    fn recv(&mut self, _: Content) -> u64 {
        while self.0.blocking_wait(|_| ()).expect("an event") == 0 {}
        self.1 += 1;
        self.1
    }
}

impl Link for Events {
    const CARD: Card = Card {
        name: "iceoryx2 event",
        kind: Kind::Processes,
        about: "`notify`, `blocking_wait`: the listener sleeps.",
    };
    type Outlet<M: Message> = Notifying;
    type Inlet<M: Message> = Listening;

    fn takes(what: &What) -> bool {
        matches!(what, What::Signal { .. })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        let node = node();
        Ok(Box::new((events(&node, place), node)))
    }

    fn outlet<M: Message>(place: &str, _: &Shape) -> Notifying {
        let events = events(&node(), place);
        let listened = || (events.dynamic_config().number_of_listeners() > 0).then_some(());
        wait_for("a listener", listened);
        Notifying(events.notifier_builder().create().expect("a notifier"))
    }

    fn inlet<M: Message>(place: &str, _: &Shape) -> Listening {
        Listening(events(&node(), place).listener_builder().create().expect("a listener"), 0)
    }
}

const DOORS: &str = "iceoryx2 service";
const CAPACITY: usize = 64;

fn doors() -> Box<dyn Contestant> {
    let card = Card {
        name: DOORS,
        kind: Kind::Processes,
        about: "A service with a publisher (made) or a subscriber (opened), on a node that is there already.",
    };
    let enter = |what: &What| match what {
        What::Create => entry(create),
        What::Open => entry(open),
        _ => None,
    };
    Box::new(Operator { card, enter, play: |_, seat| keep(&seat.place) })
}

fn create() -> Result<Bout, String> {
    let node = node();
    let place = fresh_place();
    pinned(move || {
        let topic = topic::<[u64; 1]>(&node, &place, CAPACITY);
        drop(topic.publisher_builder().create().expect("a publisher"));
    })
}

fn open() -> Result<Bout, String> {
    let node = node();
    opened(DOORS, move |place| {
        let topic = topic::<[u64; 1]>(&node, place, CAPACITY);
        drop(topic.subscriber_builder().create().expect("a subscriber"));
    })
}

fn keep(place: &str) {
    let node = node();
    let topic = topic::<[u64; 1]>(&node, place, CAPACITY);
    let _publisher = topic.publisher_builder().create().expect("a publisher");
    serve(|_| "kept".to_owned());
}
