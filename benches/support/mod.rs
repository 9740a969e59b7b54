//! What a fair measurement needs on a machine that is shared.

pub mod bare_pool;
pub mod children;
pub mod cpu;
pub mod looped;
pub mod placement;
pub mod ratio;
pub mod report;
pub mod work;
