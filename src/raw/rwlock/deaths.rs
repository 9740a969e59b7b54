//! Readers, writers and recoverers of a buffer that die or stop in the middle, in processes of their
//! own.

use crate::children::{Child, HANG, all_succeed, alone, fork, promptly, stop_here};
use crate::raw::hook::{arm, arm_nth, stopped_at};
use crate::{Buffer, LockError, LockTimeoutError, RecoverError, TryLockError};
use std::time::{Duration, Instant};

type Frame = Buffer<u32>;
type Operation = fn(&Frame);
const SHORT: Duration = Duration::from_millis(5);

fn new() -> Frame {
    Buffer::new(64).unwrap()
}

/// Reads a frame that is whole: all elements are equal.
fn read(frame: &Frame) {
    let frame = frame.read_timeout(HANG).unwrap();
    assert!(frame.iter().all(|n| *n == frame[0]), "half-written: {frame:?}");
}

fn write(frame: &Frame) {
    let mut frame = frame.write_timeout(HANG).unwrap();
    frame.iter_mut().for_each(|n| *n += 1);
}

fn recover(frame: &Frame) {
    match frame.recover() {
        Ok(mut frame) => frame.fill(9),
        Err(error) => assert_eq!(error, RecoverError::Held),
    }
}

/// A child that has written one half, and is stopped.
fn half_written(frame: &Frame) -> Child {
    let child = fork(|| {
        let mut frame = frame.write().unwrap();
        frame[..32].fill(5);
        stop_here();
        frame[32..].fill(5);
    });
    child.stopped();
    child
}

/// A buffer whose writer was killed in the middle.
fn orphan() -> Frame {
    let frame = new();
    half_written(&frame).kill();
    frame
}

/// A writer, and a reader that comes after it, asleep unless they get in at once.
fn visitors(frame: &Frame) -> [Child; 2] {
    [fork_settled(|| drop(frame.write().unwrap())), fork_settled(|| drop(frame.read().unwrap()))]
}

fn fork_settled(f: impl FnOnce()) -> Child {
    let child = fork(f);
    child.settled();
    child
}

fn told(frame: &Frame) -> [Child; 2] {
    [
        fork_settled(|| assert_eq!(frame.write().map(drop), Err(LockError::OwnerDied))),
        fork_settled(|| assert_eq!(frame.read().map(drop), Err(LockError::OwnerDied))),
    ]
}

fn assert_free(frame: &Frame) {
    let reading = [frame.try_read().unwrap(), frame.try_read().unwrap()];
    assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
    drop(reading);
    drop(frame.try_write().unwrap());
}

fn assert_orphaned_then_recover(frame: &Frame) {
    assert_eq!(frame.try_read().unwrap_err(), TryLockError::OwnerDied);
    assert_eq!(frame.try_write().unwrap_err(), TryLockError::OwnerDied);
    assert_eq!(frame.read_timeout(SHORT).unwrap_err(), LockTimeoutError::OwnerDied);
    assert_eq!(frame.write_timeout(SHORT).unwrap_err(), LockTimeoutError::OwnerDied);
    let mut guard = frame.recover().unwrap();
    assert_eq!(frame.recover().unwrap_err(), RecoverError::Held);
    guard.fill(8);
    drop(guard);
    read(frame);
    assert_free(frame);
}

/// A child that has left as a reader while a writer sleeps for it, and stops before it tells.
fn left_without_a_word(frame: &Frame, point: &'static str) -> (Child, Child) {
    let reader = fork(|| {
        let guard = frame.read().unwrap();
        stop_here();
        arm(point);
        drop(guard);
    });
    reader.stopped();
    let writer = fork(|| write(frame));
    writer.asleep();
    reader.resume();
    reader.stopped();
    (reader, writer)
}

/// Where a death is nothing: nobody was writing.
const HARMLESS: [(&str, Operation); 7] = [
    ("rwlock.entering", read),
    ("rwlock.counted", read),
    ("buffer.reading", read),
    ("rwlock.left", read),
    ("rwlock.draining", write),
    ("rwlock.drained", write),
    ("rwlock.giving_up", |frame| {
        // A thread that waits for its own reading.
        let _reading = frame.read().unwrap();
        assert_eq!(frame.write_timeout(SHORT).unwrap_err(), LockTimeoutError::Timeout);
    }),
];

