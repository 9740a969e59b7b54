//! What a queue carries.
#![forbid(unsafe_code)]

use crate::raw::bytering::layout::RawBytes;
use crate::raw::queue::layout::RawQueue;
use crate::shared::Shared;

/// What a [`Queue`](super::Queue) can carry: every [`Shared`] type `T`, and slices `[T]` of them.
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
    note = "it carries types that implement `commonhold::Shared`, and slices of them; \
            `commonhold::Mailbox` carries anything that can cross to another process"
)]
pub trait Message: sealed::Message {}

impl<T: Shared> Message for T {}

impl<T: Shared> sealed::Message for T {
    type Raw = RawQueue<T>;
}

impl<T: Shared> Message for [T] {}

impl<T: Shared> sealed::Message for [T] {
    type Raw = RawBytes<sealed::Slices<T>>;
}

/// The queue of such messages, in shared memory.
pub(super) type Raw<M> = <M as sealed::Message>::Raw;

pub(super) mod sealed {
    use std::marker::PhantomData;

    use crate::raw::bytering::layout::Carried;
    use crate::raw::queue::RawMessages;
    use crate::raw::queue::layout::Args;
    use crate::segment::object::Object;
    use crate::segment::object::{Kind, Signature};
    use crate::shared::Shared;

    #[expect(private_bounds, reason = "sealed: nobody outside can name or implement it")]
    pub trait Message: 'static {
        type Raw: RawMessages + for<'a> Object<Args<'a> = Args> + Send + Sync + 'static;
    }

    /// What a queue of slices carries.
    pub struct Slices<T>(PhantomData<fn() -> T>);

    #[allow(private_interfaces, reason = "part of a sealed trait, out of reach")]
    impl<T: Shared> Carried for Slices<T> {
        fn signature() -> Signature {
            Signature::of_slices::<T>(Kind::Queue)
        }
    }
}
