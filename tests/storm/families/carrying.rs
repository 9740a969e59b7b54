//! Messages that are carried: sent, received, and drained in the end.

use std::time::Duration;

use super::messages::{CLOSED, COUNT, NOT_IN_TIME, RECV, SEND, SEND_TWO, TORN, YES};
use crate::storm::family::Play;
use crate::storm::participant::{Me, Patience};

/// Whoever has found nothing looks after the dead again after so long.
const LOOK: Duration = Duration::from_millis(1);

/// What became of a receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Got {
    Message(u64),
    Torn,
    NotInTime,
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    Yes,
    NotInTime,
    Closed,
}

/// What carries numbers, with all of the message depending on them.
pub trait Carrier {
    fn send(&self, number: u64, patience: Patience) -> Sent;
    fn recv(&self, patience: Patience) -> Got;
    fn len(&self) -> usize;

    /// Sends both; tells how many were sent.
    fn send_two(&self) -> Option<Box<dyn Fn([u64; 2]) -> usize + '_>> {
        None
    }

    /// Receives one or two, without a bound.
    fn recv_two(&self) -> Option<Box<dyn Fn() -> [Got; 2] + '_>> {
        None
    }
}

pub struct Carrying<C> {
    pub of: C,
}

pub fn send(me: &mut Me, number: u64, patience: Patience, f: impl FnOnce() -> Sent) {
    let aim = me.aim();
    me.wait(SEND, number, u64::from(patience == Patience::Long));
    let sent = f();
    me.strike(aim);
    let outcome = match sent {
        Sent::Yes => YES,
        Sent::NotInTime => NOT_IN_TIME,
        Sent::Closed => CLOSED,
    };
    me.end(outcome, 0, 0);
}

pub fn receive(me: &mut Me, op: u8, patience: Patience, f: impl FnOnce() -> Got) -> Got {
    let aim = me.aim();
    me.wait(op, 1, u64::from(patience == Patience::Long));
    let got = f();
    me.strike(aim);
    match got {
        Got::Message(number) => me.end(YES, number, 0),
        Got::Torn => me.end(TORN, 0, 0),
        Got::NotInTime => me.end(NOT_IN_TIME, 0, 0),
        Got::Closed => me.end(CLOSED, 0, 0),
    }
    got
}

impl<C: Carrier> Carrying<C> {
    /// Where it can take or give two at once.
    fn two(&self, me: &mut Me) -> bool {
        let two = [me.fresh_id(), me.fresh_id()];
        if me.rng.bool() {
            let Some(f) = self.of.send_two() else { return false };
            me.wait(SEND_TWO, two[0], two[1]);
            let sent = f(two);
            me.end(YES, sent as u64, 0);
        } else {
            let Some(f) = self.of.recv_two() else { return false };
            me.wait(RECV, 2, 1);
            match f() {
                [Got::Message(a), Got::Message(b)] => me.end(YES, a, b),
                [Got::Message(a), Got::NotInTime] => me.end(YES, a, 0),
                [Got::Closed, _] => me.end(CLOSED, 0, 0),
                _ => me.end(TORN, 0, 0),
            }
        }
        true
    }
}

impl<C: Carrier> Play for Carrying<C> {
    fn act(&self, me: &mut Me) {
        let (patience, number) = (me.patience(), me.fresh_id());
        if me.rng.u8(0..8) == 0 && self.two(me) {
            return;
        }
        if me.rng.bool() {
            send(me, number, patience, || self.of.send(number, patience));
        } else {
            receive(me, RECV, patience, || self.of.recv(patience));
        }
    }

    fn relieve(&self, me: &mut Me) {
        relieve(&self.of, me);
    }

    fn audit(&self, me: &mut Me) {
        drain(&self.of, me);
        // It is as new: what is sent comes.
        for _ in 0..3 {
            let number = me.fresh_id();
            send(me, number, Patience::Long, || self.of.send(number, Patience::Long));
            receive(me, RECV, Patience::Long, || self.of.recv(Patience::Long));
        }
        me.begin(COUNT, 0, 0);
        me.end(YES, self.of.len() as u64, 0);
    }
}

/// Those who wait for a message get one; where there is no room for it, others wait for that.
pub fn relieve(of: &impl Carrier, me: &mut Me) {
    let (number, mut became) = (me.fresh_id(), Sent::Yes);
    send(me, number, Patience::Not, || {
        became = of.send(number, Patience::Not);
        became
    });
    if became != Sent::Yes {
        receive(me, RECV, Patience::Not, || of.recv(Patience::Not));
    }
}

/// Until nothing comes, twice: what a dead receiver had is looked for by who did not do so just before.
pub fn drain(of: &impl Carrier, me: &mut Me) {
    let mut nothing = 0;
    while nothing < 2 {
        match receive(me, RECV, Patience::Not, || of.recv(Patience::Not)) {
            Got::Message(_) | Got::Torn => nothing = 0,
            Got::NotInTime | Got::Closed => {
                nothing += 1;
                std::thread::sleep(LOOK);
            }
        }
    }
}
