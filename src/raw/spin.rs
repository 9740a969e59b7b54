//! Whether waiting awake can pay: not with a single CPU.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::sys::process::online_cpus;

const UNKNOWN: u8 = 0;
const PAYS: u8 = 1;
const DOES_NOT: u8 = 2;

/// False where nobody else can run while this thread spins, and in a model: a thread that sleeps
/// sees all that one does that spins. It does not matter on which CPUs this thread may run: one that
/// is pinned waits for others, which are on other CPUs.
pub(crate) fn pays() -> bool {
    // Ordering: every thread finds the same answer, and it guards no other memory. No `OnceLock`: a
    // child that is forked while another thread is inside of one would wait for that thread for ever.
    static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
    match ANSWER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let pays = cfg!(not(loom)) && online_cpus() > 1;
            ANSWER.store(if pays { PAYS } else { DOES_NOT }, Ordering::Relaxed);
            pays
        }
        answer => answer == PAYS,
    }
}
