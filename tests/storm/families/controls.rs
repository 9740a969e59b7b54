//! The same storm over things that do not outlive a death: each must be caught.

use super::carrying::{Carrier, Carrying, Got, Sent};
use super::holders::{Hold, Holders, Holding, How, Inside, Words};
use super::messages::Messages;
use super::signals::{Signal, Signalling, Signals};
use crate::storm::controls::{Control, RawEvent, RawMutex, Ring, RobustMutex, Semaphore};
use crate::storm::family::{Door, Family, Oracle, Play, Scene};
use crate::storm::participant::Patience;

/// What is taken and given back. Each is as patient as it is, whatever is asked.
struct Taken<C>(C);

impl<C: Control> Hold for Taken<C> {
    fn hold(&self, _: bool, _: Patience, inside: Inside) -> bool {
        if !self.0.take() {
            return false;
        }
        if inside(How::Plain, Words::None) {
            self.0.give();
        }
        true
    }

    fn is_crowded(&self) -> bool {
        true
    }

    fn is_as_new(&self) -> bool {
        let is_there = self.0.take();
        if is_there {
            self.0.give();
        }
        is_there
    }
}

fn holding<C: Control + 'static>(make: fn() -> C, alone: bool) -> Box<dyn Play> {
    Box::new(Holding { of: Taken(make()), alone })
}

impl Signal for RawEvent {
    fn set(&self) {
        self.give();
    }

    fn clear(&self) {
        RawEvent::clear(self);
    }

    fn wait(&self, patience: Patience) -> bool {
        match patience {
            Patience::Long => self.take(),
            _ => self.take_now(),
        }
    }
}

/// Messages that take a while to copy.
type LongRing = Ring<4096>;

impl Carrier for LongRing {
    fn send(&self, number: u64, patience: Patience) -> Sent {
        let sent = match patience {
            Patience::Long => self.send_in_time(number),
            _ => self.try_send(number),
        };
        if sent { Sent::Yes } else { Sent::NotInTime }
    }

    fn recv(&self, patience: Patience) -> Got {
        let message = match patience {
            Patience::Long => self.recv_in_time(),
            _ => self.try_recv(),
        };
        message.map_or(Got::NotInTime, Got::Message)
    }

    fn len(&self) -> usize {
        0
    }
}

fn control(
    name: &'static str,
    play: fn(&Scene, Door) -> Box<dyn Play>,
    oracle: fn(&Scene) -> Box<dyn Oracle>,
) -> Family {
    Family { name, play, oracle, control: true, slow: false }
}

pub fn families() -> Vec<Family> {
    let one = |_: &Scene| -> Box<dyn Oracle> { Box::new(Holders::new(1, false, false)) };
    vec![
        control("control-raw-mutex", |_, _| holding(RawMutex::new, false), one),
        control("control-robust-mutex", |_, _| holding(RobustMutex::new, false), one),
        control("control-sem", |_, _| holding(|| Semaphore::new(1), false), one),
        control(
            "control-raw-event",
            |_, _| Box::new(Signalling(RawEvent::manual())),
            |_| Box::<Signals>::default(),
        ),
        control(
            "control-ring",
            |_, _| Box::new(Carrying { of: LongRing::new() }),
            |_| Box::<Messages>::default(),
        ),
    ]
}
