//! One who takes part in a storm: does operations, and says before and after what it does.

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, fork, getpid};
use rustix::process::{Pid, PidfdFlags, Signal as Blow, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::board::{Board, Lane};
use super::family::Play;
use super::wire::{self, Record, Wire, now, vanish};

pub struct Me {
    pub rng: Rng,
    pub board: &'static Board,
    pub lane: usize,
    pub life: u32,
    wire: Wire,
    op: u8,
    ids: u64,
    /// A copy of a participant that goes on itself; it says nothing, and ends soon.
    is_copy: bool,
}

/// How long to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Not,
    Short(Duration),
    /// Without a bound of its own.
    Long,
}

/// A blow that was prepared against whoever waits longest.
pub struct Aim {
    life: u32,
    pidfd: OwnedFd,
}

impl Me {
    pub fn new(board: &'static Board, lane: usize, life: u32, wire: Wire, rng: Rng) -> Me {
        Me { rng, board, lane, life, wire, op: 0, ids: 0, is_copy: false }
    }

    fn own_lane(&self) -> &'static Lane {
        &self.board.lanes[self.lane]
    }

    pub fn say(&self, kind: u8, a: u64) {
        self.wire.say(Record { at: now(), kind, a, ..Record::default() });
    }

    /// It is about to do this, which waits for nobody.
    pub fn begin(&mut self, op: u8, a: u64, b: u64) {
        self.op = op;
        self.wire.say(Record { at: now(), kind: wire::BEGIN, op, a, b, ..Record::default() });
    }

    /// It is about to do this, and may have to wait.
    pub fn wait(&mut self, op: u8, a: u64, b: u64) {
        self.op = op;
        let at = now();
        self.wire.say(Record { at, kind: wire::BEGIN, op, waits: 1, a, b, ..Record::default() });
        self.own_lane().waiting.store(at, Ordering::SeqCst);
    }

    /// What it was about to do is done.
    pub fn end(&mut self, outcome: u8, a: u64, b: u64) {
        let at = now();
        self.own_lane().waiting.store(0, Ordering::SeqCst);
        let op = self.op;
        self.wire.say(Record { at, kind: wire::END, op, outcome, a, b, ..Record::default() });
    }

    /// A number that nobody else uses in this storm; those of one life rise.
    pub fn fresh_id(&mut self) -> u64 {
        self.ids += 1;
        u64::from(self.life) << 24 | self.ids
    }

    /// Now and then, a blow against whoever will be woken by what comes next.
    pub fn aim(&mut self) -> Option<Aim> {
        let one_in = self.board.strikes.load(Ordering::SeqCst);
        if one_in == 0 || self.rng.u32(0..one_in) != 0 {
            return None;
        }
        let lane = self.board.longest_waiting()?;
        let (pid, life) = (lane.pid.load(Ordering::SeqCst), lane.life.load(Ordering::SeqCst));
        let pidfd = pidfd_open(Pid::from_raw(pid as i32)?, PidfdFlags::empty()).ok()?;
        // The driver takes the number away before it lets go of the process: so it is the one meant.
        (lane.pid.load(Ordering::SeqCst) == pid).then_some(Aim { life, pidfd })
    }

    /// True: somebody was struck.
    pub fn strike(&mut self, aim: Option<Aim>) -> bool {
        let strikes = aim.is_some();
        if let Some(Aim { life, pidfd }) = aim {
            self.say(wire::STRIKES, u64::from(life));
            let _ = pidfd_send_signal(&pidfd, Blow::KILL);
        }
        strikes
    }

    pub fn patience(&mut self) -> Patience {
        match self.rng.u8(0..10) {
            0..2 => Patience::Not,
            2..6 => Patience::Short(Duration::from_micros(self.rng.u64(1..20_000))),
            _ => Patience::Long,
        }
    }

    /// Lets a little time pass, or none.
    pub fn think(&mut self) {
        match self.rng.u8(0..16) {
            0..8 => {}
            8..13 => self.spin(20),
            13..15 => std::thread::yield_now(),
            _ => std::thread::sleep(Duration::from_micros(self.rng.u64(1..200))),
        }
    }

    /// Is busy for so many microseconds at most.
    pub fn spin(&mut self, micros: u64) {
        let (since, long) = (Instant::now(), Duration::from_micros(self.rng.u64(0..micros)));
        while since.elapsed() < long {
            std::hint::spin_loop();
        }
    }

    /// Now and then forks in the middle of something. True in the copy, which is to let go of all it
    /// has, and nothing else.
    pub fn forks_a_copy(&mut self) -> bool {
        if self.rng.u8(..) != 0 {
            return false;
        }
        // SAFETY: a participant has one thread.
        if let Ok(ForkResult::Child) = unsafe { fork() } {
            self.is_copy = true;
        }
        self.is_copy
    }

    /// Ends it, if it is a copy.
    pub fn end_copy(&self) {
        if self.is_copy {
            vanish(0);
        }
    }

    /// Forks; the child goes on as this participant, and the parent dies.
    fn move_on(&mut self) {
        self.say(wire::FORKS, 0);
        // SAFETY: a participant has one thread.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                self.own_lane().pid.store(getpid().as_raw() as u32, Ordering::SeqCst);
            }
            Ok(ForkResult::Parent { .. }) => die(),
            Err(_) => {}
        }
    }

    /// A life: operations, until it is over, or it was long enough.
    pub fn live(mut self, play: impl FnOnce() -> Box<dyn Play>) -> ! {
        self.tell_panics();
        let length = 1 + self.rng.u32(0..400);
        let lived = catch_unwind(AssertUnwindSafe(|| {
            let play = play();
            for _ in 0..length {
                if self.board.is_over() {
                    break;
                }
                play.act(&mut self);
                self.end_copy();
                self.think();
                if self.rng.u8(..) == 0 {
                    self.move_on();
                }
            }
            drop(play);
        }));
        self.leave(lived.is_ok())
    }

    fn tell_panics(&self) {
        let wire = self.wire.clone();
        std::panic::set_hook(Box::new(move |panic| wire.say_text(&panic.to_string())));
    }

    /// Helps everybody to an end, and then looks at what is left.
    pub fn audit(mut self, play: impl FnOnce() -> Box<dyn Play>) -> ! {
        self.tell_panics();
        let audited = catch_unwind(AssertUnwindSafe(|| {
            let play = play();
            while !self.board.is_alone() {
                play.relieve(&mut self);
                std::thread::sleep(Duration::from_micros(300));
            }
            play.audit(&mut self);
            drop(play);
        }));
        self.leave(audited.is_ok())
    }

    fn leave(&self, well: bool) -> ! {
        if well {
            self.say(wire::LEAVES, 0);
        }
        vanish(if well { 0 } else { 101 })
    }
}

fn die() -> ! {
    let _ = kill(getpid(), Signal::SIGKILL);
    unreachable!("outlived SIGKILL")
}
