use super::*;
use crate::children::{Child, LONG, alone, directory, fork, promptly, stop_here};
use crate::raw::hook::stopped_at;
use crate::segment::options::SegmentOptions;
use crate::segment::participants::attached;
use crate::segment::tag::GENERATIONS;
use crate::{Buffer, Lock, LockError, Mailbox, Mutex, Queue, Segment, Semaphore, Value};

/// The tag of the first one that took part after this process.
fn first_tag() -> Tag {
    Tag::new(1, 1 % GENERATIONS)
}

/// Takes part and leaves again until it is given this tag, which it keeps.
fn register_as(segment: &Attachment, wanted: Tag) {
    for _ in 0..=GENERATIONS {
        let tag = segment.register(Identity::of_this_process().unwrap()).unwrap();
        assert_eq!(tag.row(), wanted.row());
        if tag == wanted {
            return;
        }
        segment.participants().retire(tag);
    }
    panic!("it does not come back");
}

alone! {
    /// Its tag comes back as a living one's, and is nowhere to be found.
    fn what_a_dead_process_held_stays_a_dead_ones_when_its_tag_is_given_out_again() {
        let shop = Segment::options().participants(2).create("shop", 1 << 20).unwrap();
        let door = Lock::create(shop.at("door")).unwrap();
        let books = Mutex::create(shop.at("books"), 7_u64).unwrap();
        let seats = Semaphore::create(shop.at("seats"), 3).unwrap();
        let (page, pad) = (
            Buffer::<u8>::create(shop.at("page"), 10).unwrap(),
            Buffer::<u8>::create(shop.at("pad"), 10).unwrap(),
        );
        let jobs = Queue::<u64>::create(shop.at("jobs"), 4).unwrap();
        jobs.send(1).unwrap();
        let holder = fork(|| {
            let _door = door.lock().unwrap();
            let _books = books.lock().unwrap();
            let _seats = (seats.acquire(), seats.acquire());
            let _reading = page.read().unwrap();
            let _writing = pad.write().unwrap();
            let _lease = jobs.lease().unwrap();
            stop_here();
        });
        holder.stopped();
        holder.kill();
        let held_under = first_tag();
        let segment = lifecycle::open("shop", &SegmentOptions::default()).unwrap();
        register_as(&segment, held_under);
        assert!(!segment.is_dead(held_under, Look::Quick));
        assert!(!claims::holds_guards(&segment, held_under));
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
        drop(door.recover().unwrap());
        assert_eq!(books.lock().unwrap_err(), LockError::OwnerDied);
        assert_eq!(*books.recover().unwrap(), 7);
        drop([seats.acquire(), seats.acquire(), seats.acquire()]);
        drop(page.write().unwrap());
        assert_eq!(pad.read().unwrap_err(), LockError::OwnerDied);
        drop(pad.recover().unwrap());
        assert_eq!(jobs.recv(), Ok(1));
        segment.participants().retire(held_under);
    }
}

alone! {
    fn permits_of_the_dead_come_back_to_who_gets_their_row_too() {
        let place = || Segment::options().participants(2);
        let seats = Semaphore::create(place().at("seats"), 3).unwrap();
        for _ in 0..3 {
            let holder = fork(|| {
                let _held = (seats.acquire(), seats.acquire());
                stop_here();
            });
            holder.stopped();
            holder.kill();
            // One is left; whoever takes it has the dead one's row, and its count.
            fork(|| drop(seats.acquire())).succeed();
            let all: Vec<_> = (0..3).map(|_| seats.acquire_timeout(LONG).unwrap()).collect();
            assert!(seats.try_acquire().is_err());
            drop(all);
            assert_eq!(seats.available(), 3);
        }
    }
}

/// What a process can be in the middle of.
struct Busy {
    value: Value<[u64; 9]>,
    seats: Semaphore,
    page: Buffer<u8>,
    jobs: Queue<u64>,
    large: Queue<[u64; 20]>,
    slices: Queue<[u64]>,
    mail: Mailbox<Vec<u8>>,
}

