//! Where a thread packs what it sends and puts what it received, used again from call to call.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::thread::LocalKey;

use crate::transfer::Packer;

/// A buffer that grew beyond this is not kept.
const KEPT: usize = 256 << 10;

thread_local! {
    static PACKER: Cell<Option<Packer>> = const { Cell::new(None) };
    static BYTES: Cell<Option<Vec<u8>>> = const { Cell::new(None) };
}

/// Runs `f` with this thread's packer, cleared. Within `f` there is another.
#[inline]
pub(super) fn with_packer<R>(f: impl FnOnce(&mut Packer) -> R) -> R {
    let mut packer = take(&PACKER);
    let result = f(&mut packer);
    let length = packer.bytes().len();
    packer.clear();
    put_back(&PACKER, packer, length);
    result
}

/// Runs `f` with this thread's buffer. Within `f` there is another.
#[inline]
pub(super) fn with_bytes<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut bytes = take(&BYTES);
    let result = f(&mut bytes);
    let length = bytes.capacity();
    put_back(&BYTES, bytes, length);
    result
}

/// A new one, where a thread that ends has none any more.
#[inline]
fn take<B: Default>(from: &'static LocalKey<Cell<Option<B>>>) -> B {
    from.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

#[inline]
fn put_back<B>(to: &'static LocalKey<Cell<Option<B>>>, buffer: B, length: usize) {
    if length <= KEPT {
        let _ = to.try_with(|cell| cell.set(Some(buffer)));
    }
}
