//! What a fair measurement needs: the same files that serve the benchmarks of the crate.

#[path = "../../support/bare_pool.rs"]
pub mod bare_pool;
#[path = "../../support/children.rs"]
pub mod children;
#[path = "../../support/cpu.rs"]
pub mod cpu;
#[path = "../../support/placement.rs"]
pub mod placement;
#[path = "../../support/report.rs"]
pub mod report;
