//! Counted senders and receivers: a queue whose last one is gone is closed to the other side.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Queue;
use super::message::Message;
use crate::raw::queue::RawMessages;
use crate::raw::queue::ends::Endpoints;
use crate::raw::queue::ring::Actor;
use crate::segment::Peers;

// Ordering:
// [CE-1] who wins the CAS of the tag counts; the count itself is ordered by the endpoints' words

/// A queue, and the tag that this end of it is counted under.
///
/// In a forked child the tag is the parent's: the child's end is counted at its first use, under
/// the child's own, and the parent's count is the parent's alone.
pub(super) struct Counted<M: Message + ?Sized> {
    queue: Queue<M>,
    tag: AtomicU32,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sending,
    Receiving,
}

impl<M: Message + ?Sized> Counted<M> {
    fn new(queue: Queue<M>, side: Side) -> Counted<M> {
        let counted = Counted { queue, tag: AtomicU32::new(0), side };
        counted.get();
        counted
    }

    /// The queue, for use by this process.
    #[inline]
    pub(super) fn get(&self) -> &Queue<M> {
        let me = self.queue.handle.me().bits();
        if self.tag.load(Ordering::Relaxed) != me {
            self.count(me);
        }
        &self.queue
    }

    #[cold]
    fn count(&self, me: u32) {
        let before = self.tag.load(Ordering::Relaxed);
        let swap = self.tag.compare_exchange(before, me, Ordering::AcqRel, Ordering::Relaxed);
        let counts = before != me && swap.is_ok();
        if counts && !self.endpoints().enter(self.queue.handle.me()) {
            self.tag.store(0, Ordering::Relaxed); // too many: tried again at the next use [CE-1]
        }
    }

    fn endpoints(&self) -> Endpoints<'_> {
        match self.side {
            Side::Sending => self.queue.handle.senders(),
            Side::Receiving => self.queue.handle.receivers(),
        }
    }
}

impl<M: Message + ?Sized> Drop for Counted<M> {
    fn drop(&mut self) {
        let handle = &self.queue.handle;
        let (me, counted) = (handle.me_if_registered(), *self.tag.get_mut());
        if me.is_nobody() || me.bits() != counted {
            return;
        }
        if self.endpoints().leave(&Actor::new(handle)) {
            match self.side {
                Side::Sending => handle.senders_left(),
                Side::Receiving => handle.receivers_left(),
            }
        }
    }
}

impl<M: Message + ?Sized> Queue<M> {
    /// Makes a counted sender: once all senders that ever were are dropped or dead, receivers get
    /// what is left, then `Closed`, until a new one is made.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Queue, RecvError};
    /// let queue = Queue::<u64>::new(4)?;
    /// let sender = queue.sender();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(queue.recv(), Ok(1));
    /// assert_eq!(queue.recv(), Err(RecvError::Closed));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn sender(&self) -> Sender<M> {
        Sender { end: Counted::new(self.clone(), Side::Sending) }
    }

    /// Makes a counted receiver: once all receivers that ever were are dropped or dead, sends fail
    /// with `Closed`, until a new one is made.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Queue, SendError};
    /// let queue = Queue::<u64>::new(4)?;
    /// drop(queue.receiver());
    /// assert_eq!(queue.send(1), Err(SendError::Closed(1)));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn receiver(&self) -> Receiver<M> {
        Receiver { end: Counted::new(self.clone(), Side::Receiving) }
    }
}

/// A counted sending end of a [`Queue`]. Made by [`Queue::sender`].
///
/// Its clones count, too. It holds a handle, and can do what a queue can that concerns sending. A child
/// that inherited one by fork is counted from its first use there, and keeps nothing open before.
///
/// # If a process dies
/// Its senders are gone; receivers that wait find out within 64 ms.
///
/// # Examples
/// ```
/// let queue = commonhold::Queue::<u64>::new(4)?;
/// let sender = queue.sender();
/// let second = sender.clone();
/// sender.send(1).unwrap();
/// second.send(2).unwrap();
/// drop((sender, second));
/// assert_eq!(queue.iter().collect::<Vec<u64>>(), [1, 2]);
/// # Ok::<(), commonhold::Error>(())
/// ```
pub struct Sender<M: Message + ?Sized> {
    pub(super) end: Counted<M>,
}

