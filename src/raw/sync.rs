//! The atomics and futexes the state machines are written on: the real ones, or loom's.

#[cfg(loom)]
pub(crate) mod model;

#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(loom))]
pub(crate) use real::*;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(not(loom))]
mod real {
    pub(crate) use crate::sys::futex::{wait as futex_wait, wake as futex_wake};
    pub(crate) use crate::sys::membarrier::{
        heavy_fence, is_registered as bias_pays, light_fence, publisher_fence, sleeper_fence,
    };
    pub(crate) use crate::sys::thread::key as thread_key;
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, fence};
}
