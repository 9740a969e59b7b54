//! The children of one measurement, who get orders and give accounts; none of them can make us wait for ever.

use std::io::{BufRead, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::contestant::{Run, Seat};
use crate::support::children::{self, Worker};
use crate::support::report::{Report, sample, sum};

/// Longer than any single run may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Crew(Vec<Worker>);

/// The first order: to say that all is set up.
const GREETING: &str = "hello";

/// What a child does with its orders, once it has set up what it needs.
pub fn serve(mut obey: impl FnMut(&str) -> String) {
    children::serve(|order| if order == GREETING { "hello".to_owned() } else { obey(order) });
}

impl Crew {
    /// Of a program that needs no greeting.
    pub fn of(worker: Worker) -> Crew {
        Crew(vec![worker])
    }

    /// Fills the seats, and waits until everybody has set up what they need: nothing is sent to who is not there.
    pub fn seated(seats: impl IntoIterator<Item = Seat>) -> Result<Crew, String> {
        let mut crew = Crew(seats.into_iter().map(|seat| seat.fill()).collect());
        crew.order(GREETING)?;
        Ok(crew)
    }

    /// Gives all of them an order, and returns what they answer, in their order.
    pub fn order(&mut self, order: &str) -> Result<Vec<String>, String> {
        self.orders(|_| order.to_owned())
    }

    /// The same, with an order for each.
    pub fn orders(&mut self, order: impl Fn(usize) -> String) -> Result<Vec<String>, String> {
        let answers = self.exchange(order);
        if answers.is_err() {
            self.0.iter_mut().for_each(|worker| drop(worker.child.kill()));
        }
        answers
    }

    fn exchange(&mut self, order: impl Fn(usize) -> String) -> Result<Vec<String>, String> {
        for (at, worker) in self.0.iter_mut().enumerate() {
            let orders = worker.orders.as_mut().ok_or("no way to give orders")?;
            writeln!(orders, "{}", order(at)).map_err(|error| format!("a child ended: {error}"))?;
        }
        self.0.iter_mut().map(|worker| answer(worker, PATIENCE)).collect()
    }
}

pub fn milliseconds(patience: Duration) -> PollTimeout {
    PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX)
}

/// The next line, if it comes in time.
pub fn answer(worker: &mut Worker, patience: Duration) -> Result<String, String> {
    let mut watched = [PollFd::new(worker.answers.get_ref().as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut watched, milliseconds(patience)).map_err(|e| e.to_string())?;
    if ready == 0 {
        return Err(format!("no answer within {} s", patience.as_secs()));
    }
    let mut line = String::new();
    match worker.answers.read_line(&mut line) {
        Ok(0) => Err("a child ended early".to_owned()),
        Ok(_) => Ok(line),
        Err(error) => Err(error.to_string()),
    }
}

/// The accounts of all, as one.
pub fn run_of(reports: &[Report], share_cores: bool) -> Run {
    let sample = sample(reports);
    // Those that share a core interrupt each other.
    let interruptions = if share_cores { 0 } else { sample.interruptions };
    Run { took: sample.took, interruptions, trips: None }
}

/// What was sent is what was received.
pub fn settle(sent: &[Report], received: &[Report]) -> Result<(), String> {
    if sum(sent) == sum(received) {
        Ok(())
    } else {
        Err("what was received is not what was sent".to_owned())
    }
}
