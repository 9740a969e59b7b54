//! The queue: a ring of slots, cells beside it, and who is at either end.

pub(crate) mod cells;
pub(crate) mod recovery;
pub(crate) mod ring;
pub(crate) mod words;
