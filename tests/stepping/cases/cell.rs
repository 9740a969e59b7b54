//! Values and arrays: old or new, never in between.

use commonhold::{Array, Value};

use crate::case::{Case, Fates, Ground, Trial};
use crate::victim::Mark;

type Wide = [u64; 8];

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Value<u64>::update", "alone", |ground| {
            small(ground, |value| _ = value.update(|old| old + 1))
        }),
        Case::new("Value<u64>::set", "alone", |ground| small(ground, |value| value.set(2))),
        Case::new("Value<u64>::compare_exchange", "alone", |ground| {
            small(ground, |value| _ = value.compare_exchange(1, 2))
        }),
        Case::new("Value<[u64; 8]>::set", "alone", |ground| {
            wide(ground, |value| value.set([2; 8]))
        }),
        Case::new("Value<[u64; 8]>::update", "alone", |ground| {
            wide(ground, |value| _ = value.update(|old| old.map(|word| word + 1)))
        }),
        Case::new("Value<[u64; 8]>::compare_exchange", "alone", |ground| {
            wide(ground, |value| _ = value.compare_exchange([1; 8], [2; 8]))
        }),
        Case::new("Value<u64>::swap", "alone", |ground| small(ground, |value| _ = value.swap(2))),
        Case::new("Value<u64>::try_update", "alone", |ground| {
            small(ground, |value| _ = value.try_update(|old| Some(old + 1)))
        }),
        Case::new("Value<u64>::fetch_add", "alone", |ground| {
            small(ground, |value| _ = value.fetch_add(1))
        }),
        Case::new("Value<[u64; 8]>::swap", "alone", |ground| {
            wide(ground, |value| _ = value.swap([2; 8]))
        }),
        Case::new("Value<[u64; 8]>::try_update", "alone", |ground| {
            wide(ground, |value| _ = value.try_update(|old| Some(old.map(|word| word + 1))))
        }),
        Case::new("Value<[u64; 8]>::set", "another reads beside it", beside),
        Case::new("Array<u32>::set", "alone", |ground| {
            row::<u32>(ground, |row| row.set(1, 2).unwrap(), 1, 2)
        }),
        Case::new("Array<[u64; 8]>::set", "alone", |ground| {
            row::<Wide>(ground, |row| row.set(1, [2; 8]).unwrap(), [1; 8], [2; 8])
        }),
        Case::new("Array<u32>::swap", "alone", |ground| {
            row::<u32>(ground, |row| _ = row.swap(1, 2).unwrap(), 1, 2)
        }),
        Case::new("Array<u32>::update", "alone", |ground| {
            row::<u32>(ground, |row| _ = row.update(1, |old| old + 1).unwrap(), 1, 2)
        }),
        Case::new("Array<u32>::fetch_add", "alone", |ground| {
            row::<u32>(ground, |row| _ = row.fetch_add(1, 1).unwrap(), 1, 2)
        }),
        Case::new("Array<[u64; 8]>::swap", "alone", |ground| {
            row::<Wide>(ground, |row| _ = row.swap(1, [2; 8]).unwrap(), [1; 8], [2; 8])
        }),
        Case::new("Array<[u64; 8]>::update", "alone", |ground| {
            row::<Wide>(ground, |row| _ = row.update(1, |_| [2; 8]).unwrap(), [1; 8], [2; 8])
        }),
        Case::new("Array<[u64; 8]>::try_update", "alone", |ground| {
            let update = |row: &Array<Wide>| _ = row.try_update(1, |_| Some([2; 8])).unwrap();
            row::<Wide>(ground, update, [1; 8], [2; 8])
        }),
        Case::new("Array<[u64; 8]>::compare_exchange", "alone", |ground| {
            let exchange = |row: &Array<Wide>| {
                let _ = row.compare_exchange(1, [1; 8], [2; 8]).unwrap();
            };
            row::<Wide>(ground, exchange, [1; 8], [2; 8])
        }),
        Case::new("Array<u32>::copy_from_slice", "alone", copy),
        Case::new("Array<[u64; 8]>::copy_from_slice", "alone", |ground| {
            let copy = |row: &Array<Wide>| row.copy_from_slice(&[[1; 8], [2; 8], [1; 8]]).unwrap();
            row::<Wide>(ground, copy, [1; 8], [2; 8])
        }),
    ]
}

