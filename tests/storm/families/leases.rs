//! Messages that are leased, done with or given back, and built in place.

use bytemuck::Pod;
use commonhold::{Queue, SendTimeoutError};
use std::time::Duration;

use super::carrying::{Carrier, Got, Sent, drain, receive, relieve, send};
use super::messages::{COUNT, FINISH, GIVE_BACK, LEASE, Messages, RECV, WAIT_DONE, YES};
use super::queues::{Numbered, not_got, nothing, queue};
use crate::storm::family::{Family, Play};
use crate::storm::participant::{Me, Patience};

struct Leasing<T: Numbered>(Queue<T>);

impl<T: Numbered + Pod> Leasing<T> {
    fn lease(&self, me: &mut Me, patience: Patience) {
        let mut lease = None;
        let got = receive(me, LEASE, patience, || {
            let taken = match patience {
                Patience::Not => self.0.try_lease().map_err(nothing),
                Patience::Short(time) => self.0.lease_timeout(time).map_err(not_got),
                Patience::Long => self.0.lease().map_err(|_| Got::Closed),
            };
            match taken {
                Ok(taken) => lease.insert(taken).number(),
                Err(got) => got,
            }
        });
        let (Some(lease), Got::Message(number)) = (lease, got) else { return };
        me.think();
        if me.forks_a_copy() {
            // The copy's is inert.
            if me.rng.bool() {
                lease.done()
            } else {
                drop(lease)
            }
            return me.end_copy();
        }
        if me.rng.u8(0..4) == 0 {
            me.begin(GIVE_BACK, number, 0);
            drop(lease);
        } else {
            me.begin(FINISH, number, 0);
            lease.done();
        }
        me.end(YES, 0, 0);
    }

    /// Two at once, as far as there are.
    fn build(&self, me: &mut Me, patience: Patience) {
        let number = me.fresh_id();
        let pause = me.rng.u8(..) < 16;
        send(me, number, patience, || {
            let slot = match patience {
                Patience::Not => self.0.try_reserve().ok(),
                Patience::Short(time) => match self.0.reserve_timeout(time) {
                    Err(SendTimeoutError::Closed(())) => return Sent::Closed,
                    slot => slot.ok(),
                },
                Patience::Long => self.0.reserve().ok(),
            };
            let Some(mut slot) = slot else { return Sent::NotInTime };
            *slot = T::of(number);
            if pause {
                std::thread::sleep(Duration::from_micros(50));
            }
            slot.send().map_or(Sent::Closed, |()| Sent::Yes)
        });
    }
}

impl<T: Numbered + Pod> Play for Leasing<T> {
    fn act(&self, me: &mut Me) {
        let (patience, number) = (me.patience(), me.fresh_id());
        match me.rng.u8(0..8) {
            0..3 => self.lease(me, patience),
            3..5 => self.build(me, patience),
            5..7 => send(me, number, patience, || Carrier::send(&self.0, number, patience)),
            _ => _ = receive(me, RECV, patience, || Carrier::recv(&self.0, patience)),
        }
    }

    fn relieve(&self, me: &mut Me) {
        relieve(&self.0, me);
    }

    fn audit(&self, me: &mut Me) {
        drain(&self.0, me);
        me.wait(WAIT_DONE, 0, 0);
        let done = self.0.wait_done_timeout(Duration::from_secs(2));
        me.end(if done { YES } else { 0 }, 0, 0);
        for _ in 0..3 {
            self.build(me, Patience::Long);
            self.lease(me, Patience::Long);
            drain(&self.0, me);
        }
        me.begin(COUNT, 0, 0);
        me.end(YES, Queue::<T>::len(&self.0) as u64, 0);
    }
}

pub fn families() -> Vec<Family> {
    vec![Family {
        name: "leases",
        play: |scene, door| match scene.variant % 2 {
            0 => Box::new(Leasing(queue::<[u64; 2]>(scene, door))),
            _ => Box::new(Leasing(queue::<[u64; 40]>(scene, door))),
        },
        oracle: |_| Box::<Messages>::default(),
        control: false,
        slow: false,
    }]
}
