//! The bounded queue of many producers and many consumers, and its endpoints.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | the handle: doors, size, closing |
//! | `send.rs`, `recv.rs` | its verbs |
//! | `slot.rs`, `lease.rs` | messages built, and worked on, in place |
//! | `wait_done.rs` | until everything that was sent is done |
//! | `ends.rs` | counted senders and receivers |
//! | `slice_….rs` | the same, of slices |
//! | `errors.rs`, `message.rs` | why not, and what |
#![forbid(unsafe_code)]

mod ends;
mod ends_recv;
mod ends_send;
mod errors;
mod lease;
mod message;
mod recv;
mod send;
mod slice_ends;
mod slice_errors;
mod slice_recv;
mod slice_send;
mod slot;
#[cfg(test)]
mod tests;
mod wait_done;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use message::Raw;

use crate::error::Error;
use crate::raw::queue::RawMessages;
use crate::raw::queue::layout::Args;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;

pub use ends::{Receiver, Sender};
pub use errors::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use lease::Lease;
pub use message::Message;
pub use recv::{IntoIter, Iter};
pub use slice_errors::{SendSliceError, SendSliceTimeoutError, TrySendSliceError};
pub use slot::Slot;

/// A bounded first-in first-out queue between processes, with any number of senders and receivers.
///
/// A handle is cheap to clone, and all of its clones, in whatever process, are the same queue. A
/// message is sent by copy ([`send`](Queue::send)) or built in place ([`reserve`](Queue::reserve)),
/// and received by copy ([`recv`](Queue::recv)) or [leased](Queue::lease): a leased message comes
/// back if its worker dies before it is done. When `send` has returned, the next `try_recv` of any
/// process finds the message. Messages of one sender arrive in the order in which they were sent.
///
/// Messages of up to 64 bytes lie in the ring itself. Larger ones lie in cells beside it, are never
/// moved there, and can be built and read in place. Sending and receiving make no system call while
/// there is room and something to receive; a thread that has to wait spins for some microseconds at
/// most, then sleeps, and looks again after 64 ms at the latest.
///
/// # Slices
/// A `Queue<[T]>` carries slices of any length, each of which arrives whole, as a `Vec<T>`. Its capacity is in
/// bytes, and is not rounded up: a slice of so many fits when it is empty; each takes 8 bytes more, and is
/// rounded up to 8. `len` counts slices.
///
/// ```
/// let lines = commonhold::Queue::<[u8]>::new(1 << 16)?;
/// lines.send(b"one").unwrap();
/// assert_eq!(lines.recv().unwrap(), b"one");
/// # Ok::<(), commonhold::Error>(())
/// ```
///
/// # Closing
/// A queue is closed for good by [`close`](Queue::close). It also counts as closed to receivers while
/// there were [`Sender`]s, and all that ever were are dropped or dead, until a new one is made; and to
/// senders likewise, of [`Receiver`]s. Handles to the queue itself are not counted. Receivers first
/// get everything that was sent: `Closed` comes when nothing is left, nobody is in the middle of
/// sending or receiving, and no message is leased, as it might come back.
///
/// # If a process dies
/// At whatever instruction: a message whose `send` had not committed was never sent, and one whose
/// `recv` or lease had not ended was never received: it comes back. As soon as the death is noticed it is
/// received before anything else, but perhaps after messages that were sent later; its place in the ring is
/// free once it was. Nobody waits for the dead: their traces are passed over by whoever meets them, after
/// 64 ms at the latest, or 128 messages where they are received without a pause. A stopped process is
/// not dead. It keeps what it holds: the one message it was in the middle of moving, which stalls the
/// others only where they come to it.
///
/// # Threads
/// A handle may be shared by threads, but each is quickest with a clone of its own. No operation may be
/// called by a signal handler that interrupted one of the same handle.
///
/// # Examples
/// ```
/// use commonhold::{Queue, TryRecvError};
///
/// let queue = Queue::<u64>::new(1024)?;
/// queue.send(1).unwrap();
/// queue.send(2).unwrap();
/// assert_eq!(queue.recv(), Ok(1));
/// assert_eq!(queue.recv(), Ok(2));
/// assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[doc(alias = "JoinableQueue")]
#[doc(alias = "SimpleQueue")]
pub struct Queue<M: Message + ?Sized> {
    handle: Handle<Raw<M>>,
    send_end: <Raw<M> as RawMessages>::SendEnd,
    recv_end: <Raw<M> as RawMessages>::RecvEnd,
}

// What does not mention the message, so that `let q: Queue<Job> = Queue::new(64)?` infers.
impl<M: Message + ?Sized> Queue<M> {
    fn over(handle: Handle<Raw<M>>) -> Queue<M> {
        let (send_end, recv_end) = Raw::<M>::ends();
        Queue { handle, send_end, recv_end }
    }

