//! What can be set and waited for, as a link: nothing is sent, and the waiter counts.

use crate::engines::link::{Inlet, Outlet};
use crate::engines::message::Content;

pub trait Sign {
    fn set(&mut self);
    fn wait(&mut self);
}

/// Either end of it.
pub struct Counted<S> {
    sign: S,
    count: u64,
}

impl<S: Sign> Counted<S> {
    pub fn of(sign: S) -> Counted<S> {
        Counted { sign, count: 0 }
    }
}

impl<S: Sign> Outlet for Counted<S> {
    #[inline(always)]
    fn send(&mut self, _: u64, _: Content) {
        self.sign.set();
    }
}

impl<S: Sign> Inlet for Counted<S> {
    #[inline(always)]
    fn recv(&mut self, _: Content) -> u64 {
        self.sign.wait();
        self.count += 1;
        self.count
    }
}
