//! What a protocol asks about the other participants of its segment.

use super::tag::Tag;
use crate::sys::clock::Naps;

/// How closely to look at a holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// Ask the kernel whether the process lives.
    Quick,
    /// Also see whether it still maps the segment: `exec` keeps pid and start time.
    Thorough,
}

impl Look {
    /// The look that is due after these naps.
    pub(crate) fn after(naps: &Naps) -> Look {
        if naps.long() { Look::Thorough } else { Look::Quick }
    }
}

/// Who I am in a segment, and what became of the others.
pub(crate) trait Peers {
    /// This process's tag. Never nobody: a forked child registers here.
    fn me(&self) -> Tag;

    /// This process's tag if it has one; nobody in a forked child that has not registered.
    fn me_if_registered(&self) -> Tag;

    /// True when the tag's process is gone for ever, and for `NOBODY` and `GONE`; never for
    /// `POISONED`. A stopped process is not dead. Asks the kernel: for slow paths only.
    fn is_dead(&self, tag: Tag, look: Look) -> bool;

    /// Runs `cas`, which takes a claim away from `dead`, so that no row can be given the generation
    /// of `dead` meanwhile. `None`: the tag turned out to be in use after all, nothing was run.
    fn take_over<R>(&self, dead: Tag, cas: impl FnOnce() -> R) -> Option<R>;
}
