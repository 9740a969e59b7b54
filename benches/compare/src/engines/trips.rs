//! A message there and one back, each trip timed by itself, between processes.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use quanta::Clock;

use crate::case::{Case, Shape, What};
use crate::contestant::{Bout, Keeper, Run, Seat};
use crate::engines::crew::{Crew, run_of, serve, settle};
use crate::engines::link::{Inlet, Link, Outlet};
use crate::engines::message::{Content, Message};
use crate::engines::rendezvous::fresh_place;
use crate::engines::stream;
use crate::support::cpu;
use crate::support::report::Report;

/// Before each trip to somebody who is to be asleep.
const PAUSE: Duration = Duration::from_micros(300);
const DIGITS: u8 = 3;
/// Longer than a run may take.
const LONGEST: Duration = Duration::from_secs(60);

/// It has room for all trips from the start: it neither grows while it is measured, nor clamps.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST.as_nanos() as u64, DIGITS).expect("a range and its digits")
}

/// Pings so many times, with that pause before each; returns the sum, and how long each trip took. Numbers
/// go on from run to run: some ends count by themselves.
#[inline(always)]
pub fn ping(
    (outlet, inlet): (&mut impl Outlet, &mut impl Inlet),
    (sent, count): (&mut u64, u64),
    content: Content,
    pause: Duration,
) -> (u64, Histogram<u64>) {
    let clock = Clock::new();
    let mut trips = histogram();
    let mut sum = 0u64;
    for number in *sent + 1..=*sent + count {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let start = clock.raw();
        outlet.send(number, content);
        assert_eq!(inlet.recv(content), number, "another message came back");
        trips.saturating_record(clock.delta_as_nanos(start, clock.raw()));
        sum = sum.wrapping_add(number);
    }
    *sent += count;
    (sum, trips)
}

/// Sends back so many.
#[inline(always)]
pub fn pong(
    (outlet, inlet): (&mut impl Outlet, &mut impl Inlet),
    count: u64,
    content: Content,
) -> u64 {
    let mut sum = 0u64;
    for _ in 0..count {
        let number = inlet.recv(content);
        outlet.send(number, content);
        sum = sum.wrapping_add(number);
    }
    sum
}

pub fn pause_of(case: &Case) -> Duration {
    match case.what {
        What::RoundTrip { asleep: true, .. } | What::Signal { asleep: true } => PAUSE,
        _ => Duration::ZERO,
    }
}

/// Of the trips alone, without the pauses between.
pub fn run_of_trips(run: Run, trips: Histogram<u64>) -> Run {
    let nanos = trips.mean() * trips.len() as f64;
    Run { took: Duration::from_nanos(nanos as u64), trips: Some(trips), ..run }
}

fn places(place: &str) -> [String; 2] {
    [format!("{place}-there"), format!("{place}-back")]
}

pub fn enter<L: Link, M: Message>(case: &Case, shape: &Shape) -> Result<Bout, String> {
    cpu::unpin(); // children inherit it
    let place = fresh_place();
    let [there, back] = places(&place);
    let keepers: [Keeper; 2] = [L::make::<M>(&there, shape)?, L::make::<M>(&back, shape)?];
    let [first, second] = cpu::pair();
    let seat = |side: &str, cpu| Seat {
        contestant: L::CARD.name.to_owned(),
        case: case.id(),
        side: side.to_owned(),
        number: 0,
        cpu,
        place: place.clone(),
    };
    let mut crew = Crew::seated([seat("pong", second), seat("ping", first)])?;
    let pause = pause_of(case);
    let mut run = move |verb: &str, count: u64| {
        let _keepers = &keepers;
        let answers = crew.order(&format!("{verb} {count} {}", pause.as_micros()))?;
        let (report, trips) = answers[1].split_once('|').ok_or("no times of trips")?;
        let reports = [Report::from_line(&answers[0]), Report::from_line(report)];
        settle(&reports[..1], &reports[1..])?;
        Ok::<Run, String>(run_of_trips(run_of(&reports, !pause.is_zero()), decode(trips)))
    };
    run("whole", 200.min(stream::rehearsal(shape)))?;
    Ok(Box::new(move |count| run("ends", count)))
}

pub fn play<L: Link, M: Message>(side: &str, seat: &Seat, shape: &Shape) {
    cpu::pin(seat.cpu);
    let [there, back] = places(&seat.place);
    if side == "ping" {
        let mut outlet = L::outlet::<M>(&there, shape);
        let mut inlet = L::inlet::<M>(&back, shape);
        let mut sent = 0;
        serve(|order| {
            let (order, pause) = order.rsplit_once(' ').expect("a pause");
            let pause = Duration::from_micros(pause.parse().expect("a number"));
            let (content, count) = stream::parse(order);
            let mut trips = None;
            let report = Report::of(|| {
                let (sum, times) =
                    ping((&mut outlet, &mut inlet), (&mut sent, count), content, pause);
                trips = Some(times);
                sum
            });
            format!("{}|{}", report.to_line(), encode(&trips.expect("trips")))
        });
    } else {
        let mut inlet = L::inlet::<M>(&there, shape);
        let mut outlet = L::outlet::<M>(&back, shape);
        serve(|order| {
            let (content, count) = stream::parse(order.rsplit_once(' ').expect("a pause").0);
            Report::of(|| pong((&mut outlet, &mut inlet), count, content)).to_line()
        });
    }
}

/// As one line of text.
pub fn encode(trips: &Histogram<u64>) -> String {
    let mut line = String::new();
    for step in trips.iter_recorded() {
        let _ = write!(line, "{}:{} ", step.value_iterated_to(), step.count_at_value());
    }
    line
}

pub fn decode(line: &str) -> Histogram<u64> {
    let mut trips = histogram();
    for (value, count) in line.split_whitespace().filter_map(|pair| pair.split_once(':')) {
        let (value, count) = (value.parse().expect("a time"), count.parse().expect("a number"));
        trips.record_n(value, count).expect("a time within the range");
    }
    trips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_trips_are_told_as_long() {
        let mut trips = histogram();
        for nanos in [80, 45_000, 5_000_000] {
            trips.saturating_record(nanos);
        }
        let told = decode(&encode(&trips));
        assert_eq!(told.len(), 3);
        assert!((80..81).contains(&told.min()));
        assert!((5_000_000..5_005_000).contains(&told.max()));
    }
}
