//! What a `Buffer` promises to several processes, and to the threads of each.

mod children;

use children::{Child, LONG, all_succeed, alone, fork, promptly, stop_here, wait_until};
use commonhold::{
    Buffer, BufferMut, BufferRef, Event, LockError, LockTimeoutError, RecoverError, TryLockError,
    Value,
};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};

/// Compiles only while the type is not `Send`: otherwise `_` has two answers.
macro_rules! assert_not_send {
    ($type:ty) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + Send> Ambiguous<u8> for T {}
            <$type as Ambiguous<_>>::check();
        };
    };
}
assert_not_send!(BufferRef<'static, u64>);
assert_not_send!(BufferMut<'static, u64>);

const fn assert_sync<T: Sync>() {}
const _: () = assert_sync::<BufferRef<'static, u64>>();
const _: () = assert_sync::<BufferMut<'static, u64>>();

type Frame = Buffer<u64>;
const ROUNDS: u64 = 500;

fn new() -> Frame {
    Buffer::new(1_000).unwrap()
}

fn unique(what: &str) -> String {
    format!("test-buffer-{what}-{}", std::process::id())
}

fn panic_with<T>(guard: T) {
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        resume_unwind(Box::new("on purpose"));
    }));
    assert!(unwound.is_err());
}

fn assert_whole(frame: &[u64]) {
    assert!(frame.iter().all(|n| *n == frame[0]), "half-written");
}

fn read_many(frame: &Frame) {
    let mut last = 0;
    for _ in 0..ROUNDS {
        let frame = frame.read().unwrap();
        assert_whole(&frame);
        assert!(frame[0] >= last);
        last = frame[0];
    }
}

fn write_many(frame: &Frame) {
    for _ in 0..ROUNDS {
        let mut frame = frame.write().unwrap();
        assert_whole(&frame);
        frame.iter_mut().for_each(|n| *n += 1);
    }
}

/// A child that reads, and is stopped.
fn stopped_reader(frame: &Frame) -> Child {
    let child = fork(|| {
        let guard = frame.read().unwrap();
        stop_here();
        drop(guard);
    });
    child.stopped();
    child
}

/// A child that has written one half, and is stopped.
fn stopped_writer(frame: &Frame) -> Child {
    let child = fork(|| {
        let mut guard = frame.write().unwrap();
        guard[..500].fill(1);
        stop_here();
        guard[500..].fill(1);
    });
    child.stopped();
    child
}

