//! How a process is started.
#![forbid(unsafe_code)]

use std::process::Termination;
use std::sync::Arc;

use super::arrival::Arriving;
use super::child::Manner;
use super::function::assert_captures_nothing;
use super::launch::{self, Errand, Launch};
use super::{Function, Process, start};
use crate::error::{Error, Failure};
use crate::transfer::Transfer;

/// How a process is started, from [`Process::options`].
///
/// # Examples
/// ```
/// use commonhold::Process;
///
/// fn main() -> Result<(), commonhold::Error> {
///     commonhold::init();
///     let logger = Process::options().name("logger").daemon(true).spawn(|| loop {
///         std::thread::park();
///     }, ())?;
///     assert!(logger.is_alive()); // and killed when this process ends
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a process is started with them"]
pub struct ProcessOptions {
    manner: Manner,
}

impl ProcessOptions {
    /// Gives it a name, shown in errors and, cut to 15 bytes, by `ps` and `top`.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Process::options().name("worker 7");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> ProcessOptions {
        self.manner.name = Some(name.into()).filter(|name| !name.is_empty());
        self
    }

    /// Sets whether the parent kills it when it ends normally, instead of waiting for it.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Process::options().daemon(true);
    /// ```
    pub fn daemon(mut self, daemon: bool) -> ProcessOptions {
        self.manner.daemon = daemon;
        self
    }

    /// Sets whether it lives on when the parent ends, however that ends. Of a daemon, too.
    ///
    /// # Examples
    /// ```
    /// let options = commonhold::Process::options().detach(true);
    /// ```
    pub fn detach(mut self, detach: bool) -> ProcessOptions {
        self.manner.detached = detach;
        self
    }

    /// Starts a process that runs `f` with these arguments.
    ///
    /// # Errors
    /// As [`Process::spawn`].
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::options().name("adder").spawn(|a: u32, b: u32| assert_eq!(a + b, 3), (1, 2))?;
    /// assert!(child.join()?.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn<F, A, M>(&self, f: F, args: A) -> Result<Process, Error>
    where
        F: Function<A, M>,
        A: Transfer,
        F::Output: Termination,
    {
        const { assert_captures_nothing::<F>() };
        Process::spawn_with(f, args, self.manner.clone())
    }

    /// As [`spawn`](ProcessOptions::spawn), in parts: this, what it is to run, [`carry_on`](super::carry_on) for as
    /// many as were begun, and what waits.
    pub(crate) fn begin(self) -> Result<Begun, Error> {
        let object = object_of(&self.manner);
        match launch::begin(self.manner) {
            Ok(launch) => Ok(Begun { launch, object }),
            Err(failure) => Err(not_spawned(failure, object)),
        }
    }
}

/// What errors call a process.
pub(super) fn object_of(manner: &Manner) -> String {
    match &manner.name {
        Some(name) => format!("process {name:?}"),
        None => "process".to_owned(),
    }
}

pub(super) fn not_spawned(failure: Failure, object: String) -> Error {
    Error::of(failure, "spawn", object)
}

/// A process that was begun. Dropped, it ends.
pub(crate) struct Begun {
    launch: launch::Begun,
    object: String,
}

impl Begun {
    /// Has it run `f` with these arguments.
    pub(crate) fn run<F, A, M>(self, f: F, args: A) -> Result<Box<dyn Underway>, Error>
    where
        F: Function<A, M>,
        A: Transfer + Send + 'static,
        F::Output: Termination,
    {
        let _ = f; // its type says it all
        let Begun { launch, object } = self;
        let told =
            Errand::new(start::enter::<F, A, M>, args).and_then(|errand| launch.tell(errand));
        match told {
            Ok(launch) => Ok(Box::new(Told { launch, object })),
            Err(failure) => Err(not_spawned(failure, object)),
        }
    }
}

/// A process that was told what to run.
struct Told<A> {
    launch: Launch<A>,
    object: String,
}

/// A process that was told what to run, whatever its arguments are.
pub(crate) trait Underway {
    /// Waits until it says something, or will not; a nap at most.
    fn doze(&self);

    /// Waits until it was started.
    fn start(self: Box<Self>) -> Result<(Process, Box<dyn Arriving>), Error>;
}

impl<A: Transfer + Send + 'static> Underway for Told<A> {
    fn doze(&self) {
        self.launch.doze();
    }

    fn start(self: Box<Self>) -> Result<(Process, Box<dyn Arriving>), Error> {
        let Told { launch, object } = *self;
        let arrival = launch.start().map_err(|failure| not_spawned(failure, object))?;
        Ok((Process::of(Arc::clone(arrival.child())), Box::new(arrival)))
    }
}
