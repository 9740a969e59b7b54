//! A segment of several objects, which are found by their names, and to which others are added.

use commonhold::{
    Array, Buffer, Error, Event, Lock, Mailbox, Mutex, Place, Queue, Segment, Semaphore, Value,
};

use super::{Subject, options};
use crate::uses::{Came, SHORT, Uses};

/// The segment alone: what is in it is opened at each use.
struct Shop(Segment);

pub fn create(name: &str) -> Result<Box<dyn Subject>, Error> {
    let shop = options().create(name, 16 << 10)?;
    Value::create(shop.at("small"), 7_u64)?;
    Value::create(shop.at("large"), [7_u64; 5])?;
    Array::<u16>::create(shop.at("array"), 9)?;
    Lock::create(shop.at("lock"))?;
    Mutex::create(shop.at("mutex"), 7_u32)?;
    Event::create(shop.at("event"))?;
    Buffer::<u32>::create(shop.at("buffer"), 5)?;
    Semaphore::create(shop.at("semaphore"), 3)?;
    Queue::<u32>::create(shop.at("queue"), 4)?;
    Mailbox::<String>::create(shop.at("mailbox"), 100)?;
    Ok(Box::new(Shop(shop)))
}

pub fn open(name: &str) -> Result<Box<dyn Subject>, Error> {
    Ok(Box::new(Shop(Segment::open(name)?)))
}

impl Shop {
    /// Opens an object, and does something with it.
    fn opened<T>(
        &self,
        uses: &Uses,
        name: &'static str,
        open: impl FnOnce(Place<'_>) -> Result<T, Error>,
        then: impl FnOnce(T) -> Came,
    ) {
        uses.op(name, || match open(self.0.at(name)) {
            Ok(opened) => then(opened),
            Err(error) => Came::of(Err::<(), _>(error.kind())),
        });
    }
}

impl Subject for Shop {
    fn warm(&self) {
        let queue = Queue::<u32>::open(self.0.at("queue")).expect("the queue");
        (0..3).for_each(|number| queue.try_send(number).expect("room"));
        let mailbox = Mailbox::<String>::open(self.0.at("mailbox")).expect("the mailbox");
        mailbox.try_send("hello".repeat(1000)).expect("room");
    }

    fn each(&self, uses: &Uses) {
        uses.op("Segment::names", || Came::of(self.0.names().map_err(|error| error.kind())));
        self.opened(uses, "small", |at| Value::<u64>::open(at), |small| Came::to(small.get()));
        self.opened(uses, "large", |at| Value::<[u64; 5]>::open(at), |large| Came::to(large.get()));
        self.opened(uses, "array", |at| Array::<u16>::open(at), |row| Came::to(row.to_vec()));
        self.opened(uses, "lock", |at| Lock::open(at), |lock| Came::with(lock.try_lock(), drop));
        self.opened(
            uses,
            "mutex",
            |at| Mutex::<u32>::open(at),
            |lock| Came::with(lock.try_lock(), |guard| *guard),
        );
        self.opened(uses, "event", |at| Event::open(at), |event| Came::to(event.is_set()));
        self.opened(
            uses,
            "buffer",
            |at| Buffer::<u32>::open(at),
            |row| Came::with(row.try_read(), |row| row.to_vec()),
        );
        self.opened(
            uses,
            "semaphore",
            |at| Semaphore::open(at),
            |seats| Came::with(seats.try_acquire(), drop),
        );
        self.opened(uses, "queue", |at| Queue::<u32>::open(at), |queue| Came::of(queue.try_recv()));
        self.opened(
            uses,
            "mailbox",
            |at| Mailbox::<String>::open(at),
            |mailbox| Came::of(mailbox.recv_timeout(SHORT)),
        );
        self.opened(
            uses,
            "one more",
            |at| Lock::open_or_create(at),
            |lock| Came::with(lock.try_lock(), drop),
        );
        self.opened(
            uses,
            "another",
            |at| Queue::<u64>::create(at, 2),
            |queue| Came::of(queue.try_send(1)),
        );
        uses.op("Segment::names", || Came::of(self.0.names().map_err(|error| error.kind())));
        uses.op("segments", || {
            Came::with(commonhold::segments().map_err(|error| error.kind()), |all| all.is_empty())
        });
        uses.op("gc", || Came::of(commonhold::gc().map_err(|error| error.kind())));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        let lock = Lock::open(self.0.at("lock"));
        let guard = lock.as_ref().ok().and_then(|lock| lock.try_lock().ok());
        meanwhile();
        uses.op("Segment::names, held", || Came::of(self.0.names().map_err(|error| error.kind())));
        drop(guard);
    }

    fn take_to_the_grave(&self) {
        let lock = Lock::open(self.0.at("lock")).expect("the lock");
        std::mem::forget(lock.try_lock());
    }
}
