//! A lock word alone, and a lock word with the value it protects.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::hook::point;
use super::lock::{Held, LockWord, NotDead, Refused};
use crate::segment::handle::Handle;
use crate::segment::layout::{ClaimForm, ClaimRun, Layout, Plan, TooLarge};
use crate::segment::mapped::{Block, Byte, Damaged, InPlace, Mapped};
use crate::segment::object::{Kind, Object, Signature};
use crate::segment::{Peers, Tag};
use crate::shared::Shared;
use crate::sys::clock::Deadline;

#[cfg(all(test, not(loom)))]
mod deaths;

// SAFETY: [INP-1] an atomic only.
unsafe impl InPlace for LockWord {}

/// A lock in place.
#[derive(Debug)]
pub(crate) struct RawLock(Mapped<LockWord>);

impl Object for RawLock {
    type Args<'a> = ();

    fn signature() -> Signature {
        Signature::plain(Kind::Lock)
    }

    fn layout(_: &(), _: usize) -> Result<Layout, TooLarge> {
        let mut plan = Plan::new();
        lock_word(&mut plan)?;
        Ok(plan.finish())
    }

    fn init(_: &Block, _: ()) -> Result<(), Damaged> {
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        Ok(RawLock(block.one(0)?))
    }
}

impl Deref for RawLock {
    type Target = LockWord;

    #[inline]
    fn deref(&self) -> &LockWord {
        &self.0
    }
}

/// Room for a lock word, at the start of a block.
fn lock_word(plan: &mut Plan) -> Result<usize, TooLarge> {
    let offset = plan.one::<LockWord>()?;
    plan.claims(ClaimRun { offset, stride: 4, count: 1, form: ClaimForm::Word32 });
    Ok(offset)
}

/// A locked value in place.
#[derive(Debug)]
pub(crate) struct RawMutex<T> {
    word: Mapped<LockWord>,
    bytes: Mapped<[Byte]>,
    _value: PhantomData<fn() -> T>,
}

impl<T: Shared> RawMutex<T> {
    fn plan() -> Result<(usize, Layout), TooLarge> {
        let mut plan = Plan::new();
        lock_word(&mut plan)?;
        let bytes = plan.bytes(size_of::<T>(), align_of::<T>())?;
        Ok((bytes, plan.finish()))
    }

    #[inline]
    fn value(&self) -> *mut T {
        self.bytes.as_ptr().cast_mut().cast()
    }

    /// Whether the bytes are a `T`. Under the claim.
    #[inline]
    fn is_valid(&self) -> bool {
        let bits: *const T::Bits = self.value().cast();
        // SAFETY: [CLM-1] the claim excludes writers; [HDR-2] the bytes are size_of::<T>() many and
        // aligned for T, as is T::Bits; any bytes are a T::Bits.
        T::is_valid_bit_pattern(unsafe { &*bits })
    }
}

impl<T: Shared> Object for RawMutex<T> {
    type Args<'a> = T;

    fn signature() -> Signature {
        Signature::of::<T>(Kind::Mutex)
    }

    fn layout(_: &T, _: usize) -> Result<Layout, TooLarge> {
        Ok(Self::plan()?.1)
    }

    fn init(block: &Block, value: T) -> Result<(), Damaged> {
        let raw = RawMutex::<T>::attach(block)?;
        // SAFETY: [CLM-2] nobody else sees the block yet; [HDR-2] it has room for a T, aligned.
        unsafe { raw.value().write(value) };
        Ok(())
    }

    fn attach(block: &Block) -> Result<Self, Damaged> {
        let (bytes, _) = Self::plan()?;
        // A row of bytes is aligned anywhere; a T is not.
        if !(block.offset() + bytes).is_multiple_of(align_of::<T>()) {
            return Err(Damaged("a value that is not aligned"));
        }
        let value = PhantomData;
        Ok(RawMutex {
            word: block.one(0)?,
            bytes: block.many(bytes, size_of::<T>())?,
            _value: value,
        })
    }
}

/// Why a mutex was not recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unrecovered {
    Held,
    /// The bytes its last holder left are no `T`.
    Invalid,
}

/// The claim on a mutex's value: what a guard is made of.
pub(crate) struct MutexClaim<'h, T: Shared> {
    handle: &'h Handle<RawMutex<T>>,
    tag: Tag,
    /// Whether the thread was unwinding already when it took the lock: then its end tells nothing.
    unwinding: bool,
    /// Locks are given back by the thread that took them.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: [CLM-1] sharing the claim shares `&T`, and `T` is Sync.
unsafe impl<T: Shared> Sync for MutexClaim<'_, T> {}

impl<'h, T: Shared> MutexClaim<'h, T> {
    /// The claim of who has just taken the lock under this tag.
    #[inline]
    fn new(handle: &'h Handle<RawMutex<T>>, tag: Tag) -> Self {
        MutexClaim { handle, tag, unwinding: std::thread::panicking(), _not_send: PhantomData }
    }

