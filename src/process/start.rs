//! Where a new process turns off from `main`: it learns what to run, runs it, and ends.
#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;
use std::process::Termination;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::function::{Function, exit_code};
use super::launch::VARIABLE;
use super::letter::{Letter, Received, Record};
use super::{at_exit, info, panics};
use crate::error::{ErrorKind, Failure};
use crate::segment::process as segments;
use crate::sys::line::Line;
use crate::sys::process::{die_with, may_be_child_of};
use crate::sys::program;
use crate::sys::spawn::{is_inherited_socket, take_inherited};
use crate::transfer::{Transfer, Unpacker};

// Ordering: the flag is set by `main` before it starts anything, and guards nothing.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// What a child's function is reached by.
pub(super) type Entry = fn(Start) -> i32;

/// What a child was told.
pub(super) struct Start {
    line: Arc<Line>,
    arguments: Vec<u8>,
    descriptors: Vec<(i32, OwnedFd)>,
}

/// Makes this program one that can start processes: to be the first line of `main`.
///
/// In a process that [`Process::spawn`](crate::Process::spawn) started, this runs the function there and
/// ends the process with it: what comes after in `main` never runs. In every other process it returns
/// at once. Call it before there are other threads (before an asynchronous runtime starts, say), and
/// before anything that a child should not do again. Calling it twice is fine.
///
/// In tests there is no `main` to write it in: say [`test_support!`](crate::test_support) instead.
///
/// # Examples
/// ```
/// use commonhold::{Process, Value};
///
/// fn main() -> Result<(), commonhold::Error> {
///     commonhold::init();
///     let total = Value::<u64>::new(0)?;
///     let child = Process::spawn(add, (total.clone(), 7))?;
///     assert!(child.join()?.success());
///     assert_eq!(total.get(), 7);
///     Ok(())
/// }
///
/// fn add(total: Value<u64>, n: u64) {
///     total.fetch_add(n);
/// }
/// ```
#[doc(alias = "freeze_support")]
pub fn init() {
    if INITIALIZED.swap(true, Ordering::Relaxed) {
        return;
    }
    program::identity(); // found before there are threads that a fork could interrupt
    at_exit::register();
    if let Some((line, parent)) = line_to_parent() {
        std::process::exit(run(Arc::new(line), parent));
    }
}

/// Refuses to start processes that would not turn off.
pub(super) fn check_initialized() -> Result<(), Failure> {
    if INITIALIZED.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorKind::NotInitialized,
        "`commonhold::init()` was not called: it is to be the first line of `main` (in tests: \
         `commonhold::test_support!()`), because a new process runs this program once more and \
         turns off there",
    ))
}

/// The line that this process was started with, and by whom, if it was started to run a function.
fn line_to_parent() -> Option<(Line, u32)> {
    let variable = std::env::var(VARIABLE).ok()?;
    let mut words = variable.split(':');
    let (number, inode) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let parent = words.next()?.parse().ok()?;
    // A program that a child runs has the variable too, but not the socket.
    is_inherited_socket(number, inode)
        .then(|| take_inherited(number))
        .flatten()
        .map(|end| (Line::from_inherited(end), parent))
}

/// Does what the letter says; the code to end with.
fn run(line: Arc<Line>, parent: u32) -> i32 {
    const ORPHAN: i32 = 1;
    // A parent that dies closes its end of the line, but there may be copies of that in processes it forked.
    let received = match Letter::receive(&line, || may_be_child_of(parent)) {
        None => return ORPHAN,
        Some(Err(why)) => return refuse(&line, why.reason()),
        Some(Ok(received)) => received,
    };
    let Received { letter, arguments, descriptors } = received;
    if letter.program != program::identity() {
        return refuse(&line, "the program is another than the one that started it");
    }
    if !letter.lives_on && !die_with(letter.parent) {
        return ORPHAN;
    }
    info::become_child(&letter);
    note_panics(&line);
    match program::entry_at::<Start, i32>(letter.entry) {
        Some(entry) => entry(Start { line, arguments, descriptors }),
        None => refuse(&line, "the function is not where it should be in the program"),
    }
}

/// Has panics noted, and told to the parent where they abort.
pub(super) fn note_panics(line: &Arc<Line>) {
    let line = Arc::clone(line);
    panics::note_all(move |panic| Record::Panicked(panic.to_string()).send(&line));
}

fn refuse(line: &Line, why: &str) -> i32 {
    Record::Refused(why.to_owned()).send(line);
    1
}

/// The entry of a function: unpacks its arguments, says so, and runs it.
pub(super) fn enter<F, A, M>(start: Start) -> i32
where
    F: Function<A, M>,
    A: Transfer,
    F::Output: Termination,
{
    let Start { line, arguments, descriptors } = start;
    let put_off = segments::put_off_start();
    let mut from = Unpacker::at_start(&arguments, descriptors);
    let args = A::unpack(&mut from).and_then(|args| from.finish().map(|()| args));
    drop(from);
    drop(arguments);
    match args {
        Err(why) => refuse(&line, &format!("unpacking the arguments: {why}")),
        Ok(args) => {
            Record::Ready.send(&line);
            if put_off.is_ok() {
                segments::tell_start();
            }
            run_function(&line, || program::value_of::<F>().call(args))
        }
    }
}

/// Runs a function to its end; the code that the process ends with.
pub(super) fn run_function<R: Termination>(line: &Line, f: impl FnOnce() -> R) -> i32 {
    panics::catch(|| exit_code(f())).unwrap_or_else(|panic| {
        Record::Panicked(panic.to_string()).send(line);
        101
    })
}

/// This process's name, where it has one.
pub(super) fn own_name() -> String {
    info::current().name().to_owned()
}
