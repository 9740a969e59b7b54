//! Books of a pool whose memory was overwritten.

use super::*;
use crate::raw::pool::board::Words;
use crate::raw::pool::layout::Size;
use crate::raw::pool::words::Word;
use crate::raw::sync::Ordering::Relaxed;

const CELLS: usize = 16;

/// The books of a pool without workers, with a call of one chunk.
fn with_a_call(then: Then) -> (Ledger, usize, Job) {
    let size = Size { cells: CELLS as u32, workers: 1 };
    let owner = Owner::new(size, |_| Ok(vec![1])).unwrap();
    let crew = Crew::new(owner.pool().clone(), 1, 1, false);
    let mut ledger = Ledger::new(owner, crew, 0);
    let call = ledger.begin(Call::new(0, 1, then, 8));
    let chunk = Chunk { first: 0, items: 3, args: &[1, 2, 3], ends: &[] };
    assert!(ledger.post(call, &chunk, Carried::default()));
    let job = ledger.call(call).jobs[0];
    (ledger, call, job)
}

/// Words of a cell that are not of the job in it.
fn others(job: Job) -> Vec<Word> {
    let states = [State::Free, State::Ready, State::Running, State::Wants, State::Done];
    let of_another_lap = states.map(|state| Word::new(state, job.lap.wrapping_sub(1)));
    of_another_lap.into_iter().chain([Word::new(State::Free, job.lap)]).collect()
}

fn overwrite(ledger: &Ledger, job: Job, word: Word) {
    ledger.owner.pool().board.words.word(job.cell).store(word.0, Relaxed);
}

#[test]
fn a_job_whose_word_is_of_no_such_job_has_failed() {
    let (_, _, job) = with_a_call(Then::Nothing);
    for word in others(job) {
        let (mut ledger, call, job) = with_a_call(Then::Nothing);
        overwrite(&ledger, job, word);
        ledger.harvest(call, usize::MAX);
        assert_eq!((ledger.room(), ledger.open), (CELLS, 0));
        let [finished] = &ledger.call(call).inbox[..] else { panic!("one chunk") };
        let failed: Vec<_> = (0..3).map(|item| (item, overwritten())).collect();
        assert_eq!(finished.lost, failed);
    }
}

#[test]
fn so_has_one_whose_callback_is_due() {
    let (_, _, job) = with_a_call(Then::Callback);
    for word in others(job) {
        let (mut ledger, call, job) = with_a_call(Then::Callback);
        overwrite(&ledger, job, word);
        ledger.harvest_callbacks();
        assert_eq!(ledger.due, [call]);
    }
}

#[test]
fn what_workers_ask_for_is_no_measure_of_what_is_taken_ahead() {
    let mut call = Call::new(0, 1, Then::Nothing, 8);
    assert_eq!(call.room_for(3), 24);
    call.asked = 100;
    assert_eq!(call.room_for(3), 300);
    call.asked = usize::MAX;
    assert!(call.room_for(3) <= 4 << 20);
}
