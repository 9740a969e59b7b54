//! The whole public surface, spelled out: that it compiles is most of what is tested.
//!
//! Programs are written against these signatures. A change that breaks a line here breaks them.

mod children;

use children::alone;
use commonhold::*;
use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use commonhold::bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable};

commonhold::test_support!();

type Outcome = Result<(), Box<dyn StdError>>;

const SOON: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(60);

/// What an application shares: with invalid patterns, so neither `Pod` nor `Zeroable`.
#[derive(Clone, Copy, PartialEq, Debug, NoUninit, CheckedBitPattern)]
#[repr(C)]
struct Job {
    id: u64,
    urgent: bool,
    parts: [u8; 7],
}

/// Larger than what lies in a queue's slots; neither `Debug` nor `PartialEq`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Page([u64; 64]);

const JOB: Job = Job { id: 7, urgent: true, parts: [0; 7] };

fn name(what: &str) -> String {
    format!("surface-{what}-{}", std::process::id())
}

fn is_handle<T: Clone + Debug + Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
fn is_send<T: Send>() {}
fn is_shared_by_threads<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
fn is_error<T: StdError + Send + Sync + 'static>() {}
fn is_shared<T: Shared>() {}
fn is_place<'a>(_: impl Into<Place<'a>>) {}

/// Fails to compile, as ambiguous, where `T` is `Send`.
trait AmbiguousIfSend<A> {
    fn check() {}
}
impl<T: ?Sized> AmbiguousIfSend<()> for T {}
struct Sendable;
impl<T: ?Sized + Send> AmbiguousIfSend<Sendable> for T {}

macro_rules! is_not_send {
    ($($guard:ty),*) => {$( let _ = <$guard as AmbiguousIfSend<_>>::check; )*};
}

#[test]
fn kinds_of_types_are_as_promised() {
    is_handle::<Segment>();
    is_handle::<Value<Job>>();
    is_handle::<Array<Job>>();
    is_handle::<Buffer<Page>>();
    is_handle::<Lock>();
    is_handle::<Mutex<Job>>();
    is_handle::<Event>();
    is_handle::<Semaphore>();
    is_handle::<Queue<Job>>();
    is_handle::<Queue<Page>>();
    is_handle::<Queue<[Job]>>();
    is_handle::<Mailbox<Vec<String>>>();
    is_handle::<Sender<[u8]>>();
    is_handle::<Sender<Page>>();
    is_handle::<Receiver<Page>>();
    is_handle::<Process>();
    is_shared_by_threads::<Pool>();
    is_shared_by_threads::<Task<String>>();

    is_not_send!(LockGuard<'static>, MutexGuard<'static, Job>);
    is_not_send!(BufferRef<'static, Page>, BufferMut<'static, Page>);
    is_send::<Permit<'static>>();
    is_send::<Slot<'static, Page>>();
    is_send::<Lease<'static, Page>>();

    is_error::<Error>();
    is_error::<LockError>();
    is_error::<TryLockError>();
    is_error::<LockTimeoutError>();
    is_error::<RecoverError>();
    is_error::<IndexError>();
    is_error::<LengthError>();
    is_error::<NoPermit>();
    is_error::<OverRelease>();
    is_error::<TextTooLong>();
    is_error::<SendError<Page>>();
    is_error::<TrySendError<Page>>();
    is_error::<SendTimeoutError<Page>>();
    is_error::<SendSliceError>();
    is_error::<TrySendSliceError>();
    is_error::<SendSliceTimeoutError>();
    is_error::<RecvError>();
    is_error::<TryRecvError>();
    is_error::<RecvTimeoutError>();
    is_error::<TaskError>();
    is_error::<MapError>();
}

/// With every name of the crate imported, those of std's prelude mean what they always do.
#[test]
fn the_prelude_is_not_shadowed() {
    let result: Result<u8, String> = Ok(1);
    let option: Option<Vec<u8>> = Some(vec![1]);
    let boxed: Box<dyn Fn() -> String> = Box::new(|| String::from("1").to_owned());
    fn all<T>(_: &T)
    where
        T: Send + Sync + Sized + Clone + Default + PartialEq + Eq + PartialOrd + Ord + Unpin,
        T: AsRef<str> + Into<String> + From<&'static str> + ToString,
    {
    }
    fn iterators<I>(items: I) -> Vec<u8>
    where
        I: IntoIterator<Item = u8>,
        I::IntoIter: Iterator<Item = u8> + DoubleEndedIterator + ExactSizeIterator,
    {
        FromIterator::from_iter(items.into_iter().rev())
    }
    all(&boxed());
    drop(option);
    assert_eq!(result, Ok(1));
    assert_eq!(iterators(vec![1, 2]), [2, 1]);
    let _: Result<u8, _> = TryFrom::try_from(7_u16);
    let mut extended: Vec<u8> = Vec::new();
    Extend::extend(&mut extended, [1]);
    let _: u64 = Into::into(7_u32);
}

