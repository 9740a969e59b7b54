//! Objects made, found, and dropped: in a segment that others use, or without a name.

use commonhold::{
    Array, Buffer, Error, ErrorKind, Event, Lock, Mailbox, Mutex, Place, Queue, Segment, Semaphore,
    Value,
};

use crate::case::{Case, Fates, Ground, PARTICIPANTS, Trial};
use crate::helper::{BOUND, Helper};
use crate::victim::Mark;

/// For each type: how it is made, found, made without a name, and seen to work.
macro_rules! each {
    ($($name:literal: $type:ty, ($($argument:expr),*), $works:expr;)*) => {
        vec![$(
            Case::new(concat!($name, "::create"), HERE, |ground| {
                makes(ground, Making {
                    make: |at| <$type>::create(at $(, $argument)*),
                    open: |at| <$type>::open(at),
                    works: $works,
                })
            }),
            Case::new(concat!($name, "::open_or_create"), HERE, |ground| {
                makes(ground, Making {
                    make: |at| <$type>::open_or_create(at $(, $argument)*),
                    open: |at| <$type>::open(at),
                    works: $works,
                })
            }),
            Case::new(concat!($name, "::new, ", $name, "::drop"), NAMELESS, |ground| {
                nameless(ground, || <$type>::new($($argument),*), $works)
            }),
        )*]
    };
}

pub const HERE: &str = "in a segment";
pub const NAMELESS: &str = "without a name";

pub fn cases() -> Vec<Case> {
    let all = each![
        "Value": Value<u64>, (7), |value| assert_eq!(value.swap(7), 7);
        "Array": Array<u64>, (3), |row| assert_eq!(row.swap(1, 0), Ok(0));
        "Buffer": Buffer<u64>, (8), |page| page.write().unwrap().fill(1);
        "Lock": Lock, (), |lock| drop(lock.lock().unwrap());
        "Mutex": Mutex<u64>, (7), |books| assert_eq!(*books.lock().unwrap(), 7);
        "Event": Event, (), |event| assert!(!event.is_set());
        "Semaphore": Semaphore, (1), |seats| drop(seats.acquire());
        "Queue": Queue<u64>, (4), |queue| {
            queue.send(1).unwrap();
            assert_eq!(queue.recv(), Ok(1));
        };
        "Mailbox": Mailbox<u64>, (256), |mailbox| {
            mailbox.send(1).unwrap();
            assert_eq!(mailbox.recv(), Ok(1));
        };
    ];
    let mut all: Vec<Case> = all.into_iter().map(Case::long).collect();
    all.extend([
        Case::new("Value::open, Value::drop", "in a segment", opens).long(),
        Case::new("Lock::lock", "a forked child's first", |ground| first_use(ground, 0)).long(),
        Case::new("Lock::lock", "a forked child's first; other rows are of the dead", |ground| {
            first_use(ground, PARTICIPANTS - 2)
        })
        .long(),
    ]);
    all
}

/// How an object is made, found and tried.
struct Making<H> {
    make: fn(Place<'_>) -> Result<H, Error>,
    open: fn(Place<'_>) -> Result<H, Error>,
    works: fn(&H),
}

impl<H> Clone for Making<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Making<H> {}

/// It is there, whole, or it is not; and others are made beside it.
fn makes<H: 'static>(ground: &Ground, how: Making<H>) -> Trial {
    let segment = ground.segment.clone();
    let by = |name: &'static str, segment: &Segment, enter: Box<dyn Fn()>| {
        let segment = segment.clone();
        move |mark: &Mark| {
            enter();
            mark.begin();
            drop((how.make)(segment.at(name)).unwrap());
            mark.end(&[])
        }
    };
    let victim = by("first", &segment, Box::new(ground.entrance()));
    let second = by("second", &segment, Box::new(ground.entrance()));
    let check = move |fates: &Fates| {
        let found = (how.open)(segment.at("first")).or_else(|error| {
            assert!(fates.first.is_none(), "it is gone: {error}");
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            (how.make)(segment.at("first"))
        });
        (how.works)(&found.expect("room for it"));
        (how.works)(&(how.make)(segment.at("third")).expect("room for another"));
        for name in ["first", "third"] {
            (how.works)(&(how.open)(segment.at(name)).unwrap());
        }
    };
    Trial::new(victim, check).then(second)
}

/// Nothing of it is left but what this process has of its own.
fn nameless<H: 'static>(ground: &Ground, make: fn() -> Result<H, Error>, works: fn(&H)) -> Trial {
    let enter = ground.entrance();
    let own = make().unwrap();
    let victim = move |mark: &Mark| {
        enter();
        mark.begin();
        drop(make().unwrap());
        mark.end(&[])
    };
    let check = move |_: &Fates| {
        works(&own);
        works(&make().unwrap());
    };
    Trial::new(victim, check)
}

fn opens(ground: &Ground) -> Trial {
    let value = Value::<u64>::create(ground.segment.at("value"), 7).unwrap();
    let (segment, enter) = (ground.segment.clone(), ground.entrance());
    let victim = move |mark: &Mark| {
        enter();
        mark.begin();
        let value = Value::<u64>::open(segment.at("value")).unwrap();
        mark.end(&[value.get()])
    };
    Trial::new(victim, move |fates| {
        assert!(fates.first.as_ref().is_none_or(|said| *said == [7]));
        assert_eq!(value.swap(8), 7);
    })
}

/// A child that used nothing yet becomes a participant, perhaps in the row of a dead one. Rows are as
/// many as before, however many come and die.
fn first_use(ground: &Ground, dead: u32) -> Trial {
    let lock = Lock::create(ground.segment.at("lock")).unwrap();
    let by_others = |lock: &Lock, page, times: u32| {
        for _ in 0..times {
            let own = lock.clone();
            let child = Helper::start(page, 2, move |log| {
                drop(own.lock().unwrap());
                log.end(&[])
            });
            child.ends();
        }
    };
    by_others(&lock, ground.page, dead);
    let (own, other, page) = (lock.clone(), lock.clone(), ground.page);
    let victim = move |mark: &Mark| {
        mark.begin();
        drop(own.lock().unwrap());
        mark.end(&[])
    };
    let second = move |mark: &Mark| {
        mark.begin();
        let held = other.lock().or_else(|_| other.recover());
        drop(held.unwrap());
        mark.end(&[])
    };
    let check = move |_: &Fates| {
        if lock.lock_timeout(BOUND).is_err() {
            drop(lock.recover().expect("its holder is dead"));
        }
        by_others(&lock, page, 3);
        drop(lock.try_lock().expect("free"));
    };
    Trial::new(victim, check).then(second)
}
