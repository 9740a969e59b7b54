//! One thread, nobody else: what an operation costs at least.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, RwLock};

use commonhold::{Array, Buffer, Event, Lock, Mailbox, Mutex, Queue, Semaphore, wait_any};
use nix::libc;

use crate::support::looped::pinned;
use crate::support::ratio::Run;

const LENGTH: usize = 64;

pub fn lock() -> Run {
    pinned(Lock::new().expect("a lock"), |lock| drop(lock.lock().expect("it is free")))
}

pub fn lock_std() -> Run {
    pinned(Box::new(StdMutex::new(())), |lock| drop(lock.lock().expect("it is free")))
}

pub fn mutex() -> Run {
    pinned(Mutex::new(0u64).expect("a mutex"), |mutex| *mutex.lock().expect("it is free") += 1)
}

pub fn mutex_std() -> Run {
    pinned(Box::new(StdMutex::new(0u64)), |mutex| *mutex.lock().expect("it is free") += 1)
}

pub fn array_get() -> Run {
    let mut at = 0;
    pinned(Array::<u64>::new(LENGTH).expect("an array"), move |array| {
        at = (at + 1) % LENGTH;
        array.get(at)
    })
}

pub fn array_add() -> Run {
    let mut at = 0;
    pinned(Array::<u64>::new(LENGTH).expect("an array"), move |array| {
        at = (at + 1) % LENGTH;
        array.fetch_add(at, 1).expect("an element")
    })
}

pub fn buffer_read() -> Run {
    pinned(Buffer::<u64>::new(LENGTH).expect("a buffer"), |buffer| {
        buffer.read().expect("nobody writes").iter().sum::<u64>()
    })
}

pub fn buffer_read_std() -> Run {
    pinned(Box::new(RwLock::new([0u64; LENGTH])), |buffer| {
        buffer.read().expect("nobody writes").iter().sum::<u64>()
    })
}

pub fn buffer_write() -> Run {
    pinned(Buffer::<u64>::new(LENGTH).expect("a buffer"), |buffer| {
        buffer.write().expect("it is free").iter_mut().for_each(|number| *number += 1);
    })
}

pub fn buffer_write_std() -> Run {
    pinned(Box::new(RwLock::new([0u64; LENGTH])), |buffer| {
        buffer.write().expect("it is free").iter_mut().for_each(|number| *number += 1);
    })
}

pub fn semaphore() -> Run {
    pinned(Semaphore::new(1).expect("a semaphore"), |semaphore| drop(semaphore.acquire()))
}

pub fn semaphore_c() -> Run {
    // SAFETY: a sem_t is plain bytes, which sem_init fills in.
    let semaphore = Box::new(UnsafeCell::new(unsafe { std::mem::zeroed::<libc::sem_t>() }));
    // SAFETY: it is in its place, and stays there.
    assert_eq!(unsafe { libc::sem_init(semaphore.get(), 1, 1) }, 0);
    pinned(semaphore, |semaphore| {
        let semaphore = semaphore.get();
        // SAFETY: it was initialized, and never moved.
        assert_eq!(unsafe { libc::sem_wait(semaphore) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(semaphore) }, 0);
    })
}

pub fn event_is_set() -> Run {
    pinned(Event::new().expect("an event"), Event::is_set)
}

pub fn event_is_set_std() -> Run {
    pinned(Box::new(AtomicU64::new(0)), |atomic| atomic.load(Ordering::Acquire) != 0)
}

pub fn event_set_clear() -> Run {
    pinned(Event::new().expect("an event"), |event| {
        event.set();
        event.clear();
    })
}

pub fn queue() -> Run {
    pinned(Queue::<u64>::new(LENGTH).expect("a queue"), |queue| {
        queue.send(7).expect("an open queue");
        queue.recv().expect("an open queue")
    })
}

pub fn mailbox() -> Run {
    pinned(Mailbox::<u64>::new(4096).expect("a mailbox"), |mailbox| {
        mailbox.send(7).expect("an open mailbox");
        mailbox.recv().expect("an open mailbox")
    })
}

/// Of two, one of which is ready.
pub fn ready_of_two() -> Run {
    let (jobs, over) = (Queue::<u64>::new(LENGTH), Event::new().expect("an event"));
    over.set();
    pinned((jobs.expect("a queue"), over), |(jobs, over)| wait_any(&[jobs, over], None))
}
