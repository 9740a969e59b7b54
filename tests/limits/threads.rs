//! Threads and processes run out.

use crate::children::alone;
use crate::{become_somebody, skip, try_with_each};
use commonhold::{Error, Pool, Process};
use nix::sys::resource::Resource;

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
            let pool = Pool::new(5)?;
            assert_eq!(pool.map(square, 0..100).unwrap().len(), 100);
            Ok(())
        }, none_left);
    }
}
