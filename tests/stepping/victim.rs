//! A process that runs one operation, instruction by instruction, as its tracer lets it.

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::log::{Log, Page};

/// The operation's own handle on its beginning and its end.
pub struct Mark {
    log: Log,
}

impl Mark {
    /// The operation begins: from here on, its tracer counts.
    #[inline(never)]
    pub fn begin(&self) {
        let (process, thread) = (nix::unistd::getpid(), nix::unistd::gettid());
        // SAFETY: sends a signal to this thread.
        unsafe {
            nix::libc::syscall(
                nix::libc::SYS_tgkill,
                process.as_raw(),
                thread.as_raw(),
                nix::libc::SIGSTOP,
            )
        };
    }

    /// The operation has ended, and came to this.
    pub fn end(&self, values: &[u64]) -> ! {
        self.log.end(values)
    }
}

/// A child that stands at some instruction of its operation. It is killed with this value.
pub struct Victim {
    pid: Pid,
    log: Log,
    page: Page,
    gone: bool,
}

/// One run of an operation from its first to its last instruction.
pub struct Trace {
    pub instructions: usize,
    /// Instructions that changed shared memory, or called the kernel. A death between two of them is as
    /// one right after the first.
    pub events: Vec<usize>,
    /// Where the next instruction lay, before each.
    places: Vec<usize>,
}

impl Trace {
    /// Where the victim stands after so many instructions, and how often it was there before.
    fn place_after(&self, instructions: usize) -> Option<(usize, usize)> {
        let place = *self.places.get(instructions)?;
        Some((place, self.places[..instructions].iter().filter(|p| **p == place).count()))
    }
}

impl Victim {
    /// Starts a child that stands before its operation's first instruction.
    pub fn start(page: Page, number: usize, operation: &dyn Fn(&Mark)) -> Victim {
        let log = page.log(number);
        let pid = fork_child(|| {
            ptrace::traceme().expect("a process may be traced by its parent");
            operation(&Mark { log });
        });
        let mut victim = Victim { pid, log, page, gone: false };
        let status = victim.wait();
        assert_eq!(status, WaitStatus::Stopped(pid, Signal::SIGSTOP), "{}", page.said());
        victim
    }

    fn wait(&mut self) -> WaitStatus {
        let status = waitpid(self.pid, None).expect("waitpid");
        self.gone = matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
        status
    }

    /// Runs one instruction. False: it was the operation's last.
    fn step(&mut self) -> bool {
        ptrace::step(self.pid, None).expect("a step");
        loop {
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return !self.log.is_done(),
                WaitStatus::Stopped(_, signal) => {
                    ptrace::step(self.pid, signal).expect("a step");
                }
                status => panic!("the operation ended by itself: {status:?} {}", self.page.said()),
            }
        }
    }

    /// Runs so many instructions of those that were traced, or as many as there are this time: at full speed,
    /// to a breakpoint at the last one's end.
    pub fn run(&mut self, trace: &Trace, instructions: usize) {
        let Some((place, before)) = trace.place_after(instructions) else {
            self.go_on_traced();
            return;
        };
        for passed in 0..=before {
            // Where it stands already, it is.
            if self.stands_at() != place && !self.go_to(place) {
                return;
            }
            if passed < before && !self.step() {
                return;
            }
        }
    }

    /// Runs until it stands at this place. False: it came to its end instead.
    fn go_to(&mut self, place: usize) -> bool {
        let at = place as ptrace::AddressType;
        let original = ptrace::read(self.pid, at).expect("its code");
        ptrace::write(self.pid, at, with_breakpoint(original)).expect("its code");
        if !self.go_on_traced() {
            return false;
        }
        ptrace::write(self.pid, at, original).expect("its code");
        self.stand_at(place);
        true
    }

    /// Runs until it is stopped by a breakpoint. False: it came to its end.
    fn go_on_traced(&mut self) -> bool {
        let mut signal = None;
        loop {
            ptrace::cont(self.pid, signal).expect("to go on");
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return true,
                WaitStatus::Stopped(_, other) => signal = Some(other),
                WaitStatus::Exited(_, 0) if self.log.is_done() => return false,
                status => panic!("the operation ended by itself: {status:?} {}", self.page.said()),
            }
        }
    }

    /// A breakpoint leaves it behind itself, on some processors.
    fn stand_at(&self, place: usize) {
        let mut registers = ptrace::getregs(self.pid).expect("its registers");
        #[cfg(target_arch = "x86_64")]
        {
            registers.rip = place as u64;
        }
        #[cfg(target_arch = "aarch64")]
        {
            registers.pc = place as u64;
        }
        ptrace::setregs(self.pid, registers).expect("its registers");
    }

    /// Runs the whole operation, and looks at the shared memory after each instruction.
    pub fn trace(&mut self, memory: &[u8]) -> Trace {
        let (mut instructions, mut events, mut places) = (0, Vec::new(), Vec::new());
        let mut before = memory.to_vec();
        loop {
            places.push(self.stands_at());
            let calls = self.calls_kernel();
            let more = self.step();
            instructions += 1;
            let changed = before != memory;
            if changed {
                before.copy_from_slice(memory);
            }
            if changed || calls {
                events.push(instructions);
            }
            if !more {
                return Trace { instructions, events, places };
            }
        }
    }

    /// Where it stands.
    #[cfg(target_arch = "x86_64")]
    pub fn stands_at(&self) -> usize {
        if self.gone {
            return 0;
        }
        ptrace::getregs(self.pid).map_or(0, |registers| registers.rip as usize)
    }

    #[cfg(target_arch = "aarch64")]
    pub fn stands_at(&self) -> usize {
        if self.gone {
            return 0;
        }
        ptrace::getregs(self.pid).map_or(0, |registers| registers.pc as usize)
    }

    /// Whether its next instruction is a system call.
    fn calls_kernel(&self) -> bool {
        let place = self.stands_at() as *const u16;
        // SAFETY: a copy of this process has its code where this one has it, and is about to run what
        // lies there. In halves, which are aligned on processors that ask for it.
        let (low, high) = unsafe { (place.read_unaligned(), place.add(1).read_unaligned()) };
        match cfg!(target_arch = "x86_64") {
            true => low == 0x050F,
            false => (u32::from(high) << 16 | u32::from(low)) == 0xD400_0001,
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
        crate::helper::wait_for_end(self.pid, self.page);
        self.gone = true;
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.end();
    }
}

/// A word of code that begins with a breakpoint.
fn with_breakpoint(word: i64) -> i64 {
    if cfg!(target_arch = "x86_64") {
        word & !0xFF | 0xCC
    } else {
        word & !0xFFFF_FFFF | 0xD420_0000
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
