//! What carries messages: queues of small and of large ones, of slices, mailboxes, and several waited for
//! at once.

use bytemuck::AnyBitPattern;
use commonhold::{
    Mailbox, Queue, RecvTimeoutError, SendError, SendSliceTimeoutError, SendTimeoutError, Shared,
    TryRecvError, TrySendError, TrySendSliceError, wait_any,
};
use std::cell::Cell;
use std::time::Instant;

use super::carrying::{Carrier, Carrying, Got, Sent};
use super::messages::Messages;
use super::things::options;
use crate::storm::family::{Door, Family, Play, Scene};
use crate::storm::participant::Patience;

/// A message that says a number in every part of it.
pub trait Numbered: Shared {
    fn of(number: u64) -> Self;
    fn number(&self) -> Got;
}

impl<const N: usize> Numbered for [u64; N] {
    fn of(number: u64) -> [u64; N] {
        [number; N]
    }

    fn number(&self) -> Got {
        whole(self)
    }
}

fn whole(words: &[u64]) -> Got {
    match words.split_first() {
        Some((first, rest)) if rest.iter().all(|word| word == first) => Got::Message(*first),
        _ => Got::Torn,
    }
}

pub fn sent<T>(result: Result<(), SendTimeoutError<T>>) -> Sent {
    match result {
        Ok(()) => Sent::Yes,
        Err(SendTimeoutError::Timeout(_)) => Sent::NotInTime,
        Err(SendTimeoutError::Closed(_)) => Sent::Closed,
    }
}

pub fn tried<T>(result: Result<(), TrySendError<T>>) -> Sent {
    match result {
        Ok(()) => Sent::Yes,
        Err(TrySendError::Full(_)) => Sent::NotInTime,
        Err(TrySendError::Closed(_)) => Sent::Closed,
    }
}

pub fn not_got(error: RecvTimeoutError) -> Got {
    match error {
        RecvTimeoutError::Timeout => Got::NotInTime,
        RecvTimeoutError::Closed => Got::Closed,
    }
}

pub fn nothing(error: TryRecvError) -> Got {
    match error {
        TryRecvError::Empty => Got::NotInTime,
        TryRecvError::Closed => Got::Closed,
    }
}

impl<T: Numbered> Carrier for Queue<T> {
    fn send(&self, number: u64, patience: Patience) -> Sent {
        match patience {
            Patience::Not => tried(self.try_send(T::of(number))),
            Patience::Short(time) => sent(self.send_timeout(T::of(number), time)),
            Patience::Long => {
                Queue::<T>::send(self, T::of(number)).map_or(Sent::Closed, |()| Sent::Yes)
            }
        }
    }

    fn recv(&self, patience: Patience) -> Got {
        match patience {
            Patience::Not => self.try_recv().map_or_else(nothing, |m| m.number()),
            Patience::Short(time) => self.recv_timeout(time).map_or_else(not_got, |m| m.number()),
            Patience::Long => Queue::<T>::recv(self).map_or(Got::Closed, |m| m.number()),
        }
    }

    fn len(&self) -> usize {
        Queue::<T>::len(self)
    }

    fn send_two(&self) -> Option<Box<dyn Fn([u64; 2]) -> usize + '_>> {
        let count =
            |sent: Result<(), SendError<usize>>| sent.map_or_else(|e| e.into_inner(), |()| 2);
        Some(Box::new(move |two| count(self.send_all(&two.map(T::of)))))
    }

    fn recv_two(&self) -> Option<Box<dyn Fn() -> [Got; 2] + '_>> {
        Some(Box::new(|| {
            let mut two = Vec::new();
            match self.recv_many(&mut two, 2) {
                Ok(1) => [two[0].number(), Got::NotInTime],
                Ok(_) => [two[0].number(), two[1].number()],
                Err(_) => [Got::Closed; 2],
            }
        }))
    }
}

/// Messages of a length that depends on their number.
impl Carrier for Queue<[u64]> {
    fn send(&self, number: u64, patience: Patience) -> Sent {
        let message = vec![number; 1 + (number % 23) as usize];
        match patience {
            Patience::Not => match self.try_send(&message) {
                Ok(()) => Sent::Yes,
                Err(TrySendSliceError::Closed) => Sent::Closed,
                Err(_) => Sent::NotInTime,
            },
            Patience::Short(time) => match self.send_timeout(&message, time) {
                Ok(()) => Sent::Yes,
                Err(SendSliceTimeoutError::Closed) => Sent::Closed,
                Err(_) => Sent::NotInTime,
            },
            Patience::Long => {
                Queue::<[u64]>::send(self, &message).map_or(Sent::Closed, |()| Sent::Yes)
            }
        }
    }

    fn recv(&self, patience: Patience) -> Got {
        let message = match patience {
            Patience::Not => self.try_recv().map_err(nothing),
            Patience::Short(time) => self.recv_timeout(time).map_err(not_got),
            Patience::Long => Queue::<[u64]>::recv(self).map_err(|_| Got::Closed),
        };
        match message.map(|message| (whole(&message), message.len() as u64)) {
            Ok((Got::Message(number), length)) if length == 1 + number % 23 => Got::Message(number),
            Ok(_) => Got::Torn,
            Err(error) => error,
        }
    }

