//! What a stopped process is about to do, or has done, by its registers.

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::collections::HashMap;

type Registers = libc::user_regs_struct;

/// Where it stands.
pub fn place(pid: Pid) -> usize {
    ptrace::getregs(pid).map_or(0, |registers| place_of(&registers))
}

/// A breakpoint leaves it behind itself, on some processors.
pub fn stand_at(pid: Pid, place: usize) {
    let mut registers = ptrace::getregs(pid).expect("its registers");
    #[cfg(target_arch = "x86_64")]
    {
        registers.rip = place as u64;
    }
    #[cfg(target_arch = "aarch64")]
    {
        registers.pc = place as u64;
    }
    ptrace::setregs(pid, registers).expect("its registers");
}

/// A word of code that begins with a breakpoint.
pub fn with_breakpoint(word: i64) -> i64 {
    if cfg!(target_arch = "x86_64") {
        word & !0xFF | 0xCC
    } else {
        word & !0xFFFF_FFFF | 0xD420_0000
    }
}

/// What the next instruction asks of the kernel, if it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    None,
    /// To sleep, for a while or until something happens.
    Sleep,
    Other,
}

/// Which instructions are calls, as far as anybody asked.
#[derive(Default)]
pub struct Calls(HashMap<usize, bool>);

impl Calls {
    fn is_one(&mut self, pid: Pid, place: usize) -> bool {
        *self.0.entry(place).or_insert_with(|| {
            let code = ptrace::read(pid, place as ptrace::AddressType).unwrap_or(0);
            match cfg!(target_arch = "x86_64") {
                true => code & 0xFFFF == 0x050F,
                false => code & 0xFFFF_FFFF == 0xD400_0001,
            }
        })
    }
}

/// Where it stands, and what it does next.
pub fn look(pid: Pid, calls: &mut Calls) -> (usize, Call) {
    let registers = ptrace::getregs(pid).expect("its registers");
    let place = place_of(&registers);
    (place, if calls.is_one(pid, place) { call(&registers) } else { Call::None })
}

fn call(registers: &Registers) -> Call {
    let [number, operation] = request(registers);
    let waits = [libc::FUTEX_WAIT, libc::FUTEX_WAIT_BITSET].contains(&(operation as i32 & 0x7F));
    match number {
        libc::SYS_futex if waits => Call::Sleep,
        libc::SYS_futex_waitv | libc::SYS_nanosleep | libc::SYS_clock_nanosleep => Call::Sleep,
        _ => Call::Other,
    }
}

/// Whether it comes from a sleep that nobody ended.
pub fn slept_in_vain(pid: Pid) -> bool {
    let Ok(registers) = ptrace::getregs(pid) else { return false };
    let [number, result] = answer(&registers);
    [libc::SYS_futex, libc::SYS_futex_waitv].contains(&number)
        && result == -(Errno::ETIMEDOUT as i64)
}

#[cfg(target_arch = "x86_64")]
fn place_of(registers: &Registers) -> usize {
    registers.rip as usize
}

/// A call's number, and its second argument.
#[cfg(target_arch = "x86_64")]
fn request(registers: &Registers) -> [i64; 2] {
    [registers.rax as i64, registers.rsi as i64]
}

/// A call's number, and its result.
#[cfg(target_arch = "x86_64")]
fn answer(registers: &Registers) -> [i64; 2] {
    [registers.orig_rax as i64, registers.rax as i64]
}

#[cfg(target_arch = "aarch64")]
fn place_of(registers: &Registers) -> usize {
    registers.pc as usize
}

#[cfg(target_arch = "aarch64")]
fn request(registers: &Registers) -> [i64; 2] {
    [registers.regs[8] as i64, registers.regs[1] as i64]
}

#[cfg(target_arch = "aarch64")]
fn answer(registers: &Registers) -> [i64; 2] {
    [registers.regs[8] as i64, registers.regs[0] as i64]
}