alone! {
    fn types_that_are_shared() {
        shared_types().unwrap();
    }
    fn doors() {
        doors_and_places().unwrap();
    }
    fn segments_of_several_objects() {
        segments_of_several().unwrap();
    }
    fn values() {
        value().unwrap();
    }
    fn arrays() {
        array().unwrap();
    }
    fn buffers() {
        buffer().unwrap();
    }
    fn locks() {
        lock_and_its_errors().unwrap();
    }
    fn mutexes() {
        mutex().unwrap();
    }
    fn events() {
        event().unwrap();
    }
    fn semaphores() {
        semaphore().unwrap();
    }
    fn queues() {
        queue().unwrap();
    }
    fn queues_in_place() {
        queue_in_place().unwrap();
    }
    fn queues_of_slices() {
        slices().unwrap();
    }
    fn mailboxes() {
        mailbox().unwrap();
    }
    fn waits_for_any() {
        any().unwrap();
    }
    fn endpoints_of_queues() {
        queue_endpoints().unwrap();
    }
}

fn shared_types() -> Outcome {
    is_shared::<u8>();
    is_shared::<f64>();
    is_shared::<bool>();
    is_shared::<char>();
    is_shared::<()>();
    is_shared::<[f64; 3]>();
    is_shared::<Job>();
    is_shared::<Text<16>>();

    fn is_text<T>()
    where
        T: Deref<Target = str> + Copy + Eq + Ord + Hash + Debug + Display + Default,
    {
    }
    is_text::<Text<16>>();
    let text: Result<Text<4>, TextTooLong> = Text::try_from("four");
    assert_eq!(text?.len(), 4);
    let text: Result<Text<4>, TextTooLong> = <Text<4> as TryFrom<&str>>::try_from("fives");
    assert!(text.is_err());
    Ok(())
}

