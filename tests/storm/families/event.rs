//! The event of this crate.

use commonhold::Event;

use super::signals::{Signal, Signalling, Signals};
use super::things::options;
use crate::storm::family::{Door, Family};
use crate::storm::participant::Patience;

impl Signal for Event {
    fn set(&self) {
        Event::set(self);
    }

    fn clear(&self) {
        Event::clear(self);
    }

    fn wait(&self, patience: Patience) -> bool {
        match patience {
            Patience::Not => self.is_set(),
            Patience::Short(time) => self.wait_timeout(time),
            Patience::Long => {
                Event::wait(self);
                true
            }
        }
    }
}

pub fn families() -> Vec<Family> {
    vec![Family {
        name: "event",
        play: |scene, door| {
            let place = options(scene);
            let place = place.at(&scene.name);
            let event = match door {
                Door::Create => Event::create(place),
                Door::Open => Event::open(place),
            };
            Box::new(Signalling(event.expect("the event")))
        },
        oracle: |_| Box::<Signals>::default(),
        control: false,
        slow: false,
    }]
}
