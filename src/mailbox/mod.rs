//! The queue of anything: messages that cross as bytes, of any length.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | the handle: doors, size, closing |
//! | `send.rs`, `recv.rs` | its verbs |
//! | `buffers.rs` | where a thread packs and unpacks |
//! | `in_flight.rs` | what lives until a message was received |
#![forbid(unsafe_code)]

mod buffers;
mod in_flight;
mod recv;
mod send;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::error::Error;
use crate::raw::bytering::layout::{Carried, RawBytes};
use crate::raw::bytering::wait::End;
use crate::raw::queue::RawMessages;
use crate::raw::queue::layout::Args;
use crate::segment::handle::{Handle, Handled};
use crate::segment::object::{Kind, Signature};
use crate::segment::place::Place;
use crate::transfer::Transfer;

/// A bounded first-in first-out queue of anything that can cross to another process: strings, vectors,
/// types of your own, and handles of other objects.
///
/// It is what [`Queue`](crate::Queue) is, for messages of any [`Transfer`](trait@crate::Transfer) type. A message
/// is packed into bytes and copied into shared memory; nothing is serialized, and numbers take no
/// allocation. A handle is cheap to clone, and all of its clones, in whatever process, are the same
/// mailbox. When `send` has returned, the next `try_recv` of any process finds the message. Messages of
/// one sender arrive in the order in which they were sent.
///
/// Its capacity is in bytes: of so many the longest message that lies in the mailbox itself. What is longer
/// is written beside it, to memory that is taken for this message and given back when it was received.
/// A sender that waits for room for a long message is not overtaken all the time by short ones.
///
/// # Handles in messages
/// A message may hold handles: a reply queue, a lock. While it is on its way, the process that sent it keeps
/// what the handle stands for, also when it drops everything of its own; and the mailbox with it. If that
/// process ends before the message was received, the handle arrives as long as anybody else uses the object.
///
/// # Closing
/// A mailbox is closed for good by [`close`](Mailbox::close). Receivers first get everything that was
/// sent.
///
/// # If a process dies
/// At whatever instruction: a message whose `send` had not committed was never sent, and one whose `recv`
/// had not ended was never received; the next receiver gets it. Nobody waits for the dead: what they
/// held is taken over by whoever needs it, after 64 ms at the latest. A stopped process is not dead: one that
/// is stopped inside of `send` stops the other senders until it goes on, or ends, and one inside of `recv` the
/// other receivers.
///
/// # Examples
/// ```
/// use commonhold::Mailbox;
///
/// let mailbox = Mailbox::<(String, Vec<u32>)>::new(64 << 10)?;
/// mailbox.send(("primes".to_owned(), vec![2, 3, 5, 7])).unwrap();
/// let (name, numbers) = mailbox.recv().unwrap();
/// assert_eq!((name.as_str(), numbers.len()), ("primes", 4));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[doc(alias = "Queue")]
#[doc(alias = "SimpleQueue")]
pub struct Mailbox<T: Transfer> {
    handle: Handle<Raw<T>>,
    send_end: End,
    recv_end: End,
}

/// A ring of packed messages.
pub(crate) type Raw<T> = RawBytes<Packed<T>>;

/// What a mailbox's ring carries. Only the type's name tells mailboxes apart: its size is that of its
/// values in a process, not of messages.
pub(crate) struct Packed<T>(PhantomData<fn() -> T>);

impl<T: 'static> Carried for Packed<T> {
    fn signature() -> Signature {
        Signature { size: 0, align: 1, ..Signature::of::<T>(Kind::Mailbox) }
    }
}

impl<T: Transfer> Mailbox<T> {
    fn over(handle: Handle<Raw<T>>) -> Mailbox<T> {
        Mailbox { handle, send_end: End::new(), recv_end: End::new() }
    }

