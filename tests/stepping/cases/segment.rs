//! Names: made, opened, removed, and what is left of the dead.

use commonhold::{ErrorKind, Queue, Segment, Value, gc, segments};

use crate::case::{Case, Ground, Trial, directory};
use crate::helper::Helper;
use crate::victim::Mark;

pub fn cases() -> Vec<Case> {
    let all = vec![
        Case::new("Segment::create, Segment::drop", "a new name", |ground| {
            dies(ground, Before::Nothing, |name| drop(Segment::create(name, BYTES)))
        }),
        Case::new("Segment::create, Segment::drop", "a stale name", |ground| {
            dies(ground, Before::Stale, |name| drop(Segment::create(name, BYTES)))
        }),
        Case::new("Segment::open, Segment::drop", "a living name", |ground| {
            dies(ground, Before::Living, |name| drop(Segment::open(name)))
        }),
        Case::new("Segment::open_or_create, Segment::drop", "a stale name", |ground| {
            dies(ground, Before::Stale, |name| drop(Segment::open_or_create(name, BYTES)))
        }),
        Case::new("Segment::open_or_create, Segment::drop", "a living name", |ground| {
            dies(ground, Before::Living, |name| drop(Segment::open_or_create(name, BYTES)))
        }),
        Case::new("Segment::unlink", "just made", |ground| {
            dies(ground, Before::Nothing, |name| {
                Segment::create(name, BYTES).unwrap().unlink().unwrap();
            })
        }),
        Case::new("SegmentOptions::create", "persistent", persistent),
        Case::new("Queue::create, Queue::drop", "a name of its own", |ground| {
            dies(ground, Before::Nothing, |name| drop(Queue::<u64>::create(name, 4)))
        }),
        Case::new("Queue::open_or_create, Queue::drop", "a stale name", |ground| {
            dies(ground, Before::Stale, |name| drop(Queue::<u64>::open_or_create(name, 4)))
        }),
        Case::new("Queue::unlink", "just made", |ground| {
            dies(ground, Before::Nothing, |name| {
                Queue::<u64>::create(name, 4).unwrap().unlink().unwrap();
            })
        }),
        Case::new("unlink", "a living name", |ground| {
            dies(ground, Before::Living, |name| _ = commonhold::unlink(name))
        }),
        Case::new("gc", "a stale name", |ground| dies(ground, Before::Stale, |_| _ = gc())),
    ];
    all.into_iter().map(Case::long).collect()
}

const BYTES: usize = 4096;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Before {
    Nothing,
    Stale,
    Living,
}

fn dies(ground: &Ground, before: Before, operate: fn(&str)) -> Trial {
    let name = format!("{}-more", ground.name);
    let living = match before {
        Before::Nothing => None,
        Before::Living => Some(Segment::create(&name, BYTES).unwrap()),
        Before::Stale => {
            let name = name.clone();
            let dead = Helper::start(ground.page, 2, move |log| {
                std::mem::forget(Segment::create(&name, BYTES).unwrap());
                log.end(&[])
            });
            dead.ends();
            None
        }
    };
    let inside = living.as_ref().map(|living| Value::<u64>::create(living.at("v"), 7).unwrap());
    let (enter, enter_too) = (ground.entrance(), ground.entrance());
    let (own, second) = (name.clone(), name.clone());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            operate(&own);
            mark.end(&[])
        },
        move |_| {
            if let Some(inside) = &inside {
                assert_eq!(inside.fetch_add(1), 7, "what a living process uses was changed");
            }
            match Segment::open(&name) {
                Ok(_) => assert!(living.is_some(), "opened a dead one's"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
            }
            drop((inside, living));
            leaves_nothing(&name);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        drop(Segment::open_or_create(&second, BYTES));
        mark.end(&[])
    })
}

/// The name is good for a new segment, and gone with that.
fn leaves_nothing(name: &str) {
    let fresh = Segment::open_or_create(name, BYTES).expect("the name");
    let value = Value::<u64>::create(fresh.at("v"), 1).expect("a new segment is empty");
    assert_eq!(value.get(), 1);
    let known = segments().expect("all segments");
    assert!(known.iter().any(|one| one.name() == name && !one.is_stale()));
    drop((value, fresh));
    gc().expect("gc");
    let left = std::fs::read_dir(directory()).unwrap().flatten();
    let left = left.filter(|file| file.file_name().to_string_lossy().contains(name)).count();
    assert_eq!(left, 0, "a name is left behind");
}

/// Whole, and there for ever; or not there.
fn persistent(ground: &Ground) -> Trial {
    let name = format!("{}-kept", ground.name);
    let (own, enter) = (name.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            drop(Segment::options().persistent(true).create(&own, BYTES).unwrap());
            mark.end(&[])
        },
        move |fates| {
            gc().expect("gc");
            match Segment::open(&name) {
                Ok(kept) => {
                    assert_eq!(Value::<u64>::create(kept.at("v"), 1).unwrap().get(), 1);
                    kept.unlink().unwrap();
                }
                Err(error) => {
                    assert!(fates.first.is_none(), "it is gone: {error}");
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                }
            }
            leaves_nothing(&name);
        },
    )
}
