//! Looking at an object beside others: whether it is ready, and which word to sleep on until it may be.

use super::eventcount::Moment;
use super::sync::AtomicU32;

/// A word to sleep on, and what it holds as long as nothing was published.
pub(crate) type Sleep<'w> = (&'w AtomicU32, u32);

/// A look at an object, over the whole of a wait. It takes nothing.
///
/// Who waits looks; arms; fences as a sleeper does; looks again; and sleeps while the word holds what
/// `arm` told. So a publication after that last look finds it, as it finds a sleeper of the eventcount.
pub(crate) trait Watch {
    fn is_ready(&self, moment: Moment) -> bool;

    /// Lets publishers know of a sleeper, and tells what to sleep on.
    fn arm(&self) -> Sleep<'_>;

    /// Wakes another sleeper: this one may have been woken in its place, and takes nothing.
    fn pass_on(&self) {}
}