fn doors_and_places() -> Outcome {
    let name = name("doors");
    is_place(name.as_str());
    is_place(&name);
    let place: Place<'_> = Place::from(&name);
    is_place(place);

    let jobs: Result<Queue<Job>, Error> = Queue::<Job>::create(&name, 1024);
    let jobs: Queue<Job> = jobs?;
    let refused: Error = Queue::<Job>::create(name.as_str(), 1024).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let same: Queue<Job> = Queue::<Job>::open(&name)?;
    let either: Queue<Job> = Queue::<Job>::open_or_create(&name, 1024)?;
    drop((same, either));
    let mismatch: Error = Value::<u64>::open(&name).unwrap_err();
    assert_eq!(mismatch.kind(), ErrorKind::TypeMismatch);
    let _: Option<&(dyn StdError + 'static)> = mismatch.source();
    let unlinked: Result<(), Error> = jobs.unlink();
    unlinked?;
    assert_eq!(Queue::<Job>::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(Event::create("a/b").unwrap_err().kind(), ErrorKind::InvalidName);
    let (_, _, _, _) = (
        ErrorKind::NotACommonhold,
        ErrorKind::Version,
        ErrorKind::PermissionDenied,
        ErrorKind::InvalidName,
    );
    Event::new()?.unlink()?; // anonymous: nothing

    let options: SegmentOptions = Segment::options().mode(0o660).participants(512).persistent(true);
    let jobs: Queue<Job> = Queue::<Job>::create(options.at(&name), 1024)?;
    let listed: Result<Vec<SegmentInfo>, Error> = commonhold::segments();
    assert!(listed?.iter().any(|entry| entry.name() == name));
    drop(jobs);
    let removed: Result<(), Error> = commonhold::unlink(&name);
    removed?;
    let collected: Result<Vec<String>, Error> = commonhold::gc();
    collected?;
    Ok(())
}

fn segments_of_several() -> Outcome {
    let name = name("shop");
    let segment: Segment = Segment::create(&name, 1 << 20)?;
    let same: Segment = Segment::open(&name)?;
    let either: Segment = Segment::open_or_create(&name, 1 << 20)?;

    let hits: Value<u64> = Value::<u64>::create(segment.at("hits"), 0)?;
    let queue: Queue<Job> = Queue::<Job>::create(segment.at("queue"), 4)?;
    let found: Queue<Job> = Queue::<Job>::open(same.at("queue"))?;
    let again: Value<u64> = Value::<u64>::open_or_create(either.at("hits"), 9)?;
    assert_eq!((again.get(), found.len()), (0, 0));
    assert!(hits.unlink().is_err());
    drop(queue);
    segment.unlink()?;

    let big: Segment = Segment::options().persistent(true).create(&name, 1 << 16)?;
    drop(big);
    drop(Segment::options().open(&name)?);
    drop(Segment::options().open_or_create(&name, 1 << 16)?);
    commonhold::unlink(&name)?;
    Ok(())
}

fn value() -> Outcome {
    let name = name("value");
    let value: Value<u64> = Value::new(1)?;
    let created: Value<Job> = Value::create(&name, JOB)?;
    assert_eq!(Value::<Job>::open(&name)?.get(), JOB);
    assert_eq!(Value::open_or_create(&name, JOB)?.get(), JOB);
    drop(created);

    let got: u64 = value.get();
    assert_eq!(got, 1);
    let () = value.set(2);
    let previous: u64 = value.swap(3);
    assert_eq!(previous, 2);
    let previous: u64 = value.update(|n| n + 1);
    assert_eq!(previous, 3);
    let r: Result<u64, u64> = value.try_update(|n| n.checked_sub(5));
    assert_eq!(r, Err(4));
    let r: Result<u64, u64> = value.compare_exchange(1, 2);
    assert_eq!(r, Err(4));
    let mut runs = 0;
    value.update(|n| {
        runs += 1; // FnMut
        n
    });

    fn arithmetic<T: Integer>(value: &Value<T>, n: T) -> [T; 6] {
        [
            value.fetch_add(n),
            value.fetch_sub(n),
            value.fetch_and(n),
            value.fetch_or(n),
            value.fetch_max(n),
            value.fetch_min(n),
        ]
    }
    arithmetic(&Value::new(1_u8)?, 1);
    arithmetic(&Value::new(1_i16)?, 1);
    arithmetic(&Value::new(1_u32)?, 1);
    arithmetic(&Value::new(1_i64)?, 1);
    Ok(())
}

fn array() -> Outcome {
    let name = name("array");
    let array: Array<u64> = Array::new(3)?;
    drop(Array::<u64>::create(&name, 3)?);
    drop(Array::<u64>::open_or_create(&name, 3)?);
    let jobs: Array<Job> = Array::from_slice(&[JOB])?; // not Zeroable
    let named: Array<Job> = Array::create_from_slice(&name, &[JOB])?;
    assert_eq!(Array::<Job>::open(&name)?.to_vec(), jobs.to_vec());
    drop(named);

    let len: usize = array.len();
    let got: Option<u64> = array.get(len);
    assert_eq!(got, None);
    let set: Result<(), IndexError> = array.set(0, 1);
    set?;
    let swapped: Result<u64, IndexError> = array.swap(0, 2);
    assert_eq!(swapped, Ok(1));
    let updated: Result<u64, IndexError> = array.update(0, |n| n + 1);
    assert_eq!(updated, Ok(2));
    let all: [Result<u64, IndexError>; 6] = [
        array.fetch_add(0, 1),
        array.fetch_sub(0, 1),
        array.fetch_and(0, 1),
        array.fetch_or(0, 1),
        array.fetch_max(0, 1),
        array.fetch_min(9, 1),
    ];
    assert!(all[5].is_err());
    let vec: Vec<u64> = array.to_vec();
    assert_eq!(vec.len(), 3);
    let copied: Result<(), LengthError> = array.copy_from_slice(&[1, 2]);
    assert!(copied.is_err());
    Ok(())
}

fn buffer() -> Outcome {
    let name = name("buffer");
    let buffer: Buffer<u32> = Buffer::new(4)?;
    drop(Buffer::<Page>::create(&name, 4)?);
    drop(Buffer::<Page>::open_or_create(&name, 4)?);
    drop(Buffer::<u32>::from_slice(&[1, 2])?);
    let named: Buffer<u32> = Buffer::create_from_slice(&name, &[1, 2])?;
    assert_eq!(Buffer::<u32>::open(&name)?.len(), 2);
    drop(named);

    fn read<'b>(guard: impl Deref<Target = [u32]> + 'b) -> usize {
        guard.len()
    }
    fn write<'b>(mut guard: impl DerefMut<Target = [u32]> + 'b) {
        guard[0] = 1;
    }
    let guard: Result<BufferRef<'_, u32>, LockError> = buffer.read();
    assert_eq!(read(guard?), 4);
    let guard: Result<BufferRef<'_, u32>, TryLockError> = buffer.try_read();
    drop(guard?);
    let guard: Result<BufferRef<'_, u32>, LockTimeoutError> = buffer.read_timeout(LONG);
    drop(guard?);
    let guard: Result<BufferRef<'_, u32>, LockTimeoutError> =
        buffer.read_deadline(Instant::now() + LONG);
    drop(guard?);
    let guard: Result<BufferMut<'_, u32>, LockError> = buffer.write();
    write(guard?);
    let guard: Result<BufferMut<'_, u32>, TryLockError> = buffer.try_write();
    drop(guard?);
    let guard: Result<BufferMut<'_, u32>, LockTimeoutError> = buffer.write_timeout(LONG);
    drop(guard?);
    let guard: Result<BufferMut<'_, u32>, LockTimeoutError> =
        buffer.write_deadline(Instant::now() + LONG);
    drop(guard?);
    let guard: Result<BufferMut<'_, u32>, RecoverError> = buffer.recover();
    drop(guard?);
    let at: *mut u32 = buffer.as_ptr();
    assert!(!at.is_null());
    Ok(())
}

