//! Models of the state machines: loom runs the very same code in every order its threads can take.
//!
//! ```text
//! CARGO_TARGET_DIR=target/loom RUSTFLAGS="--cfg loom" cargo test --release --lib loom::
//! ```
//!
//! A model is a scene of two to four participants. `all_live` proves a protocol without deaths, with
//! naps that end by a wake only: one that is lost is a deadlock. `victim_dies_at_every_step` plays the
//! scene once for each shared access of the victim, which dies right before it; naps are bounded.
//! A test whose name begins with `breaks_` runs a broken variant and has to fail: models that
//! cannot fail prove nothing.
//!
//! Not modelled: the guard against a tag that is given out again while somebody takes over from it
//! (the segment's), deadlines, and `SeqCst` accesses, which loom takes for `AcqRel` ones.

mod bias;
mod biased;
mod bytes;
mod cell;
mod eventcount;
mod lease;
mod lock;
mod pool;
mod queue;
mod ring;
mod stage;
