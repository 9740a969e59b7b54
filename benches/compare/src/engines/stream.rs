//! Messages one after another, between processes.

use crate::case::{Case, Shape};
use crate::contestant::{Bout, Run, Seat};
use crate::engines::crew::{Crew, run_of, serve, settle};
use crate::engines::link::{Inlet, Link, Outlet};
use crate::engines::message::{Checker, Content, Message, numbers};
use crate::engines::rendezvous::fresh_place;
use crate::support::cpu;
use crate::support::report::Report;

/// Sends so many, and returns their sum.
#[inline(always)]
pub fn send_all(outlet: &mut impl Outlet, sender: usize, count: u64, content: Content) -> u64 {
    let mut sum = 0u64;
    for number in numbers(sender, count) {
        outlet.send(number, content);
        sum = sum.wrapping_add(number);
    }
    sum
}

/// Receives so many, checks their order, and returns their sum.
#[inline(always)]
pub fn recv_all(inlet: &mut impl Inlet, count: u64, content: Content) -> u64 {
    let mut checker = Checker::default();
    for _ in 0..count {
        checker.check(inlet.recv(content));
    }
    checker.sum
}

/// So many for each of them that all receive what all send; as (of a sender, of a receiver).
pub fn shares(shape: &Shape, count: u64) -> (u64, u64) {
    let (senders, receivers) = (shape.senders as u64, shape.receivers as u64);
    let all = count.next_multiple_of(senders * receivers);
    (all / senders, all / receivers)
}

/// Messages that are written and read in whole, before it is measured.
pub fn rehearsal(shape: &Shape) -> u64 {
    ((8 << 20) / shape.bytes as u64).clamp(64, 2000)
}

pub fn enter<L: Link, M: Message>(case: &Case, shape: &Shape) -> Result<Bout, String> {
    cpu::unpin(); // children inherit it
    let place = fresh_place();
    let keeper = L::make::<M>(&place, shape)?;
    let [here, there] = cpu::pair();
    let seat = |side: &str, number, cpu| Seat {
        contestant: L::CARD.name.to_owned(),
        case: case.id(),
        side: side.to_owned(),
        number,
        cpu,
        place: place.clone(),
    };
    let receivers = (0..shape.receivers).map(|number| seat("recv", number, there));
    let senders = (0..shape.senders).map(|number| seat("send", number, here));
    let mut crew = Crew::seated(receivers.chain(senders))?;
    let shape = *shape;
    let mut run = move |verb: &str, count| {
        let _keeper = &keeper;
        run_once(&mut crew, &shape, verb, count)
    };
    run("whole", rehearsal(&shape))?;
    Ok(Box::new(move |count| run("ends", count)))
}

fn run_once(crew: &mut Crew, shape: &Shape, verb: &str, count: u64) -> Result<Run, String> {
    let (sent, received) = shares(shape, count);
    let share = |at| if at < shape.receivers { received } else { sent };
    let answers = crew.orders(|at| format!("{verb} {}", share(at)))?;
    let reports: Vec<Report> = answers.iter().map(|line| Report::from_line(line)).collect();
    let (received, sent) = reports.split_at(shape.receivers);
    settle(sent, received)?;
    Ok(per_message(run_of(&reports, !shape.is_one_to_one()), shape, count))
}

/// A count is rounded up for many; the time is told as if it had not been.
fn per_message(run: Run, shape: &Shape, count: u64) -> Run {
    let all = shares(shape, count).0 * shape.senders as u64;
    Run { took: run.took.mul_f64(count as f64 / all as f64), ..run }
}

/// An order: how to look at messages, and how many.
pub fn parse(order: &str) -> (Content, u64) {
    let (verb, count) = order.split_once(' ').expect("a verb and a number");
    let content = if verb == "whole" { Content::Whole } else { Content::Ends };
    (content, count.parse().expect("a number"))
}

pub fn play_sender<L: Link, M: Message>(seat: &Seat, shape: &Shape) {
    cpu::pin(seat.cpu);
    let mut outlet = L::outlet::<M>(&seat.place, shape);
    serve(|order| {
        let (content, count) = parse(order);
        Report::of(|| send_all(&mut outlet, seat.number, count, content)).to_line()
    });
}

pub fn play_receiver<L: Link, M: Message>(seat: &Seat, shape: &Shape) {
    cpu::pin(seat.cpu);
    let mut inlet = L::inlet::<M>(&seat.place, shape);
    serve(|order| {
        let (content, count) = parse(order);
        Report::of(|| recv_all(&mut inlet, count, content)).to_line()
    });
}