    /// Takes the lock; a refusal becomes the caller's own error right here. (A `Result` of a claim that
    /// is converted on the way is put together from bytes on the stack, and stalls who reads it.)
    #[inline]
    pub(crate) fn lock<E: From<Refused>>(
        handle: &'h Handle<RawMutex<T>>,
        deadline: Deadline,
    ) -> Result<Self, E> {
        match handle.word.lock(handle, deadline) {
            Ok(tag) => {
                if !handle.is_valid() {
                    Self::refuse_invalid(handle, tag);
                }
                point!("mutex.held");
                Ok(Self::new(handle, tag))
            }
            Err(refused) => Err(E::from(refused)),
        }
    }

    #[cold]
    fn refuse_invalid(handle: &Handle<RawMutex<T>>, tag: Tag) -> ! {
        handle.word.unrecover(handle, tag);
        panic!(
            "mutex {handle:?} holds bytes that are no {}: its memory was overwritten",
            std::any::type_name::<T>()
        );
    }

    /// Takes over what is free, poisoned, or held by the dead.
    pub(crate) fn recover(handle: &'h Handle<RawMutex<T>>) -> Result<Self, Unrecovered> {
        let tag = handle.word.recover(handle).map_err(|Held| Unrecovered::Held)?;
        if !handle.is_valid() {
            handle.word.unrecover(handle, tag);
            return Err(Unrecovered::Invalid);
        }
        Ok(Self::new(handle, tag))
    }

    #[inline]
    fn check(&self) {
        check(self.handle, self.tag);
    }

    /// The end of a claim while its thread panics.
    #[cold]
    #[inline(never)]
    fn end_in_panic(handle: &Handle<RawMutex<T>>, tag: Tag, unwinding: bool) {
        if unwinding {
            handle.word.unlock(handle, tag);
        } else {
            handle.word.poison(handle, tag);
        }
    }
}

#[inline]
fn check<T: Shared>(handle: &Handle<RawMutex<T>>, tag: Tag) {
    if handle.me_if_registered() != tag {
        not_held();
    }
}

#[cold]
#[inline(never)]
fn not_held() -> ! {
    panic!("a guard taken before a fork is used in the child, which does not hold the lock");
}

/// A mutex taken over, whose value is about to be replaced. Dropped unfinished, by a panic in the
/// repair, it puts the claim back for others to recover.
pub(crate) struct Recovery<'h, T: Shared> {
    handle: &'h Handle<RawMutex<T>>,
    tag: Tag,
}

impl<'h, T: Shared> Recovery<'h, T> {
    /// Takes over what is free, poisoned, or held by the dead.
    pub(crate) fn begin(handle: &'h Handle<RawMutex<T>>) -> Result<Self, Held> {
        let tag = handle.word.recover(handle)?;
        Ok(Recovery { handle, tag })
    }

    /// Takes over what is poisoned or held by the dead, and nothing else.
    pub(crate) fn begin_if_dead(handle: &'h Handle<RawMutex<T>>) -> Result<Self, NotDead> {
        let tag = handle.word.take_over(handle)?;
        Ok(Recovery { handle, tag })
    }

    /// Replaces the value by what `repair` makes of it; `None`: what was left is no `T`.
    pub(crate) fn finish(self, repair: impl FnOnce(Option<T>) -> T) -> MutexClaim<'h, T> {
        let value = self.handle.value();
        // SAFETY: [CLM-1] the claim excludes writers; [HDR-2] room for a T, aligned; [CHK-1] it is
        // one.
        let left = self.handle.is_valid().then(|| unsafe { *value });
        let repaired = repair(left);
        check(self.handle, self.tag); // `repair` may have forked
        point!("mutex.repairing");
        // SAFETY: [CLM-1] [HDR-2] as above.
        unsafe { value.write(repaired) };
        point!("mutex.repaired");
        let claim = MutexClaim::new(self.handle, self.tag);
        std::mem::forget(self);
        claim
    }
}

impl<T: Shared> Drop for Recovery<'_, T> {
    fn drop(&mut self) {
        self.handle.word.unrecover(self.handle, self.tag);
    }
}

impl<T: Shared> Deref for MutexClaim<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.check();
        // SAFETY: [CLM-1] the claim excludes writers while self lives; [CHK-1] the bytes were found
        // to be a T under this claim, and only &mut T wrote since; [MAP-1] the handle keeps them.
        unsafe { &*self.handle.value() }
    }
}

impl<T: Shared> DerefMut for MutexClaim<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.check();
        // SAFETY: [CLM-1] the claim excludes everybody else, and self is borrowed mutably; [CHK-1]
        // as in deref.
        unsafe { &mut *self.handle.value() }
    }
}

impl<T: Shared> Drop for MutexClaim<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            Self::end_in_panic(self.handle, self.tag, self.unwinding);
        } else {
            self.handle.word.unlock(self.handle, self.tag);
        }
    }
}
