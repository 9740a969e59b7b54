//! Who takes part: one file each.

mod bare;
mod boost;
mod cloudtoid;
mod commonhold;
mod crossbeam;
mod iceoryx2;
mod ipc_channel;
mod kanal;
mod message_queue;
mod parking_lot;
mod pipe;
mod procspawn;
mod pthread;
mod python;
mod raw_sync;
mod rayon;
mod rtrb;
mod std_threads;
mod unix_socket;

use crate::contestant::Contestant;

/// All, in the order of the report: ours, the limits, who serves processes, who serves threads.
pub fn all() -> Vec<Box<dyn Contestant>> {
    [
        commonhold::contestants(),
        bare::contestants(),
        iceoryx2::contestants(),
        cloudtoid::contestants(),
        boost::contestants(),
        ipc_channel::contestants(),
        raw_sync::contestants(),
        pthread::contestants(),
        pipe::contestants(),
        unix_socket::contestants(),
        message_queue::contestants(),
        procspawn::contestants(),
        python::contestants(),
        std_threads::contestants(),
        parking_lot::contestants(),
        crossbeam::contestants(),
        rtrb::contestants(),
        kanal::contestants(),
        rayon::contestants(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
