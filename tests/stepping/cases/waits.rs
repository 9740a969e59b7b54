//! The last look before sleep: what came after the first look, and told nobody, is seen by it.
//!
//! The victim stands still on its way to sleep, what it waits for happens, and it goes on. It must come to
//! its end without a nap that ends by itself: nobody else would have woken it.

use commonhold::{
    Buffer, Event, Lock, LockError, Mailbox, Mutex, Queue, Receiver, Semaphore, Sender, wait_any,
};

use super::queue::{CAPACITY, queue};
use crate::case::{Case, Ground, Trial};
use crate::helper::Kept;

type Small = Queue<u64>;
type Large = Queue<[u64; 20]>;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Queue<u64>::recv", "before sleep; a message comes", |ground| {
            message_comes(ground, |queue: &Small| queue.recv() == Ok(1))
        }),
        Case::new("Queue<u64>::lease", "before sleep; a message comes", |ground| {
            message_comes(ground, |queue: &Small| queue.lease().is_ok_and(|one| *one == 1))
        }),
        Case::new("wait_any", "before sleep; a message comes", |ground| {
            let event = Event::create(ground.segment.at("event")).unwrap();
            message_comes(ground, move |queue: &Small| wait_any(&[&event, queue], None) == [1])
        }),
        Case::new("Queue<u64>::recv", "before sleep; a lease comes back", lease_comes_back),
        Case::new("Queue<u64>::recv", "before sleep; it is closed", |ground| {
            end_comes(ground, |queue| queue.close())
        }),
        Case::new("Queue<u64>::recv", "before sleep; the last sender leaves", last_sender_leaves),
        Case::new("Queue<u64>::send", "before sleep; the last receiver leaves", |ground| {
            last_receiver_leaves(ground)
        }),
        Case::new("Queue<u64>::send", "before sleep; room comes", |ground| {
            let queue = queue::<u64>(ground, CAPACITY, 1, CAPACITY as u64);
            let other = queue.clone();
            waits(ground, move || queue.send(9).is_ok(), move || _ = other.try_recv().unwrap())
        }),
        Case::new("Queue<u64>::lease", "before sleep; a cell comes", cell_to_lease_with),
        Case::new("Queue<[u64; 20]>::reserve", "before sleep; a cell comes", cell_to_build_in),
        Case::new("Queue<u64>::wait_done", "before sleep; the last is done", |ground| {
            let queue = queue::<u64>(ground, CAPACITY, 1, 1);
            let last = Kept::new(queue.clone(), |queue| queue.lease().unwrap());
            waits(ground, move || queue.wait_done_timeout(AGES), move || last.with(|it| it.done()))
        }),
        Case::new("Queue<[u64]>::recv", "before sleep; a message comes", |ground| {
            let queue = Queue::<[u64]>::create(ground.segment.at("slices"), 256).unwrap();
            let other = queue.clone();
            let wait = move || queue.recv() == Ok(vec![1; 3]);
            waits(ground, wait, move || other.send(&[1; 3]).unwrap())
        }),
        Case::new("Queue<[u64]>::send", "before sleep; room comes", |ground| {
            let queue = Queue::<[u64]>::create(ground.segment.at("slices"), 256).unwrap();
            while queue.try_send(&[1; 3]).is_ok() {}
            let other = queue.clone();
            let wait = move || queue.send(&[2; 3]).is_ok();
            waits(ground, wait, move || _ = other.try_recv().unwrap())
        }),
        Case::new("Mailbox::recv", "before sleep; a message comes", |ground| {
            let mailbox = Mailbox::<u64>::create(ground.segment.at("mailbox"), 256).unwrap();
            let other = mailbox.clone();
            let wait = move || mailbox.recv() == Ok(1);
            waits(ground, wait, move || other.send(1).unwrap())
        }),
        Case::new("Mailbox::send", "before sleep; room comes", |ground| {
            let mailbox = Mailbox::<u64>::create(ground.segment.at("mailbox"), 256).unwrap();
            while mailbox.try_send(1).is_ok() {}
            let other = mailbox.clone();
            let wait = move || mailbox.send(2).is_ok();
            waits(ground, wait, move || _ = other.try_recv().unwrap())
        }),
        Case::new("Lock::lock", "before sleep; it becomes free", |ground| {
            let lock = Lock::create(ground.segment.at("lock")).unwrap();
            let held = Kept::new(lock.clone(), |lock| lock.lock().unwrap());
            waits(ground, move || lock.lock().is_ok(), move || drop(held))
        }),
        Case::new("Mutex::lock", "before sleep; it is poisoned", |ground| {
            let books = Mutex::<u64>::create(ground.segment.at("books"), 1).unwrap();
            let held = Kept::new(books.clone(), |books| books.lock().unwrap());
            let wait = move || matches!(books.lock(), Err(LockError::Poisoned));
            waits(ground, wait, move || super::mutex::unwind_with(held))
        }),
        Case::new("Event::wait", "before sleep; it is set", |ground| {
            let event = Event::create(ground.segment.at("event")).unwrap();
            let other = event.clone();
            let wait = move || event.wait_timeout(AGES);
            waits(ground, wait, move || other.set())
        }),
        Case::new("Semaphore::acquire", "before sleep; a permit comes back", |ground| {
            let seats = Semaphore::create(ground.segment.at("seats"), 1).unwrap();
            let seat = Kept::new(seats.clone(), Semaphore::acquire);
            waits(ground, move || seats.acquire_timeout(AGES).is_ok(), move || drop(seat))
        }),
        Case::new("Semaphore::acquire", "before sleep; a permit is added", |ground| {
            let seats = Semaphore::create(ground.segment.at("seats"), 0).unwrap();
            let other = seats.clone();
            let wait = move || seats.acquire_timeout(AGES).is_ok();
            waits(ground, wait, move || other.release(1).unwrap())
        }),
        Case::new("Buffer::read", "before sleep; the writer leaves", |ground| {
            let page = Buffer::<u64>::create(ground.segment.at("page"), 8).unwrap();
            let held = Kept::new(page.clone(), |page| page.write().unwrap());
            waits(ground, move || page.read().is_ok(), move || drop(held))
        }),
        Case::new("Buffer::write", "before sleep; the reader leaves", |ground| {
            let page = Buffer::<u64>::create(ground.segment.at("page"), 8).unwrap();
            let held = Kept::new(page.clone(), |page| page.read().unwrap());
            waits(ground, move || page.write().is_ok(), move || drop(held))
        }),
    ]
}

