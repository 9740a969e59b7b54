//! Cells in somebody's hands: a leased message, and one that is being built.

use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

use super::layout::RawQueue;
use super::local::{RecvEnd, SendEnd};
use super::look::NotReceived;
use super::send::NotSent;
use crate::segment::handle::Handle;
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

/// A cell that this process holds. A copy in a forked child holds nothing.
struct Held<'a, T: Shared> {
    handle: &'a Handle<RawQueue<T>>,
    number: usize,
    tag: Tag,
}

impl<T: Shared> Held<'_, T> {
    #[inline]
    fn is_mine(&self) -> bool {
        self.handle.me_if_registered() == self.tag
    }

    #[inline]
    fn assert_mine(&self) {
        assert!(self.is_mine(), "a lease or slot of a queue that was inherited by fork");
    }
}

/// A leased message: nobody writes it, and it comes back unless it is done.
pub(crate) struct Leased<'a, T: Shared>(Held<'a, T>);

impl<'a, T: Shared> Leased<'a, T> {
    #[inline(always)]
    pub(crate) fn take(
        handle: &'a Handle<RawQueue<T>>,
        end: &RecvEnd,
        deadline: Deadline,
    ) -> Result<Leased<'a, T>, NotReceived> {
        let (number, tag) = handle.lease(handle, end, deadline)?;
        Ok(Leased(Held { handle, number, tag }))
    }

    #[inline(always)]
    pub(crate) fn done(self) {
        let held = &self.0;
        if held.is_mine() {
            held.handle.put_cell(held.number);
        }
        std::mem::forget(self);
    }

    pub(crate) fn deliveries(&self) -> u32 {
        self.0.handle.deliveries(self.0.number)
    }
}

impl<T: Shared> Deref for Leased<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.assert_mine();
        let at = self.0.handle.cell_payload(self.0.number);
        // SAFETY: [HDR-2] aligned and within the block, which handle keeps mapped; [CLM-1] the lease
        // excludes every writer while self lives; [CHK-1] the message was found valid when leased.
        unsafe { &*at }
    }
}

impl<T: Shared> Drop for Leased<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_mine() {
            self.0.handle.give_back(self.0.number);
        }
    }
}

/// A cell in which a large message is built.
pub(crate) struct Reserved<'a, T: Shared>(Held<'a, T>);

impl<'a, T: Shared> Reserved<'a, T> {
    #[inline(always)]
    pub(crate) fn take(
        handle: &'a Handle<RawQueue<T>>,
        end: &SendEnd,
        deadline: Deadline,
    ) -> Result<Reserved<'a, T>, NotSent> {
        let (number, tag) = handle.reserve(handle, end, deadline)?;
        Ok(Reserved(Held { handle, number, tag }))
    }

    /// Sends what was built; gives the cell back if that fails. An inherited copy sends nothing.
    #[inline(always)]
    pub(crate) fn send(self, end: &SendEnd, deadline: Deadline) -> Result<(), NotSent> {
        let held = &self.0;
        held.assert_mine();
        held.handle.send_reserved(held.handle, end, held.number, deadline)?;
        std::mem::forget(self);
        Ok(())
    }
}

impl<T: Shared + Pod> Deref for Reserved<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.assert_mine();
        let at = self.0.handle.cell_payload(self.0.number);
        // SAFETY: [HDR-2] aligned and within the block, which handle keeps mapped; [CLM-1] the cell is
        // this process's while self lives; [BIT-1] any bytes are a Pod.
        unsafe { &*at }
    }
}

impl<T: Shared + Pod> DerefMut for Reserved<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.assert_mine();
        let at = self.0.handle.cell_payload(self.0.number);
        // SAFETY: [HDR-2] aligned and within the block, which handle keeps mapped; [CLM-1] the cell is
        // this process's, and self the only way to it; [BIT-1] any bytes are a Pod.
        unsafe { &mut *at }
    }
}

impl<T: Shared> Drop for Reserved<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_mine() {
            self.0.handle.put_cell(self.0.number);
        }
    }
}
