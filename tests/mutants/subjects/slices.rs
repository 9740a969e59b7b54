//! Queues of slices.

use commonhold::{Queue, wait_any};

use super::Subject;
use super::sample::Sample;
use crate::uses::{Came, SHORT, Uses};

fn slice<T: Sample>(length: u64) -> Vec<T> {
    (0..length).map(T::sample).collect()
}

fn known<T: Sample>(slice: &[T]) -> Vec<u64> {
    slice.iter().map(T::known_by).collect()
}

impl<T: Sample> Subject for Queue<[T]> {
    fn warm(&self) {
        for length in 0..40 {
            let _ = self.try_send(&slice(length));
            let _ = self.try_recv();
        }
        for length in 3..6 {
            let _ = self.try_send(&slice(length));
        }
    }

    fn each(&self, uses: &Uses) {
        uses.op("Queue<[T]>::len", || {
            Came::to((self.len(), self.is_empty(), self.is_full(), self.capacity()))
        });
        uses.op("Queue<[T]>::try_recv", || Came::with(self.try_recv(), |m| known(&m)));
        uses.op("Queue<[T]>::try_send", || Came::of(self.try_send(&slice(20))));
        uses.op("Queue<[T]>::send_timeout", || Came::of(self.send_timeout(&slice(30), SHORT)));
        uses.op("Queue<[T]>::try_send, long", || Came::of(self.try_send(&slice(300))));
        uses.op("Queue<[T]>::recv_timeout", || {
            Came::with(self.recv_timeout(SHORT), |message| known(&message))
        });
        uses.op("Queue<[T]>::try_recv_into", || {
            let mut into = slice(2);
            let length = self.try_recv_into(&mut into);
            Came::to((length.ok(), known(&into)))
        });
        uses.op("wait_any, slices", || Came::to(wait_any(&[self], Some(SHORT))));
        uses.op("Sender<[T]> and Receiver<[T]>", || {
            let (sender, receiver) = (self.sender(), self.receiver());
            let sent = sender.send_timeout(&slice(8), SHORT);
            Came::to((sent.is_ok(), receiver.recv_timeout(SHORT).map(|m| known(&m)).ok()))
        });
        uses.op("Queue<[T]>::try_recv, all", || {
            let all = (0..64).map_while(|_| self.try_recv().ok());
            Came::to(all.map(|message| known(&message)).collect::<Vec<_>>())
        });
        uses.op("Queue<[T]>::try_send, all", || {
            let fits = |length: &u64| self.try_send(&slice(*length)).is_ok();
            Came::to((0..64).take_while(fits).count())
        });
        uses.op("Queue<[T]>::close", || {
            self.close();
            Came::to(self.is_closed())
        });
        uses.op("Queue<[T]>::recv_timeout, all", || {
            Came::to((0..64).map_while(|_| self.recv_timeout(SHORT).ok()).count())
        });
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Queue<[T]>::sender, held", || {
            let (sender, receiver) = (self.sender(), self.receiver());
            let _ = sender.try_send(&slice(7));
            meanwhile();
            Came::with(receiver.recv_timeout(SHORT), |message| known(&message))
        });
        uses.op("Queue<[T]>::send_timeout", || Came::of(self.send_timeout(&slice(30), SHORT)));
    }

    fn take_to_the_grave(&self) {
        std::mem::forget((self.sender(), self.receiver()));
        (0..40).for_each(|_| drop((self.try_send(&slice(5)), self.try_recv())));
    }
}
