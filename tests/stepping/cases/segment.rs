//! Names: made, opened, removed, and what is left of the dead.

use commonhold::{ErrorKind, Segment, Value, gc, segments};

use crate::case::{Case, Ground, Trial, directory};
use crate::helper::Helper;
use crate::victim::Mark;

pub fn cases() -> Vec<Case> {
    let all = vec![
        Case::new("Segment::create", "a new name", |ground| {
            dies(ground, Before::Nothing, |name| drop(Segment::create(name, BYTES)))
        }),
        Case::new("Segment::create", "a stale name", |ground| {
            dies(ground, Before::Stale, |name| drop(Segment::create(name, BYTES)))
        }),
        Case::new("Segment::open", "a living name", |ground| {
            dies(ground, Before::Living, |name| drop(Segment::open(name)))
        }),
        Case::new("Segment::open_or_create", "a stale name", |ground| {
            dies(ground, Before::Stale, |name| drop(Segment::open_or_create(name, BYTES)))
        }),
        Case::new("Segment::open_or_create", "a living name", |ground| {
            dies(ground, Before::Living, |name| drop(Segment::open_or_create(name, BYTES)))
        }),
        Case::new("unlink", "a living name", |ground| {
            dies(ground, Before::Living, |name| _ = commonhold::unlink(name))
        }),
        Case::new("gc", "a stale name", |ground| dies(ground, Before::Stale, |_| _ = gc())),
        Case::new("Value::create", "in a segment", create_object),
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
            let fresh = Segment::open_or_create(&name, BYTES).expect("the name");
            let value = Value::<u64>::create(fresh.at("v"), 1).expect("a new segment is empty");
            assert_eq!(value.get(), 1);
            let known = segments().expect("all segments");
            assert!(known.iter().any(|one| one.name() == name && !one.is_stale()));
            drop((value, fresh));
            gc().expect("gc");
            let left = std::fs::read_dir(directory()).unwrap().flatten();
            let left =
                left.filter(|file| file.file_name().to_string_lossy().contains(&name)).count();
            assert_eq!(left, 0, "a name is left behind");
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        drop(Segment::open_or_create(&second, BYTES));
        mark.end(&[])
    })
}

fn create_object(ground: &Ground) -> Trial {
    let segment = ground.segment.clone();
    let (own, enter) = (segment.clone(), ground.entrance());
    let (other, enter_too) = (segment.clone(), ground.entrance());
    let make =
        |segment: &Segment, name: &str| Value::<u64>::create(segment.at(name), 7).map(|v| v.get());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            make(&own, "first").unwrap();
            mark.end(&[])
        },
        move |fates| {
            match Value::<u64>::open(segment.at("first")) {
                Ok(value) => assert_eq!(value.get(), 7, "half made"),
                Err(error) => {
                    assert!(fates.first.is_none(), "it is gone: {error}");
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                    make(&segment, "first").expect("room for it");
                }
            }
            make(&segment, "third").expect("room for another");
            assert_eq!(Value::<u64>::open(segment.at("first")).unwrap().fetch_add(1), 7);
            assert_eq!(Value::<u64>::open(segment.at("third")).unwrap().get(), 7);
        },
    )
    .then(move |mark: &Mark| {
        enter_too();
        mark.begin();
        make(&other, "second").unwrap();
        mark.end(&[])
    })
}
