//! `Event`: something happened, and everybody who waits for it goes on.
#![forbid(unsafe_code)]

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::raw::event::RawEvent;
use crate::segment::handle::{Handle, Handled};
use crate::segment::place::Place;
use crate::sys::clock::Deadline;

/// A flag that processes wait for.
///
/// [`set`](Event::set) releases everybody who waits and everybody who will, until
/// [`clear`](Event::clear). A waiter that was waiting when it was set returns, even if it is cleared
/// at once. What a process did before `set` is visible to whoever saw the event set.
///
/// # If a process dies
/// A killed waiter is nothing. One killed inside `set` has set it or not; the waiters find out within
/// 64 ms.
///
/// # Examples
/// ```
/// use commonhold::Event;
/// let start = Event::new()?;
/// let runner = { let start = start.clone(); std::thread::spawn(move || start.wait()) };
/// start.set();
/// runner.join().unwrap();
/// assert!(start.is_set());
/// # Ok::<(), commonhold::Error>(())
/// ```
#[derive(Clone)]
pub struct Event {
    handle: Handle<RawEvent>,
}

impl Event {
    /// Makes an anonymous event, not set.
    ///
    /// # Errors
    /// `OutOfMemory`, or `Io` when descriptors are exhausted.
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Event::new()?.is_set());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn new() -> Result<Event, Error> {
        Handle::new(()).map(Event::from)
    }

    /// Creates an event at this place, not set.
    ///
    /// # Errors
    /// `AlreadyExists` if something living has the name; `InvalidName`, `OutOfMemory`,
    /// `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-event-create-{}", std::process::id());
    /// let start = commonhold::Event::create(&name)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn create<'a>(at: impl Into<Place<'a>>) -> Result<Event, Error> {
        Handle::create(at.into(), ()).map(Event::from)
    }

    /// Opens the event at this place.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch`, `NotACommonhold`, `Version`, `Damaged`, `PermissionDenied`,
    /// `ForeignNamespace`, `TooManyParticipants`, `InvalidName`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-event-open-{}", std::process::id());
    /// use commonhold::Event;
    /// let start = Event::create(&name)?;
    /// Event::open(&name)?.set();
    /// assert!(start.is_set());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open<'a>(at: impl Into<Place<'a>>) -> Result<Event, Error> {
        Handle::open(at.into()).map(Event::from)
    }

    /// Opens the event at this place, or creates it: of any number of callers exactly one does.
    ///
    /// # Errors
    /// As [`create`](Event::create) and [`open`](Event::open), without `AlreadyExists` and `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-event-either-{}", std::process::id());
    /// let start = commonhold::Event::open_or_create(&name)?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn open_or_create<'a>(at: impl Into<Place<'a>>) -> Result<Event, Error> {
        Handle::open_or_create(at.into(), ()).map(Event::from)
    }

    /// Removes the event's name now; users keep the event. Nothing to do for an anonymous one.
    ///
    /// # Errors
    /// `NotFound` when the name is gone; `Unsupported` within a segment; `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// # let name = format!("doc-event-unlink-{}", std::process::id());
    /// let start = commonhold::Event::create(&name)?;
    /// start.unlink()?;
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.handle.unlink()
    }

    /// Sets the event and wakes everybody who waits for it.
    ///
    /// # Examples
    /// ```
    /// let done = commonhold::Event::new()?;
    /// done.set();
    /// assert!(done.is_set());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn set(&self) {
        self.handle.set();
    }

    /// Clears the event: who waits from now on waits for the next `set`.
    ///
    /// # Examples
    /// ```
    /// let done = commonhold::Event::new()?;
    /// done.set();
    /// done.clear();
    /// assert!(!done.is_set());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn clear(&self) {
        self.handle.clear();
    }

    /// Whether it is set at this moment.
    ///
    /// # Examples
    /// ```
    /// assert!(!commonhold::Event::new()?.is_set());
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    #[inline]
    pub fn is_set(&self) -> bool {
        self.handle.is_set()
    }

    /// Waits until it is set: awake for some microseconds at most, where that paid lately, then asleep.
    ///
    /// # Examples
    /// ```
    /// let done = commonhold::Event::new()?;
    /// done.set();
    /// done.wait();
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn wait(&self) {
        while !self.handle.wait(Deadline::Never) {}
    }

    /// Waits until it is set, for at most `timeout`; never less. True: it was set.
    ///
    /// # Examples
    /// ```
    /// let done = commonhold::Event::new()?;
    /// assert!(!done.wait_timeout(std::time::Duration::from_millis(5)));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.handle.wait(Deadline::after(timeout))
    }

    /// Waits until it is set, until `deadline` at most. True: it was set.
    ///
    /// # Examples
    /// ```
    /// let done = commonhold::Event::new()?;
    /// assert!(!done.wait_deadline(std::time::Instant::now()));
    /// # Ok::<(), commonhold::Error>(())
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.handle.wait(Deadline::At(deadline))
    }
}

impl From<Handle<RawEvent>> for Event {
    fn from(handle: Handle<RawEvent>) -> Event {
        Event { handle }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({:?}, set: {})", self.handle, self.is_set())
    }
}

impl Handled for Event {
    type Object = RawEvent;

    fn handle(&self) -> &Handle<RawEvent> {
        &self.handle
    }

    fn from_handle(handle: Handle<RawEvent>) -> Self {
        Event::from(handle)
    }
}
