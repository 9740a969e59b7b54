//! The address space runs out, page by page where that makes a difference.

use crate::children::{alone, directory};
use crate::kinds::KINDS;
use crate::{assert_says, become_somebody, try_with_each};
use commonhold::{Error, ErrorKind, Pool, Process, Segment, Value};
use nix::sys::resource::Resource;
use std::os::unix::fs::PermissionsExt;

const PAGE: u64 = 4096;

/// How much of the address space this process has in use.
fn used() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse::<u64>().unwrap() * PAGE
}

fn no_room(error: &Error) {
    let text = error.to_string();
    let known = ["Cannot allocate memory", "Resource temporarily unavailable", "ended before"];
    assert!(known.iter().any(|part| text.contains(part)), "{text}");
}

fn square(n: u64) -> u64 {
    n * n
}

/// From what is in use now, so much more each time.
fn more(each: u64, times: u64) -> impl Iterator<Item = u64> {
    let now = used();
    (0..times).map(move |n| now + n * each)
}

/// What this process tells its children by is mapped before anything is measured.
fn map_the_arena() -> Value<u32> {
    Value::new(0).unwrap()
}

alone! {
    fn what_is_made() {
        let _arena = map_the_arena();
        try_with_each(Resource::RLIMIT_AS, more(PAGE, 200), "named", || {
            KINDS.iter().try_for_each(|kind| (kind.create)("x".into()))
        }, no_room);
        // The arena is one mapping; around its size each page counts.
        let now = used();
        let around = (0..8).map(|n| n << 21).chain((4090..4200).map(|n| n * PAGE));
        try_with_each(Resource::RLIMIT_AS, around.map(|more| now + more), "anonymous", || {
            KINDS.iter().try_for_each(|kind| (kind.new)())
        }, no_room);
    }

    fn processes_and_pools() {
        let _arena = map_the_arena();
        try_with_each(Resource::RLIMIT_AS, more(256 << 10, 400), "spawn", || {
            assert!(Process::spawn(|| (), ())?.join()?.success());
            Ok(())
        }, no_room);
        try_with_each(Resource::RLIMIT_AS, more(2 << 20, 200), "a pool", || {
            let pool = Pool::new(2)?;
            assert_eq!(pool.map(square, 0..10).unwrap().len(), 10);
            Ok(())
        }, no_room);
    }

    fn memory_that_may_not_be_locked() {
        let anybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory(), anybody).unwrap();
        if !become_somebody() {
            return;
        }
        try_with_each(Resource::RLIMIT_MEMLOCK, (0..20).map(|n| n * PAGE), "locked", || {
            (KINDS[0].create)(Segment::options().lock_in_memory(true).at("x"))
        }, |error| {
            let none = error.to_string().contains("Operation not permitted");
            let kind = if none { ErrorKind::PermissionDenied } else { ErrorKind::OutOfMemory };
            assert_says(error, kind, &["create value \"x\": locking its memory"]);
        });
    }
}
