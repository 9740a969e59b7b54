//! Counted senders and receivers: nothing more comes once the last of one side is gone, and not before.

use commonhold::{Queue, Receiver, Sender};
use std::time::Duration;

use super::carrying::{Got, Sent, drain, receive, send};
use super::messages::{COUNT, ENTER, EXIT, Messages, RECV, YES};
use super::queues::{Numbered, not_got, nothing, queue, sent, tried};
use crate::storm::family::{Family, Play};
use crate::storm::participant::{Me, Patience};

type Message = [u64; 3];

struct Ends(Queue<Message>);

fn send_by(sender: &Sender<Message>, me: &mut Me, patience: Patience) -> Sent {
    let (number, mut became) = (me.fresh_id(), Sent::Yes);
    let message = Message::of(number);
    send(me, number, patience, || {
        became = match patience {
            Patience::Not => tried(sender.try_send(message)),
            Patience::Short(time) => sent(sender.send_timeout(message, time)),
            Patience::Long => sender.send(message).map_or(Sent::Closed, |()| Sent::Yes),
        };
        became
    });
    became
}

fn recv_by(receiver: &Receiver<Message>, me: &mut Me, patience: Patience) -> Got {
    receive(me, RECV, patience, || {
        let message = match patience {
            Patience::Not => receiver.try_recv().map_err(nothing),
            Patience::Short(time) => receiver.recv_timeout(time).map_err(not_got),
            Patience::Long => receiver.recv().map_err(|_| Got::Closed),
        };
        message.map_or_else(|got| got, |message| message.number())
    })
}

impl Ends {
    fn with_sender(&self, me: &mut Me, f: impl FnOnce(&Sender<Message>, &mut Me)) {
        me.begin(ENTER, 0, 0);
        let sender = self.0.sender();
        me.end(YES, 0, 0);
        f(&sender, me);
        let aim = me.aim();
        me.begin(EXIT, 0, 0);
        drop(sender);
        me.strike(aim);
        me.end(YES, 0, 0);
    }
}

impl Play for Ends {
    fn act(&self, me: &mut Me) {
        let most = me.rng.u8(1..8);
        if me.rng.bool() {
            return self.with_sender(me, |sender, me| {
                for _ in 0..most {
                    let patience = me.patience();
                    if send_by(sender, me, patience) == Sent::Closed || me.board.is_over() {
                        break;
                    }
                }
            });
        }
        let receiver = self.0.receiver();
        for _ in 0..most {
            let patience = me.patience();
            if recv_by(&receiver, me, patience) == Got::Closed || me.board.is_over() {
                break;
            }
        }
    }

    /// For those who wait where the other side was never there.
    fn relieve(&self, me: &mut Me) {
        let receiver = self.0.receiver();
        self.with_sender(me, |sender, me| _ = send_by(sender, me, Patience::Not));
        recv_by(&receiver, me, Patience::Not);
        drop(receiver);
        std::thread::sleep(Duration::from_millis(2));
    }

    fn audit(&self, me: &mut Me) {
        let receiver = self.0.receiver();
        self.with_sender(me, |sender, me| {
            drain(&self.0, me);
            for _ in 0..3 {
                send_by(sender, me, Patience::Long);
                recv_by(&receiver, me, Patience::Long);
            }
        });
        // That was the last sender.
        assert_eq!(recv_by(&receiver, me, Patience::Long), Got::Closed);
        me.begin(COUNT, 0, 0);
        me.end(YES, self.0.len() as u64, 0);
    }
}

pub fn families() -> Vec<Family> {
    vec![Family {
        name: "ends",
        play: |scene, door| Box::new(Ends(queue::<Message>(scene, door))),
        oracle: |_| Box::new(Messages::counted()),
        control: false,
        slow: false,
    }]
}
