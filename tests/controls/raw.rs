//! The mutex and the event of `raw_sync`, in a segment of `shared_memory`.

use raw_sync::Timeout;
use raw_sync::events::{Event, EventImpl, EventInit, EventState};
use raw_sync::locks::{LockImpl, LockInit, Mutex};
use shared_memory::Shmem;
use std::time::Duration;

use super::memory::shared;
use super::{Control, PATIENCE};

pub struct RawMutex {
    mutex: Box<dyn LockImpl>,
    memory: Shmem,
}

impl RawMutex {
    pub fn new() -> RawMutex {
        let memory = shared(Mutex::size_of(None) + 64);
        let start = memory.as_ptr();
        // SAFETY: it fits, its page is aligned, and the mapping lives as long as it. What it guards is
        // nothing that is read or written; the pointer leads to the spare bytes behind it.
        let (mutex, _) = unsafe { Mutex::new(start, start.add(Mutex::size_of(None))) }.unwrap();
        RawMutex { mutex, memory }
    }
}

impl Control for RawMutex {
    fn take(&self) -> bool {
        self.mutex.try_lock(Timeout::Val(PATIENCE)).map(std::mem::forget).is_ok()
    }

    fn give(&self) {
        self.mutex.release().expect("it is mine");
    }

    fn memory(&self) -> &Shmem {
        &self.memory
    }
}

/// One that resets itself, so that one waiter has each signal, and begins with one; or a manual one.
pub struct RawEvent {
    event: Box<dyn EventImpl>,
    memory: Shmem,
}

impl RawEvent {
    pub fn new() -> RawEvent {
        let event = RawEvent::made(true);
        event.give();
        event
    }

    /// One that everybody waits for, until it is cleared; it begins unset.
    pub fn manual() -> RawEvent {
        RawEvent::made(false)
    }

    pub fn clear(&self) {
        self.event.set(EventState::Clear).expect("to clear");
    }

    /// Whether it is set.
    pub fn take_now(&self) -> bool {
        self.event.wait(Timeout::Val(Duration::ZERO)).is_ok()
    }

    fn made(resets_itself: bool) -> RawEvent {
        let memory = shared(Event::size_of(None) + 64);
        // SAFETY: it fits, with what aligning takes, and the mapping lives as long as it.
        let (event, _) = unsafe { Event::new(memory.as_ptr(), resets_itself) }.unwrap();
        RawEvent { event, memory }
    }
}

impl Control for RawEvent {
    fn take(&self) -> bool {
        self.event.wait(Timeout::Val(PATIENCE)).is_ok()
    }

    fn give(&self) {
        self.event.set(EventState::Signaled).expect("to signal");
    }

    fn memory(&self) -> &Shmem {
        &self.memory
    }
}