alone! {
    fn readers_see_whole_frames_in_threads_of_processes() {
        let frame = new();
        let children: Vec<_> = (0..2)
            .map(|_| fork(|| thread::scope(|scope| {
                (0..2).for_each(|_| _ = scope.spawn(|| read_many(&frame)));
                scope.spawn(|| write_many(&frame));
            })))
            .collect();
        write_many(&frame);
        all_succeed(children);
        assert_eq!(*frame.read().unwrap(), [3 * ROUNDS; 1_000]);
    }

    fn readers_of_several_processes_are_inside_together() {
        let frame = new();
        let mine = frame.read().unwrap();
        let children = [stopped_reader(&frame), stopped_reader(&frame)];
        assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(frame.recover().unwrap_err(), RecoverError::Held);
        drop(frame.try_read().unwrap());
        children.iter().for_each(Child::resume);
        all_succeed(children);
        assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
        drop(mine);
        drop(frame.try_write().unwrap());
    }

    fn readers_wait_behind_a_waiting_writer() {
        let frame = new();
        let reading = frame.read().unwrap();
        let writer = fork(|| frame.write().unwrap().fill(7));
        writer.asleep();
        assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock);
        let refused = frame.read_timeout(Duration::from_millis(10)).unwrap_err();
        assert_eq!(refused, LockTimeoutError::Timeout);
        let reader = fork(|| assert_eq!(*frame.read().unwrap(), [7; 1_000]));
        reader.asleep();
        assert_eq!(reading[0], 0);
        drop(reading);
        all_succeed([writer, reader]);
    }

    fn a_killed_reader_is_nothing() {
        let frame = new();
        let reader = stopped_reader(&frame);
        let writer = fork(|| frame.write().unwrap().fill(7));
        writer.asleep();
        assert!(writer.is_running());
        reader.kill_to_zombie();
        promptly("writer past a killed reader", || writer.succeed());
        assert_eq!(frame.try_read().unwrap()[999], 7);
        stopped_reader(&frame).kill();
        drop(frame.try_write().unwrap());
    }

    fn a_killed_writer_is_told_to_all_until_one_of_several_recovers() {
        let frame = new();
        let got = Value::<u32>::new(0).unwrap();
        let held = Value::<u32>::new(0).unwrap();
        let all_tried = Event::new().unwrap();
        let writer = stopped_writer(&frame);
        assert_eq!(frame.recover().unwrap_err(), RecoverError::Held);
        let told = [
            fork(|| assert_eq!(frame.read().unwrap_err(), LockError::OwnerDied)),
            fork(|| assert_eq!(frame.write().unwrap_err(), LockError::OwnerDied)),
        ];
        told.iter().for_each(Child::asleep);
        writer.kill_to_zombie();
        promptly("told of a killed writer", || all_succeed(told));
        let recoverers: Vec<_> = (0..4)
            .map(|_| fork(|| match frame.recover() {
                Ok(mut frame) => {
                    assert_eq!((frame[0], frame[999]), (1, 0));
                    frame.fill(2);
                    got.fetch_add(1);
                    all_tried.wait();
                }
                Err(error) => {
                    assert_eq!(error, RecoverError::Held);
                    held.fetch_add(1);
                }
            }))
            .collect();
        wait_until("all to try", || got.get() + held.get() == 4);
        assert_eq!(got.get(), 1);
        assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock);
        all_tried.set();
        all_succeed(recoverers);
        assert_eq!(*frame.try_read().unwrap(), [2; 1_000]);
    }

    fn a_panicking_writer_poisons_it_for_all() {
        let frame = new();
        fork(|| panic_with(frame.write().unwrap())).succeed();
        assert_eq!(frame.read().unwrap_err(), LockError::Poisoned);
        assert_eq!(frame.try_write().unwrap_err(), TryLockError::Poisoned);
        let timed = frame.read_timeout(Duration::from_millis(1)).unwrap_err();
        assert_eq!(timed, LockTimeoutError::Poisoned);
        fork(|| drop(frame.recover().unwrap())).succeed();
        fork(|| panic_with(frame.read().unwrap())).succeed();
        drop(frame.try_write().unwrap());
    }

    fn guards_that_a_child_inherited_are_inert() {
        let frame = new();
        let mut reading = Some(frame.read().unwrap());
        fork(|| {
            let guard = reading.take().unwrap();
            assert!(catch_unwind(AssertUnwindSafe(|| guard[0])).is_err());
            drop(guard);
            drop(frame.read().unwrap());
        }).succeed();
        assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
        assert_eq!(reading.as_ref().unwrap()[0], 0);
        drop(reading);
        let mut writing = Some(frame.write().unwrap());
        fork(|| {
            let mut guard = writing.take().unwrap();
            assert!(catch_unwind(AssertUnwindSafe(|| guard[0])).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| guard[0] = 5)).is_err());
            panic_with(guard); // poisons nothing
            assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock);
        }).succeed();
        fork(|| drop(writing.take())).succeed();
        assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock);
        writing.as_mut().unwrap()[0] = 9;
        drop(writing);
        assert_eq!(frame.try_read().unwrap()[0], 9);
    }

    fn leaked_guards_stay_held_while_their_process_lives() {
        let name = unique("leaked");
        let frame = Frame::create(&name, 4).unwrap();
        let leaks: [fn(&Frame); 2] =
            [|frame| forget(frame.read().unwrap()), |frame| forget(frame.write().unwrap())];
        for leak in leaks {
            let child = fork(|| {
                let frame = Frame::open(&name).unwrap();
                leak(&frame);
                drop(frame);
                stop_here();
            });
            child.stopped();
            let refused = frame.write_timeout(Duration::from_millis(150)).unwrap_err();
            assert_eq!(refused, LockTimeoutError::Timeout);
            child.kill();
            drop(frame.recover().unwrap());
        }
    }

    /// A process counts to 1,048,575; that one has too many is nothing to the others.
    fn one_process_that_reads_a_million_times_is_refused_more() {
        let frame = new();
        let hoarder = fork(|| {
            (0..(1 << 20) - 1).for_each(|_| forget(frame.read().unwrap()));
            assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock);
            let refused = frame.read_timeout(Duration::from_millis(20)).unwrap_err();
            assert_eq!(refused, LockTimeoutError::Timeout);
            stop_here();
        });
        hoarder.stopped();
        drop(frame.try_read().unwrap());
        assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
        hoarder.kill();
        drop(frame.try_write().unwrap());
    }

    fn two_handles_of_one_name_are_one_buffer() {
        let name = unique("handles");
        let first = Buffer::create_from_slice(&name, &[1_u64, 2, 3]).unwrap();
        let second = Frame::open(&name).unwrap();
        let guard = second.write().unwrap();
        assert_eq!(first.try_read().unwrap_err(), TryLockError::WouldBlock);
        drop(guard);
        drop(first);
        fork(|| Frame::open(&name).unwrap().write().unwrap()[1] = 5).succeed();
        assert_eq!(*second.read().unwrap(), [1, 5, 3]);
    }

    /// Writers and readers killed at random moments: what is whole stays whole, what may not be is
    /// told, and goes on once it was mended.
    fn a_storm_of_kills_shows_nobody_a_half_written_frame() {
        let frame = new();
        let mend = |frame: &Frame| match frame.write_timeout(LONG) {
            Ok(mut guard) => {
                assert_whole(&guard);
                guard.iter_mut().for_each(|n| *n += 1);
            }
            Err(LockTimeoutError::OwnerDied) => {
                if let Ok(mut guard) = frame.recover() {
                    guard.fill(0);
                }
            }
            Err(error) => panic!("{error}"),
        };
        let look = |frame: &Frame| if let Ok(guard) = frame.read_timeout(LONG) {
            assert_whole(&guard);
        };
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..40 {
            let workers: Vec<_> = (0..4)
                .map(|n| fork(|| loop {
                    if n % 2 == 0 { mend(&frame) } else { look(&frame) }
                }))
                .collect();
            for worker in workers {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                thread::sleep(Duration::from_micros(random % 1_500));
                worker.kill();
            }
            mend(&frame);
            assert_whole(&frame.try_read().unwrap());
        }
    }
}

