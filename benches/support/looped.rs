//! Runs of one thread: a loop around an operation.

use std::hint::black_box;

use super::cpu;
use super::ratio::Run;
use super::report::{Report, sample};

/// Operations for each jump back. Where that jump lies costs some processors more than a load does (one that
/// crosses 32 bytes is not kept decoded).
const UNROLLED: u64 = 8;

/// On one CPU.
pub fn pinned<T: 'static, R>(subject: T, mut operation: impl FnMut(&T) -> R + 'static) -> Run {
    Box::new(move |count| {
        cpu::pin(cpu::pair()[0]);
        let subject = black_box(&subject);
        let report = Report::of(|| {
            for _ in 0..count / UNROLLED {
                for _ in 0..UNROLLED {
                    black_box(operation(subject));
                }
            }
            for _ in 0..count % UNROLLED {
                black_box(operation(subject));
            }
            0
        });
        sample(&[report])
    })
}

/// Wherever the kernel likes; so are the processes that it starts.
pub fn unpinned<R>(mut operation: impl FnMut() -> R + 'static) -> Run {
    Box::new(move |count| {
        cpu::unpin();
        let report = Report::of(|| {
            (0..count).for_each(|_| drop(black_box(operation())));
            0
        });
        sample(&[report])
    })
}