fn lock_and_its_errors() -> Outcome {
    let name = name("lock");
    let lock: Lock = Lock::new()?;
    let named: Lock = Lock::create(&name)?;
    drop((Lock::open(&name)?, Lock::open_or_create(&name)?, named));

    let guard: Result<LockGuard<'_>, LockError> = lock.lock();
    let guard = match guard {
        Ok(guard) => guard,
        Err(LockError::OwnerDied | LockError::Poisoned) => unreachable!(),
    };
    let locked: bool = lock.is_locked();
    assert!(locked);
    let refused: Result<LockGuard<'_>, TryLockError> = lock.try_lock();
    match refused.unwrap_err() {
        TryLockError::WouldBlock => {}
        TryLockError::OwnerDied | TryLockError::Poisoned => unreachable!(),
    }
    let late: Result<LockGuard<'_>, LockTimeoutError> = lock.lock_timeout(SOON);
    match late.unwrap_err() {
        LockTimeoutError::Timeout => {}
        LockTimeoutError::OwnerDied | LockTimeoutError::Poisoned => unreachable!(),
    }
    let late: Result<LockGuard<'_>, LockTimeoutError> = lock.lock_deadline(Instant::now());
    assert!(late.is_err());
    let held: Result<LockGuard<'_>, RecoverError> = lock.recover();
    match held.unwrap_err() {
        RecoverError::Held => {}
        RecoverError::Invalid => unreachable!(),
    }
    drop(guard);
    Ok(())
}

fn mutex() -> Outcome {
    let name = name("mutex");
    let mutex: Mutex<Job> = Mutex::new(JOB)?;
    let named: Mutex<Job> = Mutex::create(&name, JOB)?;
    drop((Mutex::<Job>::open(&name)?, Mutex::open_or_create(&name, JOB)?, named));

    fn use_it<'m>(mut guard: impl DerefMut<Target = Job> + 'm) {
        guard.id += 1;
    }
    let guard: Result<MutexGuard<'_, Job>, LockError> = mutex.lock();
    use_it(guard?);
    let guard: Result<MutexGuard<'_, Job>, TryLockError> = mutex.try_lock();
    drop(guard?);
    let guard: Result<MutexGuard<'_, Job>, LockTimeoutError> = mutex.lock_timeout(LONG);
    drop(guard?);
    let guard: Result<MutexGuard<'_, Job>, LockTimeoutError> =
        mutex.lock_deadline(Instant::now() + LONG);
    drop(guard?);
    let guard: Result<MutexGuard<'_, Job>, RecoverError> = mutex.recover();
    drop(guard?);
    let guard: Result<MutexGuard<'_, Job>, RecoverError> = mutex.recover_with(JOB);
    drop(guard?);
    let guard: MutexGuard<'_, Job> = mutex.lock_or_repair(|left: Option<Job>| left.unwrap_or(JOB));
    assert_eq!(*guard, JOB);
    Ok(())
}

fn event() -> Outcome {
    let name = name("event");
    let event: Event = Event::new()?;
    let named: Event = Event::create(&name)?;
    drop((Event::open(&name)?, Event::open_or_create(&name)?, named));

    let () = event.clear();
    let happened: bool = event.wait_timeout(SOON);
    assert!(!happened);
    let () = event.set();
    let is_set: bool = event.is_set();
    assert!(is_set);
    let () = event.wait();
    let happened: bool = event.wait_deadline(Instant::now());
    assert!(happened && event.wait_timeout(Duration::MAX));
    Ok(())
}

fn semaphore() -> Outcome {
    let name = name("semaphore");
    let permits: u32 = 2;
    let semaphore: Semaphore = Semaphore::new(permits)?;
    let named: Semaphore = Semaphore::create(&name, permits)?;
    drop((Semaphore::open(&name)?, Semaphore::open_or_create(&name, permits)?, named));

    let permit: Permit<'_> = semaphore.acquire();
    let other: Result<Permit<'_>, NoPermit> = semaphore.try_acquire();
    let () = other?.forget();
    let none: Result<Permit<'_>, NoPermit> = semaphore.acquire_timeout(SOON);
    assert!(none.is_err());
    let none: Result<Permit<'_>, NoPermit> = semaphore.acquire_deadline(Instant::now());
    assert!(none.is_err());
    drop(permit);
    let released: Result<(), OverRelease> = semaphore.release(1);
    released?;
    let available: u32 = semaphore.available();
    assert_eq!(available, 2);

    let bounded: Semaphore = Semaphore::bounded(1)?;
    let named: Semaphore = Semaphore::create_bounded(&name, 1)?;
    assert_eq!(named.release(1), Err(OverRelease));
    assert_eq!((bounded.release(1), bounded.available()), (Err(OverRelease), 1));
    Ok(())
}

