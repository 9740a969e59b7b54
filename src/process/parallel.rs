//! Several functions at once, each in a process of its own.
#![forbid(unsafe_code)]

use super::{ExitStatus, Process};
use crate::error::Error;
use crate::sys::program;
use crate::transfer::{Packer, Refused, Transfer, Unpacker};

/// A function without arguments, by its place in the program.
#[derive(Clone, Copy)]
struct Pointer(fn());

impl Transfer for Pointer {
    fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
        let outside = "a function that lies in a library, not in the program that the child runs";
        program::offset_of_plain(self.0).ok_or_else(|| Refused::new(outside))?.pack(to)
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Pointer, Refused> {
        let offset = u64::unpack(from)?;
        program::plain_at(offset).map(Pointer).ok_or_else(Refused::not_a::<fn()>)
    }
}

/// Runs each of these functions in a process of its own, all at once, and waits for all of them.
///
/// The statuses are in the order of the functions.
///
/// # Errors
/// As [`Process::spawn`] and [`Process::join`]; `Refused` for a function that lies in a library. Those that
/// were started are killed then.
///
/// # Examples
/// ```
/// fn bake() { println!("bread") }
/// fn brew() { println!("beer") }
///
/// fn main() -> Result<(), commonhold::Error> {
///     commonhold::init();
///     let statuses = commonhold::run_parallel([bake, brew])?;
///     assert!(statuses.iter().all(|status| status.success()));
///     Ok(())
/// }
/// ```
pub fn run_parallel<const N: usize>(functions: [fn(); N]) -> Result<Vec<ExitStatus>, Error> {
    let mut started = Vec::with_capacity(N);
    for function in functions {
        match Process::spawn(|Pointer(function): Pointer| function(), Pointer(function)) {
            Ok(process) => started.push(process),
            Err(error) => {
                kill_all(&started);
                return Err(error);
            }
        }
    }
    let joined: Result<Vec<ExitStatus>, Error> = started.iter().map(Process::join).collect();
    joined.inspect_err(|_| kill_all(&started))
}

fn kill_all(processes: &[Process]) {
    for process in processes {
        let _ = process.kill();
    }
    for process in processes {
        let _ = process.join();
    }
}

/// How many processes can run at the same time: the CPUs that this process may use, by its affinity and
/// the quota of its control group; at least 1.
///
/// # Examples
/// ```
/// assert!(commonhold::cpu_count() >= 1);
/// ```
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
