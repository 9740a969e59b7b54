//! How a process ended.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use crate::sys::child::Ending;

/// How a child process ended: by its own end, with a code, or by a signal.
///
/// # Examples
/// ```
/// use commonhold::Process;
///
/// fn main() -> Result<(), commonhold::Error> {
///     commonhold::init();
///     let status = Process::spawn(|n: i32| std::process::exit(n), (7,))?.join()?;
///     assert!(!status.success());
///     assert_eq!((status.code(), status.signal()), (Some(7), None));
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExitStatus {
    ending: Ending,
    panic: Option<Arc<str>>,
}

impl ExitStatus {
    pub(crate) fn new(ending: Ending, panic: Option<String>) -> ExitStatus {
        ExitStatus { ending, panic: panic.map(Arc::from) }
    }

    /// Whether it ended by itself, with 0.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// assert!(Process::spawn(|| (), ())?.join()?.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn success(&self) -> bool {
        self.ending == Ending::Exited(0)
    }

    /// The code it ended with; `None` if a signal ended it.
    ///
    /// A function that returned `Err` ends its process with 1, one that panicked with 101.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let status = Process::spawn(|| Err::<(), _>("printed"), ())?.join()?;
    /// assert_eq!(status.code(), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn code(&self) -> Option<i32> {
        match self.ending {
            Ending::Exited(code) => Some(code),
            Ending::Signalled(_) => None,
        }
    }

    /// The signal that ended it; `None` if it ended by itself.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let sleeper = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// sleeper.kill()?;
    /// assert_eq!(sleeper.join()?.signal(), Some(9));
    /// # Ok(())
    /// # }
    /// ```
    pub fn signal(&self) -> Option<i32> {
        match self.ending {
            Ending::Exited(_) => None,
            Ending::Signalled(signal) => Some(signal),
        }
    }

    /// What the function panicked with, and where, if a panic ended it:
    /// `index out of bounds (src/main.rs:7:5)`.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let status = Process::spawn(|| panic!("no bread"), ())?.join()?;
    /// assert_eq!(status.code(), Some(101));
    /// assert!(status.panic_message().unwrap().starts_with("no bread"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn panic_message(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    /// As Python has it: the code, or a signal as a negative number.
    pub(crate) fn number(&self) -> i32 {
        match self.ending {
            Ending::Exited(code) => code,
            Ending::Signalled(signal) => -signal,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ending, &self.panic) {
            (Ending::Exited(code), Some(panic)) => write!(f, "exit code {code}, panicked: {panic}"),
            (Ending::Exited(code), None) => write!(f, "exit code {code}"),
            (Ending::Signalled(signal), _) => write!(f, "signal {signal}"),
        }
    }
}