/// Where it is stopped, in what, and what the others find once it is dead and another has its tag.
type Scene = (&'static str, fn(&Busy), fn(&Busy));

const SCENES: &[Scene] = &[
    (
        "cell.write.half",
        |busy| busy.value.set([2; 9]),
        |busy| {
            assert_eq!(busy.value.get(), [1; 9]);
            busy.value.set([3; 9]);
            assert_eq!(busy.value.get(), [3; 9]);
        },
    ),
    (
        "semaphore.changed",
        |busy| drop(busy.seats.acquire()),
        |busy| {
            drop((busy.seats.acquire(), busy.seats.acquire()));
            assert_eq!(busy.seats.available(), 2);
        },
    ),
    (
        "rwlock.draining",
        |busy| drop(busy.page.write()),
        |busy| {
            drop(busy.page.read().unwrap());
            drop(busy.page.write().unwrap());
        },
    ),
    ("rwlock.counted", |busy| drop(busy.page.read()), |busy| drop(busy.page.write().unwrap())),
    ("queue.send.claimed", |busy| busy.jobs.send(2).unwrap(), passes_over),
    (
        "queue.recv.claimed",
        |busy| _ = busy.jobs.recv(),
        |busy| {
            busy.jobs.send(3).unwrap();
            let mut both = [busy.jobs.recv().unwrap(), busy.jobs.recv().unwrap()];
            both.sort();
            assert_eq!(both, [1, 3]);
        },
    ),
    (
        "queue.cell.taking",
        |busy| drop(busy.jobs.lease()),
        |busy| assert_eq!(busy.jobs.recv(), Ok(1)),
    ),
    ("queue.bias.before_look", warm_up_jobs, |busy| {
        busy.jobs.send(3).unwrap();
        let all: Vec<_> = std::iter::from_fn(|| busy.jobs.try_recv().ok()).collect();
        assert_eq!(all.last(), Some(&3), "{all:?}");
    }),
    ("queue.reserved", |busy| _ = busy.large.send([2; 20]), passes_over_large),
    ("queue.cell.queued", |busy| _ = busy.large.send([2; 20]), passes_over_large),
    (
        "queue.cell.leased",
        |busy| std::mem::forget(busy.large.lease().unwrap()),
        |busy| {
            assert_eq!(busy.large.recv(), Ok([1; 20]));
        },
    ),
    (
        "bytes.send.written",
        |busy| _ = busy.slices.send(&[2]),
        |busy| {
            busy.slices.send(&[3]).unwrap();
            assert_eq!(busy.slices.recv().unwrap(), [1]);
            assert_eq!(busy.slices.recv().unwrap(), [3]);
        },
    ),
    (
        "bytes.recv.copied",
        |busy| _ = busy.slices.recv(),
        |busy| {
            assert_eq!(busy.slices.recv().unwrap(), [1]);
        },
    ),
    (
        "bytes.spill.written",
        |busy| _ = busy.mail.send(vec![2; 10_000]),
        |busy| {
            busy.mail.send(vec![3; 10_000]).unwrap();
            assert_eq!(busy.mail.recv().unwrap(), [1]);
            assert_eq!(busy.mail.recv().unwrap(), vec![3; 10_000]);
        },
    ),
    ("biased.inside", warm_up, |busy| {
        busy.mail.send(vec![3]).unwrap();
        let mut last = Vec::new();
        while let Ok(message) = busy.mail.try_recv() {
            last = message;
        }
        assert_eq!(last, [3]);
    }),
];

fn passes_over(busy: &Busy) {
    busy.jobs.send(3).unwrap();
    assert_eq!((busy.jobs.recv(), busy.jobs.recv()), (Ok(1), Ok(3)));
    assert!(busy.jobs.is_empty());
}

fn passes_over_large(busy: &Busy) {
    busy.large.send([3; 20]).unwrap();
    assert_eq!((busy.large.recv(), busy.large.recv()), (Ok([1; 20]), Ok([3; 20])));
}

fn warm_up_jobs(busy: &Busy) {
    for _ in 0..100 {
        busy.jobs.send(2).unwrap();
        busy.jobs.recv().unwrap();
    }
}

fn warm_up(busy: &Busy) {
    for _ in 0..100 {
        busy.mail.send(vec![2]).unwrap();
        busy.mail.recv().unwrap();
    }
}

impl Busy {
    /// In a segment of two; in each queue is a message.
    fn new(name: &str) -> Busy {
        let shop = Segment::options().participants(2).create(name, 1 << 20).unwrap();
        let busy = Busy {
            value: Value::create(shop.at("value"), [1; 9]).unwrap(),
            seats: Semaphore::create(shop.at("seats"), 2).unwrap(),
            page: Buffer::create(shop.at("page"), 10).unwrap(),
            jobs: Queue::create(shop.at("jobs"), 4).unwrap(),
            large: Queue::create(shop.at("large"), 4).unwrap(),
            slices: Queue::<[u64]>::create(shop.at("slices"), 400).unwrap(),
            mail: Mailbox::create(shop.at("mail"), 400).unwrap(),
        };
        busy.jobs.send(1).unwrap();
        busy.large.send([1; 20]).unwrap();
        busy.slices.send(&[1]).unwrap();
        busy.mail.send(vec![1]).unwrap();
        busy
    }
}

alone! {
    /// In the middle of everything; and its tag comes back as a living one's.
    fn what_a_dead_process_was_at_is_nobodys_when_its_tag_is_given_out_again() {
        for (number, (point, act, check)) in SCENES.iter().enumerate() {
            let name = format!("shop-{number}");
            let busy = Busy::new(&name);
            let child: Child = stopped_at(point, || act(&busy));
            child.kill();
            let segment = lifecycle::open(&name, &SegmentOptions::default()).unwrap();
            register_as(&segment, first_tag());
            assert!(!segment.is_dead(first_tag(), Look::Quick));
            promptly(point, || check(&busy));
            segment.participants().retire(first_tag());
        }
    }

    /// Else a later process of the same number would be taken for it.
    fn who_takes_part_without_a_descriptor_left_knows_its_start_or_is_refused() {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        for most in 0..20 {
            fork(|| {
                setrlimit(Resource::RLIMIT_NOFILE, most, hard).unwrap();
                let door = Lock::create("door");
                setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
                match door {
                    Ok(_door) => {
                        let file = std::fs::read(directory().join("door")).unwrap();
                        let rows = &file[header::ROWS_AT..][..128 * size_of::<Row>()];
                        let all: Vec<_> = attached(rows).collect();
                        let me = Identity::of_this_process().unwrap();
                        assert_eq!(all, [(me.pid, me.start)]);
                        assert!(me.start != 0);
                    }
                    Err(error) => assert!(error.to_string().contains("Too many open files"), "{error}"),
                }
            })
            .succeed();
        }
    }
}
