//! Writers of large values that die or stop in the middle, in processes of their own.

use super::direct::Direct;
use super::object::Single;
use crate::children::{Child, alone, fork, wait_until};
use crate::raw::hook::{arm, arm_nth};
use crate::segment::handle::Handle;
use std::thread::sleep;
use std::time::{Duration, Instant};

type Page = [u64; 512];
type Cell = Direct<Single<Page>>;
type Write = fn(&Cell, Page);
const OLD: Page = [1; 512];
const NEW: Page = [2; 512];
const NEXT: Page = [3; 512];

/// The points of a write, in order, and what the value is for all others from then on.
static POINTS: [(&str, Page); 4] =
    [("cell.locked", OLD), ("cell.write.half", OLD), ("cell.written", OLD), ("cell.flipped", NEW)];

/// Every way to write a page.
const WRITES: [(&str, Write); 4] = [
    ("set", set),
    ("swap", |cell, page| _ = swap(cell, page)),
    ("update", |cell, page| _ = update(cell, |_| page)),
    ("exchange", |cell, page| _ = cell.only().compare_exchange(cell.handle(), get(cell), page)),
];

fn new(page: Page) -> Cell {
    Handle::new(page).map(Direct::from).unwrap()
}

fn get(cell: &Cell) -> Page {
    cell.only().get()
}

fn set(cell: &Cell, page: Page) {
    cell.only().set(cell.handle(), page);
}

fn swap(cell: &Cell, page: Page) -> Page {
    cell.only().swap(cell.handle(), page)
}

fn update(cell: &Cell, mut f: impl FnMut(Page) -> Page) -> Page {
    cell.only().try_update(cell.handle(), |page| Some(f(page))).unwrap()
}

/// A child that has stopped itself at this point of writing `NEW`.
fn stopped_at(point: &'static str, cell: &Cell, write: Write) -> Child {
    let child = fork(|| {
        arm(point);
        write(cell, NEW);
    });
    child.stopped();
    child
}

alone! {
fn a_writer_killed_at_any_point_leaves_the_old_page_or_the_new_one() {
    for (point, left) in POINTS {
        for (name, write) in WRITES {
            let cell = new(OLD);
            let child = stopped_at(point, &cell, write);
            assert_eq!(get(&cell), left, "{name} stopped at {point}");
            child.kill();
            assert_eq!(get(&cell), left, "{name} killed at {point}");
            let start = Instant::now();
            assert_eq!(swap(&cell, NEXT), left, "{name} killed at {point}");
            println!("took over from {name} killed at {point} in {:?}", start.elapsed());
            assert_eq!(get(&cell), NEXT);
        }
    }
}
}

alone! {
fn a_zombie_is_taken_over_from_too() {
    let cell = new(OLD);
    let child = stopped_at("cell.write.half", &cell, set);
    child.kill_to_zombie();
    set(&cell, NEXT);
    assert_eq!(get(&cell), NEXT);
}
}

alone! {
fn the_one_who_takes_over_may_be_killed_too() {
    for point in ["lock.recover.before_cas", "lock.recovered", "cell.write.half"] {
        let cell = new(OLD);
        stopped_at("cell.write.half", &cell, set).kill();
        let second = stopped_at(point, &cell, set);
        assert_eq!(get(&cell), OLD);
        second.kill();
        assert_eq!(swap(&cell, NEXT), OLD, "killed at {point}");
        assert_eq!(get(&cell), NEXT);
    }
}
}

alone! {
/// For 3 seconds, at all points at once: the others look whether the holder lives, many times.
fn a_writer_that_is_stopped_is_not_robbed() {
    let cells = POINTS.map(|_| new(OLD));
    let begun = POINTS.map(|_| Direct::from(Handle::<Single<bool>>::new(false).unwrap()));
    let scenes: Vec<_> = (0..POINTS.len())
        .map(|n| {
            let (cell, begun) = (&cells[n], &begun[n]);
            let stopped = stopped_at(POINTS[n].0, cell, set);
            let waiting = fork(|| {
                begun.only().set(begun.handle(), true);
                set(cell, NEXT);
            });
            wait_until("the other writer", || begun.only().get());
            (stopped, waiting)
        })
        .collect();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for (((_, waiting), cell), (point, left)) in scenes.iter().zip(&cells).zip(POINTS) {
            assert!(waiting.is_running(), "robbed at {point}");
            assert_eq!(get(cell), left, "read while a writer is stopped at {point}");
        }
        sleep(Duration::from_millis(50));
    }
    for ((stopped, waiting), cell) in scenes.into_iter().zip(&cells) {
        stopped.resume();
        stopped.succeed();
        waiting.succeed();
        assert_eq!(get(cell), NEXT);
    }
}
}

alone! {
fn those_who_wait_for_a_writer_go_on_when_it_is_killed() {
    let cell = new(OLD);
    let stopped = stopped_at("cell.write.half", &cell, set);
    let waiting: Vec<Child> =
        (0..3).map(|_| fork(|| _ = update(&cell, |page| page.map(|n| n + 1)))).collect();
    sleep(Duration::from_millis(20));
    stopped.kill();
    waiting.into_iter().for_each(Child::succeed);
    assert_eq!(get(&cell), [4; 512]);
}
}

alone! {
/// A whole round of writes before the stop, so that the other copy is the idle one.
fn either_copy_may_be_half_written() {
    for writes in 1..=4 {
        let cell = new([0; 512]);
        let child = fork(|| {
            arm_nth("cell.write.half", writes - 1);
            (1..=4).for_each(|n| set(&cell, [n; 512]));
        });
        child.stopped();
        assert_eq!(get(&cell), [u64::from(writes) - 1; 512]);
        child.kill();
        update(&cell, |page| page.map(|n| n + 10));
        assert_eq!(get(&cell), [u64::from(writes) + 9; 512]);
    }
}
}
