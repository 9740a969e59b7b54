//! Whether waiting awake can pay: not with a single CPU.

use std::sync::OnceLock;

/// False where nobody else can run while this thread spins, and in a model: a thread that sleeps
/// sees all that one does that spins.
pub(crate) fn pays() -> bool {
    static PAYS: OnceLock<bool> = OnceLock::new();
    *PAYS.get_or_init(|| {
        cfg!(not(loom)) && std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1)
    })
}
