//! Starting a process and waiting for it, beside the bare calls of the system for the same program.

use std::ffi::CString;

use commonhold::{Process, run_parallel};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};

use crate::support::children::{Worker, role_variable, serve};
use crate::support::cpu;
use crate::support::looped::unpinned;
use crate::support::ratio::Run;
use crate::support::report::{Report, sample};

pub fn spawn() -> Run {
    unpinned(|| {
        let child = Process::spawn(|| (), ()).expect("a child");
        assert!(child.join().expect("its end").success());
    })
}

/// Two functions, side by side.
pub fn parallel() -> Run {
    unpinned(|| run_parallel([|| (), || ()]).expect("two children"))
}

/// In a process that has a single thread, as forks need it.
pub fn fork() -> Run {
    cpu::unpin(); // children inherit it
    let mut forker = Worker::start("fork");
    Box::new(move |count| {
        forker.tell(&count.to_string());
        sample(&[Report::from_line(&forker.answer())])
    })
}

pub fn play() {
    serve(|count| {
        let once = || {
            let child = Process::fork(|| ()).expect("a child");
            assert!(child.join().expect("its end").success());
        };
        let count: u64 = count.parse().expect("a number");
        let report = Report::of(|| {
            (0..count).for_each(|_| once());
            count
        });
        report.to_line()
    });
}

/// Of this very program, whose `main` returns at once in this role.
pub fn spawn_bare() -> Run {
    let (name, role) = role_variable("nothing");
    let others = std::env::vars().filter(move |(other, _)| other != name);
    let variables = others.chain([(name.to_owned(), role)]);
    let entry = |(name, value): (String, String)| CString::new(format!("{name}={value}"));
    let environment: Vec<CString> = variables.map(|pair| entry(pair).expect("no NUL")).collect();
    let arguments = [c"bench".to_owned()];
    unpinned(move || {
        let actions = PosixSpawnFileActions::init().expect("no actions");
        let attributes = PosixSpawnAttr::init().expect("no attributes");
        let pid = posix_spawn(c"/proc/self/exe", &actions, &attributes, &arguments, &environment)
            .expect("a child");
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
    })
}
