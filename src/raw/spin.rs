//! Whether waiting awake can pay: not with a single CPU.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const PAYS: u8 = 1;
const DOES_NOT: u8 = 2;

/// False where nobody else can run while this thread spins, and in a model: a thread that sleeps
/// sees all that one does that spins.
pub(crate) fn pays() -> bool {
    // Ordering: every thread finds the same answer, and it guards no other memory. No `OnceLock`: a
    // child that is forked while another thread is inside of one would wait for that thread for ever.
    static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
    match ANSWER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let pays = cfg!(not(loom))
                && std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
            ANSWER.store(if pays { PAYS } else { DOES_NOT }, Ordering::Relaxed);
            pays
        }
        answer => answer == PAYS,
    }
}
