//! Threads and processes run out.

use crate::children::alone;
use crate::{skip, try_with_each};
use commonhold::{Error, Pool, Process};
use nix::sys::resource::Resource;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

/// A user who has nothing else here: who it is, is counted.
const SOMEBODY: u32 = 61_234;

/// Becomes a user for whom the limit counts. False: this one may not.
fn become_somebody() -> bool {
    let became = setgroups(&[])
        .and_then(|()| setgid(Gid::from_raw(SOMEBODY)))
        .and_then(|()| setuid(Uid::from_raw(SOMEBODY)));
    became.map_err(|why| skip("a limit on processes", why)).is_ok()
}

fn none_left(error: &Error) {
    let text = error.to_string();
    assert!(text.contains("Resource temporarily unavailable"), "{text}");
}

fn square(n: u64) -> u64 {
    n * n
}

alone! {
    fn at_every_number_of_them() {
        if !become_somebody() {
            return;
        }
        if let Err(why) = std::fs::File::open("/proc/self/exe") {
            return skip("starting this program as another user", why);
        }
        try_with_each(Resource::RLIMIT_NPROC, 1..40, "spawn", || {
            assert!(Process::spawn(|| (), ())?.join()?.success());
            Ok(())
        }, none_left);
        try_with_each(Resource::RLIMIT_NPROC, 1..40, "fork", || {
            assert!(Process::fork(|| ())?.join()?.success());
            Ok(())
        }, none_left);
        try_with_each(Resource::RLIMIT_NPROC, 1..60, "a pool", || {
            let pool = Pool::new(12)?;
            assert_eq!(pool.map(square, 0..100).unwrap().len(), 100);
            Ok(())
        }, none_left);
    }
}
