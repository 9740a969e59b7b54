//! Its message queue, and its semaphore as a sign.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;

use memmap2::MmapRaw;

use super::shim;
use crate::case::{Shape, What};
use crate::contestant::{Card, Keeper, Kind};
use crate::engines::link::{EvenLink, Inlet, Outlet};
use crate::engines::message::{Buffer, Content, Message};
use crate::engines::shared_file::{self, PAGE, keep_page};
use crate::engines::sign::{Counted, Sign};

pub struct Queue;

/// A queue that is open.
struct Handle(*mut c_void);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it is open, and nobody uses it any more.
        unsafe { shim::boost_queue_close(self.0) };
    }
}

struct Keep(#[expect(dead_code, reason = "it is kept")] Handle, CString);

impl Drop for Keep {
    fn drop(&mut self) {
        // SAFETY: a name that ends with NUL.
        unsafe { shim::boost_queue_remove(self.1.as_ptr()) };
    }
}

fn open(place: &str) -> Handle {
    let name = CString::new(place).expect("no NUL");
    // SAFETY: a name that ends with NUL.
    let queue = unsafe { shim::boost_queue_open(name.as_ptr()) };
    assert!(!queue.is_null(), "the queue");
    Handle(queue)
}

pub struct End<M>(Handle, Buffer, PhantomData<M>);

impl<M: Message> Outlet for End<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        let message = self.1.write(number, content).as_ptr().cast();
        // SAFETY: it is open, and the message is so long.
        assert!(unsafe { shim::boost_queue_send(self.0.0, message, M::BYTES) });
    }
}

impl<M: Message> Inlet for End<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let room = self.1.bytes_mut().as_mut_ptr().cast();
        // SAFETY: it is open, and there is so much room.
        let received = unsafe { shim::boost_queue_receive(self.0.0, room, M::BYTES) };
        assert_eq!(received, M::BYTES, "a message of another length");
        self.1.read(content)
    }
}

impl EvenLink for Queue {
    const CARD: Card = Card {
        name: "Boost message_queue",
        kind: Kind::Processes,
        about: "`send`, `receive`: copied in and out under a lock, by priority. Both ends sleep.",
    };
    type End<M: Message> = End<M>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Stream(_) | What::RoundTrip { .. })
    }

    fn make<M: Message>(place: &str, shape: &Shape) -> Result<Keeper, String> {
        let name = CString::new(place).map_err(|error| error.to_string())?;
        // SAFETY: a name that ends with NUL.
        let queue = unsafe { shim::boost_queue_create(name.as_ptr(), shape.capacity, M::BYTES) };
        if queue.is_null() {
            return Err("no such queue".to_owned());
        }
        Ok(Box::new(Keep(Handle(queue), name)))
    }

    fn open<M: Message>(place: &str, _: &Shape) -> End<M> {
        End(open(place), Buffer::of::<M>(), PhantomData)
    }
}

pub struct Signals;
pub struct Posted(MmapRaw);

impl Sign for Posted {
    #[inline(always)]
    fn set(&mut self) {
        // SAFETY: it was initialized, and stays mapped.
        unsafe { shim::boost_semaphore_post(self.0.as_mut_ptr().cast()) };
    }

    #[inline(always)]
    fn wait(&mut self) {
        // SAFETY: as above.
        unsafe { shim::boost_semaphore_wait(self.0.as_mut_ptr().cast()) };
    }
}

impl EvenLink for Signals {
    const CARD: Card = Card {
        name: "Boost semaphore, as a sign",
        kind: Kind::Processes,
        about: "`post`, `wait`.",
    };
    type End<M: Message> = Counted<Posted>;

    fn takes(what: &What) -> bool {
        matches!(what, What::Signal { .. })
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        // SAFETY: a page is larger than a semaphore, and aligned.
        keep_page(place, |at| unsafe { shim::boost_semaphore_init(at.cast(), 0) })
    }

    fn open<M: Message>(place: &str, _: &Shape) -> Counted<Posted> {
        Counted::of(Posted(shared_file::open(place, PAGE)))
    }
}
