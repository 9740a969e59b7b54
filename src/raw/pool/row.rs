//! Items whose results all take as many bytes, run in a row.
//!
//! The steps are those of any item: its result is written, then `progress`, then comes the look whether the
//! rest was cut off. What can be known before the first is looked at once: that all results fit, and that
//! they lie one behind another without heads.

use super::output::{Output, Room};
use super::record::Dense;
use crate::raw::hook::point;
use crate::raw::sync::{Ordering, bias_pays, fence, light_fence};

impl Output {
    /// Runs the items from the next on, each of whose results takes `each` bytes. `run` writes the result of
    /// an item; where it is false there is none, and that item is not done. Comes back there, at the end
    /// of the job or where it was cut off, and at once where results do not lie in a row.
    #[inline]
    pub(crate) fn run_row(&mut self, each: usize, mut run: impl FnMut(u32, &mut [u8]) -> bool) {
        if !self.begin_row(each) {
            return;
        }
        let Output { at, job, done, end, room: Some(room), .. } = self else { return };
        let body = &at.pool.bodies[job.cell];
        let Room { memory, used, records, .. } = room;
        let (first, end) = (*done, *end);
        let Some(mut left) = memory.part_mut(*used, (end - first) as usize * each) else { return };
        let mut row = Row { done, used, records, each, count: 0 };
        let fenced = bias_pays();
        while first + row.count < end {
            let (result, rest) = left.split_at_mut(each);
            if !run(first + row.count, result) {
                break;
            }
            left = rest;
            point!("pool.before_progress");
            row.count += 1;
            body.progress.store(u64::from(first + row.count), Ordering::Release); // [J7] [J9]
            if fenced {
                light_fence(); // [J9]
            } else {
                fence(Ordering::SeqCst); // [J9]
            }
            if body.cut.load(Ordering::Relaxed) != 0 {
                break;
            }
            point!("pool.after_progress");
        }
        drop(row);
        self.heed_cut();
    }

    /// Whether the results of all items that are left go one behind another, in the room that there is.
    fn begin_row(&mut self, each: usize) -> bool {
        let Some(room) = &mut self.room else { return false };
        // A byte at least for each item, so that there is room to say that there is none.
        let wanted = ((self.end - self.done) as usize).checked_mul(each.max(1));
        let fits = wanted.is_some_and(|wanted| wanted <= room.len.saturating_sub(room.used));
        let Some(each) = u32::try_from(each).ok().filter(|_| fits) else { return false };
        let dense = Dense { each, most: Dense::OPEN };
        if room.records == 0 {
            room.dense = dense;
            self.at.pool.bodies[self.job.cell].dense.store(dense.bits(), Ordering::Relaxed); // [J7]
        }
        room.dense == dense
    }
}

/// What was done of a row: written back at its end, also when that is a panic.
struct Row<'o> {
    done: &'o mut u32,
    used: &'o mut usize,
    records: &'o mut u32,
    each: usize,
    count: u32,
}

impl Drop for Row<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.done += self.count;
        *self.used += self.count as usize * self.each;
        *self.records += self.count;
    }
}
