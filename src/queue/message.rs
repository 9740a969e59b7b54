//! What a queue carries.
#![forbid(unsafe_code)]

use crate::raw::queue::layout::RawQueue;
use crate::shared::Shared;

/// What a [`Queue`](super::Queue) can carry: every [`Shared`] type.
///
/// It cannot be implemented elsewhere.
///
/// # Examples
/// ```
/// use commonhold::{Message, Queue};
/// fn depth<M: Message + ?Sized>(queue: &Queue<M>) -> usize { queue.len() }
/// assert_eq!(depth(&Queue::<u64>::new(4)?), 0);
/// # Ok::<(), commonhold::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a queue cannot carry `{Self}`",
    note = "it carries types that implement `commonhold::Shared`"
)]
pub trait Message: sealed::Message {}

impl<T: Shared> Message for T {}

impl<T: Shared> sealed::Message for T {
    type Raw = RawQueue<T>;
}

/// The queue of such messages, in shared memory.
pub(super) type Raw<M> = <M as sealed::Message>::Raw;

pub(super) mod sealed {
    use crate::raw::queue::RawMessages;
    use crate::raw::queue::layout::Args;
    use crate::segment::object::Object;

    #[expect(private_bounds, reason = "sealed: nobody outside can name or implement it")]
    pub trait Message: 'static {
        type Raw: RawMessages + for<'a> Object<Args<'a> = Args> + Send + Sync + 'static;
    }
}
