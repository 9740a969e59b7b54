//! A byte ring, watched by who wants to receive.

use super::LOOK_INTERVAL;
use super::layout::{Carried, RawBytes};
use crate::raw::eventcount::Moment;
use crate::raw::queue::RawMessages;
use crate::raw::queue::local::Looked;
use crate::raw::queue::ring::Actor;
use crate::raw::watch::{Sleep, Watch};
use crate::segment::handle::Handle;

/// A ring that is watched.
pub(crate) struct BytesWatch<'h, C> {
    handle: &'h Handle<RawBytes<C>>,
    looked: Looked,
}

impl<C: Carried> RawBytes<C> {
    pub(super) fn watched(handle: &Handle<Self>) -> BytesWatch<'_, C> {
        BytesWatch { handle, looked: Looked::never() }
    }
}

impl<C: Carried> Watch for BytesWatch<'_, C> {
    fn is_ready(&self, moment: Moment) -> bool {
        let due = || self.handle.header.senders.says_gone() || self.looked.due(LOOK_INTERVAL);
        let gone = || self.handle.senders().all_gone(&Actor::new(self.handle).at(moment));
        self.handle.ring.stirs() || (due() && gone())
    }

    fn arm(&self) -> Sleep<'_> {
        self.handle.header.items.arm()
    }

    fn pass_on(&self) {
        self.handle.header.items.publish();
    }
}
