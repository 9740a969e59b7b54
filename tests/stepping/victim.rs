//! A process that runs one operation, instruction by instruction, as its tracer lets it.

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::helper::BOUND;
use crate::layout::Layout;
use crate::log::{Log, Page};
use crate::memory::Memory;
use crate::registers::{self, Call, Calls};
use crate::trace::{Trace, Way};

/// The operation's own handle on its beginning and its end.
pub struct Mark {
    log: Log,
}

impl Mark {
    /// The operation begins: from here on, its tracer counts.
    #[inline(never)]
    pub fn begin(&self) {
        tell_tracer(Signal::SIGSTOP);
    }

    /// The operation has ended, and came to this.
    pub fn end(&self, values: &[u64]) -> ! {
        self.log.end(values)
    }

    /// Something to be known whatever it comes to.
    pub fn tell(&self, word: usize, value: u64) {
        self.log.tell(word, value);
    }
}

/// Stops this thread, where it is traced.
pub fn tell_tracer(signal: Signal) {
    let (process, thread) = (nix::unistd::getpid(), nix::unistd::gettid());
    // SAFETY: sends a signal to this thread.
    unsafe {
        nix::libc::syscall(nix::libc::SYS_tgkill, process.as_raw(), thread.as_raw(), signal as i32)
    };
}

/// How the tracer of a stranger is told where its operation begins and ends. Who is not traced ignores it.
pub const HERE: Signal = Signal::SIGURG;

/// A process that stands at some instruction of its operation. It is killed with this value.
pub struct Victim {
    pid: Pid,
    log: Log,
    page: Page,
    /// No child: it says by a signal that it is done.
    stranger: bool,
    /// Its other threads, which nobody traces, must not meet a breakpoint.
    by_steps: bool,
    layout: Layout,
    done: bool,
    gone: bool,
}

/// How far a trace goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    Done,
    /// Or where it goes to sleep.
    Asleep,
}

/// More instructions than any operation has that does not wait.
const MOST: usize = 400_000;

impl Victim {
    fn new(page: Page, log: Log, pid: Pid) -> Victim {
        let (stranger, by_steps, layout) = (false, false, Layout::default());
        Victim { pid, log, page, stranger, by_steps, layout, done: false, gone: false }
    }

    /// Brings it to where it dies by steps, not at full speed: it has threads, or another way at full speed.
    pub fn by_steps(mut self) -> Victim {
        self.by_steps = true;
        self
    }

    /// Starts a child that stands before its operation's first instruction.
    pub fn start(page: Page, number: usize, operation: &dyn Fn(&Mark)) -> Victim {
        let log = page.log(number);
        let pid = fork_child(|| {
            ptrace::traceme().expect("a process may be traced by its parent");
            operation(&Mark { log });
        });
        let mut victim = Victim::new(page, log, pid);
        let status = victim.wait();
        assert_eq!(status, WaitStatus::Stopped(pid, Signal::SIGSTOP), "{}", page.said());
        victim
    }

    /// Traces somebody else's child, which waits for that, from where it says [`HERE`].
    pub fn seize(page: Page, pid: Pid) -> Victim {
        ptrace::seize(pid, ptrace::Options::empty()).expect("a descendant may be traced");
        let mut victim = Victim::new(page, page.log(0), pid);
        (victim.stranger, victim.layout) = (true, Layout::of(pid));
        let status = victim.wait();
        assert_eq!(status, WaitStatus::Stopped(pid, HERE), "{}", page.said());
        victim.done = false; // that was its beginning
        victim
    }

    fn wait(&mut self) -> WaitStatus {
        let status = waitpid(self.pid, None).expect("waitpid");
        self.note(status)
    }

    fn note(&mut self, status: WaitStatus) -> WaitStatus {
        self.gone = matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
        self.done |= self.gone || self.log.is_done();
        self.done |= self.stranger && matches!(status, WaitStatus::Stopped(_, HERE));
        status
    }

