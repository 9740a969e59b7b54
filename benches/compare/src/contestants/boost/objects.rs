//! Its mutex, its semaphore, its memory.

use std::ffi::CString;

use memmap2::MmapRaw;

use super::shim;
use crate::case::What;
use crate::contestant::{Bout, Card, Contestant, Keeper, Kind, entry};
use crate::contestants::bare::room_for;
use crate::engines::lock::Lockable;
use crate::engines::operation::{Operator, pinned};
use crate::engines::rendezvous::fresh_place;
use crate::engines::shared_file::{self, PAGE, keep_page};

pub struct Mutex;

impl Lockable for Mutex {
    const CARD: Card = Card {
        name: "Boost mutex",
        kind: Kind::Processes,
        about: "`interprocess_mutex`. When its holder is killed, all others wait for ever.",
    };
    type Lock = MmapRaw;

    fn takes(what: &What) -> bool {
        matches!(what, What::Lock { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        // SAFETY: a page is larger than a mutex, and aligned.
        keep_page(place, |at| unsafe { shim::boost_mutex_init(at.cast()) })
    }

    fn open(place: &str) -> MmapRaw {
        shared_file::open(place, PAGE)
    }

    #[inline(always)]
    fn locked(map: &mut MmapRaw, work: impl FnOnce()) {
        let mutex = map.as_mut_ptr().cast();
        // SAFETY: it was initialized, and stays mapped.
        unsafe { shim::boost_mutex_lock(mutex) };
        work();
        // SAFETY: as above, and locked by this thread.
        unsafe { shim::boost_mutex_unlock(mutex) };
    }
}

pub struct Semaphore;

impl Lockable for Semaphore {
    const CARD: Card = Card {
        name: "Boost semaphore",
        kind: Kind::Processes,
        about: "`interprocess_semaphore`. What a killed holder had is lost.",
    };
    type Lock = MmapRaw;

    fn takes(what: &What) -> bool {
        matches!(what, What::Semaphore { .. })
    }

    fn make(place: &str) -> Result<Keeper, String> {
        // SAFETY: a page is larger than a semaphore, and aligned.
        keep_page(place, |at| unsafe { shim::boost_semaphore_init(at.cast(), 1) })
    }

    fn open(place: &str) -> MmapRaw {
        shared_file::open(place, PAGE)
    }

    #[inline(always)]
    fn locked(map: &mut MmapRaw, work: impl FnOnce()) {
        let semaphore = map.as_mut_ptr().cast();
        // SAFETY: it was initialized, and stays mapped.
        unsafe { shim::boost_semaphore_wait(semaphore) };
        work();
        // SAFETY: as above.
        unsafe { shim::boost_semaphore_post(semaphore) };
    }
}

pub fn memory() -> Box<dyn Contestant> {
    let card = Card {
        name: "Boost shared_memory_object",
        kind: Kind::Processes,
        about: "Bytes with a name, not reserved.",
    };
    Operator::boxed(card, |what| match *what {
        What::Segment { bytes, reserved: false } => entry(move || create(bytes)),
        _ => None,
    })
}

fn create(bytes: u64) -> Result<Bout, String> {
    room_for(bytes)?;
    let name = CString::new(fresh_place()).map_err(|error| error.to_string())?;
    pinned(move || {
        // SAFETY: a name that ends with NUL.
        assert!(unsafe { shim::boost_memory_create(name.as_ptr(), bytes as usize) });
    })
}
