//! Words that a forked child finds zeroed: what must not be taken over from the parent.
//!
//! They stand on pages that the kernel wipes at `fork`, many on one: a process that attaches to many
//! segments maps one page, not one for each. Which of a page's places are taken is noted beside it, and
//! not wiped, as a child has copies of what stands on them.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use rustix::io;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

// Ordering:
// [PV1] give back: zero the words, fetch_and(taken, Release) ↔ take: CAS(taken, Acquire)   they are zero
// [PV2] publish a page: CAS(PAGES, AcqRel) ↔ load(PAGES, Acquire)   the page is mapped, wiped on fork
// [PV3] publish words: CAS(AcqRel) ↔ load(Acquire)   they were taken, and are zero

const PAGE: usize = 4096;
/// One for each bit of what says which are taken; a cache line each, as some are looked at all the time.
const PLACES: usize = 64;

/// What stands on a place.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) word: AtomicU32,
    /// For threads that exclude each other.
    pub(crate) turn: AtomicU32,
    pub(crate) pointer: AtomicPtr<u8>,
}

const _: () = assert!(size_of::<Words>() * PLACES == PAGE);

/// A page of places; once published never unmapped.
struct Page {
    places: NonNull<[Words; PLACES]>,
    taken: AtomicU64,
    next: *const Page,
}

/// The page that was made last, which leads to the others.
static PAGES: AtomicPtr<Page> = AtomicPtr::new(ptr::null_mut());

/// Words that read as zero when they are taken, and in a forked child, until it stores something itself.
#[derive(Debug)]
pub(crate) struct PrivateWords {
    words: NonNull<Words>,
    page: NonNull<Page>,
}

// SAFETY: [PRV-1] the words are reached only as atomics, as is the page's note of what is taken.
unsafe impl Send for PrivateWords {}
// SAFETY: [PRV-1] as above.
unsafe impl Sync for PrivateWords {}

impl PrivateWords {
    /// Takes a place. Holds no lock: a child that is forked meanwhile may lack a place, and no more.
    pub(crate) fn new() -> io::Result<PrivateWords> {
        let mut newest = PAGES.load(Ordering::Acquire); // [PV2]
        loop {
            if let Some(words) = find(newest) {
                return Ok(words);
            }
            let fresh = Box::into_raw(Box::new(Page::map(newest)?));
            // [PV2]
            match PAGES.compare_exchange(newest, fresh, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => newest = fresh,
                Err(other) => {
                    // SAFETY: [PRV-2] it came from Box::into_raw above, and nobody else has seen it.
                    drop(unsafe { Box::from_raw(fresh) });
                    newest = other;
                }
            }
        }
    }

    #[inline]
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: [PRV-1] a published page stays mapped; zeros are valid words; aligned.
        unsafe { self.words.as_ref() }
    }

    /// The word's address, valid while this lives.
    pub(crate) fn word_address(&self) -> NonNull<AtomicU32> {
        NonNull::from(&self.words().word)
    }
}

impl Drop for PrivateWords {
    fn drop(&mut self) {
        let words = self.words();
        words.word.store(0, Ordering::Relaxed);
        words.turn.store(0, Ordering::Relaxed);
        words.pointer.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: [PRV-2] a page that was published came from Box::into_raw, and is never freed.
        let page = unsafe { self.page.as_ref() };
        let place = (self.words.addr().get() - page.places.addr().get()) / size_of::<Words>();
        page.taken.fetch_and(!(1 << place), Ordering::Release); // [PV1]
    }
}

/// Words of a static, taken at its first use.
#[derive(Debug)]
pub(crate) struct LazyWords(AtomicPtr<PrivateWords>);

impl LazyWords {
    pub(crate) const fn new() -> LazyWords {
        LazyWords(AtomicPtr::new(ptr::null_mut()))
    }

    /// The words, if they were taken already.
    pub(crate) fn get(&self) -> Option<&'static Words> {
        let words = self.0.load(Ordering::Acquire); // [PV3]
        // SAFETY: [PRV-2] words that were published came from Box::into_raw, and are never freed.
        unsafe { words.as_ref() }.map(PrivateWords::words)
    }

    /// The words. Of several threads one takes those that count.
    pub(crate) fn get_or_take(&self) -> io::Result<&'static Words> {
        if let Some(words) = self.get() {
            return Ok(words);
        }
        let fresh = Box::into_raw(Box::new(PrivateWords::new()?));
        let null = ptr::null_mut();
        // [PV3]
        let words = match self.0.compare_exchange(null, fresh, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => fresh,
            Err(first) => {
                // SAFETY: [PRV-2] it came from Box::into_raw above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                first
            }
        };
        // SAFETY: [PRV-2] words that were published came from Box::into_raw, and are never freed.
        Ok(unsafe { &*words }.words())
    }
}

/// A free place of these pages, taken.
fn find(newest: *const Page) -> Option<PrivateWords> {
    let mut next = newest;
    // SAFETY: [PRV-2] a page that was published came from Box::into_raw, and is never freed.
    while let Some(page) = unsafe { next.as_ref() } {
        if let Some(place) = page.take() {
            // SAFETY: [PRV-1] a published page stays mapped; zeros are valid words; aligned.
            let places = unsafe { page.places.as_ref() };
            let words = NonNull::from(&places[place]);
            return Some(PrivateWords { words, page: NonNull::from(page) });
        }
        next = page.next;
    }
    None
}

impl Page {
    fn map(next: *const Page) -> io::Result<Page> {
        // SAFETY: [PRV-1] a new private mapping, placed by the kernel, overlaps nothing.
        let at = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                PAGE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        let places = NonNull::new(at.cast()).ok_or(io::Errno::NOMEM)?;
        let page = Page { places, taken: AtomicU64::new(0), next };
        // SAFETY: [PRV-1] the range is the whole mapping made above, and stays mapped.
        unsafe { madvise(at, PAGE, Advice::LinuxWipeOnFork) }?;
        Ok(page)
    }

    fn take(&self) -> Option<usize> {
        let mut taken = self.taken.load(Ordering::Relaxed);
        while taken != u64::MAX {
            let place = taken.trailing_ones();
            let with = taken | 1 << place;
            // [PV1]
            match self.taken.compare_exchange_weak(
                taken,
                with,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(place as usize),
                Err(now) => taken = now,
            }
        }
        None
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: [PRV-1] the range is the whole mapping, and nobody can reach it: only a page that
        // was not published is dropped.
        let _ = unsafe { munmap(self.places.as_ptr().cast(), PAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_apart_zero_and_used_again() {
        let count = 3 * PLACES;
        let taken: Vec<PrivateWords> = (0..count).map(|_| PrivateWords::new().unwrap()).collect();
        for (number, words) in (1..).zip(&taken) {
            assert_eq!(words.words().word.swap(number, Ordering::Relaxed), 0);
        }
        for (number, words) in (1..).zip(&taken) {
            assert_eq!(words.words().word.load(Ordering::Relaxed), number, "is another's too");
        }
        let addresses: Vec<_> = taken.iter().map(PrivateWords::word_address).collect();
        drop(taken);
        let again: Vec<PrivateWords> = (0..count).map(|_| PrivateWords::new().unwrap()).collect();
        assert!(again.iter().all(|words| words.words().word.load(Ordering::Relaxed) == 0));
        let used_again =
            again.iter().filter(|words| addresses.contains(&words.word_address())).count();
        assert!(used_again >= PLACES, "{used_again} of {count}"); // other tests take some, too
    }
}
