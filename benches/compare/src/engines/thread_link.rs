//! The same streams and trips between threads of one process.

use std::marker::PhantomData;
use std::thread;

use crate::case::{Case, Shape, What};
use crate::contestant::{Bout, Card, Contestant, Entry, Run, entry};
use crate::engines::crew::{run_of, settle};
use crate::engines::link::{Inlet, Outlet, shape_of};
use crate::engines::message::Content;
use crate::engines::stream::{recv_all, rehearsal, send_all, shares};
use crate::engines::thread_message::{Passed, passed_by_size};
use crate::engines::trips::{pause_of, ping, pong, run_of_trips};
use crate::support::cpu;
use crate::support::report::Report;

pub trait ThreadLink: Send + Sync + 'static {
    const CARD: Card;
    type Outlet<P: Passed>: Outlet + Send + 'static;
    type Inlet<P: Passed>: Inlet + Send + 'static;

    fn takes(what: &What) -> bool;

    /// As many ends as senders and receivers.
    fn ends<P: Passed>(shape: &Shape) -> (Vec<Self::Outlet<P>>, Vec<Self::Inlet<P>>);
}

/// What gives and takes whole messages: all that most channels need to be links.
pub trait Gives<P> {
    fn give(&mut self, message: P);
}

pub trait Takes<P> {
    fn take(&mut self) -> P;
}

/// For the ends of channels that wait by themselves.
macro_rules! waiting_ends {
    ($Sender:ident, $Receiver:ident) => {
        impl<P> Gives<P> for $Sender<P> {
            #[inline(always)]
            fn give(&mut self, message: P) {
                assert!(self.send(message).is_ok());
            }
        }

        impl<P> Takes<P> for $Receiver<P> {
            #[inline(always)]
            fn take(&mut self) -> P {
                self.recv().expect("a sender")
            }
        }
    };
}
pub(crate) use waiting_ends;

/// As many ends as senders and receivers, where clones are ends.
pub fn clones<S: Clone, R: Clone, P: Passed>(
    shape: &Shape,
    (sender, receiver): (S, R),
) -> (Vec<Sending<S, P>>, Vec<Receiving<R, P>>) {
    (
        (0..shape.senders).map(|_| Sending::by(sender.clone())).collect(),
        (0..shape.receivers).map(|_| Receiving::by(receiver.clone())).collect(),
    )
}

/// A sending end, and the memory in which its messages are made.
pub struct Sending<E, P> {
    end: E,
    buffer: Vec<u64>,
    message: PhantomData<fn() -> P>,
}

/// A receiving end.
pub struct Receiving<E, P> {
    end: E,
    message: PhantomData<fn() -> P>,
}

impl<E, P: Passed> Sending<E, P> {
    pub fn by(end: E) -> Sending<E, P> {
        Sending { end, buffer: vec![0; P::WORDS], message: PhantomData }
    }
}

impl<E, P: Passed> Receiving<E, P> {
    pub fn by(end: E) -> Receiving<E, P> {
        Receiving { end, message: PhantomData }
    }
}

impl<E: Gives<P>, P: Passed> Outlet for Sending<E, P> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        content.write(&mut self.buffer, number);
        self.end.give(P::of(&self.buffer));
    }
}

impl<E: Takes<P>, P: Passed> Inlet for Receiving<E, P> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        content.read(self.end.take().words())
    }
}

/// Messages and trips there and back; who can only poll is never asleep.
pub fn passes(what: &What, sleeps: bool) -> bool {
    match what {
        What::Stream(_) => true,
        What::RoundTrip { asleep, .. } => sleeps || !asleep,
        _ => false,
    }
}

/// The contestant that such a link is.
pub struct Threaded<L>(PhantomData<L>);

impl<L: ThreadLink> Threaded<L> {
    pub fn boxed() -> Box<dyn Contestant> {
        Box::new(Threaded::<L>(PhantomData))
    }
}

impl<L: ThreadLink> Contestant for Threaded<L> {
    fn card(&self) -> Card {
        L::CARD
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        let shape = shape_of(&case.what).filter(|_| L::takes(&case.what))?;
        entry(move || {
            passed_by_size!(shape.bytes, P => match case.what {
                What::Stream(_) | What::HandOver(_) => stream::<L, P>(shape),
                _ => trips::<L, P>(case, shape),
            })
        })
    }
}

/// Runs the work on a thread of its own, on that CPU.
fn on<'s, 'e>(
    scope: &'s thread::Scope<'s, 'e>,
    cpu: usize,
    work: impl FnOnce() -> u64 + Send + 's,
) -> thread::ScopedJoinHandle<'s, Report> {
    scope.spawn(move || {
        cpu::pin(cpu);
        Report::of(work)
    })
}

fn joined(all: Vec<thread::ScopedJoinHandle<'_, Report>>) -> Result<Vec<Report>, String> {
    all.into_iter().map(|one| one.join().map_err(|_| "a thread panicked".to_owned())).collect()
}

fn stream<L: ThreadLink, P: Passed>(shape: Shape) -> Result<Bout, String> {
    let (mut outlets, mut inlets) = L::ends::<P>(&shape);
    let mut run = move |content: Content, count: u64| {
        cpu::unpin();
        let [here, there] = cpu::pair();
        let (sent, received) = shares(&shape, count);
        let (mut senders, receivers) = thread::scope(|scope| {
            let receivers = inlets
                .iter_mut()
                .map(|inlet| on(scope, there, move || recv_all(inlet, received, content)))
                .collect();
            let send =
                |(number, outlet)| on(scope, here, move || send_all(outlet, number, sent, content));
            let senders = outlets.iter_mut().enumerate().map(send).collect();
            Ok::<_, String>((joined(senders)?, joined(receivers)?))
        })?;
        settle(&senders, &receivers)?;
        senders.extend(receivers);
        let run = run_of(&senders, !shape.is_one_to_one());
        let all = sent * shape.senders as u64;
        Ok(Run { took: run.took.mul_f64(count as f64 / all as f64), ..run })
    };
    run(Content::Whole, rehearsal(&shape))?;
    Ok(Box::new(move |count| run(Content::Ends, count)))
}

fn trips<L: ThreadLink, P: Passed>(case: &Case, shape: Shape) -> Result<Bout, String> {
    let ends = || {
        let (mut outlets, mut inlets) = L::ends::<P>(&shape);
        (outlets.remove(0), inlets.remove(0))
    };
    let ((mut out_there, mut in_there), (mut out_back, mut in_back)) = (ends(), ends());
    let pause = pause_of(case);
    let mut sent = 0;
    let mut run = move |content: Content, count: u64| {
        cpu::unpin();
        let [here, there] = cpu::pair();
        let mut times = None;
        let reports = thread::scope(|scope| {
            let (outlet, inlet) = (&mut out_back, &mut in_there);
            let answers = on(scope, there, move || pong((outlet, inlet), count, content));
            let (outlet, inlet) = (&mut out_there, &mut in_back);
            let (times, sent) = (&mut times, &mut sent);
            let asks = on(scope, here, move || {
                let (sum, trips) = ping((outlet, inlet), (sent, count), content, pause);
                *times = Some(trips);
                sum
            });
            joined(vec![answers, asks])
        })?;
        settle(&reports[..1], &reports[1..])?;
        Ok::<Run, String>(run_of_trips(run_of(&reports, !pause.is_zero()), times.expect("trips")))
    };
    run(Content::Whole, 200.min(rehearsal(&shape)))?;
    Ok(Box::new(move |count| run(Content::Ends, count)))
}
