//! POSIX message queues.

use std::marker::PhantomData;

use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::Mode;

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Linked, Outlet};
use crate::engines::message::{Buffer, Content, Message};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Linked::<Queue>::boxed()]
}

struct Queue;

/// Without privilege.
const CAPACITY: usize = 10;

fn name(place: &str) -> String {
    format!("/{place}")
}

struct Keep(String, #[expect(dead_code, reason = "it is kept")] MqdT);

impl Drop for Keep {
    fn drop(&mut self) {
        let _ = mq_unlink(self.0.as_str());
    }
}

fn create(name: &str, capacity: usize, bytes: usize) -> nix::Result<MqdT> {
    let attributes = MqAttr::new(0, capacity as _, bytes as _, 0);
    let flags = MQ_OFlag::O_RDWR | MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL;
    mq_open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR, Some(&attributes))
}

fn open(place: &str) -> MqdT {
    mq_open(name(place).as_str(), MQ_OFlag::O_RDWR, Mode::empty(), None).expect("the queue")
}

/// As much as is wanted, if that is granted.
fn ask_for(bytes: u64) {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_MSGQUEUE) {
        let _ = setrlimit(Resource::RLIMIT_MSGQUEUE, 2 * bytes, hard.max(2 * bytes));
    }
}

pub struct End<M>(MqdT, Buffer, PhantomData<M>);

impl<M: Message> Outlet for End<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        mq_send(&self.0, self.1.write(number, content), 0).expect("the queue");
    }
}

impl<M: Message> Inlet for End<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let mut priority = 0;
        let received = mq_receive(&self.0, self.1.bytes_mut(), &mut priority);
        assert_eq!(received, Ok(M::BYTES));
        self.1.read(content)
    }
}

impl EvenLink for Queue {
    const CARD: Card = Card {
        name: "POSIX mq",
        kind: Kind::Processes,
        about: "`mq_send`, `mq_receive`, with the capacity of the case if that is granted, else 10. Both ends sleep.",
    };
    type End<M: Message> = End<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Stream(_) | What::RoundTrip { .. })
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        ask_for((shape.capacity * (M::BYTES + 128)) as u64);
        let name = name(place);
        let wanted = create(&name, shape.capacity, M::BYTES);
        let queue = wanted.or_else(|_| create(&name, CAPACITY.min(shape.capacity), M::BYTES));
        let queue = queue.map_err(|error| format!("the kernel grants no such queue: {error}"))?;
        Ok(Box::new(Keep(name, queue)))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> End<M> {
        End(open(place), Buffer::of::<M>(), PhantomData)
    }
}
