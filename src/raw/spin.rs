//! Whether waiting awake can pay: not with a single CPU.

use std::sync::OnceLock;

use crate::sys::process::online_cpus;

/// False where nobody else can run while this thread spins, and in a model: a thread that sleeps
/// sees all that one does that spins. It does not matter on which CPUs this thread may run: one that
/// is pinned waits for others, which are on other CPUs.
pub(crate) fn pays() -> bool {
    static PAYS: OnceLock<bool> = OnceLock::new();
    *PAYS.get_or_init(|| cfg!(not(loom)) && online_cpus() > 1)
}
