//! The error of setting things up: what was attempted, on what, and why it failed.

use std::fmt;
use std::io;

/// What went wrong, for programs to tell cases apart.
///
/// # Examples
/// ```
/// use commonhold::{ErrorKind, Lock};
/// let error = Lock::open("no-such-lock-here").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A living segment, a persistent one, or an object of a segment has this name already.
    AlreadyExists,
    /// Nothing has this name, or what had it was left by processes that ended.
    NotFound,
    /// Something else has this name: another kind of object, or another type of content.
    TypeMismatch,
    /// The file with this name was not made by this crate.
    NotACommonhold,
    /// The segment was made by a version of this crate with another layout.
    Version,
    /// The segment was made by this crate, but what it says of itself does not fit together.
    Damaged,
    /// The system does not let this user open, create or remove it.
    PermissionDenied,
    /// Not a name: empty, longer than 200 bytes, `.`, `..`, or with `/` or NUL in it.
    InvalidName,
    /// A size, length, capacity or count that cannot be.
    InvalidSize,
    /// No room for it: in shared memory, in the segment, or in the address space.
    OutOfMemory,
    /// As many processes are attached as the segment was made for.
    TooManyParticipants,
    /// The segment belongs to processes of another PID or time namespace, whose life and death
    /// cannot be seen from here.
    ForeignNamespace,
    /// `init()` was not called, which starting processes needs.
    NotInitialized,
    /// A new process ended, or was killed for being late, before it could run anything.
    StartFailed,
    /// A value cannot cross to another process, or did not arrive there as what it was.
    Refused,
    /// The operation makes no sense for this object.
    Unsupported,
    /// Another failure of the system; the source tells which.
    Io,
}

/// Why an object could not be made, found, or removed.
///
/// Its text names the operation, the object, what was found and what was expected:
/// `open queue "jobs": holds Value<u64> (8 bytes), asked for Queue<Job> (24 bytes)`.
///
/// # Examples
/// ```
/// let error = commonhold::Event::create("a/b").unwrap_err();
/// assert_eq!(error.kind(), commonhold::ErrorKind::InvalidName);
/// assert!(error.to_string().starts_with("create event \"a/b\": "));
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    object: String,
    reason: String,
    source: Option<io::Error>,
}

impl Error {
    /// Which case this is.
    ///
    /// # Examples
    /// ```
    /// let error = commonhold::Segment::open("nothing-here").unwrap_err();
    /// assert_eq!(error.kind(), commonhold::ErrorKind::NotFound);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Says which operation failed, on what: `create`, `queue "jobs"`.
    pub(crate) fn of(failure: Failure, operation: &'static str, object: String) -> Error {
        let Failure { kind, reason, source } = failure;
        Error { kind, operation, object, reason, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { operation, object, reason, .. } = self;
        write!(f, "{operation} {object}: {reason}")?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Why something failed, before it is known what for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) reason: String,
    pub(crate) source: Option<io::Error>,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, reason: impl Into<String>) -> Failure {
        Failure { kind, reason: reason.into(), source: None }
    }

    /// A failed system call, with what it was to do.
    pub(crate) fn system(doing: &str, source: impl Into<io::Error>) -> Failure {
        let source = source.into();
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            io::ErrorKind::StorageFull
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => ErrorKind::OutOfMemory,
            _ => ErrorKind::Io,
        };
        Failure { kind, reason: doing.to_owned(), source: Some(source) }
    }
}
