//! The pool's shared part: jobs, the workers that run them, and the bytes that go to and fro.
//!
//! ```text
//!   owner (one process)                          shared                             workers
//!   posts: arguments, word READY ──▶ cells ─ ring of their numbers (a hint) ──▶ claim: one CAS of the word
//!                                    each with a body: progress, room       ◀── an item's result, then progress
//!   takes what is DONE           ◀── word: one exchange                     ◀── finish
//!   reopens what the dead held   ──▶ READY again, from `progress` on
//! ```
//!
//! | file | |
//! |---|---|
//! | `words.rs`, `board.rs` | the word of a job, and its state machine |
//! | `bell.rs` | how the end of a job is told |
//! | `layout.rs` | where everything lies |
//! | `slab.rs`, `heap.rs`, `memory.rs` | memory for what is large |
//! | `owner.rs`, `answer.rs`, `tell.rs` | the owner's side |
//! | `worker.rs`, `input.rs`, `output.rs`, `row.rs`, `record.rs` | the worker's side, and what results look like |
//!
//! One process owns all of it: it alone makes jobs, gives out memory, and decides that a worker is dead (the
//! kernel tells it). So there is no recovery among equals, no allocator in shared memory and no list
//! that a death could leave half-changed. When the owner dies its workers are killed, and the
//! memory goes with them.
//!
//! **Items.** A job has one item or many. Each item's result is written into the job's room, then one store
//! of `progress` commits it and begins the next. *Dies here*, before that store: the item was not
//! done; the owner tries it again or gives it up, and offers the rest of the job from there, with the
//! results that are there. After it: it was. (Items whose results all take as many bytes go the same steps in
//! `row.rs`; only what is looked at before each is looked at once.) A job whose only item and result are of eight bytes at
//! most lies in its cell; its commit is the end of the job.
//!
//! **Cutting off.** The owner may take back what a job's worker has not begun: it says that it cuts, makes
//! every worker pass a barrier (the dear half of an asymmetric fence, paid by who cuts), and reads
//! `progress`. Either the worker's store of it was before the barrier: the owner sees that item begun. Or
//! the worker's look whether anybody cuts is after it: it sees so, waits until the owner has said where
//! the job ends, and begins nothing beyond. Where the kernel has no such barrier nothing is cut off.
//!
//! **Room.** Results that need more room than was foreseen: the worker says how much (WANTS), rings the
//! owner's bell and sleeps; the owner finds a block, moves what is there, and lets it go on. *The worker
//! dies here*: the job is reopened like any other. *The owner is paused here*: that one worker waits.
//!
//! **Overwritten memory.** What the owner finds there may be anything. It goes by what it knows itself: which
//! job it posted in which cell and lap, of how many items, which of them it gave up, where their memory is.
//! A job whose word is FREE or of another lap while it is not taken has no worker that could end it: its owner
//! gives it up, as failed ([`state_of`](board::Board::state_of)); nobody waits awake for such a word. Every
//! loop ends with the cells, the places of the ring, or the items; how far a worker came counts only between the
//! last item known to be past and the end; room is made for one more result at most, as long as one can be. What is left
//! is a word that names a worker who is not at it: that job is waited for as long as the caller wishes, or
//! until the pool is ended.

#[cfg(not(loom))]
pub(crate) mod answer;
pub(crate) mod bell;
pub(crate) mod board;
#[cfg(all(test, not(loom)))]
mod deaths;
#[cfg(not(loom))]
pub(crate) mod heap;
#[cfg(not(loom))]
pub(crate) mod input;
#[cfg(not(loom))]
pub(crate) mod layout;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
pub(crate) mod output;
#[cfg(all(test, not(loom)))]
mod overwritten;
#[cfg(not(loom))]
pub(crate) mod owner;
#[cfg(not(loom))]
pub(crate) mod record;
#[cfg(not(loom))]
mod row;
#[cfg(not(loom))]
pub(crate) mod slab;
#[cfg(not(loom))]
pub(crate) mod tell;
pub(crate) mod words;
#[cfg(not(loom))]
pub(crate) mod worker;