    /// Makes an anonymous queue with room for `capacity` messages at least, for this process and
    /// its children. It is gone with its last user.
    ///
    /// The capacity is rounded up to a power of two; of a queue of slices it is in bytes.
    ///
    /// # Errors
    /// [`InvalidSize`](crate::ErrorKind::InvalidSize) for a capacity of 0, or of more than 2^32, or
    /// beyond the address space; [`OutOfMemory`](crate::ErrorKind::OutOfMemory) where shared memory
    /// has no room for it.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(1000)?;
    /// assert_eq!(queue.capacity(), 1024);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new(capacity: usize) -> Result<Queue<M>, Error> {
        Handle::new(Args::new(capacity)).map(Queue::over)
    }

    /// Makes a queue at this place, with room for `capacity` messages at least.
    ///
    /// # Errors
    /// As [`new`](Queue::new); [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where a living one
    /// has the name, [`InvalidName`](crate::ErrorKind::InvalidName), and what the system says.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-queue-create-{}", std::process::id());
    /// let jobs = commonhold::Queue::<u64>::create(&name, 64)?;
    /// let same = commonhold::Queue::<u64>::open(&name)?;
    /// jobs.send(7).unwrap();
    /// assert_eq!(same.recv(), Ok(7));
    /// jobs.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>, capacity: usize) -> Result<Queue<M>, Error> {
        Handle::create(at.into(), Args::new(capacity)).map(Queue::over)
    }

    /// Opens the queue at this place.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where nobody living has one of this name;
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) where it is something else, or of other
    /// messages; [`PermissionDenied`](crate::ErrorKind::PermissionDenied), and what the system says.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{ErrorKind, Queue};
    /// # let name = format!("doc-queue-open-{}", std::process::id());
    /// assert_eq!(Queue::<u64>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    /// let jobs = Queue::<u64>::create(&name, 64)?;
    /// assert_eq!(Queue::<f64>::open(&name).unwrap_err().kind(), ErrorKind::TypeMismatch);
    /// jobs.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Queue<M>, Error> {
        Handle::open(at.into()).map(Queue::over)
    }

    /// Opens the queue at this place, or makes it where there is none. Of any number of callers at
    /// once exactly one makes it. One that is found is taken as it is, whatever its capacity.
    ///
    /// # Errors
    /// As [`open`](Queue::open) and [`create`](Queue::create), without `NotFound` and `AlreadyExists`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-queue-either-{}", std::process::id());
    /// let first = commonhold::Queue::<u64>::open_or_create(&name, 64)?;
    /// let second = commonhold::Queue::<u64>::open_or_create(&name, 128)?;
    /// assert_eq!(second.capacity(), 64);
    /// first.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(
        at: impl Into<Place<'a>>,
        capacity: usize,
    ) -> Result<Queue<M>, Error> {
        Handle::open_or_create(at.into(), Args::new(capacity)).map(Queue::over)
    }

    /// Removes the queue's name now; its users keep it. An anonymous one has none, which is fine.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a queue in a [`Segment`](crate::Segment),
    /// which lives as long as that does; what the system says.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-queue-unlink-{}", std::process::id());
    /// let jobs = commonhold::Queue::<u64>::create(&name, 64)?;
    /// jobs.unlink()?;
    /// assert!(commonhold::Queue::<u64>::open(&name).is_err());
    /// jobs.send(1).unwrap();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// How many messages there is room for: what was asked for, or more. Of a queue of slices, how many
    /// bytes.
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Queue::<u64>::new(100)?.capacity() >= 100);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.handle.capacity()
    }

    /// How many messages were sent and not yet received. Leased messages were received; one that
    /// came back is not counted again. While others send and receive it is true of a moment ago.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// queue.send(7).unwrap();
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.handle.len()
    }

    /// Whether [`len`](Queue::len) is 0.
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Queue::<u64>::new(4)?.is_empty());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`len`](Queue::len) is the [`capacity`](Queue::capacity); of a queue of slices, whether there
    /// is no room for any.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(1)?;
    /// queue.send(7).unwrap();
    /// assert!(queue.is_full());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.handle.is_full()
    }

    /// Closes the queue for good: no message is sent any more, and receivers get what is there, then
    /// `Closed`. Those who wait are woken. Closing twice is fine.
    ///
    /// # If a process dies
    /// The queue is closed or not. A process that dies right after closing may leave sleepers to find
    /// out by themselves, within 64 ms.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Queue, RecvError, SendError};
    /// let queue = Queue::<u64>::new(4)?;
    /// queue.send(1).unwrap();
    /// queue.close();
    /// assert_eq!(queue.send(2), Err(SendError::Closed(2)));
    /// assert_eq!(queue.recv(), Ok(1));
    /// assert_eq!(queue.recv(), Err(RecvError::Closed));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn close(&self) {
        self.handle.close();
    }

    /// Whether the queue is closed, for good or because all senders, or all receivers, that ever were
    /// are gone. There may still be something to receive.
    ///
    /// Asks the kernel whether one process lives, if there are senders or receivers.
    ///
    /// # Examples
    /// ```
    /// let queue = commonhold::Queue::<u64>::new(4)?;
    /// let sender = queue.sender();
    /// assert!(!queue.is_closed());
    /// drop(sender);
    /// assert!(queue.is_closed());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.is_closed_to_senders() || self.is_closed_to_receivers()
    }

    fn is_closed_to_senders(&self) -> bool {
        self.handle.is_closed_to_senders(&self.handle)
    }

    fn is_closed_to_receivers(&self) -> bool {
        self.handle.is_closed_to_receivers(&self.handle)
    }
}

impl<M: Message + ?Sized> Clone for Queue<M> {
    fn clone(&self) -> Self {
        Queue::over(self.handle.clone())
    }
}

impl<M: Message + ?Sized> Drop for Queue<M> {
    fn drop(&mut self) {
        self.handle.leave(&self.handle, &self.send_end, &self.recv_end);
    }
}

impl<M: Message + ?Sized> fmt::Debug for Queue<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({:?}, {} of {})", self.handle, self.len(), self.capacity())
    }
}

// A panic in the middle of an operation leaves what a death would: the next one goes on.
impl<M: Message + ?Sized> UnwindSafe for Queue<M> {}
impl<M: Message + ?Sized> RefUnwindSafe for Queue<M> {}

impl<M: Message + ?Sized> Handled for Queue<M> {
    type Object = Raw<M>;

    fn handle(&self) -> &Handle<Raw<M>> {
        &self.handle
    }

    fn from_handle(handle: Handle<Raw<M>>) -> Self {
        Queue::over(handle)
    }
}