    /// Makes an anonymous mailbox of this capacity in bytes, for this process and its children. It is
    /// gone with its last user.
    ///
    /// A message of `capacity_bytes` lies in it when it is empty; of shorter ones as many as fit, each with
    /// 8 bytes more and rounded up to 8.
    ///
    /// # Errors
    /// [`InvalidSize`](crate::ErrorKind::InvalidSize) for a capacity of 0, or of 8 GiB or more;
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory) where shared memory has no room for it.
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new(capacity_bytes: usize) -> Result<Mailbox<T>, Error> {
        Handle::new(Args::new(capacity_bytes)).map(Mailbox::over)
    }

    /// Makes a mailbox of this capacity in bytes at this place.
    ///
    /// # Errors
    /// As [`new`](Mailbox::new); [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where a living one
    /// has the name, [`InvalidName`](crate::ErrorKind::InvalidName), and what the system says.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mailbox-create-{}", std::process::id());
    /// let mailbox = commonhold::Mailbox::<String>::create(&name, 4096)?;
    /// let same = commonhold::Mailbox::<String>::open(&name)?;
    /// mailbox.send("hello".to_owned()).unwrap();
    /// assert_eq!(same.recv().unwrap(), "hello");
    /// mailbox.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(
        at: impl Into<Place<'a>>,
        capacity_bytes: usize,
    ) -> Result<Mailbox<T>, Error> {
        Handle::create(at.into(), Args::new(capacity_bytes)).map(Mailbox::over)
    }

    /// Opens the mailbox at this place.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where nobody living has one of this name;
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) where it is something else, or of messages of a
    /// type of another name; [`PermissionDenied`](crate::ErrorKind::PermissionDenied), and what the
    /// system says.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{ErrorKind, Mailbox};
    /// # let name = format!("doc-mailbox-open-{}", std::process::id());
    /// assert_eq!(Mailbox::<String>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    /// let mailbox = Mailbox::<String>::create(&name, 4096)?;
    /// let other = Mailbox::<Vec<u8>>::open(&name);
    /// assert_eq!(other.unwrap_err().kind(), ErrorKind::TypeMismatch);
    /// mailbox.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Mailbox<T>, Error> {
        Handle::open(at.into()).map(Mailbox::over)
    }

    /// Opens the mailbox at this place, or makes it where there is none. Of any number of callers at
    /// once exactly one makes it. One that is found is taken as it is, whatever its capacity.
    ///
    /// # Errors
    /// As [`open`](Mailbox::open) and [`create`](Mailbox::create), without `NotFound` and
    /// `AlreadyExists`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mailbox-either-{}", std::process::id());
    /// let first = commonhold::Mailbox::<String>::open_or_create(&name, 4096)?;
    /// let second = commonhold::Mailbox::<String>::open_or_create(&name, 4096)?;
    /// first.send("hello".to_owned()).unwrap();
    /// assert_eq!(second.len(), 1);
    /// first.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(
        at: impl Into<Place<'a>>,
        capacity_bytes: usize,
    ) -> Result<Mailbox<T>, Error> {
        Handle::open_or_create(at.into(), Args::new(capacity_bytes)).map(Mailbox::over)
    }

    /// Removes the mailbox's name now; its users keep it. An anonymous one has none, which is fine.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a mailbox in a
    /// [`Segment`](crate::Segment), which lives as long as that does; what the system says.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-mailbox-unlink-{}", std::process::id());
    /// let mailbox = commonhold::Mailbox::<String>::create(&name, 4096)?;
    /// mailbox.unlink()?;
    /// assert!(commonhold::Mailbox::<String>::open(&name).is_err());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// How many messages were sent and not yet received. While others send and receive it is true of
    /// a moment ago.
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// mailbox.send(String::new()).unwrap();
    /// assert_eq!(mailbox.len(), 1);
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.handle.len()
    }

    /// Whether [`len`](Mailbox::len) is 0.
    ///
    /// # Examples
    /// ```
    /// assert!(commonhold::Mailbox::<String>::new(4096)?.is_empty());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes the mailbox for good: no message is sent any more, and receivers get what is there, then
    /// `Closed`. Those who wait are woken. Closing twice is fine.
    ///
    /// # If a process dies
    /// The mailbox is closed or not. A process that dies right after closing may leave sleepers to find
    /// out by themselves, within 64 ms.
    ///
    /// # Examples
    /// ```
    /// use commonhold::{Mailbox, RecvError, SendError};
    /// let mailbox = Mailbox::<u8>::new(64)?;
    /// mailbox.send(1).unwrap();
    /// mailbox.close();
    /// assert_eq!(mailbox.send(2), Err(SendError::Closed(2)));
    /// assert_eq!(mailbox.recv(), Ok(1));
    /// assert_eq!(mailbox.recv(), Err(RecvError::Closed));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn close(&self) {
        self.handle.close();
    }

    /// Whether the mailbox is closed. There may still be something to receive.
    ///
    /// # Examples
    /// ```
    /// let mailbox = commonhold::Mailbox::<String>::new(4096)?;
    /// assert!(!mailbox.is_closed());
    /// mailbox.close();
    /// assert!(mailbox.is_closed());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed_to_senders(&self.handle)
    }
}

impl<T: Transfer> Drop for Mailbox<T> {
    fn drop(&mut self) {
        self.handle.leave(&self.handle, &self.send_end, &self.recv_end);
    }
}

impl<T: Transfer> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Mailbox::over(self.handle.clone())
    }
}

impl<T: Transfer> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({:?}, {} messages)", self.handle, self.len())
    }
}

impl<T: Transfer> Handled for Mailbox<T> {
    type Object = Raw<T>;

    fn handle(&self) -> &Handle<Raw<T>> {
        &self.handle
    }

    fn from_handle(handle: Handle<Raw<T>>) -> Self {
        Mailbox::over(handle)
    }
}

// A panic in the middle of an operation leaves what a death would: the next one goes on.
impl<T: Transfer> UnwindSafe for Mailbox<T> {}
impl<T: Transfer> RefUnwindSafe for Mailbox<T> {}