fn queue() -> Outcome {
    let q: Queue<Job> = Queue::new(64)?;
    fn doors_of_any<M: Message + ?Sized>(queue: &Queue<M>) -> (usize, usize, bool, bool, bool) {
        let _: (Sender<M>, Receiver<M>) = (queue.sender(), queue.receiver());
        (queue.len(), queue.capacity(), queue.is_empty(), queue.is_full(), queue.is_closed())
    }
    let (len, capacity, empty, full, _) = doors_of_any(&q);
    assert!(len == 0 && capacity >= 64 && empty && !full);

    let q: Queue<Job> = Queue::new(2)?;
    let sent: Result<(), SendError<Job>> = q.send(JOB);
    sent?;
    let sent: Result<(), SendTimeoutError<Job>> = q.send_timeout(JOB, LONG);
    sent?;
    let full: Result<(), TrySendError<Job>> = q.try_send(JOB);
    match full.unwrap_err() {
        TrySendError::Full(job) | TrySendError::Closed(job) => assert_eq!(job, JOB),
    }
    let late: Result<(), SendTimeoutError<Job>> = q.send_deadline(JOB, Instant::now());
    match late.unwrap_err() {
        SendTimeoutError::Timeout(job) | SendTimeoutError::Closed(job) => assert_eq!(job, JOB),
    }
    let job: Result<Job, RecvError> = q.recv();
    assert_eq!(job?, JOB);
    let job: Result<Job, TryRecvError> = q.try_recv();
    assert_eq!(job?, JOB);
    let none: Result<Job, TryRecvError> = q.try_recv();
    match none.unwrap_err() {
        TryRecvError::Empty | TryRecvError::Closed => {}
    }
    let none: Result<Job, RecvTimeoutError> = q.recv_timeout(SOON);
    match none.unwrap_err() {
        RecvTimeoutError::Timeout | RecvTimeoutError::Closed => {}
    }
    let none: Result<Job, RecvTimeoutError> = q.recv_deadline(Instant::now());
    assert!(none.is_err());

    let sent: Result<(), SendError<usize>> = q.send_all(&[JOB, JOB]);
    sent?;
    let mut jobs: Vec<Job> = vec![JOB];
    let received: Result<usize, RecvError> = q.recv_many(&mut jobs, 9);
    assert_eq!((received?, jobs.len()), (2, 3));

    let () = q.wait_done();
    let done: bool = q.wait_done_timeout(LONG);
    assert!(done && q.wait_done_deadline(Instant::now() + LONG));
    q.send(JOB)?;
    let () = q.close();
    let all: Vec<Job> = q.iter().collect();
    assert_eq!(all, [JOB]);
    match q.recv().unwrap_err() {
        RecvError::Closed => {}
    }
    let SendError::Closed(job) = q.send(JOB).unwrap_err();
    assert_eq!(job, JOB);
    assert_eq!(q.send_all(&[JOB]), Err(SendError::Closed(0)));
    assert!(q.is_closed());
    Ok(())
}

fn queue_in_place() -> Outcome {
    let q: Queue<Page> = Queue::new(2)?;
    fn write(slot: &mut impl DerefMut<Target = Page>) {
        slot.0[0] = 7;
    }
    let slot: Result<Slot<'_, Page>, SendError<()>> = q.reserve();
    let mut slot = slot?;
    write(&mut slot);
    let sent: Result<(), SendError<()>> = slot.send();
    sent?;
    let slot: Result<Slot<'_, Page>, TrySendError<()>> = q.try_reserve();
    drop(slot?);
    let slot: Result<Slot<'_, Page>, SendTimeoutError<()>> = q.reserve_timeout(LONG);
    drop(slot?);
    let slot: Result<Slot<'_, Page>, SendTimeoutError<()>> =
        q.reserve_deadline(Instant::now() + LONG);
    drop(slot?);

    fn read(lease: &impl Deref<Target = Page>) -> u64 {
        lease.0[0]
    }
    let lease: Result<Lease<'_, Page>, RecvError> = q.lease();
    assert_eq!(read(&lease?), 7); // and dropped: delivered again
    let lease: Result<Lease<'_, Page>, TryRecvError> = q.try_lease();
    drop(lease?);
    let lease: Result<Lease<'_, Page>, RecvTimeoutError> = q.lease_timeout(LONG);
    drop(lease?);
    let lease: Result<Lease<'_, Page>, RecvTimeoutError> = q.lease_deadline(Instant::now() + LONG);
    let () = lease?.done();
    assert!(q.wait_done_timeout(LONG));
    Ok(())
}