#[test]
fn threads_share_reading_and_exclude_writing() {
    let frame = new();
    let reading = [frame.read().unwrap(), frame.try_read().unwrap()];
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            drop(frame.try_read().unwrap());
            frame.try_write().map(drop).unwrap_err()
        });
        assert_eq!(other.join().unwrap(), TryLockError::WouldBlock);
    });
    drop(reading);
    let writing = frame.try_write().unwrap();
    assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock);
    assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
    drop(writing);
}

#[test]
fn timed_forms_never_give_up_early() {
    let frame = new();
    for millis in [0, 1, 3, 10, 70, 150] {
        let timeout = Duration::from_millis(millis);
        let in_time = |refused: &dyn Fn() -> LockTimeoutError| {
            let start = Instant::now();
            assert_eq!(refused(), LockTimeoutError::Timeout);
            assert!(start.elapsed() >= timeout, "{millis} ms");
        };
        let held = frame.write().unwrap();
        in_time(&|| frame.read_timeout(timeout).unwrap_err());
        in_time(&|| frame.read_deadline(Instant::now() + timeout).unwrap_err());
        in_time(&|| frame.write_timeout(timeout).unwrap_err());
        drop(held);
        let held = frame.read().unwrap();
        in_time(&|| frame.write_timeout(timeout).unwrap_err());
        in_time(&|| frame.write_deadline(Instant::now() + timeout).unwrap_err());
        drop(frame.try_read().unwrap()); // a writer that gave up holds up nobody
        drop(held);
    }
}

#[test]
fn what_is_free_is_had_without_time_and_a_timeout_too_large_waits() {
    let frame = new();
    drop(frame.read_timeout(Duration::ZERO).unwrap());
    drop(frame.write_deadline(Instant::now()).unwrap());
    let held = frame.write().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| frame.read_timeout(Duration::MAX).unwrap()[0]);
        let writer = scope.spawn(|| frame.write_timeout(Duration::MAX).unwrap()[0]);
        thread::sleep(Duration::from_millis(10));
        assert!(!reader.is_finished() && !writer.is_finished());
        drop(held);
        assert_eq!((reader.join().unwrap(), writer.join().unwrap()), (0, 0));
    });
}

#[test]
fn a_panicking_writer_poisons_and_a_panicking_reader_does_not() {
    let frame = new();
    panic_with(frame.read().unwrap());
    drop(frame.try_write().unwrap());
    panic_with(frame.write().unwrap());
    assert_eq!(frame.write().unwrap_err(), LockError::Poisoned);
    drop(frame.recover().unwrap());
    drop(frame.try_read().unwrap());
}

#[test]
fn an_empty_buffer_works() {
    let empty = Frame::new(0).unwrap();
    assert!(empty.is_empty() && empty.read().unwrap().is_empty());
    let guard = empty.write().unwrap();
    assert_eq!(guard.len(), 0);
    assert_eq!(empty.try_read().unwrap_err(), TryLockError::WouldBlock);
    drop(guard);
    drop(empty.recover().unwrap());
}

#[test]
fn the_elements_lie_where_as_ptr_says() {
    let frame = Buffer::from_slice(&[1_u64, 2, 3]).unwrap();
    assert_eq!(frame.read().unwrap().as_ptr(), frame.as_ptr().cast_const());
    assert_eq!((frame.len(), frame.is_empty()), (3, false));
}