    /// The same, for so long at most.
    fn wait_for(&mut self, patience: Duration) -> Option<WaitStatus> {
        let since = Instant::now();
        loop {
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).expect("waitpid");
            if status != WaitStatus::StillAlive {
                return Some(self.note(status));
            }
            if since.elapsed() > patience {
                return None;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn ended_by_itself(&self, status: WaitStatus) -> ! {
        panic!("the operation ended by itself: {status:?} {}", self.page.said())
    }

    /// Runs one instruction. False: it was the operation's last.
    fn step(&mut self) -> bool {
        let mut signal = None;
        loop {
            ptrace::step(self.pid, signal).expect("a step");
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return !self.done,
                WaitStatus::Stopped(..) if self.done => return false,
                WaitStatus::Stopped(_, other) => signal = Some(other),
                status => self.ended_by_itself(status),
            }
        }
    }

    /// Runs so many instructions of those that were traced, or as many as there are this time: at full speed,
    /// to a breakpoint near the last one's end.
    pub fn run(&mut self, trace: &Trace, instructions: usize) {
        self.run_while(trace, instructions, None);
    }

    /// The same, where it may have to wait for somebody: so long at most. False: it did not come so far.
    pub fn run_while(
        &mut self,
        trace: &Trace,
        instructions: usize,
        patience: Option<Duration>,
    ) -> bool {
        match trace.way_to(instructions) {
            _ if self.by_steps => (0..instructions).all(|_| self.step()),
            Some(way) => self.follow(way, patience),
            None => self.go_on_traced(patience),
        }
    }

    /// False: it did not come so far.
    fn follow(&mut self, way: Way, patience: Option<Duration>) -> bool {
        let place = self.layout.theirs_of(way.place);
        for passed in 0..=way.passes {
            // Where it stands already, it is.
            if registers::place(self.pid) != place && !self.go_to(place, patience) {
                return false;
            }
            if passed < way.passes && !self.step() {
                return false;
            }
        }
        (0..way.steps).all(|_| self.step())
    }

    /// Runs until it stands at this place. False: it came to its end instead, or waits.
    fn go_to(&mut self, place: usize, patience: Option<Duration>) -> bool {
        let at = place as ptrace::AddressType;
        let original = ptrace::read(self.pid, at).expect("its code");
        ptrace::write(self.pid, at, registers::with_breakpoint(original)).expect("its code");
        if !self.go_on_traced(patience) {
            return false;
        }
        ptrace::write(self.pid, at, original).expect("its code");
        registers::stand_at(self.pid, place);
        true
    }

    /// Runs until it is stopped by a breakpoint. False: it came to its end, or waits.
    fn go_on_traced(&mut self, patience: Option<Duration>) -> bool {
        let mut signal = None;
        loop {
            ptrace::cont(self.pid, signal).expect("to go on");
            let status = match patience {
                None => self.wait(),
                Some(patience) => match self.wait_for(patience) {
                    Some(status) => status,
                    None => return false,
                },
            };
            match status {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return true,
                WaitStatus::Stopped(..) if self.done => return false,
                WaitStatus::Stopped(_, other) => signal = Some(other),
                WaitStatus::Exited(_, 0) if self.done => return false,
                status => self.ended_by_itself(status),
            }
        }
    }

    /// Runs the whole operation, and looks at the shared memory after each instruction.
    /// Calls `passes` now and then.
    pub fn trace(&mut self, until: Until, passes: impl Fn()) -> Trace {
        let (mut instructions, mut events, mut places) = (0, Vec::new(), Vec::new());
        let (mut memory, mut calls) = (Memory::of(self.pid), Calls::default());
        loop {
            let (place, call) = registers::look(self.pid, &mut calls);
            places.push(self.layout.ours_of(place));
            if call == Call::Sleep && until == Until::Asleep || instructions == MOST {
                return Trace::new(instructions, events, places);
            }
            let more = self.step();
            instructions += 1;
            if instructions % 1024 == 0 {
                passes();
            }
            if memory.has_changed() || call != Call::None {
                events.push(instructions);
            }
            if !more {
                return Trace::new(instructions, events, places);
            }
        }
    }

    /// Where it stands, in this process's own copy of the program.
    pub fn stands_at(&self) -> usize {
        match self.gone {
            true => 0,
            false => self.layout.ours_of(registers::place(self.pid)),
        }
    }

    /// It dies here.
    pub fn die(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !self.gone {
            let _ = kill(self.pid, Signal::SIGKILL);
            while !self.gone {
                self.wait();
            }
        }
    }

    /// It goes on, untraced, and comes to its end.
    pub fn go_on(mut self) {
        if self.gone {
            return;
        }
        if self.log.is_done() {
            return self.end();
        }
        ptrace::detach(self.pid, None).expect("to detach");
        self.gone = true;
        crate::helper::wait_for_end(self.pid, self.page);
    }

    /// It goes on to its end, without a nap to whose end nobody woke it: what it waits for is there.
    pub fn go_on_awake(mut self) {
        let mut signal = None;
        while !self.gone {
            ptrace::syscall(self.pid, signal).expect("to go on");
            let Some(status) = self.wait_for(BOUND) else {
                panic!("a process waits for what nobody holds");
            };
            signal = match status {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => {
                    let in_vain = registers::slept_in_vain(self.pid);
                    assert!(!in_vain, "it fell asleep although what it waits for was there");
                    None
                }
                WaitStatus::Stopped(_, other) => Some(other),
                WaitStatus::Exited(_, 0) => None,
                status => self.ended_by_itself(status),
            };
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.end();
    }
}

/// A child that runs `f`, which is to end it.
pub fn fork_child(f: impl FnOnce()) -> Pid {
    // SAFETY: this program has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            // None of them outlives who started it.
            let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
            let _ = catch_unwind(AssertUnwindSafe(f));
            // SAFETY: ends this process at once.
            unsafe { nix::libc::_exit(101) }
        }
    }
}