/// A counted receiving end of a [`Queue`]. Made by [`Queue::receiver`].
///
/// Its clones count, too. It holds a handle, and can do what a queue can that concerns receiving. A
/// child that inherited one by fork is counted from its first use there, and keeps nothing open before.
///
/// # If a process dies
/// Its receivers are gone; senders that wait find out within 64 ms.
///
/// # Examples
/// ```
/// let queue = commonhold::Queue::<u64>::new(4)?;
/// let receiver = queue.receiver();
/// queue.send(1).unwrap();
/// assert_eq!(receiver.recv(), Ok(1));
/// # Ok::<(), commonhold::Error>(())
/// ```
pub struct Receiver<M: Message + ?Sized> {
    pub(super) end: Counted<M>,
}

impl<M: Message + ?Sized> Sender<M> {
    /// The queue that this is an end of.
    pub(crate) fn queue(&self) -> &Queue<M> {
        self.end.get()
    }

    /// As [`Queue::capacity`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Queue::<u64>::new(4)?.sender().capacity(), 4);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn capacity(&self) -> usize {
        self.end.get().capacity()
    }

    /// As [`Queue::len`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Queue::<u64>::new(4)?.sender().len(), 0);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.end.get().len()
    }

    /// As [`Queue::is_empty`].
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Queue::<u64>::new(4)?.sender().is_empty());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.end.get().is_empty()
    }

    /// As [`Queue::is_full`].
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Queue::<u64>::new(4)?.sender().is_full());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_full(&self) -> bool {
        self.end.get().is_full()
    }

    /// As [`Queue::close`].
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.sender().close();
    /// assert!(queue.is_closed());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn close(&self) {
        self.end.get().close();
    }

    /// Whether the queue is closed to senders: for good, or because all receivers that ever were
    /// are gone.
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Queue::<u64>::new(4)?.sender().is_closed());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.end.get().is_closed_to_senders()
    }
}

impl<M: Message + ?Sized> Clone for Sender<M> {
    fn clone(&self) -> Self {
        Sender { end: Counted::new(self.end.get().clone(), Side::Sending) }
    }
}

impl<M: Message + ?Sized> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:?})", self.end.queue)
    }
}

impl<M: Message + ?Sized> Receiver<M> {
    /// The queue that this is an end of.
    pub(crate) fn queue(&self) -> &Queue<M> {
        self.end.get()
    }

    /// As [`Queue::capacity`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Queue::<u64>::new(4)?.receiver().capacity(), 4);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn capacity(&self) -> usize {
        self.end.get().capacity()
    }

    /// As [`Queue::len`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::Queue::<u64>::new(4)?.receiver().len(), 0);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.end.get().len()
    }

    /// As [`Queue::is_empty`].
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Queue::<u64>::new(4)?.receiver().is_empty());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.end.get().is_empty()
    }

    /// As [`Queue::is_full`].
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Queue::<u64>::new(4)?.receiver().is_full());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_full(&self) -> bool {
        self.end.get().is_full()
    }

    /// As [`Queue::close`].
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.receiver().close();
    /// assert!(queue.is_closed());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn close(&self) {
        self.end.get().close();
    }

    /// Whether nothing more is sent: the queue is closed for good, or all senders that ever were are
    /// gone. There may still be something to receive.
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Queue::<u64>::new(4)?.receiver().is_closed());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.end.get().is_closed_to_receivers()
    }
}

impl<M: Message + ?Sized> Clone for Receiver<M> {
    fn clone(&self) -> Self {
        Receiver { end: Counted::new(self.end.get().clone(), Side::Receiving) }
    }
}

impl<M: Message + ?Sized> fmt::Debug for Receiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({:?})", self.end.queue)
    }
}
