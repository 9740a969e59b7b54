//! Memory that a forked child finds zeroed: what must not be taken over from the parent.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32};

use rustix::io;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

const PAGE: usize = 4096;

/// What a page holds.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) word: AtomicU32,
    /// For threads that exclude each other.
    pub(crate) turn: AtomicU32,
    pub(crate) pointer: AtomicPtr<u8>,
}

/// A page that reads as zero in a forked child, until the child stores something itself.
#[derive(Debug)]
pub(crate) struct PrivatePage(NonNull<Words>);

// SAFETY: [PRV-1] the page is reached only as atomics, until its owner drops it.
unsafe impl Send for PrivatePage {}
// SAFETY: [PRV-1] as above.
unsafe impl Sync for PrivatePage {}

impl PrivatePage {
    pub(crate) fn new() -> io::Result<PrivatePage> {
        // SAFETY: [PRV-1] a new private mapping, placed by the kernel, overlaps nothing.
        let at = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                PAGE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        let page = PrivatePage(NonNull::new(at.cast()).ok_or(io::Errno::NOMEM)?);
        // SAFETY: [PRV-1] the range is the whole mapping made above, and stays mapped.
        unsafe { madvise(at, PAGE, Advice::LinuxWipeOnFork) }?;
        Ok(page)
    }

    #[inline]
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: [PRV-1] the page is mapped while self lives; zeros are valid words; aligned.
        unsafe { self.0.as_ref() }
    }

    /// The word's address, valid while the page lives.
    pub(crate) fn word_address(&self) -> NonNull<AtomicU32> {
        NonNull::from(&self.words().word)
    }
}

impl Drop for PrivatePage {
    fn drop(&mut self) {
        // SAFETY: [PRV-1] the range is the whole mapping, and nobody can reach it any more.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), PAGE) };
    }
}
