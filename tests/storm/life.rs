//! One participant as the driver sees it: from its fork to the end of what it says.

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use super::board::Board;
use super::wire::{Record, now};

pub struct Life {
    pub id: u32,
    pub lane: usize,
    pub born: u64,
    /// When it was struck first.
    pub killed: Option<u64>,
    /// From when to when it stood still.
    pub stops: Vec<(u64, Option<u64>)>,
    /// None: nothing more comes, it is gone.
    pub pipe: Option<OwnedFd>,
    said: Vec<u8>,
    /// Who stands still: one that forked meanwhile, so that its child goes on, is not on the board.
    stopped: Option<OwnedFd>,
}

impl Life {
    pub fn new(id: u32, lane: usize, born: u64, pipe: OwnedFd) -> Life {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a pipe that does not block");
        Life {
            id,
            lane,
            born,
            killed: None,
            stops: Vec::new(),
            pipe: Some(pipe),
            said: Vec::new(),
            stopped: None,
        }
    }

    /// Reads what there is.
    pub fn listen(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut bytes = [0; 16 << 10];
        loop {
            match nix::unistd::read(pipe, &mut bytes) {
                Ok(0) => {
                    self.pipe = None;
                    return;
                }
                Ok(count) => self.said.extend_from_slice(&bytes[..count]),
                Err(_) => return,
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.pipe.is_none()
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    pub fn stop(&mut self, board: &Board) {
        let pid = board.lanes[self.lane].pid.load(Ordering::SeqCst);
        let pid = Pid::from_raw(pid as i32);
        self.stopped = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if let Some(pidfd) = &self.stopped {
            self.stops.push((now(), None));
            let _ = pidfd_send_signal(pidfd, Signal::STOP);
        }
    }

    pub fn go_on(&mut self) {
        if let Some(pidfd) = self.stopped.take() {
            let _ = pidfd_send_signal(&pidfd, Signal::CONT);
            self.stops.last_mut().expect("it was stopped").1 = Some(now());
        }
    }

    pub fn records(&self) -> Vec<Record> {
        self.said.chunks_exact(size_of::<Record>()).map(bytemuck::pod_read_unaligned).collect()
    }
}
