//! Cells: a value, or each element of an array, that is old or new under any kill, never locked to
//! readers, and never handed out by reference.
//!
//! | size of `T` | a cell is | kept in |
//! |---|---|---|
//! | up to 8 bytes | an atomic word of 1, 2, 4 or 8 bytes | `word` |
//! | more | a lock word, a sequence number and two copies | `pair` |

#[cfg(not(loom))]
pub(crate) mod direct;
#[cfg(not(loom))]
pub(crate) mod element;
#[cfg(not(loom))]
mod local;
#[cfg(not(loom))]
pub(crate) mod object;
pub(crate) mod pair;
#[cfg(not(loom))]
mod word;

#[cfg(all(test, not(loom)))]
mod deaths;
#[cfg(all(test, not(loom)))]
mod tests;
