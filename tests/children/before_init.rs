//! Processes that stop, die or fall silent before they come to `init`.

use std::time::Duration;

use nix::sys::signal::{Signal, raise};

const BEFORE_INIT: &str = "COMMONHOLD_TEST_BEFORE_INIT";

/// Processes that this one starts from now on do so: `exit`, `kill`, `close`, `stop:FILE` (which their
/// number is written to first), or nothing where it is empty.
///
/// For processes in which no other thread reads the environment.
pub fn children_will(do_so: &str) {
    // SAFETY: as above.
    unsafe { std::env::set_var(BEFORE_INIT, do_so) };
}

/// Earlier in a program's start than `init`.
extern "C" fn before_init() {
    match std::env::var(BEFORE_INIT).as_deref() {
        Ok("exit") => std::process::exit(7),
        Ok(stop) if stop.starts_with("stop:") => {
            std::fs::write(&stop[5..], format!("{}.", std::process::id())).unwrap();
            raise(Signal::SIGSTOP).unwrap();
        }
        Ok("kill") => raise(Signal::SIGKILL).unwrap(),
        Ok("close") => {
            // Says nothing any more, lives a little, and dies.
            for number in 3..64 {
                // SAFETY: nothing of this process uses it yet.
                unsafe { nix::libc::close(number) };
            }
            std::thread::sleep(Duration::from_millis(50));
            raise(Signal::SIGKILL).unwrap();
        }
        _ => {}
    }
}

#[used]
#[unsafe(link_section = ".init_array.00200")]
static BEFORE: extern "C" fn() = before_init;
