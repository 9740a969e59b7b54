//! One thread, nobody else: what an operation costs at least.

use std::hint::black_box;
use std::ptr;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use commonhold::{Event, Lock, Mutex, Semaphore, Value};
use nix::libc;

use crate::support::cpu;
use crate::support::ratio::Run;
use crate::support::report::{Report, sample};

/// Times a loop around `operation`.
fn timed<T: 'static>(mut subject: T, operation: impl Fn(&mut T) + 'static) -> Run {
    Box::new(move |count| {
        cpu::pin(cpu::pair()[0]);
        let subject = black_box(&mut subject);
        let report = Report::of(|| {
            for _ in 0..count {
                operation(subject);
            }
            0
        });
        sample(&[report])
    })
}

pub fn lock() -> Run {
    timed(Lock::new().expect("a lock"), |lock| drop(black_box(lock.lock().expect("it is free"))))
}

#[expect(clippy::mut_mutex_lock, reason = "the lock is what is measured")]
pub fn lock_std() -> Run {
    timed(Box::new(StdMutex::new(())), |lock| {
        drop(black_box(lock.lock().expect("it is free")));
    })
}

pub fn mutex() -> Run {
    timed(Mutex::new(0u64).expect("a mutex"), |mutex| *mutex.lock().expect("it is free") += 1)
}

#[expect(clippy::mut_mutex_lock, reason = "the lock is what is measured")]
pub fn mutex_std() -> Run {
    timed(Box::new(StdMutex::new(0u64)), |mutex| *mutex.lock().expect("it is free") += 1)
}

pub fn get() -> Run {
    timed(Value::new(7u64).expect("a value"), |value| {
        black_box(value.get());
    })
}

pub fn get_std() -> Run {
    timed(Box::new(AtomicU64::new(7)), |atomic| {
        black_box(atomic.load(Ordering::Acquire));
    })
}

pub fn update() -> Run {
    timed(Value::new(0u64).expect("a value"), |value| {
        black_box(value.update(|number| number.wrapping_add(1)));
    })
}

pub fn update_std() -> Run {
    timed(Box::new(AtomicU64::new(0)), |atomic| {
        let mut number = atomic.load(Ordering::Acquire);
        while let Err(found) = atomic.compare_exchange_weak(
            number,
            number.wrapping_add(1),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            number = found;
        }
        black_box(number);
    })
}

pub fn get_64() -> Run {
    timed(Value::new([7u8; 64]).expect("a value"), |value| {
        black_box(value.get());
    })
}

/// A sequence number and the words it covers.
struct Seqlock {
    sequence: AtomicU64,
    words: [AtomicU64; 8],
}

impl Seqlock {
    fn get(&self) -> [u64; 8] {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            let words = std::array::from_fn(|at| self.words[at].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                return words;
            }
        }
    }
}

pub fn get_64_bare() -> Run {
    let words = std::array::from_fn(|_| AtomicU64::new(7));
    timed(Box::new(Seqlock { sequence: AtomicU64::new(0), words }), |cell| {
        black_box(cell.get());
    })
}

pub fn semaphore() -> Run {
    timed(Semaphore::new(1).expect("a semaphore"), |semaphore| {
        drop(black_box(semaphore.acquire()));
    })
}

pub fn semaphore_c() -> Run {
    // SAFETY: a sem_t is plain bytes, which sem_init fills in.
    let mut semaphore = Box::new(unsafe { std::mem::zeroed::<libc::sem_t>() });
    // SAFETY: it is in its place, and stays there.
    assert_eq!(unsafe { libc::sem_init(ptr::from_mut(&mut *semaphore), 1, 1) }, 0);
    timed(semaphore, |semaphore| {
        let semaphore = ptr::from_mut(&mut **semaphore);
        // SAFETY: it was initialized, and never moved.
        assert_eq!(unsafe { libc::sem_wait(semaphore) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(semaphore) }, 0);
    })
}

pub fn event() -> Run {
    timed(Event::new().expect("an event"), |event| {
        black_box(event.is_set());
    })
}

pub fn event_std() -> Run {
    timed(Box::new(AtomicU64::new(0)), |atomic| {
        black_box(atomic.load(Ordering::Acquire) != 0);
    })
}
