//! Forks participants, has them struck, listens to them, and brings a round to its end.

use fastrand::Rng;
use nix::fcntl::OFlag;
use nix::unistd::{ForkResult, fork, getpid, pipe2};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::board::Board;
use super::family::{Door, Family, Fault, Faults, Oracle, Play, Scene};
use super::killer::{Killer, kill_lane};
use super::life::Life;
use super::manner::{Manner, Pinned};
use super::participant::Me;
use super::reaper::Reaper;
use super::story::{judge, written};
use super::tally::Tally;
use super::wire::{Wire, now};

/// Whoever comes to no end for so long, though nobody is struck any more, hangs.
const HANG: Duration = Duration::from_secs(5);

/// For so long participants strike each other, and nobody comes in their place.
const LAST_BLOWS: Duration = Duration::from_millis(10);

/// One object, under storm round by round.
pub struct Driver<'a> {
    family: &'a Family,
    scene: Scene,
    play: Option<Box<dyn Play>>,
    oracle: Box<dyn Oracle>,
    board: &'static Board,
    rng: Rng,
    lives: Vec<Life>,
    /// Those of this round that are over.
    past: Vec<Life>,
    born: u32,
    reaper: Reaper,
    pub hang: Duration,
}

impl<'a> Driver<'a> {
    pub fn new(family: &'a Family, scene: Scene, rng: Rng) -> Driver<'a> {
        let (play, board) = ((family.play)(&scene, Door::Create), scene.board);
        board.inside.store(0, Ordering::SeqCst);
        Driver {
            oracle: (family.oracle)(&scene),
            play: Some(play),
            family,
            scene,
            board,
            rng,
            lives: Vec::new(),
            past: Vec::new(),
            born: 0,
            reaper: Reaper::default(),
            hang: HANG,
        }
    }

    /// A round of such a length; false: so much is wrong that there is no use in going on.
    pub fn round(&mut self, manner: Manner, long: Duration, tally: &mut Tally) -> bool {
        let pinned = Pinned::new(&manner);
        let mut faults = Faults::default();
        let mut killer = Killer::new(self.rng.fork(), manner);
        self.open_board(&manner);
        let end = Instant::now() + long;
        while Instant::now() < end {
            self.fill(&manner, pinned.as_ref());
            self.listen(killer.due());
            killer.strike(&mut self.lives, self.board);
            self.reaper.reap(self.board, &mut faults);
        }
        if manner.pinned && !manner.calm() {
            self.last_blows();
        }
        self.board.over.store(1, Ordering::SeqCst);
        killer.rest(&mut self.lives);
        let auditor = manner.survivors + manner.victims;
        self.start(auditor, false, pinned.as_ref());
        let well = self.see_off(auditor, &mut faults);
        tally.stops += killer.stops;
        self.settle(well, &mut faults, tally);
        let well = well && faults.is_empty();
        tally.faults.append(faults);
        well
    }

    /// Everybody is gone: what happened is judged.
    fn settle(&mut self, well: bool, faults: &mut Faults, tally: &mut Tally) {
        tally.rounds += 1;
        tally.lives += self.past.len() as u64;
        tally.kills += std::mem::take(&mut self.reaper.kills);
        tally.kills += self.board.elsewhere.swap(0, Ordering::SeqCst);
        tally.operations += judge(&self.past, self.oracle.as_mut(), &mut tally.waits, faults);
        tally.waits.start_again();
        if well && faults.is_empty() {
            self.oracle.settle(faults);
        }
        if !faults.is_empty() {
            tally.story = written(&self.past);
        }
        self.past.clear();
    }

    /// At the end of a round, nobody comes any more in place of the struck: who would make good for the
    /// others what these were woken for.
    fn last_blows(&mut self) {
        let end = Instant::now() + LAST_BLOWS;
        while Instant::now() < end {
            self.listen(now() + 1_000_000);
        }
    }

    fn open_board(&self, manner: &Manner) {
        self.board.strikes.store(if manner.calm() { 0 } else { manner.strikes }, Ordering::SeqCst);
        self.board.over.store(0, Ordering::SeqCst);
        self.board.alone.store(0, Ordering::SeqCst);
    }

    /// Somebody lives in every lane.
    fn fill(&mut self, manner: &Manner, pinned: Option<&Pinned>) {
        for lane in 0..manner.survivors + manner.victims {
            if !self.lives.iter().any(|life| life.lane == lane) {
                self.start(lane, lane >= manner.survivors, pinned);
            }
        }
    }

    fn start(&mut self, lane: usize, is_victim: bool, pinned: Option<&Pinned>) {
        let audits = self.board.is_over();
        self.born += 1;
        // A control has no other door.
        let opens = self.rng.bool() && !self.family.control;
        let (id, rng) = (self.born, self.rng.fork());
        let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        let place = &self.board.lanes[lane];
        place.waiting.store(0, Ordering::SeqCst);
        place.victim.store(u32::from(is_victim), Ordering::SeqCst);
        place.life.store(id, Ordering::SeqCst);
        let driver = getpid();
        // SAFETY: the driver has one thread.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => {
                // The child may have said so itself, and have gone on as another since.
                let (pid, none) = (child.as_raw() as u32, Ordering::SeqCst);
                let _ = place.pid.compare_exchange(0, pid, none, none);
                self.lives.push(Life::new(id, lane, now(), read));
            }
            ForkResult::Child => {
                place.pid.store(getpid().as_raw() as u32, Ordering::SeqCst);
                self.lives.clear();
                drop(read);
                end_with(driver);
                pinned.iter().for_each(|pinned| pinned.take_part());
                let me = Me::new(self.board, lane, id, Wire::new(write), rng);
                self.take_part(me, opens, audits)
            }
        }
    }

    /// As a child, by the handle that it inherited, or by one of its own.
    fn take_part(&mut self, me: Me, opens: bool, audits: bool) -> ! {
        let (family, scene) = (self.family, &self.scene);
        let inherited = self.play.take();
        let play = move || match inherited {
            Some(play) if !opens => play,
            inherited => {
                // Never used, and never dropped.
                std::mem::forget(inherited);
                (family.play)(scene, Door::Open)
            }
        };
        if audits { me.audit(play) } else { me.live(play) }
    }

    /// Listens to whoever says something, until then.
    fn listen(&mut self, until: u64) {
        let wait = until.saturating_sub(now()).min(5_000_000);
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait as i64 };
        let pipes = self.lives.iter().filter_map(|life| life.pipe.as_ref());
        let mut fds: Vec<_> = pipes.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        let _ = poll(&mut fds, Some(&timeout));
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        self.lives.iter_mut().zip(ready).filter(|(_, is)| *is).for_each(|(life, _)| life.listen());
        self.past.extend(self.lives.extract_if(.., |life| life.is_over()));
    }

    /// Everybody comes to an end by himself, the auditor last. Whoever does not, hangs.
    fn see_off(&mut self, auditor: usize, faults: &mut Faults) -> bool {
        let mut since = Instant::now();
        loop {
            self.listen(now() + 1_000_000);
            self.reaper.reap(self.board, faults);
            let others = self.lives.iter().any(|life| life.lane != auditor);
            if !others && !self.board.is_alone() {
                self.board.alone.store(1, Ordering::SeqCst);
                since = Instant::now();
            }
            if self.lives.is_empty() {
                return self.reaper.reap_all(self.board, faults);
            }
            if since.elapsed() > self.hang {
                self.give_up(faults);
                return false;
            }
        }
    }

    fn give_up(&mut self, faults: &mut Faults) {
        for life in &self.lives {
            faults.one(Fault::Hang, || {
                let last = life.records().into_iter().rev().take(3);
                let last: Vec<_> = last.map(|r| (r.kind, r.op, r.outcome, r.a, r.b)).collect();
                let (id, lane) = (life.id, life.lane);
                format!("life {id} in lane {lane}: {}, last {last:?}", doing(self.board, lane))
            });
        }
        for lane in 0..self.board.lanes.len() {
            kill_lane(&mut self.lives, lane, self.board);
        }
        self.reaper.reap_all(self.board, faults);
        self.lives.iter_mut().for_each(Life::listen);
        self.past.append(&mut self.lives);
    }
}

/// What the process in this lane is at, as the kernel says.
fn doing(board: &Board, lane: usize) -> String {
    let pid = board.lanes[lane].pid.load(Ordering::SeqCst);
    let read = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let (stat, call) = (read("stat"), read("syscall"));
    let state = stat.rsplit_once(") ").map_or("gone", |(_, rest)| &rest[..1]);
    format!("state {state}, system call {}", call.trim())
}

/// This process is killed when the driver ends.
fn end_with(driver: nix::unistd::Pid) {
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    if nix::unistd::getppid() != driver {
        super::wire::vanish(1);
    }
}
