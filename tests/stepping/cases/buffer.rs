//! A buffer: readers beside each other, a writer alone.

use commonhold::{Buffer, RecoverError, TryLockError};
use std::time::Duration;

use crate::case::{Case, Ground, Trial};
use crate::helper::{BOUND, Helper, Kept};
use crate::victim::Mark;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Buffer::read, drop", "free", |ground| {
            dies(ground, |page| assert_ne!(read(&page.read().unwrap()), 0), false)
        }),
        Case::new("Buffer::write, drop", "free", |ground| {
            dies(ground, |page| page.write().unwrap().fill(2), true)
        }),
        Case::new("Buffer::read", "free", |ground| {
            dies(ground, |page| std::mem::forget(page.read().unwrap()), false)
        }),
        Case::new("Buffer::try_write, drop", "free", |ground| {
            dies(
                ground,
                |page| _ = unless_taken(page.try_write()).map(|mut page| page.fill(2)),
                true,
            )
        }),
        Case::new("Buffer::try_read, drop", "free", |ground| {
            let try_read = |page: &Buffer<u64>| {
                assert_ne!(unless_taken(page.try_read()).map(|page| read(&page)), Some(0));
            };
            dies(ground, try_read, false)
        }),
        Case::new("Buffer::recover", "the writer is dead", recover),
        Case::new("Buffer::write, drop", "readers are dead", write_after_readers),
        Case::new("Buffer::write_timeout", "a reader is there, in vain", write_beside_reader),
        Case::new("Buffer::read_timeout", "a writer is there, in vain", read_beside_writer),
    ]
}

/// Nothing, where another has it, which may stand in the middle of its own try.
fn unless_taken<G>(tried: Result<G, TryLockError>) -> Option<G> {
    match tried {
        Err(TryLockError::WouldBlock) => None,
        all_else => Some(all_else.unwrap()),
    }
}

/// What every word of it says.
fn read(page: &[u64]) -> u64 {
    assert!(page.iter().all(|word| *word == page[0]), "half written: {page:?}");
    page[0]
}

fn repair(page: &Buffer<u64>) {
    if let Ok(mut page) = page.recover() {
        page.fill(3);
    }
}

fn works(page: &Buffer<u64>) {
    let reader = page.read_timeout(BOUND).expect("no writer");
    let another = page.try_read().expect("readers do not exclude readers");
    assert!(matches!(page.try_write(), Err(TryLockError::WouldBlock)));
    drop((reader, another));
    let mut writer = page.write_timeout(BOUND).expect("free");
    assert!(matches!(page.try_read(), Err(TryLockError::WouldBlock)));
    assert!(matches!(page.recover(), Err(RecoverError::Held)), "taken from the living");
    writer.fill(4);
    drop(writer);
    assert!(page.try_read().unwrap().iter().all(|word| *word == 4));
    drop(page.try_write().expect("free"));
}

fn page(ground: &Ground) -> Buffer<u64> {
    Buffer::<u64>::create_from_slice(ground.segment.at("page"), &[1; 8]).unwrap()
}

/// Somebody who died while it held what `hold` took.
fn dead(ground: &Ground, page: &Buffer<u64>, hold: fn(&Buffer<u64>)) {
    let own = page.clone();
    let dead = Helper::start(ground.page, 2, move |log| {
        hold(&own);
        log.end(&[])
    });
    dead.ends();
}

fn recover(ground: &Ground) -> Trial {
    let page = page(ground);
    dead(ground, &page, |page| std::mem::forget(page.write().unwrap()));
    dies_on(ground, page, repair, true, true)
}

fn write_after_readers(ground: &Ground) -> Trial {
    let page = page(ground);
    dead(ground, &page, |page| std::mem::forget(page.read().unwrap()));
    dies_on(ground, page, |page| page.write().unwrap().fill(2), true, false)
}

fn dies(ground: &Ground, operate: fn(&Buffer<u64>), writes: bool) -> Trial {
    dies_on(ground, page(ground), operate, writes, false)
}

/// The same of one whose writer is dead, perhaps.
fn dies_on(
    ground: &Ground,
    page: Buffer<u64>,
    operate: fn(&Buffer<u64>),
    writes: bool,
    writer_died: bool,
) -> Trial {
    let (own, enter) = (page.clone(), ground.entrance());
    let (other, enter_too) = (page.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            let end = match &fates.second {
                Some((_, second)) if !fates.beside => second.is_some(),
                _ => fates.first.is_some(),
            };
            match page.try_read() {
                Ok(found) => {
                    let written = fates.first.is_some() && writes && fates.second.is_none();
                    let what = if writer_died { 3 } else { 2 };
                    assert!(read(&found) == what || !written);
                }
                Err(TryLockError::OwnerDied) => {
                    assert!(!end && (writes || fates.second.is_some()), "nobody died in it");
                    repair(&page);
                }
                Err(error) => panic!("{error}"),
            }
            works(&page);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        repair(&other);
        mark.end(&[])
    })
}

fn write_beside_reader(ground: &Ground) -> Trial {
    let page = page(ground);
    let reader = Kept::new(page.clone(), |page| page.read().unwrap());
    let (own, enter) = (page.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let came = own.write_timeout(Duration::from_millis(3)).is_ok();
            mark.end(&[u64::from(came)])
        },
        move |fates| {
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 0), "beside a reader");
            drop(page.read_timeout(BOUND).expect("nothing was written"));
            drop(reader);
            works(&page);
        },
    )
}

fn read_beside_writer(ground: &Ground) -> Trial {
    let page = page(ground);
    let writer = Kept::new(page.clone(), |page| page.write().unwrap());
    let (own, enter) = (page.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            let came = own.read_timeout(Duration::from_millis(3)).is_ok();
            mark.end(&[u64::from(came)])
        },
        move |fates| {
            assert!(fates.first.as_ref().is_none_or(|said| said[0] == 0), "beside a writer");
            drop(writer);
            works(&page);
        },
    )
}
