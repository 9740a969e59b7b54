//! How each kind of thing is measured; what a contestant has to bring for it is a trait.

pub mod crew;
pub mod link;
pub mod lock;
pub mod message;
pub mod operation;
pub mod polling;
pub mod rendezvous;
pub mod shared_file;
pub mod sign;
pub mod stream;
pub mod task;
pub mod thread_link;
pub mod thread_message;
pub mod thread_value;
pub mod trips;
