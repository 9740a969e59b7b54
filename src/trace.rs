//! Spans and events of the feature `tracing`, and nothing at all without it.
//!
//! | span | within it |
//! |---|---|
//! | `create segment`, `open segment` | a name is made or found |
//! | `spawn process`, `fork process` | a child is started, until it is ready |
//!
//! | event | level | fields |
//! |---|---|---|
//! | a segment was created, opened, left, removed | debug | name |
//! | a process was started, is ready, has ended | debug | pid, name, how |
//! | a participant was found dead | info | pid |
//! | a claim of a dead participant was taken over | info | row |
//!
//! All have the target `commonhold`. Events are made in the middle of what they tell of: a subscriber
//! that uses this crate's objects itself may wait for itself.

/// Makes an event.
macro_rules! event {
    ($level:ident, $($field:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::event!(target: "commonhold", tracing::Level::$level, $($field)*);
    }};
}

/// Enters a span for the rest of the block.
macro_rules! span {
    ($($field:tt)*) => {
        #[cfg(feature = "tracing")]
        let _span = tracing::debug_span!(target: "commonhold", $($field)*).entered();
    };
}

pub(crate) use {event, span};
