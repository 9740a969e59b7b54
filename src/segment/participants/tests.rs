use super::*;
use std::cell::RefCell;

/// A table in memory of its own.
struct Table {
    header: Box<Header>,
    rows: Vec<Row>,
    turn: AtomicU32,
}

/// No file: anonymous mappings are listed as device 0, inode 0.
const NOWHERE: FileId = FileId { device: u64::MAX, inode: u64::MAX };

impl Table {
    fn new(rows: usize) -> Table {
        // SAFETY: [INP-1] zeros are a header, and a row that nobody has.
        let header = Box::new(unsafe { std::mem::zeroed() });
        let free = || Row {
            word: AtomicU64::new(0),
            start: AtomicU32::new(0),
            recovering: AtomicU32::new(0),
        };
        let rows = (0..rows).map(|_| free()).collect();
        Table { header, rows, turn: AtomicU32::new(0) }
    }

    fn participants(&self) -> Participants<'_> {
        let Table { header, rows, turn } = self;
        Participants { header, rows, file: NOWHERE, turn }
    }

    fn register(&self, who: Identity) -> Option<Tag> {
        self.participants().register(who, |_| ())
    }

    fn is_dead(&self, tag: Tag) -> bool {
        self.participants().is_dead(tag, Look::Thorough)
    }

    fn deaths(&self) -> u32 {
        self.header.deaths.load(Ordering::Relaxed)
    }
}

fn me() -> Identity {
    Identity::of_this_process().unwrap()
}

/// A process that had this pid and is gone: it started at another time.
fn gone() -> Identity {
    Identity { start: me().start + 1, ..me() }
}

#[test]
fn rows_are_given_out_in_rotation_and_never_under_a_tag_that_was_in_use() {
    let table = Table::new(3);
    let mut seen = Vec::new();
    for turn in 0..30 {
        let tag = table.register(me()).unwrap();
        assert_eq!(tag.row(), turn % 3);
        assert!(!seen.contains(&tag));
        assert!(seen.iter().all(|old| table.is_dead(*old)));
        assert!(!table.is_dead(tag));
        table.participants().retire(tag);
        seen.push(tag);
    }
}

#[test]
fn a_full_table_refuses_until_somebody_has_left_or_died() {
    let table = Table::new(2);
    let first = table.register(me()).unwrap();
    let second = table.register(me()).unwrap();
    assert_eq!(table.register(me()), None);
    assert!(!table.is_dead(first) && !table.is_dead(second));
    table.participants().retire(first);
    assert!(table.is_dead(first) && !table.is_dead(second));
    let deaths = table.deaths();
    let third = table.register(gone()).unwrap();
    assert_eq!(table.deaths(), deaths);
    let fourth = table.register(me()).unwrap();
    assert_eq!(third.row(), fourth.row());
    assert!(table.deaths() > deaths, "counted before the row was given out");
    assert!(table.is_dead(third) && !table.is_dead(fourth));
}

#[test]
fn a_process_that_has_said_no_start_yet_says_it_later_and_is_found_by_its_number_before() {
    let table = Table::new(4);
    let unknown = Identity::without_start();
    let [first, second] = [(); 2].map(|()| table.register(unknown).unwrap());
    table.participants().tell_start(second, me());
    assert!(!table.is_dead(first) && !table.is_dead(second));
    let other = Identity { pid: 1, ..me() };
    table.register(other).unwrap();
    // The number may be another's: only who said that start.
    assert_eq!(table.participants().bury_process(me().pid, Some(me().start)), [second]);
    // Nobody else has the number: whatever it said.
    assert_eq!(table.participants().bury_process(me().pid, None), [first]);
    assert!(table.is_dead(first) && table.is_dead(second));
    table.participants().tell_start(first, me()); // it left: nobody's row
    assert_eq!(table.deaths(), 2);
}

#[test]
fn a_row_is_swept_once_before_its_generations_begin_anew() {
    let table = Table::new(1);
    let swept = RefCell::new(Vec::new());
    let mut given = vec![false; GENERATIONS as usize];
    for turn in 1..=2 * GENERATIONS {
        let tag = table.participants().register(me(), |row| swept.borrow_mut().push((turn, row)));
        let tag = tag.unwrap();
        assert_eq!(tag.generation(), turn % GENERATIONS);
        assert!(tag.is_participant());
        given[tag.generation() as usize] = true;
        table.participants().retire(tag);
    }
    assert!(given.iter().all(|given| *given));
    assert_eq!(*swept.borrow(), [(GENERATIONS, 0), (2 * GENERATIONS, 0)]);
}

