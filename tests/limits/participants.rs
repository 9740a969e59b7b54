//! Every place of a segment is taken: an error that says so, until somebody dies.

use crate::assert_says;
use crate::children::{alone, fork, stop_here};
use crate::kinds::KINDS;
use commonhold::{ErrorKind, Lock, Mailbox, Place, Process, Segment};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn named(number: usize) -> String {
    format!("kept-{number}")
}

alone! {
    fn every_kind_says_so_and_is_had_after_a_death() {
        let places: Vec<_> = (0..KINDS.len()).map(named).collect();
        let options = Segment::options().participants(2);
        let kept: Vec<_> =
            KINDS.iter().zip(&places).map(|(kind, name)| (kind.keep)(options.at(name)).unwrap()).collect();
        let shop = options.create("shop", 4096).unwrap();
        let other = fork(|| {
            for (kind, name) in KINDS.iter().zip(&places) {
                (kind.open)(Place::from(name)).unwrap();
            }
            let all = KINDS.iter().zip(&places).map(|(kind, name)| (kind.keep_open)(name).unwrap());
            let _all: Vec<_> = all.collect();
            let _shop = Segment::open("shop").unwrap();
            stop_here();
        });
        other.stopped();
        fork(|| {
            for (kind, name) in KINDS.iter().zip(&places) {
                let full = "its 2 participants are all alive";
                for (found, tried) in [
                    ((kind.open)(Place::from(name)), "open"),
                    ((kind.open_or_create)(Place::from(name)), "open or create"),
                ] {
                    let error = found.unwrap_err();
                    let on = format!("{tried} {} {name:?}: ", kind.name);
                    assert_says(&error, ErrorKind::TooManyParticipants, &[on.as_str(), full]);
                }
            }
            let error = Segment::open("shop").map(drop).unwrap_err();
            assert_says(&error, ErrorKind::TooManyParticipants, &["open segment \"shop\": its 2 "]);
        })
        .succeed();
        other.kill();
        fork(|| {
            for (kind, name) in KINDS.iter().zip(&places) {
                (kind.open)(Place::from(name)).unwrap();
            }
        })
        .succeed();
        drop((kept, shop));
    }

    fn one_that_is_handed_to_a_child_is_refused_by_it() {
        let door = Lock::create(Segment::options().participants(1).at("door")).unwrap();
        let refused = Process::spawn(|door: Lock| drop(door.lock().unwrap()), door.clone());
        let error = refused.unwrap_err();
        assert_says(&error, ErrorKind::Refused, &["spawn process", "its 1 participants are all alive"]);
        drop(door.lock().unwrap());
    }

    fn one_that_comes_in_a_message_panics_and_says_so() {
        let mail = Mailbox::<Lock>::new(4096).unwrap();
        let door = Lock::create(Segment::options().participants(1).at("door")).unwrap();
        mail.send(door).unwrap();
        fork(|| {
            std::panic::set_hook(Box::new(|_| ()));
            let panic = catch_unwind(AssertUnwindSafe(|| mail.recv().map(drop))).unwrap_err();
            let text = panic.downcast::<String>().unwrap();
            assert!(text.contains("its 1 participants are all alive"), "{text}");
            assert!(mail.is_empty());
        })
        .succeed();
        // With the next one this process lets go of what it kept for that.
        mail.send(Lock::new().unwrap()).unwrap();
        drop(mail.recv().unwrap());
    }

    /// A copy that uses what it inherited takes a place; where there is none it is told.
    fn a_copy_that_finds_no_place_panics_and_harms_nobody() {
        let door = Lock::create(Segment::options().participants(1).at("door")).unwrap();
        let _held = door.lock().unwrap();
        fork(|| {
            std::panic::set_hook(Box::new(|_| ()));
            let panic = catch_unwind(AssertUnwindSafe(|| drop(door.try_lock()))).unwrap_err();
            let text = panic.downcast::<String>().unwrap();
            assert!(text.contains("its 1 participants are all alive"), "{text}");
        })
        .succeed();
        assert!(door.try_lock().is_err());
    }
}
