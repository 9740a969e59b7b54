//! A limit on the size of files: the one that what is anonymous can meet. It ends nobody by a signal.

use crate::children::alone;
use crate::kinds::KINDS;
use crate::{assert_says, limit, try_with_each};
use commonhold::{Error, ErrorKind, Pool};
use nix::sys::resource::Resource;

const PAGE: u64 = 4096;
/// What anonymous objects share, and what has a file of its own.
const ARENA: u64 = 16 << 20;

fn too_large(error: &Error) {
    assert_says(error, ErrorKind::OutOfMemory, &["create", "reserving", "File too large"]);
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn grown(length: usize) -> Vec<u8> {
    vec![7; length]
}

alone! {
    fn what_is_named_at_every_page() {
        try_with_each(Resource::RLIMIT_FSIZE, (0..100).map(|n| n * PAGE), "named", || {
            KINDS.iter().try_for_each(|kind| (kind.create)("x".into()))
        }, too_large);
    }

    fn what_is_anonymous() {
        let pages = (0..5).chain(ARENA / PAGE - 2..ARENA / PAGE + 10).map(|n| n * PAGE);
        try_with_each(Resource::RLIMIT_FSIZE, pages, "anonymous", || {
            KINDS.iter().try_for_each(|kind| (kind.new)())
        }, too_large);
    }

    /// Arguments and results find no room, in the pool's process or in a worker: their own task fails.
    fn a_pools_memory() {
        let pool = Pool::new(1).unwrap();
        limit(Resource::RLIMIT_FSIZE, ARENA);
        let refused = pool.apply(length, vec![0; 40 << 20]).unwrap_err().to_string();
        assert!(refused.contains("File too large"), "{refused}");
        let refused = pool.apply(grown, 40 << 20).unwrap_err().to_string();
        assert!(refused.contains("no room for the result in shared memory"), "{refused}");
        assert_eq!(pool.apply(length, vec![0; 100_000]).unwrap(), 100_000);
        assert_eq!(pool.apply(grown, 100_000).unwrap().len(), 100_000);
        limit(Resource::RLIMIT_FSIZE, u64::MAX);
        assert_eq!(pool.apply(length, vec![0; 40 << 20]).unwrap(), 40 << 20);
        assert_eq!(pool.apply(grown, 40 << 20).unwrap().len(), 40 << 20);
    }
}
