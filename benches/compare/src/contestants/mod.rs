//! Who takes part: one file each.

mod bare;
mod commonhold;
mod crossbeam;
mod rtrb;
mod std_threads;

use crate::contestant::Contestant;

/// All, in the order of the report: ours, the limits, who serves processes, who serves threads.
pub fn all() -> Vec<Box<dyn Contestant>> {
    [
        commonhold::contestants(),
        bare::contestants(),
        std_threads::contestants(),
        crossbeam::contestants(),
        rtrb::contestants(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