fn queue_endpoints() -> Outcome {
    let q: Queue<u64> = Queue::new(8)?;
    let sender: Sender<u64> = q.sender();
    let receiver: Receiver<u64> = q.receiver();
    drop((sender.clone(), receiver.clone()));

    let sent: Result<(), SendError<u64>> = sender.send(1);
    sent?;
    let sent: Result<(), TrySendError<u64>> = sender.try_send(2);
    sent?;
    let sent: Result<(), SendTimeoutError<u64>> = sender.send_timeout(3, LONG);
    sent?;
    let sent: Result<(), SendTimeoutError<u64>> = sender.send_deadline(4, Instant::now() + LONG);
    sent?;
    let sent: Result<(), SendError<usize>> = sender.send_all(&[5]);
    sent?;
    let mut slot: Slot<'_, u64> = sender.reserve()?;
    *slot = 6;
    slot.send()?;
    drop(sender.try_reserve()?);
    drop(sender.reserve_timeout(LONG)?);
    drop(sender.reserve_deadline(Instant::now() + LONG)?);

    let got: [u64; 4] = [
        receiver.recv()?,
        receiver.try_recv()?,
        receiver.recv_timeout(LONG)?,
        receiver.recv_deadline(Instant::now() + LONG)?,
    ];
    assert_eq!(got, [1, 2, 3, 4]);
    drop(receiver.lease()?);
    drop(receiver.try_lease()?);
    drop(receiver.lease_timeout(LONG)?);
    receiver.lease_deadline(Instant::now() + LONG)?.done();
    let mut rest: Vec<u64> = Vec::new();
    assert_eq!(receiver.recv_many(&mut rest, 9)?, 1);
    drop(sender);
    assert_eq!(receiver.iter().next(), None);
    assert!(receiver.is_closed() && receiver.is_empty());
    assert_eq!(receiver.len(), 0);
    Ok(())
}

fn doubled(n: u32, queue: Queue<u32>) -> Result<(), SendError<u32>> {
    queue.send(2 * n)
}

fn bake() {}
fn brew() {}

#[test]
fn processes_are_as_promised() {
    processes().unwrap();
}

fn processes() -> Outcome {
    let queue: Queue<u32> = Queue::new(4)?;
    let child: Process = Process::spawn(doubled, (21, queue.clone()))?;
    let status: ExitStatus = child.join()?;
    assert!(status.success());
    assert_eq!((status.code(), status.signal(), status.panic_message()), (Some(0), None, None));
    assert_eq!(queue.recv()?, 42);
    let ended: Result<Option<ExitStatus>, Error> = child.try_join();
    assert_eq!(ended?, Some(status.clone()));
    let ended: Result<Option<ExitStatus>, Error> = child.join_timeout(LONG);
    assert_eq!(ended?, Some(status.clone()));
    let ended: Result<Option<ExitStatus>, Error> = child.join_deadline(Instant::now());
    assert_eq!(ended?, Some(status));
    let pid: u32 = child.pid();
    assert_eq!((child.name(), child.is_alive()), (&*format!("process-{pid}"), false));
    let code: Option<i32> = child.exit_code();
    assert_eq!(code, Some(0));
    let done: [Result<(), Error>; 3] = [child.terminate(), child.kill(), child.interrupt()];
    assert!(done.iter().all(Result::is_ok));

    let options: ProcessOptions = Process::options().name("baker").daemon(true).detach(false);
    assert!(options.spawn(|| (), ())?.join()?.success());
    let statuses: Vec<ExitStatus> = run_parallel([bake, brew])?;
    assert_eq!(statuses.len(), 2);
    let cpus: usize = cpu_count();
    assert!(cpus > 0);
    let me: ProcessInfo = current();
    assert_eq!((me.pid(), me.name()), (std::process::id(), "main"));
    let parent: Option<ProcessInfo> = parent();
    assert_eq!(parent, None);
    let children: Vec<Process> = active_children();
    assert!(children.iter().all(|child| child.pid() != pid));
    let refused: Result<Process, Error> = Process::fork(|| ());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
    // SAFETY: the child needs nothing that another thread holds.
    let copy: Result<Process, Error> = unsafe { Process::fork_unchecked(|| ()) };
    assert!(copy?.join()?.success());
    Ok(())
}

fn square(n: u64) -> u64 {
    n * n
}

fn range_sum(from: u64, to: u64, step: u64) -> u64 {
    (from..to).step_by(step as usize).sum()
}

#[test]
fn pools_are_as_promised() {
    pools().unwrap();
    tasks().unwrap();
}

