//! The fast paths whose instructions are counted.

use std::hint::black_box;

use bytemuck::Pod;
use commonhold::{Array, Buffer, Error, Event, Lock, Mailbox, Mutex, Queue, Semaphore, Value};

use crate::counting::counted;

/// Does its operation so many times, [`counted`], and what that takes before and after.
pub type Run = Box<dyn FnMut(u64)>;

/// A named one, set up when it is needed.
pub struct Operation {
    pub name: &'static str,
    pub set_up: fn() -> Run,
}

/// A queue holds all messages of a run.
pub const CAPACITY: usize = 4096;
/// Of a ring of bytes: short, so that each run goes around many times.
const BYTES: usize = 1024;
/// Messages of a batch.
const BATCH: usize = 64;

macro_rules! operations {
    ($($name:literal $set_up:expr;)*) => {
        pub const OPERATIONS: &[Operation] =
            &[$(Operation { name: $name, set_up: || -> Run { $set_up } }),*];
    };
}

operations! {
    "a loop around nothing" alone(Ok(()), |()| ());
    "Lock: lock, drop" alone(Lock::new(), |lock| drop(black_box(lock.lock().unwrap())));
    "Lock: try_lock, drop" alone(Lock::new(), |lock| drop(black_box(lock.try_lock().unwrap())));
    "Mutex<u64>: lock, add, drop" alone(Mutex::new(0u64), |mutex| *mutex.lock().unwrap() += 3);
    "Value<u64>: get" alone(Value::new(7u64), |value| value.get());
    "Value<u64>: set" alone(Value::new(7u64), |value| value.set(black_box(8)));
    "Value<u64>: update" alone(Value::new(7u64), |value| value.update(|n| n.wrapping_mul(3)));
    "Value<u64>: fetch_add" alone(Value::new(7u64), |value| value.fetch_add(black_box(3)));
    "Value<[u8; 64]>: get" alone(Value::new([7u8; 64]), |value| value.get());
    "Value<[u8; 64]>: set" alone(Value::new([7u8; 64]), |value| value.set(black_box([8; 64])));
    "Value<[u8; 64]>: update" alone(Value::new([7u8; 64]), |value| value.update(black_box));
    "Array<u64>: get" alone(Array::<u64>::new(64), |row| row.get(black_box(5)).unwrap());
    "Array<u64>: set" alone(Array::<u64>::new(64), |row| row.set(black_box(5), 8).unwrap());
    "Array<u64>: fetch_add" alone(Array::<u64>::new(64), |row| row.fetch_add(black_box(5), 3).unwrap());
    "Buffer<u64>: read, drop" alone(buffer(), |all| drop(black_box(all.read().unwrap())));
    "Buffer<u64>: write, drop" alone(buffer(), |all| drop(black_box(all.write().unwrap())));
    "Event: is_set" alone(Event::new(), |event| event.is_set());
    "Event: set, clear" alone(Event::new(), |event| (event.set(), event.clear()));
    "Semaphore: acquire, drop" alone(Semaphore::new(1), |all| drop(black_box(all.acquire())));
    "Semaphore: try_acquire, drop" alone(Semaphore::new(1), |all| {
        drop(black_box(all.try_acquire().unwrap()));
    });
    "Queue<u64>: send" send(words(), |queue| queue.send(black_box(7)).unwrap(), drain);
    "Queue<u64>: recv" recv(words(), fill, |queue| queue.recv().unwrap());
    "Queue<u64>: try_send" send(words(), |queue| queue.try_send(black_box(7)).unwrap(), drain);
    "Queue<u64>: try_recv" recv(words(), fill, |queue| queue.try_recv().unwrap());
    "Queue<u64>: send, recv" alone(words(), |queue| {
        (queue.send(black_box(7)).unwrap(), queue.recv().unwrap())
    });
    "Queue<u64>: send_all of 64, recv_many, each" batches();
    "Queue<[u64; 8]>: send" send(lines(), |queue| queue.send(black_box([7; 8])).unwrap(), drain);
    "Queue<[u64; 8]>: recv" recv(lines(), fill, |queue| queue.recv().unwrap());
    "Queue of 64 KiB: reserve, send, lease, done" alone(Queue::<[u64; 8 << 10]>::new(4), |queue| {
        (queue.reserve().unwrap().send().unwrap(), queue.lease().unwrap().done())
    });
    "Queue<[u8]>: send of 64 B, recv_into" slices();
    "Mailbox<u64>: send, recv" alone(Mailbox::<u64>::new(BYTES), |letters| {
        (letters.send(black_box(7)).unwrap(), letters.recv().unwrap())
    });
}

fn buffer() -> Result<Buffer<u64>, Error> {
    Buffer::new(64)
}

fn words() -> Result<Queue<u64>, Error> {
    Queue::new(CAPACITY)
}

fn lines() -> Result<Queue<[u64; 8]>, Error> {
    Queue::new(CAPACITY)
}

fn drain<T: Pod + Send + Sync>(queue: &Queue<T>, count: u64) {
    (0..count).for_each(|_| assert!(queue.recv().is_ok()));
}

fn fill<T: Pod + Send + Sync>(queue: &Queue<T>, count: u64) {
    (0..count).for_each(|_| assert!(queue.send(T::zeroed()).is_ok()));
}

/// Counts messages, not batches: in a long loop a receiver looks after the dead, by the clock.
fn batches() -> Run {
    let queue = words().expect("room in shared memory");
    let (batch, mut received) = ([7; BATCH], Vec::with_capacity(BATCH));
    Box::new(move |count| {
        counted(&mut || {
            for _ in 0..count as usize / BATCH {
                received.clear();
                queue.send_all(black_box(&batch)).unwrap();
                black_box(queue.recv_many(&mut received, BATCH).unwrap());
            }
        });
    })
}

fn slices() -> Run {
    let mut received = Vec::with_capacity(64);
    alone(Queue::<[u8]>::new(BYTES), move |queue| {
        (queue.send(black_box(&[7; 64])).unwrap(), queue.recv_into(&mut received).unwrap())
    })
}

fn alone<T: 'static, R>(
    subject: Result<T, Error>,
    operation: impl FnMut(&T) -> R + 'static,
) -> Run {
    around(subject, |_, _| (), operation, |_, _| ())
}

fn send<T: 'static, R>(
    subject: Result<T, Error>,
    operation: impl FnMut(&T) -> R + 'static,
    drain: impl Fn(&T, u64) + 'static,
) -> Run {
    around(subject, |_, _| (), operation, drain)
}

fn recv<T: 'static, R>(
    subject: Result<T, Error>,
    fill: impl Fn(&T, u64) + 'static,
    operation: impl FnMut(&T) -> R + 'static,
) -> Run {
    around(subject, fill, operation, |_, _| ())
}

fn around<T: 'static, R>(
    subject: Result<T, Error>,
    before: impl Fn(&T, u64) + 'static,
    mut operation: impl FnMut(&T) -> R + 'static,
    after: impl Fn(&T, u64) + 'static,
) -> Run {
    let subject = subject.expect("room in shared memory");
    Box::new(move |count| {
        before(&subject, count);
        let here = black_box(&subject);
        counted(&mut || {
            for _ in 0..count {
                black_box(operation(here));
            }
        });
        after(&subject, count);
    })
}