    fn len(&self) -> usize {
        Queue::<[u64]>::len(self)
    }
}

type Letter = (u64, Vec<u8>);

/// Some of its letters are longer than the mailbox.
fn letter(number: u64) -> Letter {
    let length = if number.is_multiple_of(13) { 6000 } else { number % 90 };
    (number, vec![number as u8; length as usize])
}

impl Carrier for Mailbox<Letter> {
    fn send(&self, number: u64, patience: Patience) -> Sent {
        match patience {
            Patience::Not => tried(self.try_send(letter(number))),
            Patience::Short(time) => sent(self.send_timeout(letter(number), time)),
            Patience::Long => {
                Mailbox::send(self, letter(number)).map_or(Sent::Closed, |()| Sent::Yes)
            }
        }
    }

    fn recv(&self, patience: Patience) -> Got {
        let message = match patience {
            Patience::Not => self.try_recv().map_err(nothing),
            Patience::Short(time) => self.recv_timeout(time).map_err(not_got),
            Patience::Long => Mailbox::recv(self).map_err(|_| Got::Closed),
        };
        match message {
            Ok(message) if message == letter(message.0) => Got::Message(message.0),
            Ok(_) => Got::Torn,
            Err(error) => error,
        }
    }

    fn len(&self) -> usize {
        Mailbox::len(self)
    }
}

/// A queue and a mailbox; a message goes to one of them, and who receives waits for both.
struct Either {
    queue: Queue<[u64; 1]>,
    mailbox: Mailbox<Letter>,
    /// Whether the mailbox was looked at first the last time: each is in turn.
    mailbox_first: Cell<bool>,
}

impl Carrier for Either {
    fn send(&self, number: u64, patience: Patience) -> Sent {
        // All of one sender go the same way.
        match number >> 24 & 1 {
            0 => Carrier::send(&self.queue, number, patience),
            _ => Carrier::send(&self.mailbox, number, patience),
        }
    }

    fn recv(&self, patience: Patience) -> Got {
        let until = match patience {
            Patience::Not => Some(Instant::now()),
            Patience::Short(time) => Some(Instant::now() + time),
            Patience::Long => None,
        };
        loop {
            let time = until.map(|until| until.saturating_duration_since(Instant::now()));
            let mut ready = wait_any(&[&self.queue, &self.mailbox], time);
            self.mailbox_first.set(!self.mailbox_first.get());
            if self.mailbox_first.get() {
                ready.reverse();
            }
            for place in &ready {
                let got = match place {
                    0 => Carrier::recv(&self.queue, Patience::Not),
                    _ => Carrier::recv(&self.mailbox, Patience::Not),
                };
                if got != Got::NotInTime {
                    return got;
                }
            }
            if ready.is_empty() && until.is_some() {
                return Got::NotInTime;
            }
        }
    }

    fn len(&self) -> usize {
        Carrier::len(&self.queue) + Carrier::len(&self.mailbox)
    }
}

/// How many messages it holds: few, so that it is often full and often empty.
pub fn capacity(scene: &Scene) -> usize {
    1 << (scene.variant >> 4 & 3)
}

pub fn queue<T: Numbered>(scene: &Scene, door: Door) -> Queue<T> {
    let place = options(scene);
    let place = place.at(&scene.name);
    let queue = match door {
        Door::Create => Queue::<T>::create(place, capacity(scene)),
        Door::Open => Queue::<T>::open(place),
    };
    queue.expect("the queue")
}

fn carrying<T: Numbered + AnyBitPattern>(scene: &Scene, door: Door) -> Box<dyn Play> {
    Box::new(Carrying { of: queue::<T>(scene, door) })
}

fn mailbox(scene: &Scene, name: &str, door: Door) -> Mailbox<Letter> {
    let place = options(scene);
    let place = place.at(name);
    let mailbox = match door {
        Door::Create => Mailbox::create(place, 512),
        Door::Open => Mailbox::open(place),
    };
    mailbox.expect("the mailbox")
}

pub fn families() -> Vec<Family> {
    let family = |name, play| Family {
        name,
        play,
        oracle: |_| Box::<Messages>::default(),
        control: false,
        slow: false,
    };
    vec![
        family("queue", |scene, door| match scene.variant % 2 {
            0 => carrying::<[u64; 1]>(scene, door),
            _ => carrying::<[u64; 7]>(scene, door),
        }),
        family("queue-large", carrying::<[u64; 64]>),
        family("slices", |scene, door| {
            let place = options(scene);
            let place = place.at(&scene.name);
            let queue = match door {
                Door::Create => Queue::<[u64]>::create(place, 400),
                Door::Open => Queue::<[u64]>::open(place),
            };
            Box::new(Carrying { of: queue.expect("the queue") })
        }),
        family("mailbox", |scene, door| {
            Box::new(Carrying { of: mailbox(scene, &scene.name, door) })
        }),
        family("wait-any", |scene, door| {
            let mailbox = mailbox(scene, &format!("{}-mail", scene.name), door);
            Box::new(Carrying {
                of: Either { queue: queue(scene, door), mailbox, mailbox_first: Cell::new(false) },
            })
        }),
    ]
}