alone! {
fn a_killed_reader_or_drainer_is_nothing() {
    for (point, operation) in HARMLESS {
        let frame = new();
        let child = stopped_at(point, || operation(&frame));
        let visitors = visitors(&frame);
        child.kill_to_zombie();
        promptly(&format!("past one killed at {point}"), || all_succeed(visitors));
        assert_free(&frame);
        read(&frame);
        // Found by those who only try, and by recover.
        stopped_at(point, || operation(&frame)).kill();
        drop(frame.try_write().unwrap_or_else(|error| panic!("killed at {point}: {error}")));
        stopped_at(point, || operation(&frame)).kill();
        drop(frame.try_read().unwrap_or_else(|error| panic!("killed at {point}: {error}")));
        stopped_at(point, || operation(&frame)).kill();
        drop(frame.recover().unwrap_or_else(|error| panic!("killed at {point}: {error}")));
        assert_free(&frame);
    }
}
}

alone! {
fn a_reader_killed_or_stopped_before_it_tells_the_writer_has_left() {
    let frame = new();
    for point in ["rwlock.left", "eventcount.before_wake"] {
    let (reader, writer) = left_without_a_word(&frame, point);
    promptly("writer beside a reader stopped on its way out", || writer.succeed());
    reader.resume();
    reader.succeed();
    let (reader, writer) = left_without_a_word(&frame, point);
    reader.kill_to_zombie();
    promptly("writer after a reader killed on its way out", || writer.succeed());
    }
    assert_free(&frame);
}
}

alone! {
fn a_killed_writer_is_told_to_readers_and_writers() {
    for point in ["buffer.writing", "half"] {
        let frame = new();
        let writer = match point {
            "half" => half_written(&frame),
            point => stopped_at(point, || write(&frame)),
        };
        let told = told(&frame);
        writer.kill_to_zombie();
        promptly(&format!("told of a writer killed at {point}"), || all_succeed(told));
        assert_orphaned_then_recover(&frame);
    }
}
}

alone! {
fn a_writer_killed_or_stopped_before_its_wake_has_left() {
    for kill in [true, false] {
        let frame = new();
        let writer = fork(|| {
            let guard = frame.write().unwrap();
            stop_here();
            arm("rwlock.before_wake");
            drop(guard);
        });
        writer.stopped();
        let visitors = visitors(&frame);
        writer.resume();
        writer.stopped();
        if kill {
            writer.kill_to_zombie();
        }
        promptly("past a writer that woke nobody", || all_succeed(visitors));
        assert_free(&frame);
        if !kill {
            writer.resume();
            writer.succeed();
        }
    }
}
}

alone! {
fn waiters_killed_or_stopped_before_their_sleep_are_not_waited_for() {
    let frame = new();
    let guard = frame.write().unwrap();
    let waiters: [Operation; 2] = [read, write];
    let killed = waiters.map(|wait| stopped_at("rwlock.before_sleep", || wait(&frame)));
    let stopped = waiters.map(|wait| stopped_at("rwlock.before_sleep", || wait(&frame)));
    let visitors = visitors(&frame);
    killed.into_iter().for_each(Child::kill);
    drop(guard);
    promptly("past dead and stopped waiters", || all_succeed(visitors));
    assert_free(&frame);
    stopped.iter().for_each(Child::resume);
    all_succeed(stopped);
}
}

alone! {
fn the_one_who_recovers_may_be_killed_too() {
    for point in ["rwlock.recover.before_cas", "rwlock.recovered"] {
        let frame = orphan();
        stopped_at(point, || recover(&frame)).kill();
        promptly(&format!("told of a recoverer killed at {point}"), || all_succeed(told(&frame)));
        stopped_at(point, || recover(&frame)).kill();
        assert_orphaned_then_recover(&frame);
    }
    let frame = new();
    stopped_at("rwlock.draining", || write(&frame)).kill();
    stopped_at("rwlock.freeing", || write(&frame)).kill();
    promptly("past two dead drainers", || all_succeed(visitors(&frame)));
    assert_free(&frame);
}
}

