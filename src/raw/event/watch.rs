//! An event, watched.

use super::EventWord;
use crate::raw::eventcount::Moment;
use crate::raw::watch::{Sleep, Watch};

/// An event that is watched from now on.
pub(crate) struct EventWatch<'e> {
    event: &'e EventWord,
    first: u32,
}

impl EventWord {
    pub(crate) fn watch(&self) -> EventWatch<'_> {
        EventWatch { event: self, first: self.load() }
    }
}

impl Watch for EventWatch<'_> {
    fn is_ready(&self, _: Moment) -> bool {
        EventWord::has_happened(self.first, self.event.load())
    }

    fn arm(&self) -> Sleep<'_> {
        // It was like this at every look so far, or armed, and changes for good when it happens.
        (&self.event.0, self.event.arm(self.first))
    }
}
