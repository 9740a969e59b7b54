//! Trials of what carries messages: somebody sends or receives, dies, and the books are kept.

use std::cell::RefCell;
use std::rc::Rc;

use crate::case::{Fates, Ground, Trial};
use crate::helper::Helper;
use crate::oracle::{Carrier, Ledger};
use crate::victim::Mark;

/// What an operation does to the books.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Sends these; says how many it did.
    Sends(&'static [u64]),
    /// Receives so many at most; says which.
    Takes(usize),
    /// Leases one, which comes back.
    Leases,
}

/// What somebody does with an end of its own.
pub struct Act<C> {
    kind: Kind,
    prepare: fn(&C),
    run: fn(&C) -> Vec<u64>,
    leaves: bool,
}

impl<C> Clone for Act<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Act<C> {}

impl<C: Carrier> Act<C> {
    pub fn new(kind: Kind, run: fn(&C) -> Vec<u64>) -> Act<C> {
        Act { kind, prepare: |_| {}, run, leaves: false }
    }

    /// Sends one message.
    pub fn send() -> Act<C> {
        Act::new(Kind::Sends(&[101]), |end| vec![u64::from(end.try_send(101).is_ok())])
    }

    /// The same by who comes after the first.
    pub fn send_next() -> Act<C> {
        Act::new(Kind::Sends(&[201]), |end| vec![u64::from(end.try_send(201).is_ok())])
    }

    /// Receives one message.
    pub fn recv() -> Act<C> {
        Act::new(Kind::Takes(1), |end| end.try_recv().into_iter().collect())
    }

    /// What it does before it is stepped.
    pub fn after(mut self, prepare: fn(&C)) -> Act<C> {
        self.prepare = prepare;
        self
    }

    /// At last its end is dropped.
    pub fn leaving(mut self) -> Act<C> {
        self.leaves = true;
        self
    }

    fn by(self, carrier: &C, enter: impl Fn() + 'static) -> impl Fn(&Mark) + 'static {
        let carrier = carrier.clone();
        move |mark| {
            enter();
            let own = carrier.clone();
            (self.prepare)(&own);
            mark.begin();
            let said = (self.run)(&own);
            if self.leaves {
                drop(own);
            }
            mark.end(&said)
        }
    }

    fn note(self, ledger: &mut Ledger, fate: &Option<Vec<u64>>) {
        match self.kind {
            Kind::Sends(numbers) => ledger.sends(numbers, fate),
            Kind::Takes(most) => ledger.takes(most, fate),
            Kind::Leases => ledger.leases(),
        }
    }
}

/// Sends and receives so often with this end alone that it becomes the owner of both sides.
pub fn own_both<C: Carrier>(end: &C) {
    for _ in 0..OFTEN {
        end.try_send(0).expect("room");
        end.try_recv().expect("a message");
    }
}

/// More claims in a row than it takes to be granted a bias.
pub const OFTEN: usize = 40;

/// Of a carrier that holds these messages: the first does `act`, dies; others send and receive, and may die
/// at that; all is accounted for.
pub fn dies<C: Carrier>(ground: &Ground, carrier: C, there: Vec<u64>, act: Act<C>) -> Trial {
    dies_before(ground, carrier, there, act, vec![Act::send_next(), Act::recv()])
}

/// The same, and others do one of these.
pub fn dies_before<C: Carrier>(
    ground: &Ground,
    carrier: C,
    there: Vec<u64>,
    act: Act<C>,
    seconds: Vec<Act<C>>,
) -> Trial {
    let before = Ledger::of(there);
    let others: Vec<_> = seconds.iter().map(|act| act.by(&carrier, ground.entrance())).collect();
    let victim = act.by(&carrier, ground.entrance());
    let check = {
        move |fates: &Fates| {
            let mut ledger = before;
            if fates.beside {
                ledger.at_once();
            }
            act.note(&mut ledger, &fates.first);
            if let Some((which, fate)) = &fates.second {
                seconds[*which].note(&mut ledger, fate);
            }
            ledger.settle(&carrier);
        }
    };
    others.into_iter().fold(Trial::new(victim, check), Trial::then)
}

/// The same, but it only stands still for a while, in which this process, with an end of its own that did
/// `prepare`, sends and receives as far as that goes.
pub fn stands_still<C: Carrier>(
    ground: &Ground,
    carrier: C,
    there: Vec<u64>,
    act: Act<C>,
    prepare: fn(&C),
) -> Trial {
    let books = Rc::new(RefCell::new(Ledger::of(there)));
    let own = carrier.clone();
    prepare(&own);
    let noted = books.clone();
    let meanwhile = move || {
        let mut ledger = noted.borrow_mut();
        ledger.at_once();
        for number in 301..304 {
            ledger.sends(&[number], &Some(vec![u64::from(own.try_send(number).is_ok())]));
            ledger.takes(1, &Some(own.try_recv().into_iter().collect()));
        }
    };
    let victim = act.by(&carrier, ground.entrance());
    let check = move |fates: &Fates| {
        let mut ledger = books.take();
        act.note(&mut ledger, &fates.first);
        ledger.settle(&carrier);
    };
    Trial::new(victim, check).meanwhile(meanwhile)
}

/// The first does `act` and dies, while another sleeps in `sleeper`. If it woke for what the first did, good;
/// else for what this process does then.
pub fn with_sleeper<C: Carrier>(
    ground: &Ground,
    carrier: C,
    there: Vec<u64>,
    act: Act<C>,
    sleeper: Act<C>,
) -> Trial {
    let (own, page) = (carrier.clone(), ground.page);
    let asleep = Rc::new(RefCell::new(None));
    let bed = asleep.clone();
    let go_to_sleep = move || {
        *bed.borrow_mut() = Some(Helper::asleep(page, 2, move |log| {
            let own = own.clone();
            let said = (sleeper.run)(&own);
            log.end(&said)
        }));
    };
    let victim = act.by(&carrier, ground.entrance());
    let trial = Trial::new(victim, move |fates: &Fates| {
        let mut ledger = Ledger::of(there);
        ledger.at_once();
        act.note(&mut ledger, &fates.first);
        match sleeper.kind {
            // It waits for a message, or for room.
            Kind::Takes(_) => {
                let sent = u64::from(carrier.try_send(301).is_ok());
                ledger.sends(&[301], &Some(vec![sent]));
            }
            // The place that becomes free first may be one that a dead receiver had.
            Kind::Sends(_) | Kind::Leases => {
                let taken = (0..8).map_while(|_| carrier.try_recv().ok()).collect();
                ledger.takes(8, &Some(taken));
            }
        }
        let said = Some(asleep.take().expect("somebody sleeps").ends());
        sleeper.note(&mut ledger, &said);
        assert!(said.is_some_and(|said| !said.is_empty() && said[0] != 0), "it waited in vain");
        ledger.settle(&carrier);
    });
    trial.once_it_stands(go_to_sleep)
}
