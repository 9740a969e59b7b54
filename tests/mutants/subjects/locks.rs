//! Locks, mutexes, buffers, events and semaphores.

use commonhold::{Buffer, Event, Lock, Mutex, Semaphore};

use super::Subject;
use super::sample::Sample;
use crate::uses::{Came, SHORT, Uses};

impl Subject for Lock {
    fn warm(&self) {
        drop(self.lock());
    }

    fn each(&self, uses: &Uses) {
        uses.op("Lock::is_locked", || Came::to(self.is_locked()));
        uses.op("Lock::try_lock", || Came::with(self.try_lock(), drop));
        uses.op("Lock::lock_timeout", || Came::with(self.lock_timeout(SHORT), drop));
        uses.op("Lock::recover", || Came::with(self.recover(), drop));
        uses.op("Lock::lock", || Came::with(self.lock(), drop));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Lock::lock, held", || {
            let guard = self.try_lock();
            meanwhile();
            Came::with(guard, drop)
        });
        uses.op("Lock::lock_timeout", || Came::with(self.lock_timeout(SHORT), drop));
    }

    fn take_to_the_grave(&self) {
        std::mem::forget(self.try_lock());
    }
}

impl<T: Sample> Subject for Mutex<T> {
    fn warm(&self) {
        *self.lock().expect("a free mutex") = T::sample(1);
    }

    fn each(&self, uses: &Uses) {
        let look = |guard: commonhold::MutexGuard<'_, T>| guard.known_by();
        uses.op("Mutex::try_lock", || Came::with(self.try_lock(), look));
        uses.op("Mutex::lock_timeout", || {
            Came::with(self.lock_timeout(SHORT), |mut guard| *guard = T::sample(2))
        });
        uses.op("Mutex::recover", || Came::with(self.recover(), look));
        uses.op("Mutex::recover_with", || Came::with(self.recover_with(T::sample(3)), look));
        uses.op("Mutex::lock", || Came::with(self.lock(), look));
        uses.op("Mutex::lock_or_repair", || {
            Came::to(self.lock_or_repair(|left| left.unwrap_or(T::sample(4))).known_by())
        });
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Mutex::lock, held", || {
            let guard = self.try_lock();
            meanwhile();
            // What was written over it may be no `T`: not looked at, as `&T` is given out already.
            Came::with(guard, |mut guard| *guard = T::sample(5))
        });
        uses.op("Mutex::lock_timeout", || Came::with(self.lock_timeout(SHORT), drop));
    }

    fn take_to_the_grave(&self) {
        std::mem::forget(self.try_lock());
    }
}

impl Subject for Buffer<u32> {
    fn warm(&self) {
        self.write().expect("a free buffer").fill(7);
    }

    fn each(&self, uses: &Uses) {
        let look = |row: &[u32]| (row.len(), row.iter().fold(0_u32, |sum, n| sum.wrapping_add(*n)));
        uses.op("Buffer::len", || Came::to((self.len(), self.is_empty())));
        uses.op("Buffer::try_read", || Came::with(self.try_read(), |row| look(&row)));
        uses.op("Buffer::read_timeout", || Came::with(self.read_timeout(SHORT), |row| look(&row)));
        uses.op("Buffer::try_write", || Came::with(self.try_write(), |mut row| row.fill(8)));
        uses.op("Buffer::write_timeout", || {
            Came::with(self.write_timeout(SHORT), |row| look(&row))
        });
        uses.op("Buffer::recover", || Came::with(self.recover(), |row| look(&row)));
        uses.op("Buffer::write", || Came::with(self.write(), |mut row| row.fill(9)));
        uses.op("Buffer::read", || Came::with(self.read(), |row| look(&row)));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Buffer::read, held", || {
            let (one, another) = (self.try_read(), self.try_read());
            meanwhile();
            let one = Came::with(one, |row| row.len());
            drop(another);
            one
        });
        uses.op("Buffer::write, held", || {
            let guard = self.write_timeout(SHORT);
            meanwhile();
            Came::with(guard, |mut row| row.fill(1))
        });
        uses.op("Buffer::read_timeout", || Came::with(self.read_timeout(SHORT), |row| row.len()));
    }

    fn take_to_the_grave(&self) {
        // A dead reader, beside whom nobody writes before it is found dead.
        std::mem::forget(self.try_read());
        std::mem::forget(self.write_timeout(SHORT));
    }
}

impl Subject for Event {
    fn warm(&self) {
        self.set();
    }

    fn each(&self, uses: &Uses) {
        uses.op("Event::is_set", || Came::to(self.is_set()));
        uses.op("Event::wait_timeout", || Came::to(self.wait_timeout(SHORT)));
        uses.op("Event::clear", || {
            self.clear();
            Came::to(self.is_set())
        });
        uses.op("Event::set", || {
            self.set();
            Came::to(self.is_set())
        });
        uses.op("Event::wait", || {
            self.wait();
            Came::to(())
        });
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        self.clear();
        meanwhile();
        uses.op("wait_any, an event", || Came::to(commonhold::wait_any(&[self], Some(SHORT))));
        self.set();
    }

    fn take_to_the_grave(&self) {}
}

impl Subject for Semaphore {
    fn warm(&self) {
        drop(self.acquire());
    }

    fn each(&self, uses: &Uses) {
        uses.op("Semaphore::available", || Came::to(self.available()));
        uses.op("Semaphore::try_acquire", || Came::with(self.try_acquire(), drop));
        uses.op("Semaphore::acquire_timeout", || Came::with(self.acquire_timeout(SHORT), drop));
        uses.op("Semaphore::acquire, several", || {
            let permits: Vec<_> = (0..4).map(|_| self.try_acquire()).collect();
            Came::to(permits.iter().filter(|permit| permit.is_ok()).count())
        });
        uses.op("Semaphore::release", || Came::of(self.release(1)));
        uses.op("Semaphore::release, many", || Came::of(self.release(u32::MAX)));
        uses.op("Permit::forget", || Came::with(self.try_acquire(), commonhold::Permit::forget));
        uses.op("Semaphore::acquire_timeout", || Came::with(self.acquire_timeout(SHORT), drop));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Semaphore::acquire, held", || {
            let permits: Vec<_> = (0..3).map(|_| self.try_acquire()).collect();
            meanwhile();
            Came::to(permits.iter().filter(|permit| permit.is_ok()).count())
        });
        uses.op("Semaphore::acquire_timeout", || Came::with(self.acquire_timeout(SHORT), drop));
    }

    fn take_to_the_grave(&self) {
        (0..2).for_each(|_| std::mem::forget(self.try_acquire()));
    }
}
