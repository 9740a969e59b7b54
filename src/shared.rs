//! What may live in shared memory.

use bytemuck::{CheckedBitPattern, NoUninit};

/// A type that may live in shared memory: plain bytes without padding or pointers, checked when
/// read back.
///
/// Implemented for every type that is [`NoUninit`](bytemuck::NoUninit) and
/// [`CheckedBitPattern`](bytemuck::CheckedBitPattern), and may be sent to and used from any thread:
/// integers, floats, arrays of them, `bool`, `char`, [`Text`](crate::Text), and your own field-less
/// enums and `#[repr(C)]` structs with bytemuck's derives.
///
/// # Examples
/// ```
/// use commonhold::bytemuck::{CheckedBitPattern, NoUninit};
///
/// #[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
/// #[repr(u8)]
/// enum Phase { Idle, Busy }
///
/// #[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
/// #[repr(C)]
/// struct Job { id: u32, phase: Phase, parts: [u8; 3] }
///
/// fn shared<T: commonhold::Shared>(value: T) -> T { value }
/// assert_eq!(shared(Job { id: 7, phase: Phase::Busy, parts: [1, 2, 3] }).id, 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` may not live in shared memory",
    label = "this type is not plain bytes",
    note = "shared types hold no pointers and no padding: derive `bytemuck::NoUninit` and \
            `bytemuck::CheckedBitPattern` on a `#[repr(C)]` struct or a field-less enum"
)]
pub trait Shared: NoUninit + CheckedBitPattern + Send + Sync + 'static {}

impl<T: NoUninit + CheckedBitPattern + Send + Sync + 'static> Shared for T {}
