//! Fetching a cache line before it is needed.

/// Fetches a cache line to write to it, which the other side wrote last.
#[inline(always)]
pub(super) fn prefetch(line: *const u8) {
    // By its name: the intrinsic becomes a fetch to read, where the target is not said to have this one.
    // Processors that know none take it for nothing.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: [HDR-2] an address within the block; nothing is accessed.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}
