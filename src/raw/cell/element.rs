//! One cell of a `T` in a row of them: which form it has, and every operation on it.

use crate::raw::cell::local::{Copied, Local};
use crate::raw::cell::pair::{self, Pair};
use crate::raw::cell::word::{self, Word};
use crate::raw::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};
use crate::segment::Peers;
use crate::segment::mapped::InPlace;
use crate::shared::Shared;
use bytemuck::bytes_of;
use std::any::type_name;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ptr::NonNull;

/// How a cell lies in memory, by the size of its `T`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    U8,
    U16,
    U32,
    U64,
    Pair,
}

impl Form {
    pub(crate) const fn of<T>() -> Form {
        match size_of::<T>() {
            0..=1 => Form::U8,
            2 => Form::U16,
            3..=4 => Form::U32,
            5..=8 => Form::U64,
            _ => Form::Pair,
        }
    }
}

/// Bytes from one cell of a row to the next.
pub(crate) const fn stride<T>() -> usize {
    match Form::of::<T>() {
        Form::U8 => size_of::<AtomicU8>(),
        Form::U16 => size_of::<AtomicU16>(),
        Form::U32 => size_of::<AtomicU32>(),
        Form::U64 => size_of::<AtomicU64>(),
        Form::Pair => size_of::<Pair<Copied<T>>>(),
    }
}

/// What the address of a cell is a multiple of.
pub(crate) const fn align<T>() -> usize {
    match Form::of::<T>() {
        Form::U8 => align_of::<AtomicU8>(),
        Form::U16 => align_of::<AtomicU16>(),
        Form::U32 => align_of::<AtomicU32>(),
        Form::U64 => align_of::<AtomicU64>(),
        Form::Pair => align_of::<Pair<Copied<T>>>(),
    }
}

/// Where in a cell its lock word is, if it has one.
pub(crate) const fn lock_offset<T>() -> Option<usize> {
    match Form::of::<T>() {
        Form::Pair => Some(offset_of!(Pair<Copied<T>>, lock)),
        _ => None,
    }
}

/// A cell in shared memory.
pub(crate) struct Element<'a, T> {
    at: NonNull<u8>,
    of: PhantomData<fn() -> T>,
    borrowed: PhantomData<&'a ()>,
}

impl<T> Clone for Element<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Element<'_, T> {}

/// Runs the one of two expressions that serves the form of `T`, which is known when compiled.
macro_rules! by_form {
    ($self:ident, $word:ident => $small:expr, $pair:ident => $large:expr) => {
        match const { Form::of::<T>() } {
            Form::U8 => by_form!($self, $word: AtomicU8, $small),
            Form::U16 => by_form!($self, $word: AtomicU16, $small),
            Form::U32 => by_form!($self, $word: AtomicU32, $small),
            Form::U64 => by_form!($self, $word: AtomicU64, $small),
            Form::Pair => by_form!($self, $pair: Pair<Copied<T>>, $large),
        }
    };
    ($self:ident, $cell:ident: $type:ty, $run:expr) => {{
        // SAFETY: [CEL-1] this is the form of T.
        let $cell = unsafe { $self.view::<$type>() };
        $run
    }};
}

