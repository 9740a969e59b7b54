//! Mailboxes: of what has a length of its own, of what is longer than the ring, and of handles.

use commonhold::{Mailbox, Transfer, Value, wait_any};

use super::Subject;
use crate::uses::{Came, SHORT, Uses};

/// Values of many kinds within one another.
pub type Letter = (String, Vec<(u32, Option<char>)>, Result<Box<[u64]>, bool>);

/// What can be sent.
trait Message: Transfer {
    fn make(number: u64) -> Self;
    /// One that does not fit the ring, if there is one.
    fn long() -> Option<Self>;
    fn known_by(&self) -> u64;
}

impl Message for Letter {
    fn make(number: u64) -> Letter {
        let pairs = (0..number as u32 % 5).map(|n| (n, char::from_digit(n, 10))).collect();
        (
            number.to_string(),
            pairs,
            if number.is_multiple_of(2) { Ok(Box::new([number])) } else { Err(true) },
        )
    }

    fn long() -> Option<Letter> {
        Some(("long".repeat(2500), Vec::new(), Err(false)))
    }

    fn known_by(&self) -> u64 {
        let (text, pairs, rest) = self;
        let rest = rest.as_ref().map_or(1, |numbers| numbers.iter().fold(2, |a, b| a ^ b));
        text.len() as u64 ^ (pairs.len() as u64) << 32 ^ rest << 48
    }
}

impl Message for Value<u64> {
    fn make(number: u64) -> Value<u64> {
        thread_local! {
            static ONE: Value<u64> = Value::new(7).expect("an anonymous value");
        }
        let _ = number;
        ONE.with(Clone::clone)
    }

    fn long() -> Option<Value<u64>> {
        None
    }

    fn known_by(&self) -> u64 {
        self.get()
    }
}

impl<T: Message> Subject for Mailbox<T> {
    fn warm(&self) {
        for number in 0..40 {
            let _ = self.try_send(T::make(number));
            let _ = self.try_recv();
        }
        T::long().into_iter().for_each(|long| drop(self.try_send(long)));
        let _ = self.try_send(T::make(6));
    }

    fn each(&self, uses: &Uses) {
        let known = |message: T| message.known_by();
        uses.op("Mailbox::len", || Came::to((self.len(), self.is_empty(), self.is_closed())));
        uses.op("Mailbox::try_recv", || Came::with(self.try_recv(), known));
        uses.op("Mailbox::try_send", || Came::of(self.try_send(T::make(1)).map_err(drop)));
        uses.op("Mailbox::send_timeout", || {
            Came::of(self.send_timeout(T::make(2), SHORT).map_err(drop))
        });
        uses.op("Mailbox::recv_timeout", || Came::with(self.recv_timeout(SHORT), known));
        if let Some(long) = T::long() {
            uses.op("Mailbox::send_timeout, long", || {
                Came::of(self.send_timeout(long, SHORT).map_err(drop))
            });
        }
        uses.op("wait_any, a mailbox", || Came::to(wait_any(&[self], Some(SHORT))));
        uses.op("Mailbox::try_recv, all", || {
            let all = (0..64).map_while(|_| self.try_recv().ok());
            Came::to(all.map(known).collect::<Vec<_>>())
        });
        uses.op("Mailbox::try_send, all", || {
            let fits = |number: &u64| self.try_send(T::make(*number)).is_ok();
            Came::to((0..64).take_while(fits).count())
        });
        uses.op("Mailbox::close", || {
            self.close();
            Came::to(self.is_closed())
        });
        uses.op("Mailbox::recv_timeout, all", || {
            let all = (0..64).map_while(|_| self.recv_timeout(SHORT).ok());
            Came::to(all.map(known).collect::<Vec<_>>())
        });
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Mailbox::try_send, held", || {
            let long = T::long().is_some_and(|long| self.try_send(long).is_ok());
            Came::to((long, self.try_send(T::make(3)).is_ok()))
        });
        meanwhile();
        uses.op("Mailbox::recv_timeout", || {
            Came::with(self.recv_timeout(SHORT), |message| message.known_by())
        });
        uses.op("Mailbox::recv_timeout", || {
            Came::with(self.recv_timeout(SHORT), |message| message.known_by())
        });
    }

    fn take_to_the_grave(&self) {
        (0..30).for_each(|number| drop((self.try_send(T::make(number)), self.try_recv())));
        let _ = self.try_send(T::make(4));
    }
}