/// A value of 1, that `operate` makes 2.
fn small(ground: &Ground, operate: fn(&Value<u64>)) -> Trial {
    let value = Value::<u64>::create(ground.segment.at("value"), 1).unwrap();
    let (own, enter) = (value.clone(), ground.entrance());
    let (other, enter_too) = (value.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            let now = value.get();
            assert!(may_be(fates).contains(&now), "{now} of {fates:?}");
            assert_eq!((value.fetch_add(5), value.get()), (now, now + 5));
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        other.update(|old| old + 10);
        mark.end(&[])
    })
}

/// What a value of 1 may be, that the first makes 2 and the second raises by 10.
fn may_be(fates: &Fates) -> Vec<u64> {
    let second: &[u64] = match fates.second {
        None => &[0],
        Some((_, None)) => &[0, 10],
        Some((_, Some(_))) => &[10],
    };
    let first: &[u64] = if fates.first.is_some() { &[2] } else { &[1, 2] };
    let mut may: Vec<u64> =
        first.iter().flat_map(|one| second.iter().map(move |two| one + two)).collect();
    if fates.beside {
        // The first may have set it after the second, or found that it was not 1 any more.
        may.extend([2, 11]);
    }
    may
}

fn whole(words: Wide) -> u64 {
    assert!(words.iter().all(|word| *word == words[0]), "torn: {words:?}");
    words[0]
}

fn wide(ground: &Ground, operate: fn(&Value<Wide>)) -> Trial {
    let value = Value::<Wide>::create(ground.segment.at("value"), [1; 8]).unwrap();
    let (own, enter) = (value.clone(), ground.entrance());
    let (other, enter_too) = (value.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            let now = whole(value.get());
            assert!(may_be(fates).contains(&now), "{now} of {fates:?}");
            for next in 20..24 {
                value.set([next; 8]);
                assert_eq!(whole(value.update(|old| old.map(|w| w + 100))), next);
                assert_eq!(whole(value.get()), next + 100);
            }
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        other.update(|old| old.map(|word| word + 10));
        mark.end(&[])
    })
}

/// While the victim stands still in its write, others read; and another's write waits for it, so none is
/// tried.
fn beside(ground: &Ground) -> Trial {
    let value = Value::<Wide>::create(ground.segment.at("value"), [1; 8]).unwrap();
    let (own, enter) = (value.clone(), ground.entrance());
    let reader = value.clone();
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            own.set([2; 8]);
            mark.end(&[])
        },
        move |fates| {
            let now = whole(value.get());
            assert!(now == 2 || (now == 1 && fates.first.is_none()));
        },
    )
    .meanwhile(move || assert!([1, 2].contains(&whole(reader.get()))))
}

fn row<T>(ground: &Ground, operate: fn(&Array<T>), old: T, new: T) -> Trial
where
    T: commonhold::Shared + commonhold::bytemuck::Zeroable + PartialEq + std::fmt::Debug,
{
    let row = Array::<T>::create_from_slice(ground.segment.at("row"), &[old; 3]).unwrap();
    let (own, enter) = (row.clone(), ground.entrance());
    let (other, enter_too) = (row.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |fates| {
            let now = row.to_vec();
            assert_eq!((now[0], now[2]), (old, old), "a neighbour changed");
            // The second writes what it read, perhaps before the first wrote.
            let may_be_old = fates.first.is_none() || fates.beside;
            assert!(now[1] == new || (now[1] == old && may_be_old), "{now:?}");
            row.set(1, old).unwrap();
            assert_eq!(row.swap(1, new).unwrap(), old);
            assert_eq!(row.get(1), Some(new));
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        let now = other.get(1).unwrap();
        other.set(1, now).unwrap();
        mark.end(&[])
    })
}

fn copy(ground: &Ground) -> Trial {
    let row = Array::<u32>::create_from_slice(ground.segment.at("row"), &[1; 4]).unwrap();
    let (own, enter) = (row.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            own.copy_from_slice(&[2; 4]).unwrap();
            mark.end(&[])
        },
        move |fates| {
            let now = row.to_vec();
            assert!(now.iter().all(|n| *n == 2 || (*n == 1 && fates.first.is_none())), "{now:?}");
            row.copy_from_slice(&[3; 4]).unwrap();
            assert_eq!(row.to_vec(), [3; 4]);
        },
    )
}