#[test]
fn a_generation_from_which_somebody_takes_over_is_not_given_out() {
    let table = Table::new(2);
    let participants = table.participants();
    let me_there = table.register(me()).unwrap();
    let old = table.register(me()).unwrap();
    participants.retire(old);
    // Had the generations come round, this is the tag that row would give out next.
    let dead = Tag::new(old.row(), old.generation() + 1);
    let given = participants.take_over(me_there, dead, || table.register(me())).unwrap().unwrap();
    assert_eq!(given.row(), dead.row());
    assert_eq!(given.generation(), dead.generation() + 1);
    assert!(table.is_dead(dead) && !table.is_dead(given));
    // Afterwards nothing stands in the way.
    participants.retire(given);
    let next = table.register(me()).unwrap();
    assert_eq!(next.generation(), given.generation() + 1);
}

#[test]
fn what_a_recoverer_that_left_was_taking_over_stands_in_nobodys_way() {
    let table = Table::new(2);
    let recoverer = table.register(me()).unwrap();
    let old = table.register(me()).unwrap();
    table.participants().retire(old);
    let next = Tag::new(old.row(), old.generation() + 1);
    table.rows[recoverer.row() as usize].recovering.store(next.bits(), Ordering::Relaxed);
    table.participants().retire(recoverer); // killed in the middle, then found dead
    table.header.next_row.store(old.row(), Ordering::Relaxed);
    assert_eq!(table.register(me()), Some(next));
    // Whoever gets the recoverer's row starts clean.
    let heir = table.register(me()).unwrap();
    assert_eq!(heir.row(), recoverer.row());
    assert_eq!(table.rows[heir.row() as usize].recovering.load(Ordering::Relaxed), 0);
}

#[test]
fn nothing_is_taken_over_from_a_tag_that_is_in_use_after_all() {
    let table = Table::new(2);
    let me_there = table.register(me()).unwrap();
    let other = table.register(me()).unwrap();
    let taken = table.participants().take_over(me_there, other, || panic!("taken from the living"));
    assert_eq!(taken, None::<()>);
    table.participants().retire(other);
    assert_eq!(table.participants().take_over(me_there, other, || 7), Some(7));
    assert_eq!(table.participants().take_over(me_there, Tag::GONE, || 8), Some(8));
}

#[test]
fn who_takes_over_does_not_wait_for_what_nobody_wrote() {
    let table = Table::new(2);
    let me_there = table.register(me()).unwrap();
    let dead = table.register(me()).unwrap();
    table.participants().retire(dead);
    for overwritten in [1, dead.bits(), u32::MAX] {
        let row = &table.rows[me_there.row() as usize];
        row.recovering.store(overwritten, Ordering::Relaxed);
        assert_eq!(table.participants().take_over(me_there, dead, || 9), Some(9));
        assert_eq!(row.recovering.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn threads_of_one_process_take_over_one_after_another() {
    let table = Table::new(2);
    let me_there = table.register(me()).unwrap();
    let dead = table.register(me()).unwrap();
    table.participants().retire(dead);
    let inside = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let alone = table.participants().take_over(me_there, dead, || {
                        let alone = inside.fetch_add(1, Ordering::SeqCst) == 0;
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        alone
                    });
                    assert_eq!(alone, Some(true));
                }
            });
        }
    });
}

#[test]
fn a_process_retires_its_own_former_rows_only() {
    let table = Table::new(4);
    let former = table.register(me()).unwrap();
    let again = table.register(me()).unwrap();
    let same_number = table.register(gone()).unwrap();
    let init = table.register(Identity { pid: 1, start: 0 }).unwrap();
    table.participants().retire_former_self(me(), 0..0);
    assert!(table.is_dead(former) && table.is_dead(again));
    assert!(table.participants().word_of(same_number).is_some());
    assert!(!table.is_dead(init));
}

#[test]
fn tags_that_are_nobodys_are_dead_and_poison_is_not() {
    let table = Table::new(1);
    assert!(table.is_dead(Tag::NOBODY) && table.is_dead(Tag::GONE));
    assert!(!table.is_dead(Tag::POISONED));
    assert!(table.is_dead(Tag::new(0, 5)), "never given out");
    assert!(table.is_dead(Tag::new(100, 0)), "of a row that is not there");
}

#[test]
fn rows_are_read_from_a_file_as_they_lie_in_memory() {
    let table = Table::new(2);
    table.register(me()).unwrap();
    let bytes: Vec<u8> = table
        .rows
        .iter()
        .flat_map(|row| {
            let start = u64::from(row.start.load(Ordering::Relaxed));
            let words = [row.word.load(Ordering::Relaxed), start];
            words.into_iter().flat_map(u64::to_le_bytes).collect::<Vec<u8>>()
        })
        .collect();
    assert_eq!(attached(&bytes).collect::<Vec<_>>(), [(me().pid, me().start)]);
    assert!(attached(&bytes[..15]).next().is_none());
}
