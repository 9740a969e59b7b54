//! Starting a process and waiting for it, beside the bare calls of the system for the same program.

use std::ffi::CString;

use commonhold::Process;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};

use crate::support::children::role_variable;
use crate::support::ratio::Run;
use crate::support::report::{Report, sample};

fn timed(mut operation: impl FnMut() + 'static) -> Run {
    Box::new(move |count| {
        let report = Report::of(|| {
            (0..count).for_each(|_| operation());
            0
        });
        sample(&[report])
    })
}

pub fn spawn() -> Run {
    timed(|| {
        let child = Process::spawn(|| (), ()).expect("a child");
        assert!(child.join().expect("its end").success());
    })
}

/// Of this very program, whose `main` returns at once in this role.
pub fn spawn_bare() -> Run {
    let (name, role) = role_variable("nothing");
    let others = std::env::vars().filter(move |(other, _)| other != name);
    let variables = others.chain([(name.to_owned(), role)]);
    let entry = |(name, value): (String, String)| CString::new(format!("{name}={value}"));
    let environment: Vec<CString> = variables.map(|pair| entry(pair).expect("no NUL")).collect();
    let arguments = [c"bench".to_owned()];
    timed(move || {
        let actions = PosixSpawnFileActions::init().expect("no actions");
        let attributes = PosixSpawnAttr::init().expect("no attributes");
        let pid = posix_spawn(c"/proc/self/exe", &actions, &attributes, &arguments, &environment)
            .expect("a child");
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
    })
}
