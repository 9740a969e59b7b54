//! Queues of values.

use commonhold::bytemuck::Pod;
use commonhold::{Queue, wait_any};

use super::Subject;
use super::sample::Sample;
use crate::uses::{Came, SHORT, Uses};

/// Messages one after another that make a side the owner's.
const LONG_ENOUGH_FOR_A_BIAS: u64 = 40;

/// A queue of more has messages and room at the same time.
const ROOMY: usize = 8;

impl<T: Sample> Subject for Queue<T> {
    fn warm(&self) {
        for number in 0..LONG_ENOUGH_FOR_A_BIAS {
            let _ = self.try_send(T::sample(number));
            let _ = self.try_recv();
        }
        for number in 0..3.min(self.capacity() as u64) {
            let _ = self.try_send(T::sample(number));
        }
    }

    fn each(&self, uses: &Uses) {
        let known = |message: T| message.known_by();
        uses.op("Queue::len", || {
            Came::to((self.len(), self.is_empty(), self.is_full(), self.is_closed()))
        });
        uses.op("Queue::capacity", || Came::to(self.capacity()));
        uses.op("Queue::try_recv", || Came::with(self.try_recv(), known));
        uses.op("Queue::try_send", || {
            Came::with(self.try_send(T::sample(1)).map_err(drop), |()| 0)
        });
        uses.op("Queue::send_timeout", || {
            Came::with(self.send_timeout(T::sample(2), SHORT).map_err(drop), |()| 0)
        });
        uses.op("Queue::recv_timeout", || Came::with(self.recv_timeout(SHORT), known));
        uses.op("Queue::try_lease", || Came::with(self.try_lease(), |lease| lease.known_by()));
        uses.op("Lease::done", || {
            Came::with(self.lease_timeout(SHORT), |lease| {
                let known = (lease.known_by(), lease.deliveries());
                lease.done();
                known
            })
        });
        uses.op("wait_any, a queue", || Came::to(wait_any(&[self], Some(SHORT))));
        if self.capacity() >= ROOMY {
            T::reserve(self, uses);
        }
        self.each_end(uses);
        uses.op("Queue::try_recv, all", || {
            let most = self.capacity().min(64);
            let all = (0..most).map_while(|_| self.try_recv().ok());
            Came::to(all.map(known).collect::<Vec<_>>())
        });
        uses.op("Queue::wait_done_timeout", || Came::to(self.wait_done_timeout(SHORT)));
        uses.op("Queue::try_send, all", || {
            let most = self.capacity().min(64) as u64;
            Came::to((0..most).take_while(|n| self.try_send(T::sample(*n)).is_ok()).count())
        });
        uses.op("Queue::send_timeout", || {
            Came::with(self.send_timeout(T::sample(2), SHORT).map_err(drop), |()| 0)
        });
        uses.op("Queue::close", || {
            self.close();
            Came::to(self.is_closed())
        });
        uses.op("Queue::recv_timeout", || Came::with(self.recv_timeout(SHORT), known));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Queue::lease, held", || {
            let (one, another) = (self.try_lease(), self.try_lease());
            meanwhile();
            if let Ok(another) = another {
                another.done();
            }
            Came::with(one, |lease| lease.deliveries())
        });
        uses.op("Queue::sender, held", || {
            let (sender, receiver) = (self.sender(), self.receiver());
            let _ = sender.try_send(T::sample(1));
            meanwhile();
            let came = Came::with(receiver.recv_timeout(SHORT), |message| message.known_by());
            drop(sender);
            came
        });
        uses.op("Queue::recv_timeout", || Came::with(self.recv_timeout(SHORT), |m| m.known_by()));
    }

    fn take_to_the_grave(&self) {
        let _ = self.try_send(T::sample(5));
        std::mem::forget(self.sender());
        std::mem::forget(self.receiver());
        for number in 0..LONG_ENOUGH_FOR_A_BIAS {
            let _ = self.try_send(T::sample(number));
            let _ = self.try_recv();
        }
        std::mem::forget(self.try_lease());
    }
}

trait Ends {
    /// The same by counted ends.
    fn each_end(&self, uses: &Uses);
}

impl<T: Sample> Ends for Queue<T> {
    fn each_end(&self, uses: &Uses) {
        uses.op("Sender and Receiver", || {
            let (sender, receiver) = (self.sender(), self.receiver());
            let sent = sender.send_timeout(T::sample(8), SHORT).is_ok();
            let received = receiver.recv_timeout(SHORT).map(|message| message.known_by());
            drop(sender);
            Came::to((sent, received.ok()))
        });
        if self.capacity() < ROOMY {
            return;
        }
        // These have no time limit: there is room, and a message, once the bytes are put back.
        uses.seldom("Queue::send_all", || {
            let two = [T::sample(3), T::sample(4)];
            let fits = self.len() + two.len() <= self.capacity() && !self.is_closed();
            Came::of(if fits { self.send_all(&two).map_err(drop) } else { Err(()) })
        });
        uses.seldom("Queue::recv_many", || {
            let mut all = Vec::new();
            let some = if self.is_empty() { None } else { self.recv_many(&mut all, 2).ok() };
            Came::to((some, all.iter().map(T::known_by).collect::<Vec<_>>()))
        });
    }
}

/// Builds messages in place.
pub fn reserve<T: Sample + Pod>(queue: &Queue<T>, uses: &Uses, filled: T) {
    uses.seldom("Slot::send", || {
        let slot = queue.try_reserve().map_err(drop);
        Came::of(slot.and_then(|mut slot| {
            *slot = filled;
            if queue.is_full() { Err(()) } else { slot.send().map_err(drop) }
        }))
    });
    uses.op("Queue::reserve_timeout", || {
        Came::with(queue.reserve_timeout(SHORT).map_err(drop), drop)
    });
}
