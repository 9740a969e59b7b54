//! Ending a process from outside.
#![forbid(unsafe_code)]

use super::Process;
use crate::error::Error;
use crate::sys::child::Signal;

impl Process {
    /// Asks it to end (`SIGTERM`). Fine when it has ended.
    ///
    /// # Errors
    /// `PermissionDenied` when it changed its user; `Unsupported` in a process forked from its parent.
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// child.terminate()?;
    /// assert_eq!(child.join()?.signal(), Some(15));
    /// child.terminate()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn terminate(&self) -> Result<(), Error> {
        self.signal(Signal::TERM, "terminate")
    }

    /// Ends it (`SIGKILL`), whatever it does. Fine when it has ended.
    ///
    /// # Errors
    /// As [`terminate`](Process::terminate).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// child.kill()?;
    /// assert_eq!(child.join()?.signal(), Some(9));
    /// # Ok(())
    /// # }
    /// ```
    pub fn kill(&self) -> Result<(), Error> {
        self.signal(Signal::KILL, "kill")
    }

    /// Interrupts it (`SIGINT`), as a terminal does. Fine when it has ended.
    ///
    /// # Errors
    /// As [`terminate`](Process::terminate).
    ///
    /// # Examples
    /// ```
    /// # use commonhold::Process;
    /// # fn main() -> Result<(), commonhold::Error> {
    /// # commonhold::init();
    /// let child = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
    /// child.interrupt()?;
    /// assert_eq!(child.join()?.signal(), Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn interrupt(&self) -> Result<(), Error> {
        self.signal(Signal::INT, "interrupt")
    }

    fn signal(&self, which: Signal, operation: &'static str) -> Result<(), Error> {
        self.child.signal(which).map_err(|failure| self.error(failure, operation))
    }
}
