//! Where tags stand in the blocks of a segment: found, and cleared of the dead, without knowing the kinds.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::attachment::Attachment;
use super::directory::entries;
use super::layout::{ClaimForm, ClaimRun};
use super::mapped::InPlace;
use super::tag::Tag;
use crate::sys::futex;

/// A run of claims, as a block's description has it.
#[repr(C)]
pub(super) struct StoredRun {
    offset: AtomicU64,
    stride: AtomicU64,
    count: AtomicU64,
    form: AtomicU32,
    shift: AtomicU32,
}

// SAFETY: [INP-1] atomics only.
unsafe impl InPlace for StoredRun {}

impl StoredRun {
    pub(super) fn store(&self, run: &ClaimRun) {
        let (form, shift) = match run.form {
            ClaimForm::Word32 => (1, 0),
            ClaimForm::Word64 { shift } => (2, shift),
            ClaimForm::RowCount => (3, 0),
            ClaimForm::Sleepers => (4, 0),
        };
        self.offset.store(run.offset as u64, Ordering::Relaxed);
        self.stride.store(run.stride as u64, Ordering::Relaxed);
        self.count.store(run.count as u64, Ordering::Relaxed);
        self.form.store(form, Ordering::Relaxed);
        self.shift.store(u32::from(shift), Ordering::Relaxed);
    }

    /// The run, if it is one of a payload of this size.
    fn load(&self, payload_size: usize) -> Option<ClaimRun> {
        let shift = self.shift.load(Ordering::Relaxed);
        let (form, width) = match self.form.load(Ordering::Relaxed) {
            1 => (ClaimForm::Word32, 4),
            2 if shift <= 40 => (ClaimForm::Word64 { shift: shift as u8 }, 8),
            3 => (ClaimForm::RowCount, 4),
            4 => (ClaimForm::Sleepers, 4),
            _ => return None,
        };
        let field = |field: &AtomicU64| usize::try_from(field.load(Ordering::Relaxed)).ok();
        let run = ClaimRun {
            offset: field(&self.offset)?,
            stride: field(&self.stride)?,
            count: field(&self.count)?,
            form,
        };
        let last = run.count.saturating_sub(1).checked_mul(run.stride)?.checked_add(run.offset)?;
        let fits = last.checked_add(width)? <= payload_size && run.stride >= width;
        (fits || run.count == 0).then_some(run)
    }
}

/// Whether any guard-like claim (a lock word, a reader's or permit's count) carries this tag.
pub(crate) fn holds_guards(segment: &Attachment, tag: Tag) -> bool {
    let mut held = false;
    let could = |run: &ClaimRun| match run.form {
        ClaimForm::Word32 => 0..run.count,
        ClaimForm::RowCount => run.row(tag.row()),
        ClaimForm::Word64 { .. } | ClaimForm::Sleepers => 0..0,
    };
    visit(segment, could, |site| {
        held |= match site {
            Site::Word32(word) => Tag::from_bits(word.load(Ordering::Relaxed)) == tag,
            Site::Count(word) => {
                let bits = word.load(Ordering::Relaxed);
                bits >> 20 == tag.generation() && bits & 0xF_FFFF != 0
            }
            Site::Word64(..) | Site::Sleepers(_) => false,
        };
    });
    held
}

/// Wakes those who may wait for something that a dead participant held: on its own claims, and on
/// every eventcount that somebody armed.
pub(super) fn wake_sleepers(segment: &Attachment, dead: Tag) {
    const ARMED: u32 = 1 << 31;
    /// Longer rows are not searched: who sleeps there finds out when its nap is over.
    const LONGEST: usize = 1 << 16;
    let searched = |run: &ClaimRun| match run.form {
        ClaimForm::Word32 | ClaimForm::Sleepers if run.count <= LONGEST => 0..run.count,
        _ => 0..0,
    };
    visit(segment, searched, |site| match site {
        Site::Word32(word) if Tag::from_bits(word.load(Ordering::Acquire)) == dead => {
            futex::wake(word, u32::MAX);
        }
        Site::Sleepers(word) if word.load(Ordering::Acquire) & ARMED != 0 => {
            // A step of the sequence, so that one who is about to sleep does not. The flag stays.
            let step = |word: u32| Some(word & ARMED | word.wrapping_add(1) & !ARMED);
            let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
            futex::wake(word, u32::MAX);
        }
        _ => {}
    });
}

/// Replaces the tags of a row that are left over from its former participants, all dead, before its
/// generations begin anew. Idempotent.
pub(crate) fn sweep(segment: &Attachment, number: u32) {
    let is_old = |tag: Tag| tag.is_participant() && tag.row() == number;
    let could = |run: &ClaimRun| {
        // Between a run that tags are copied from and the one they are copied to: who copied one after it was
        // looked for there finds it cleared here.
        fence(Ordering::SeqCst);
        match run.form {
            ClaimForm::Word32 | ClaimForm::Word64 { .. } => 0..run.count,
            ClaimForm::RowCount => run.row(number),
            ClaimForm::Sleepers => 0..0,
        }
    };
    visit(segment, could, |site| match site {
        Site::Word32(word) => {
            replace_while(
                || word.load(Ordering::Acquire),
                |old| {
                    is_old(Tag::from_bits(old)).then(|| {
                        let new = old & !Tag::POISONED.bits() | Tag::GONE.bits();
                        word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
                    })
                },
            );
        }
        Site::Word64(word, shift) => {
            replace_while(
                || word.load(Ordering::Acquire),
                |old| {
                    is_old(Tag::from_bits((old >> shift) as u32)).then(|| {
                        let mask = u64::from(Tag::POISONED.bits()) << shift;
                        let new = old & !mask | u64::from(Tag::GONE.bits()) << shift;
                        word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
                    })
                },
            );
        }
        Site::Count(word) => word.store(0, Ordering::Release),
        Site::Sleepers(_) => {}
    });
}

fn replace_while<B>(load: impl Fn() -> B, replace: impl Fn(B) -> Option<bool>) {
    while replace(load()) == Some(false) {}
}

/// A place where a tag, or a row's count, stands.
enum Site<'s> {
    Word32(&'s AtomicU32),
    Word64(&'s AtomicU64, u32),
    Count(&'s AtomicU32),
    Sleepers(&'s AtomicU32),
}

/// Shows `each` those claims of every run that `wanted` says.
fn visit(
    segment: &Attachment,
    wanted: impl Fn(&ClaimRun) -> Range<usize>,
    mut each: impl FnMut(Site<'_>),
) {
    for entry in entries(segment).map_while(Result::ok) {
        let Some((runs, payload)) = entry.claims() else { return };
        let runs = runs.iter().filter_map(|run| run.load(payload.len()));
        for run in runs {
            for index in wanted(&run) {
                let at = payload.start + run.offset + index * run.stride;
                let site = match run.form {
                    ClaimForm::Word32 => segment.view(at).map(Site::Word32),
                    ClaimForm::Word64 { shift } => {
                        segment.view(at).map(|word| Site::Word64(word, u32::from(shift)))
                    }
                    ClaimForm::RowCount => segment.view(at).map(Site::Count),
                    ClaimForm::Sleepers => segment.view(at).map(Site::Sleepers),
                };
                if let Some(site) = site {
                    each(site);
                }
            }
        }
    }
}