/// Nobody waits so long here.
const AGES: std::time::Duration = std::time::Duration::from_secs(3600);

/// Waits for what `arrives`, and says whether it was that.
fn waits(
    ground: &Ground,
    wait: impl Fn() -> bool + 'static,
    arrives: impl FnOnce() + 'static,
) -> Trial {
    let enter = ground.entrance();
    let victim = move |mark: &crate::victim::Mark| {
        enter();
        mark.begin();
        let well = wait();
        mark.end(&[u64::from(well)])
    };
    let check = |fates: &crate::case::Fates| assert_eq!(fates.first, Some(vec![1]));
    Trial::new(victim, check).waits_for(arrives)
}

fn message_comes(ground: &Ground, wait: impl Fn(&Small) -> bool + 'static) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let other = queue.clone();
    waits(ground, move || wait(&queue), move || other.send(1).unwrap())
}

fn end_comes(ground: &Ground, end: fn(&Small)) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let other = queue.clone();
    waits(ground, move || queue.recv().is_err(), move || end(&other))
}

fn lease_comes_back(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 1);
    let lease = Kept::new(queue.clone(), |queue| queue.lease().unwrap());
    waits(ground, move || queue.recv() == Ok(1), move || drop(lease))
}

fn last_sender_leaves(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let last: Sender<u64> = queue.sender();
    waits(ground, move || queue.recv().is_err(), move || drop(last))
}

fn last_receiver_leaves(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, CAPACITY as u64);
    let last: Receiver<u64> = queue.receiver();
    waits(ground, move || queue.send(9).is_err(), move || drop(last))
}

/// All cells hold leases.
fn cell_to_lease_with(ground: &Ground) -> Trial {
    let queue = queue::<u64>(ground, CAPACITY, 1, 0);
    let lease = |queue: &'static Small| {
        queue.send(1).unwrap();
        queue.lease_timeout(std::time::Duration::from_millis(1)).ok()
    };
    let mut leases: Vec<_> = std::iter::from_fn(|| Kept::some(queue.clone(), lease)).collect();
    let last = leases.pop().expect("there are cells");
    let wait = move || {
        let _ = &leases;
        queue.lease().is_ok()
    };
    waits(ground, wait, move || last.with(|it| it.done()))
}

/// All cells hold what is being built.
fn cell_to_build_in(ground: &Ground) -> Trial {
    let queue: Large = queue(ground, CAPACITY, 1, 0);
    let take = |queue: &'static Large| queue.try_reserve().ok();
    let mut slots: Vec<_> = std::iter::from_fn(|| Kept::some(queue.clone(), take)).collect();
    let last = slots.pop().expect("there are cells");
    let wait = move || {
        let _ = &slots;
        queue.reserve().is_ok()
    };
    waits(ground, wait, move || drop(last))
}