fn pools() -> Outcome {
    let options: PoolOptions =
        Pool::options().workers(2).initializer(range_sum, (0, 1, 1)).max_tasks_per_worker(100);
    let _: Result<Pool, Error> = options.retries(1).initializer(|| (), ()).build();
    let pool: Pool = Pool::new(2)?;
    let squares: Result<Vec<u64>, MapError> = pool.map(square, 0..1000);
    assert_eq!(squares?.len(), 1000);
    let sums: Result<Vec<u64>, MapError> = pool.starmap(range_sum, [(0, 10, 1), (0, 10, 2)]);
    assert_eq!(sums?, [45, 20]);
    assert_eq!(pool.starmap(|pair: (u8, u8)| pair.0, [(1, 2)])?, [1]);
    for result in pool.imap(square, 0..10) {
        let _: u64 = result?;
    }
    for result in pool.imap_unordered(square, 0..10) {
        let result: Result<u64, TaskError> = result;
        result?;
    }
    let options: MapOptions = MapOptions::new().chunk(16);
    assert_eq!(pool.map_with(square, 0..3, options)?, [0, 1, 4]);
    assert_eq!(pool.starmap_with(range_sum, [(0, 3, 1)], options)?, [3]);
    let ordered: Imap<'_, _, u64> = pool.imap_with(square, vec![1, 2], options);
    let unordered: ImapUnordered<'_, _, u64> = pool.imap_unordered_with(square, [3], options);
    assert_eq!(ordered.chain(unordered).map(Result::unwrap).sum::<u64>(), 14);
    let refused: MapError = pool.map_with(square, 0..3, MapOptions::new().chunk(0)).unwrap_err();
    assert!(matches!(refused, MapError { index: 0, error: TaskError::Refused { reason: _ } }));
    let n: Result<u64, TaskError> = pool.apply(square, 7);
    assert_eq!(n?, 49);
    let () = pool.resize(3)?;
    pool.close();
    let () = pool.join()?;
    pool.terminate();
    Ok(())
}

fn tasks() -> Outcome {
    let pool = Pool::new(2)?;
    let task: Task<u64> = pool.apply_async(square, 7)?;
    assert_eq!(wait_any(&[&task], Some(LONG)), [0]);
    let result: Result<u64, TaskError> = task.get_timeout(LONG);
    assert_eq!(result?, 49);
    assert_eq!((task.get(), task.try_get()), (Err(TaskError::Taken), Err(TaskError::Taken)));
    assert_eq!(task.get_deadline(Instant::now()), Err(TaskError::Taken));
    assert!(task.is_ready() && task.wait_timeout(SOON) && task.wait_deadline(Instant::now()));
    let () = task.wait();
    let all: Task<Vec<u64>> = pool.map_async(square, 0..10)?;
    let sums: Task<Vec<u64>> = pool.starmap_async(range_sum, [(0, 3, 1)])?;
    assert_eq!((all.get()?.len(), sums.get()?), (10, vec![3]));
    let called: Task<()> = pool.apply_async_with(square, 7, |_: u64| (), |_: TaskError| ())?;
    assert_eq!(called.get(), Ok(()));
    let sleep = |seconds: u64| std::thread::sleep(Duration::from_secs(seconds));
    let long: Task<()> = pool.apply_async(sleep, 60)?;
    assert_eq!(wait_any(&[&long], Some(SOON)), Vec::<usize>::new());
    assert_eq!(long.try_get(), Err(TaskError::Timeout));
    let kinds = |error: TaskError| match error {
        TaskError::Panicked { message, location } => message + &location,
        TaskError::WorkerDied { pid: _, status } => status.to_string(),
        TaskError::Initializer { message } => message,
        TaskError::Timeout | TaskError::Closed | TaskError::Terminated => String::new(),
        other => other.clone().to_string(),
    };
    assert_eq!(kinds(TaskError::Closed), "");
    Ok(())
}

#[test]
fn what_may_cross() {
    fn crosses<T: Transfer>() {}
    crosses::<(u8, u16, u32, u64, u128, usize, f32, f64)>();
    crosses::<(i8, i16, i32, i64, i128, isize, bool, char)>();
    crosses::<(String, Vec<String>, Box<[u8]>, [Option<u8>; 3])>();
    crosses::<(Result<(), String>, Duration, std::path::PathBuf)>();
    crosses::<(Value<Job>, Array<Job>, Buffer<Page>, Lock, Mutex<Job>, Event, Semaphore)>();
    crosses::<(Queue<Job>, Sender<Page>, Receiver<Page>, Segment)>();
    crosses::<(std::os::fd::OwnedFd, std::fs::File)>();
    crosses::<(std::net::TcpListener, std::net::TcpStream, std::net::UdpSocket)>();
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    crosses::<(UnixStream, UnixListener, UnixDatagram)>();
    crosses::<Vec<Job>>();
    crosses::<Named>();
    fn runs<F: Function<A, M>, A, M>(_: F) {}
    runs::<_, (u32, Queue<u32>), _>(doubled);
    runs::<_, (), _>(bake);
    runs::<_, (u8, u8), _>(|_: (u8, u8)| ());
}

struct Named {
    name: String,
    jobs: Queue<Job>,
}
commonhold::transfer!(Named { name, jobs });
commonhold::transfer!(Job);

