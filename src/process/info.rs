//! Who this process is to this crate: its name, the process that started it, the ones it started.
#![forbid(unsafe_code)]

use super::Process;
use super::keeper;
use super::letter::Letter;
use crate::sys::per_process::PerProcess;
use crate::sys::process::{Namespaces, note_own_namespaces, set_thread_name};

/// The name of a process that nothing of this crate started.
const MAIN: &str = "main";

/// A process, as another one or itself sees it.
///
/// # Examples
/// ```
/// let me = commonhold::current();
/// assert_eq!(me.pid(), std::process::id());
/// assert_eq!(me.name(), "main");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessInfo {
    pid: u32,
    name: String,
}

impl ProcessInfo {
    /// Its number.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::current().pid(), std::process::id());
    /// ```
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its name: as its parent named it, else `process-` and its number; `main` for a process that was
    /// not started by this crate.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(commonhold::current().name(), "main");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What a child was told of itself and its parent.
struct Told {
    name: String,
    parent: ProcessInfo,
}

static TOLD: PerProcess<Told> = PerProcess::new();

/// Notes who this new child is. Shown by `ps` and the like, too.
pub(super) fn become_child(letter: &Letter) {
    let name = match letter.name.as_str() {
        "" => default_name(std::process::id()),
        name => name.to_owned(),
    };
    set_thread_name(&name);
    let (pid, time) = letter.namespaces;
    note_own_namespaces(Namespaces { pid, time });
    let parent = ProcessInfo { pid: letter.parent, name: letter.parent_name.clone() };
    let _ = TOLD.get_or(|| Ok(Told { name, parent })); // without memory it stays unnamed
}

pub(super) fn default_name(pid: u32) -> String {
    format!("process-{pid}")
}

/// This process.
///
/// # Examples
/// ```
/// println!("{} here", commonhold::current().name());
/// ```
#[doc(alias = "current_process")]
pub fn current() -> ProcessInfo {
    let name = TOLD.get().map_or(MAIN, |told| &told.name).to_owned();
    ProcessInfo { pid: std::process::id(), name }
}

/// The process that started this one; `None` if it was not started by this crate.
///
/// It is the one that did, also after it has ended.
///
/// # Examples
/// ```
/// assert!(commonhold::parent().is_none());
/// ```
#[doc(alias = "parent_process")]
pub fn parent() -> Option<ProcessInfo> {
    TOLD.get().map(|told| told.parent.clone())
}

/// The children of this process that run, in the order in which they were started. Those that have
/// ended are reaped.
///
/// # Examples
/// ```
/// use commonhold::Process;
///
/// fn main() -> Result<(), commonhold::Error> {
///     commonhold::init();
///     let child = Process::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)), ())?;
///     assert_eq!(commonhold::active_children().len(), 1);
///     child.kill()?;
///     child.join()?;
///     assert!(commonhold::active_children().is_empty());
///     Ok(())
/// }
/// ```
pub fn active_children() -> Vec<Process> {
    let running = keeper::children().into_iter().filter(|child| child.is_alive());
    running.map(Process::of).collect()
}
