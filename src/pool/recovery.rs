//! What becomes of chunks that cannot go on as they are: their worker died, or others have nothing to do.
#![forbid(unsafe_code)]

use super::call::Chunk;
use super::error::{TaskError, overwritten};
use super::ledger::Ledger;
use super::results::Finished;
use crate::process::ExitStatus;
use crate::raw::pool::board::Job;
use crate::raw::pool::words::WorkerId;
use crate::transfer::Carried;

impl Ledger {
    /// Takes back what was handed over in one piece with an item that takes its time: as pieces of its
    /// own for those who have nothing to do. True: there was something.
    pub(super) fn split(&mut self, number: usize) -> bool {
        let jobs: Vec<Job> = self.call(number).jobs.iter().copied().collect();
        let mut pieces = 0;
        for job in jobs {
            if self.room() == 0 {
                break;
            }
            let Some(occupant) = self.occupants[job.cell].as_mut().filter(|one| one.job == job)
            else {
                continue;
            };
            // What its arguments refer to lives as long as the job.
            if occupant.items < 2 || !occupant.carried.is_empty() {
                continue;
            }
            let Some(cut) = self.owner.cut(job, occupant.left()) else { continue };
            let first = occupant.first + cut.start as usize;
            occupant.items = cut.start;
            let args = self.owner.args_of(job, &occupant.blocks, cut.clone());
            pieces += self.repost(number, first, cut.len(), args);
        }
        if pieces > 0 {
            self.owner.announce(pieces);
        }
        pieces > 0
    }

    /// Posts items that were cut off, in as many pieces as there may be takers. Tells how many.
    fn repost(
        &mut self,
        number: usize,
        first: usize,
        count: usize,
        args: Option<(Vec<u8>, Vec<u32>)>,
    ) -> usize {
        let Some((bytes, ends)) = args else {
            self.deliver_unposted(number, Finished::failed(first, count as u32, &overwritten()));
            return 0;
        };
        let each = bytes.len() / count;
        let end_of = |item: usize| ends.get(item).map_or((item + 1) * each, |end| *end as usize);
        let most = self.room().min(2 * self.crew.target());
        let size = count.div_ceil(most);
        let mut pieces = 0;
        for from in (0..count).step_by(size) {
            let to = (from + size).min(count);
            let start = if from == 0 { 0 } else { end_of(from - 1) };
            let piece_ends: Vec<u32> = match ends.is_empty() {
                true => Vec::new(),
                false => ends[from..to].iter().map(|end| end - start as u32).collect(),
            };
            let args = &bytes[start..end_of(to - 1)];
            let items = (to - from) as u32;
            let chunk = Chunk { first: first + from, items, args, ends: &piece_ends };
            pieces += usize::from(self.post(number, &chunk, Carried::default()));
        }
        pieces
    }

    /// A worker has died: the item it was at fails, or is tried again; the rest of its chunk is for others.
    pub(super) fn bury(&mut self, worker: WorkerId, pid: u32, status: &ExitStatus) {
        let held = self.owner.held_by(worker);
        let mut reopened = 0;
        for job in held {
            let Some(occupant) = self.occupants[job.cell].as_mut().filter(|one| one.job == job)
            else {
                continue;
            };
            let done = self.owner.done_of(job, occupant.left());
            let at = if done == occupant.items {
                done // it died between the last item and the end
            } else {
                let tries = if occupant.tried.0 == done { occupant.tried.1 + 1 } else { 1 };
                occupant.tried = (done, tries);
                if tries > self.retries {
                    let error = TaskError::WorkerDied { pid, status: status.clone() };
                    occupant.lost.push((done, error));
                    done + 1
                } else {
                    done
                }
            };
            if at == occupant.items {
                self.owner.conclude(job, Some(worker));
            } else {
                let lost = occupant.lost.len() as u32;
                self.owner.reopen(job, &occupant.blocks, (at, lost));
                reopened += 1;
            }
        }
        self.owner.announce(reopened);
        self.owner.pool().board.rouse();
        self.owner.pool().ring_all();
    }
}
