//! One of every kind of object, by every door.

use commonhold::{
    Array, Buffer, Error, Event, Lock, Mailbox, Mutex, Place, Queue, Segment, Semaphore, Value,
};

/// A kind of object: what it is called, and how it is had; each says whether it works, too.
pub struct Kind {
    pub name: &'static str,
    pub new: fn() -> Result<(), Error>,
    pub create: fn(Place<'_>) -> Result<(), Error>,
    pub open_or_create: fn(Place<'_>) -> Result<(), Error>,
    /// Makes one that is kept.
    pub keep: fn(Place<'_>) -> Result<Box<dyn std::any::Any>, Error>,
    pub open: fn(Place<'_>) -> Result<(), Error>,
    /// Opens one that is kept.
    pub keep_open: fn(&str) -> Result<Box<dyn std::any::Any>, Error>,
}

macro_rules! kinds {
    ($($name:literal: $kind:ty $(, $argument:expr)? => $use:expr;)*) => {
        pub const KINDS: &[Kind] = &[$({
            fn used(object: Result<$kind, Error>) -> Result<(), Error> {
                let object = object?;
                let used: fn(&$kind) = $use;
                used(&object);
                Ok(())
            }
            Kind {
                name: $name,
                new: || used(<$kind>::new($($argument)?)),
                create: |at| used(<$kind>::create(at $(, $argument)?)),
                open_or_create: |at| used(<$kind>::open_or_create(at $(, $argument)?)),
                keep: |at| Ok(Box::new(<$kind>::create(at $(, $argument)?)?)),
                open: |at| used(<$kind>::open(at)),
                keep_open: |name| Ok(Box::new(<$kind>::open(name)?)),
            }
        }),*];
    };
}

kinds! {
    "value": Value<u64>, 1 => |value| _ = value.fetch_add(1);
    "value": Value<[u64; 40]>, [1; 40] => |value| value.set([value.get()[0] + 1; 40]);
    "array": Array<u32>, 2000 => |row| _ = row.fetch_add(3, 1).unwrap();
    "buffer": Buffer<u8>, 50_000 => |page| page.try_write().unwrap().fill(7);
    "lock": Lock => |door| drop(door.try_lock().unwrap());
    "mutex": Mutex<u64>, 1 => |books| *books.try_lock().unwrap() += 1;
    "event": Event => Event::set;
    "semaphore": Semaphore, 3 => |seats| drop(seats.try_acquire().unwrap());
    "queue": Queue<u64>, 64 => |jobs| assert!(jobs.try_send(1).is_ok() && jobs.try_recv() == Ok(1));
    "queue": Queue<[u64; 20]>, 16 => |jobs| {
        assert!(jobs.try_send([1; 20]).is_ok() && jobs.try_recv() == Ok([1; 20]));
    };
    "queue": Queue<[u8]>, 5000 => |jobs| {
        assert!(jobs.try_send(&[1; 4000]).is_ok() && jobs.try_recv().unwrap().len() == 4000);
    };
    "mailbox": Mailbox<String>, 5000 => |mail| {
        assert!(mail.try_send("a".to_owned()).is_ok() && mail.try_recv().unwrap() == "a");
    };
}

/// Creates a segment and an object in it.
pub fn segment_with_an_object(name: &str) -> Result<(), Error> {
    let shop = Segment::create(name, 20_000)?;
    (KINDS[0].create)(shop.at("hits"))
}
