//! When which participant is killed, stopped, let go on.

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::atomic::Ordering;

use super::board::Board;
use super::life::Life;
use super::manner::Manner;
use super::wire::now;

pub struct Killer {
    rng: Rng,
    manner: Manner,
    next: u64,
    /// When whose life goes on.
    thaws: Vec<(u64, u32)>,
    pub stops: u64,
}

impl Killer {
    pub fn new(rng: Rng, manner: Manner) -> Killer {
        let next = if manner.calm() { u64::MAX } else { now() + 500_000 };
        Killer { rng, manner, next, thaws: Vec::new(), stops: 0 }
    }

    /// When there is something to do again.
    pub fn due(&self) -> u64 {
        self.thaws.iter().map(|(at, _)| *at).chain([self.next]).min().unwrap_or(self.next)
    }

    pub fn strike(&mut self, lives: &mut [Life], board: &Board) {
        let at = now();
        let (thaws, later) = self.thaws.drain(..).partition(|(due, _)| *due <= at);
        self.thaws = later;
        for (_, id) in thaws {
            lives.iter_mut().filter(|life| life.id == id).for_each(Life::go_on);
        }
        if self.next > at {
            return;
        }
        let (least, most) = self.manner.pace;
        self.next = at + 1000 * self.rng.u64(least..most);
        let (survivors, victims) = (self.manner.survivors, self.manner.victims);
        let victim = survivors + self.rng.usize(0..victims);
        match self.rng.u8(0..50) {
            0..38 => kill_lane(lives, victim, board),
            // Twice in a row: the next one may just be recovering from the first.
            38..42 => {
                kill_lane(lives, victim, board);
                kill_lane(lives, survivors + self.rng.usize(0..victims), board);
            }
            42..44 => (0..victims).for_each(|n| kill_lane(lives, survivors + n, board)),
            44..46 => kill_lane(lives, self.rng.usize(0..survivors), board),
            _ => self.stop(lives, board),
        }
    }

    fn stop(&mut self, lives: &mut [Life], board: &Board) {
        let lane = self.rng.usize(0..self.manner.survivors + self.manner.victims);
        let long = self.rng.u64(50_000..4_000_000);
        if let Some(life) = living(lives, lane).filter(|life| !life.is_stopped()) {
            life.stop(board);
            self.thaws.push((now() + long, life.id));
            self.stops += 1;
        }
    }

    /// Nobody stands still any more, and nobody else is struck.
    pub fn rest(&mut self, lives: &mut [Life]) {
        lives.iter_mut().for_each(Life::go_on);
        self.thaws.clear();
        self.next = u64::MAX;
    }
}

fn living(lives: &mut [Life], lane: usize) -> Option<&mut Life> {
    lives.iter_mut().find(|life| life.lane == lane && !life.is_over())
}

pub fn kill_lane(lives: &mut [Life], lane: usize, board: &Board) {
    if let Some(life) = living(lives, lane) {
        life.killed.get_or_insert(now());
        // The number on the board is of a process that was not reaped, or 0.
        let pid = board.lanes[lane].pid.load(Ordering::SeqCst);
        if pid != 0 {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }
}
