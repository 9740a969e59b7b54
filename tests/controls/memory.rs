//! Memory that forked processes share, and that leaves no name.

use shared_memory::{Shmem, ShmemConf};

/// Zeroed; its name is removed at once, so that whoever dies leaves nothing.
pub fn shared(bytes: usize) -> Shmem {
    let mut memory = ShmemConf::new().size(bytes).create().expect("a segment of shared_memory");
    memory.set_owner(false);
    let name = memory.get_os_id().trim_start_matches('/').to_owned();
    std::fs::remove_file(format!("/dev/shm/{name}")).expect("its name");
    memory
}