impl<'a, T: Shared> Element<'a, T> {
    /// The cell at this address.
    ///
    /// # Safety
    /// For `'a`, `stride::<T>()` bytes lie there, aligned to `align::<T>()`, that are used as a cell
    /// of a `T` only.
    #[inline]
    pub(crate) unsafe fn new(at: NonNull<u8>) -> Element<'a, T> {
        Element { at, of: PhantomData, borrowed: PhantomData }
    }

    /// The cell with this index of a row that begins at this address.
    ///
    /// # Safety
    /// As for [`new`](Element::new), for a row with more cells than `index`.
    #[inline]
    pub(crate) unsafe fn in_row(row: NonNull<u8>, index: usize) -> Element<'a, T> {
        // SAFETY: [CEL-1] the row has that many bytes.
        let at = unsafe { row.add(index * stride::<T>()) };
        // SAFETY: [CEL-1] a stride is a multiple of the alignment.
        unsafe { Element::new(at) }
    }

    /// # Safety
    /// `V` is what `Form::of::<T>()` says.
    #[inline]
    unsafe fn view<V: InPlace>(self) -> &'a V {
        // SAFETY: [CEL-1] the bytes are there, aligned, and used as V only; [INP-1] V may be looked
        // at while others change it.
        unsafe { self.at.cast::<V>().as_ref() }
    }

    /// Puts in the first value of a zeroed cell that nobody else sees yet.
    pub(crate) fn init(self, value: T) {
        by_form!(self,
            word => Word::store(word, word::pack(value)),
            pair => pair.init(bytes_of(&value)))
    }

    #[inline]
    pub(crate) fn get(self) -> T {
        by_form!(self,
            word => unpack(Word::load(word)),
            pair => snapshot(pair).0)
    }

    #[inline]
    pub(crate) fn set(self, peers: &impl Peers, value: T) {
        by_form!(self,
            word => Word::store(word, word::pack(value)),
            pair => pair.write(peers).commit(bytes_of(&value)))
    }

    #[inline]
    pub(crate) fn swap(self, peers: &impl Peers, value: T) -> T {
        by_form!(self,
        word => unpack(Word::swap(word, word::pack(value))),
        pair => {
            let mut previous = Local::new();
            let writer = pair.write(peers);
            previous.fill(writer.current());
            writer.commit(bytes_of(&value));
            // SAFETY: [BIT-1] filled above.
            unsafe { previous.checked() }.unwrap_or_else(|| overwritten::<T>())
        })
    }

    /// Puts in what `f` makes of the value, unless it makes nothing; returns the previous value.
    #[inline]
    pub(crate) fn try_update(
        self,
        peers: &impl Peers,
        f: impl FnMut(T) -> Option<T>,
    ) -> Result<T, T> {
        by_form!(self,
            word => update_word(word, f),
            pair => update_pair(pair, peers, f))
    }

    /// Puts in `new` if the value has the bytes of `current`; else returns the value.
    #[inline]
    pub(crate) fn compare_exchange(self, peers: &impl Peers, current: T, new: T) -> Result<T, T> {
        by_form!(self,
        word => match Word::cas(word, word::pack(current), word::pack(new)) {
            Ok(_) => Ok(current),
            Err(found) => Err(unpack(found)),
        },
        pair => {
            let mut found = Local::new();
            let writer = pair.write(peers);
            if pair::holds(writer.current(), bytes_of(&current)) {
                writer.commit(bytes_of(&new));
                return Ok(current);
            }
            found.fill(writer.current());
            drop(writer);
            // SAFETY: [BIT-1] filled above.
            Err(unsafe { found.checked() }.unwrap_or_else(|| overwritten::<T>()))
        })
    }
}

/// Arithmetic on the bits, for integers.
macro_rules! fetch {
    ($($name:ident)*) => {$(
        #[inline]
        pub(crate) fn $name(self, operand: T) -> T {
            by_form!(self,
                word => unpack(Word::$name(word, word::pack(operand))),
                _pair => unreachable!("an integer fits a word"))
        }
    )*};
}

impl<T: Shared> Element<'_, T> {
    fetch! { fetch_add fetch_sub fetch_and fetch_or }
}

#[inline]
fn update_word<T: Shared, W: Word>(word: &W, mut f: impl FnMut(T) -> Option<T>) -> Result<T, T> {
    let mut bits = Word::load(word);
    loop {
        let previous = unpack(bits);
        let Some(next) = f(previous) else { return Err(previous) };
        match word.cas_weak(bits, word::pack(next)) {
            Ok(_) => return Ok(previous),
            Err(found) => bits = found,
        }
    }
}

#[inline]
fn update_pair<T: Shared>(
    pair: &Pair<Copied<T>>,
    peers: &impl Peers,
    mut f: impl FnMut(T) -> Option<T>,
) -> Result<T, T> {
    loop {
        let (previous, seq) = snapshot(pair);
        let Some(next) = f(previous) else { return Err(previous) };
        if let Some(writer) = pair.write_after(peers, seq) {
            writer.commit(bytes_of(&next));
            return Ok(previous);
        }
    }
}

/// The value and its number.
#[inline]
fn snapshot<T: Shared>(pair: &Pair<Copied<T>>) -> (T, u64) {
    let mut value = Local::new();
    let seq = pair.read(|copy| value.fill(copy));
    // SAFETY: [BIT-1] read has filled it.
    (unsafe { value.checked() }.unwrap_or_else(|| overwritten::<T>()), seq)
}

#[inline]
fn unpack<T: Shared, B: bytemuck::Pod>(bits: B) -> T {
    word::unpack(bits).unwrap_or_else(|| overwritten::<T>())
}

#[cold]
#[inline(never)]
fn overwritten<T>() -> ! {
    panic!("shared memory was overwritten by something else: its bytes are no {}", type_name::<T>())
}
