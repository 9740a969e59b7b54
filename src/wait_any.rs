//! `wait_any`: sleeping until one of several things is ready, without taking anything.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::process::Child;
use crate::queue::{Message, Queue, Receiver};
use crate::raw::eventcount::Moment;
use crate::raw::queue::RawMessages;
use crate::raw::sync::sleeper_fence;
use crate::raw::watch::{Sleep, Watch};
use crate::segment::Look;
use crate::segment::handle::Handled;
use crate::sys::clock::{Deadline, Naps};
use crate::sys::futex;
use crate::transfer::Transfer;
use crate::{Event, Mailbox, Process};

/// What [`wait_any`] can wait for.
///
/// | | is ready when |
/// |---|---|
/// | [`Queue`], [`Receiver`], [`Mailbox`] | there is something to receive, or nothing more comes: `try_recv` would not say `Empty` |
/// | [`Event`] | it is set, or was since the call began |
/// | [`Process`] | it has ended |
///
/// It cannot be implemented elsewhere.
///
/// # Examples
/// ```
/// use commonhold::{Event, Mailbox, Waitable};
/// let (stop, mail) = (Event::new()?, Mailbox::<String>::new(4096)?);
/// let all: [&dyn Waitable; 2] = [&stop, &mail];
/// # Ok::<(), commonhold::Error>(())
/// ```
pub trait Waitable: sealed::Waitable {}

pub(crate) mod sealed {
    use crate::raw::watch::Watch;

    #[expect(private_interfaces, reason = "sealed: nobody outside can name or implement it")]
    pub trait Waitable {
        /// Begins to watch it.
        fn watch(&self) -> Box<dyn Watch + '_>;
    }
}

/// Waits until at least one of these is ready, and tells which ones are, by their places. Nothing is
/// received, cleared or joined by that. Empty: the timeout passed first, or there is nothing to wait for.
///
/// What is ready may not be any more when the caller gets to it, as others receive as well: a `try_recv`
/// may still find nothing.
///
/// It sleeps in one system call on up to 128 of them, and looks at all of them again every 64 ms at least;
/// of more than 128, or where the kernel cannot sleep on several, every millisecond.
///
/// # If a process dies
/// That makes nothing ready but the process itself; what it held comes back, and is seen within 64 ms.
///
/// # Examples
/// ```
/// use commonhold::{Event, Queue, wait_any};
/// use std::time::Duration;
///
/// let (stop, jobs) = (Event::new()?, Queue::<u64>::new(4)?);
/// assert!(wait_any(&[&stop, &jobs], Some(Duration::from_millis(1))).is_empty());
/// jobs.send(7).unwrap();
/// assert_eq!(wait_any(&[&stop, &jobs], None), [1]);
/// stop.set();
/// assert_eq!(wait_any(&[&stop, &jobs], None), [0, 1]);
/// assert_eq!(jobs.try_recv(), Ok(7));
/// # Ok::<(), commonhold::Error>(())
/// ```
#[doc(alias = "wait")]
#[doc(alias = "select")]
pub fn wait_any(waitables: &[&dyn Waitable], timeout: Option<Duration>) -> Vec<usize> {
    let watches: Vec<_> = waitables.iter().map(|one| one.watch()).collect();
    if watches.is_empty() {
        return Vec::new();
    }
    let mut naps = Naps::until(timeout.map_or(Deadline::Never, Deadline::after));
    let mut moment = Moment::Awake;
    loop {
        let ready = ready(&watches, moment);
        if !ready.is_empty() {
            if moment != Moment::Awake {
                // The wake may have been meant for somebody who takes what is there.
                ready.iter().for_each(|place| watches[*place].pass_on());
            }
            return ready;
        }
        let sleeps: Vec<Sleep<'_>> = watches.iter().map(|watch| watch.arm()).collect();
        if !sleeper_fence() || sleeps.len() > futex::MOST {
            naps = naps.at_most(SHORT_NAP);
        }
        let Some(nap) = naps.next() else { return self::ready(&watches, Moment::Awake) };
        if watches.iter().any(|watch| watch.is_ready(Moment::Awake)) {
            continue;
        }
        if !futex::wait_any(&sleeps, nap) {
            naps = naps.at_most(SHORT_NAP);
        }
        moment = Moment::Napped(Look::after(&naps));
    }
}

/// How long to sleep where not everything can be slept on.
const SHORT_NAP: Duration = Duration::from_millis(1);

fn ready(watches: &[Box<dyn Watch + '_>], moment: Moment) -> Vec<usize> {
    (0..watches.len()).filter(|place| watches[*place].is_ready(moment)).collect()
}

impl<M: Message + ?Sized> Waitable for Queue<M> {}
impl<M: Message + ?Sized> Waitable for Receiver<M> {}
impl<T: Transfer> Waitable for Mailbox<T> {}
impl Waitable for Event {}
impl Waitable for Process {}

#[expect(private_interfaces, reason = "of a sealed trait")]
impl<M: Message + ?Sized> sealed::Waitable for Queue<M> {
    fn watch(&self) -> Box<dyn Watch + '_> {
        RawMessages::watch(self.handle())
    }
}

#[expect(private_interfaces, reason = "of a sealed trait")]
impl<M: Message + ?Sized> sealed::Waitable for Receiver<M> {
    fn watch(&self) -> Box<dyn Watch + '_> {
        RawMessages::watch(self.queue().handle())
    }
}

#[expect(private_interfaces, reason = "of a sealed trait")]
impl<T: Transfer> sealed::Waitable for Mailbox<T> {
    fn watch(&self) -> Box<dyn Watch + '_> {
        RawMessages::watch(self.handle())
    }
}

#[expect(private_interfaces, reason = "of a sealed trait")]
impl sealed::Waitable for Event {
    fn watch(&self) -> Box<dyn Watch + '_> {
        Box::new(self.handle().watch())
    }
}

#[expect(private_interfaces, reason = "of a sealed trait")]
impl sealed::Waitable for Process {
    fn watch(&self) -> Box<dyn Watch + '_> {
        Box::new(ChildWatch(self.child()))
    }
}

/// A child that is watched.
struct ChildWatch<'p>(&'p Child);

impl Watch for ChildWatch<'_> {
    fn is_ready(&self, _: Moment) -> bool {
        !self.0.is_alive()
    }

    fn arm(&self) -> Sleep<'_> {
        (self.0.over_word(), 0)
    }
}
