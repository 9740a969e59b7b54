//! What is run, and for how long.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Settings {
    pub seed: u64,
    /// At most so long for each family; a control, until it is caught.
    pub time: Duration,
    /// Enough after so many kills of each family.
    pub kills: u64,
    pub round: Duration,
    /// Nobody is killed or stopped.
    pub calm: bool,
}
