//! A process for each contestant of a case: who hangs or dies is left out, and takes nobody along.

use std::any::Any;
use std::env;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::contestant::{Bout, Contestant, Run, Seat};
use crate::engines::crew::{answer, milliseconds};
use crate::engines::rendezvous::sweep;
use crate::engines::trips::{decode, encode};
use crate::support::children::{Worker, role_variable, serve};

/// Longer than to set up anything, or any single run, may take: what the host itself waits for has less.
const PATIENCE: Duration = Duration::from_secs(25);
/// To end by itself.
const GRACE: Duration = Duration::from_secs(3);
pub const SIDE: &str = "host";

/// What a host tells.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Ready,
    Ran { took: Duration, wall: Duration, interruptions: u64, trips: Option<String> },
    Failed(String),
}

/// The process of one contestant, and all that it starts.
pub struct Host(Worker);

impl Host {
    /// Starts it, and lets it set up what it needs.
    pub fn of(case: &Case, contestant: &dyn Contestant) -> Result<Host, String> {
        let seat = Seat {
            contestant: contestant.card().name.to_owned(),
            case: case.id(),
            side: SIDE.to_owned(),
            number: 0,
            cpu: 0,
            place: "-".to_owned(),
        };
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let (name, role) = role_variable(&seat.role());
        let mut host = Host(Worker::run(Command::new(program).env(name, role).process_group(0)));
        match host.ask("enter")? {
            Answer::Failed(why) => Err(why),
            _ => Ok(host),
        }
    }

    /// Does so many operations; returns what that took, and what everything around it took with it.
    pub fn run(&mut self, count: u64) -> Result<(Run, Duration), String> {
        match self.ask(&count.to_string())? {
            Answer::Ran { took, wall, interruptions, trips } => {
                let trips = trips.map(|line| decode(&line));
                Ok((Run { took, interruptions, trips }, wall))
            }
            Answer::Failed(why) => Err(why),
            Answer::Ready => Err("an answer to another question".to_owned()),
        }
    }

    fn ask(&mut self, order: &str) -> Result<Answer, String> {
        let orders = self.0.orders.as_mut().ok_or("no way to give orders")?;
        writeln!(orders, "{order}").map_err(|error| format!("it ended: {error}"))?;
        let line = answer(&mut self.0, PATIENCE)?;
        serde_json::from_str(&line).map_err(|error| format!("no answer: {error}"))
    }

    /// Waits a little for its end.
    fn wait(&self) -> Option<()> {
        let pid = rustix::process::Pid::from_raw(self.0.child.id() as i32)?;
        let end = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let mut watched = [PollFd::new(end.as_fd(), PollFlags::POLLIN)];
        poll(&mut watched, milliseconds(GRACE)).ok().map(drop)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.0.orders.take());
        self.wait();
        // Its group is still its own: nobody has waited for it yet.
        let _ = killpg(Pid::from_raw(self.0.child.id() as i32), Signal::SIGKILL);
        let _ = self.0.child.wait();
        sweep();
    }
}

/// Plays the host in its process.
pub fn play(case: &Case, contestant: &dyn Contestant) {
    let mut bout = None;
    serve(|order| {
        let told = catch_unwind(AssertUnwindSafe(|| obey(case, contestant, &mut bout, order)));
        let told = told.unwrap_or_else(|panic| Err(message(&*panic)));
        let told = told.unwrap_or_else(Answer::Failed);
        serde_json::to_string(&told).expect("plain data")
    });
}

fn obey(
    case: &Case,
    contestant: &dyn Contestant,
    bout: &mut Option<Bout>,
    order: &str,
) -> Result<Answer, String> {
    let Some(bout) = bout else {
        *bout = Some(contestant.enter(case).ok_or("it takes no part")?()?);
        return Ok(Answer::Ready);
    };
    let start = Instant::now();
    let Run { took, interruptions, trips } = bout(order.parse().map_err(|_| "no number")?)?;
    let trips = trips.as_ref().map(encode);
    Ok(Answer::Ran { took, wall: start.elapsed(), interruptions, trips })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a word"))
}