fn slices() -> Outcome {
    let q: Queue<[Job]> = Queue::new(1024)?;
    let sent: Result<(), SendSliceError> = q.send(&[JOB, JOB]);
    sent?;
    let sent: Result<(), TrySendSliceError> = q.try_send(&[]);
    sent?;
    let late: Result<(), SendSliceTimeoutError> = q.send_timeout(&[JOB; 100], SOON);
    match late.unwrap_err() {
        SendSliceTimeoutError::TooLarge
        | SendSliceTimeoutError::Timeout
        | SendSliceTimeoutError::Closed => {}
    }
    let late: Result<(), SendSliceTimeoutError> = q.send_deadline(&[JOB], Instant::now());
    late?;
    let jobs: Result<Vec<Job>, RecvError> = q.recv();
    assert_eq!((jobs?, q.len()), (vec![JOB, JOB], 2));
    let jobs: Result<Vec<Job>, TryRecvError> = q.try_recv();
    assert!(jobs?.is_empty());
    let mut into: Vec<Job> = vec![];
    let count: Result<usize, RecvError> = q.recv_into(&mut into);
    assert_eq!((count?, into.len()), (1, 1));
    let none: Result<usize, TryRecvError> = q.try_recv_into(&mut into);
    assert!(none.is_err());
    let none: Result<usize, RecvTimeoutError> = q.recv_into_timeout(&mut into, SOON);
    assert!(none.is_err());
    let none: Result<usize, RecvTimeoutError> = q.recv_into_deadline(&mut into, Instant::now());
    assert!(none.is_err());
    let none: Result<Vec<Job>, RecvTimeoutError> = q.recv_timeout(SOON);
    assert!(none.is_err() && q.recv_deadline(Instant::now()).is_err());
    let (sender, receiver): (Sender<[Job]>, Receiver<[Job]>) = (q.sender(), q.receiver());
    sender.send(&[JOB])?;
    sender.try_send(&[JOB])?;
    sender.send_timeout(&[JOB], LONG)?;
    sender.send_deadline(&[JOB], Instant::now())?;
    assert_eq!(receiver.recv()?.len() + receiver.try_recv()?.len(), 2);
    receiver.recv_into(&mut into)?;
    receiver.recv_timeout(LONG)?;
    q.close();
    match q.try_send(&[]).unwrap_err() {
        TrySendSliceError::TooLarge | TrySendSliceError::Full | TrySendSliceError::Closed => {}
    }
    match q.send(&[]).unwrap_err() {
        SendSliceError::TooLarge | SendSliceError::Closed => Ok(()),
    }
}

fn mailbox() -> Outcome {
    type Anything = (String, Option<Mailbox<u8>>);
    let anything = || -> Anything { ("one".into(), None) };
    let name = name("mailbox");
    let m: Mailbox<Anything> = Mailbox::new(4096)?;
    drop(Mailbox::<Anything>::create(&name, 4096)?);
    let named: Mailbox<Anything> = Mailbox::open_or_create(&name, 4096)?;
    let same: Mailbox<Anything> = Mailbox::open(&name)?;
    named.unlink()?;
    drop(same);
    let sent: Result<(), SendError<Anything>> = m.send(anything());
    sent?;
    let sent: Result<(), TrySendError<Anything>> = m.try_send(anything());
    sent?;
    let sent: Result<(), SendTimeoutError<Anything>> = m.send_timeout(anything(), LONG);
    sent?;
    let sent: Result<(), SendTimeoutError<Anything>> = m.send_deadline(anything(), Instant::now());
    sent?;
    let (len, empty, closed): (usize, bool, bool) = (m.len(), m.is_empty(), m.is_closed());
    assert_eq!((len, empty, closed), (4, false, false));
    let found: Result<Anything, RecvError> = m.recv();
    assert_eq!(found?.0, "one");
    let found: Result<Anything, TryRecvError> = m.try_recv();
    found?;
    let found: Result<Anything, RecvTimeoutError> = m.recv_timeout(LONG);
    found?;
    let found: Result<Anything, RecvTimeoutError> = m.recv_deadline(Instant::now());
    found?;
    let () = m.close();
    match m.send(anything()).unwrap_err() {
        SendError::Closed(message) => assert_eq!(message.0, "one"),
    }
    Ok(())
}

fn any() -> Outcome {
    let (queue, event) = (Queue::<Job>::new(4)?, Event::new()?);
    let (slices, mail) = (Queue::<[u8]>::new(64)?, Mailbox::<String>::new(64)?);
    let receiver: Receiver<Job> = queue.receiver();
    let all: [&dyn Waitable; 5] = [&queue, &slices, &mail, &receiver, &event];
    let none: Vec<usize> = wait_any(&all, Some(SOON));
    assert!(none.is_empty());
    event.set();
    assert_eq!(wait_any(&all, None), [4]);
    Ok(())
}