alone! {
/// They hold nothing yet; they go on, and find that they came too late.
fn those_stopped_before_they_take_over_come_too_late() {
    let frame = orphan();
    let recoverer = stopped_at("rwlock.recover.before_cas", || recover(&frame));
    let mut guard = promptly("recovered beside a stopped one", || frame.recover().unwrap());
    recoverer.resume();
    recoverer.succeed();
    guard.fill(3);
    drop(guard);
    assert_eq!(frame.read().unwrap()[0], 3);

    let frame = new();
    stopped_at("rwlock.draining", || write(&frame)).kill();
    let late = stopped_at("rwlock.freeing", || read(&frame));
    let guard = promptly("freed beside a stopped one", || frame.write_timeout(HANG).unwrap());
    late.resume();
    late.asleep();
    assert!(late.is_running(), "read beside a writer");
    drop(guard);
    late.succeed();
    assert_free(&frame);
}
}

alone! {
/// They had seen it inside; by the time they ask whether it lives, it has left and ended.
fn a_writer_that_left_and_ended_has_not_died_inside() {
    let visitors: [Operation; 2] = [read, write];
    for visit in visitors {
        let frame = new();
        let writer = half_written(&frame);
        // The second time, after a nap, they do ask.
        let visitor = fork(|| {
            arm_nth("rwlock.before_look", 1);
            visit(&frame);
        });
        visitor.stopped();
        writer.resume();
        writer.succeed();
        visitor.resume();
        visitor.succeed();
    }
}
}

alone! {
/// A reader that saw it free, was stopped, and counted itself beside a writer's claim.
fn a_reader_stopped_at_the_door_holds_up_no_recoverer() {
    let frame = new();
    let reader = fork(|| {
        arm("rwlock.entering");
        arm("rwlock.counted");
        assert_eq!(frame.read_timeout(HANG).unwrap_err(), LockTimeoutError::OwnerDied);
    });
    reader.stopped();
    let writer = half_written(&frame);
    reader.resume();
    reader.stopped();
    writer.kill();
    let refused = promptly("refused beside a stopped reader", || frame.recover().unwrap_err());
    assert_eq!(refused, RecoverError::Held);
    assert_eq!(frame.try_read().unwrap_err(), TryLockError::OwnerDied);
    reader.resume();
    reader.succeed();
    assert_orphaned_then_recover(&frame);
}
}

alone! {
fn who_is_stopped_for_long_is_not_robbed() {
    let scenes: [(&str, Frame, Operation); 7] = [
        ("rwlock.counted", new(), read),
        ("buffer.reading", new(), read),
        ("rwlock.draining", new(), write),
        ("rwlock.drained", new(), write),
        ("buffer.writing", new(), write),
        ("rwlock.recovered", orphan(), recover),
        ("rwlock.giving_up", new(), HARMLESS[6].1),
    ];
    let stopped: Vec<_> =
        scenes.iter().map(|(point, frame, operation)| stopped_at(point, || operation(frame))).collect();
    let visitors: Vec<_> = scenes.iter().flat_map(|(_, frame, _)| visitors(frame)).collect();
    // Those who have slept for long nap longest.
    let (read_by_the_dead, written_by_the_dead) = (new(), new());
    let doomed = [
        stopped_at("buffer.reading", || read(&read_by_the_dead)),
        half_written(&written_by_the_dead),
    ];
    let heirs = [self::visitors(&read_by_the_dead), told(&written_by_the_dead)];
    let end = Instant::now() + Duration::from_secs(3);
    for (point, frame, _) in &scenes {
        let refused = frame.write_deadline(end).unwrap_err();
        assert_eq!(refused, LockTimeoutError::Timeout, "robbed at {point}");
        promptly(point, || {
            // Beside a waiting or a stopped writer nobody reads.
            assert_eq!(frame.try_read().unwrap_err(), TryLockError::WouldBlock, "{point}");
            assert_eq!(frame.read_timeout(SHORT).unwrap_err(), LockTimeoutError::Timeout);
            assert_eq!(frame.try_write().unwrap_err(), TryLockError::WouldBlock);
            assert_eq!(frame.recover().unwrap_err(), RecoverError::Held);
        });
    }
    assert!(visitors.iter().chain(heirs.iter().flatten()).all(Child::is_running));
    doomed.iter().for_each(Child::kill_to_zombie);
    promptly("past the dead after a long sleep", || all_succeed(heirs.into_iter().flatten()));
    stopped.iter().for_each(Child::resume);
    all_succeed(stopped);
    promptly("buffers passed on", || all_succeed(visitors));
    scenes.iter().for_each(|(_, frame, _)| assert_free(frame));
}
}
