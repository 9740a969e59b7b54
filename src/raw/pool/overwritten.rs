//! What the owner makes of words that something else wrote over.

use super::board::{Job, Places, Words};
use super::layout::{Body, Size};
use super::owner::{Blocks, Order, Owner};
use super::words::{State, Word, WorkerId};
use crate::raw::sync::Ordering::Relaxed;

const ITEMS: u32 = 40;
const CELL: usize = 3;

/// Of progress, lengths and rooms.
const NUMBERS: [u64; 9] =
    [0, 1, 7, ITEMS as u64, u32::MAX as u64, 1 << 32, 1 << 47, i64::MAX as u64, u64::MAX];

/// An owner with a job of many items, which a worker has claimed.
fn claimed() -> (Owner, Job, Blocks) {
    let mut owner = Owner::new(Size { cells: 16, workers: 1 }, |_| Ok(vec![1])).unwrap();
    let args = [5; ITEMS as usize];
    let order =
        Order { function: 0, bell: 1, ring: false, items: ITEMS, args: &args, ends: &[], room: 80 };
    let (job, blocks) = owner.post(CELL, &order).unwrap();
    owner.announce(1);
    let claimed = owner.pool().board.claim(WorkerId::new(0, 1), &mut Places::default());
    assert_eq!(claimed, Some(job));
    (owner, job, blocks)
}

fn body(owner: &Owner) -> &Body {
    &owner.pool().bodies[CELL]
}

#[test]
fn a_word_of_no_such_job_is_told_from_one_that_is_open_or_done() {
    let (owner, job, _) = claimed();
    let word = owner.pool().board.words.word(CELL);
    let others = [State::Free, State::Ready, State::Running, State::Wants, State::Done]
        .map(|state| Word::new(state, job.lap + 1))
        .into_iter()
        .chain([Word::new(State::Free, job.lap)]);
    for other in others {
        word.store(other.0, Relaxed);
        assert_eq!(owner.pool().board.state_of(job), None);
        assert!(!owner.pool().board.listen(job));
    }
    for state in [State::Ready, State::Running, State::Wants, State::Done] {
        word.store(Word::new(state, job.lap).0, Relaxed);
        assert_eq!(owner.pool().board.state_of(job), Some(state));
        assert_eq!(owner.pool().board.listen(job), state != State::Done);
    }
}

#[test]
fn what_is_cut_off_is_some_of_what_is_left() {
    for progress in NUMBERS {
        let (mut owner, job, blocks) = claimed();
        for words in [&body(&owner).progress, &body(&owner).end, &body(&owner).items] {
            words.store(progress, Relaxed);
        }
        let left = 9..ITEMS;
        assert!(left.contains(&owner.done_of(job, left.clone())) || progress >= ITEMS.into());
        assert!(owner.done_of(job, left.clone()) <= ITEMS);
        if let Some(cut) = owner.cut(job, left) {
            assert!(9 < cut.start && cut.start < cut.end && cut.end == ITEMS, "{cut:?}");
            let _ = owner.args_of(job, &blocks, cut);
        }
    }
}

#[test]
fn room_is_made_for_one_more_result_at_most() {
    for (wanted, used) in NUMBERS.iter().flat_map(|wanted| NUMBERS.map(|used| (*wanted, used))) {
        // A result of 4 GiB is one; this machine need not have room for it.
        if wanted == 1 << 32 || wanted == u64::from(u32::MAX) {
            continue;
        }
        let (mut owner, job, mut blocks) = claimed();
        body(&owner).wanted.store(wanted, Relaxed);
        body(&owner).used.store(used, Relaxed);
        owner.pool().board.want(job);
        let made = owner.make_room(job, &mut blocks);
        let is_a_job_s = wanted <= ITEMS.into() && used <= wanted;
        assert_eq!(made.is_some(), is_a_job_s, "{wanted} bytes for {used}");
        assert_eq!(body(&owner).denied.load(Relaxed) == 0, is_a_job_s);
        assert_eq!(owner.pool().board.state(CELL).state(), State::Running);
    }
}

#[test]
fn whoever_died_is_found_whatever_is_said_of_the_cells() {
    let (owner, job, _) = claimed();
    owner.pool().board.words.used().store(0, Relaxed);
    assert_eq!(owner.held_by(WorkerId::new(0, 1)), [job]);
}
