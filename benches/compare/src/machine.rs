//! On what it was measured.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::utsname::uname;
use nix::unistd::{SysconfVar, sysconf};

use crate::results::Machine;

pub fn describe() -> Machine {
    let memory = field("/proc/meminfo", "MemTotal");
    let kib: u64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let system = uname().ok();
    let release = system.as_ref().map_or("", |system| system.release().to_str().unwrap_or(""));
    let release = release.split('-').next().unwrap_or(release); // the rest is whoever's who built it
    Machine {
        when: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        processor: field("/proc/cpuinfo", "model name"),
        cpus: cpus(),
        memory: format!("{} GiB", (kib as f64 / f64::from(1 << 20)).round()),
        kernel: format!("Linux {release}"),
        commit: commit(),
        compiler: env!("COMPARE_RUSTC").to_owned(),
        versions: versions(),
    }
}

/// All of them: this process may be bound to one just now.
fn cpus() -> usize {
    let count = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten();
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
}

/// What a file of the kernel says after that name.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// Of the sources it was built from, marked where they were changed since.
fn commit() -> String {
    let here = env!("CARGO_MANIFEST_DIR");
    let git = |arguments: &[&str]| output("git", &[&["-C", here], arguments].concat());
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(_) => format!("{commit}, with changes"),
        None => commit,
    }
}

fn versions() -> Vec<(String, String)> {
    let built = env!("COMPARE_VERSIONS").split(',').filter_map(|pair| pair.split_once('='));
    let mut versions: Vec<(String, String)> =
        built.map(|(name, version)| (name.to_owned(), version.to_owned())).collect();
    if let Some(python) = output("python3", &["--version"]) {
        versions.push(("Python".to_owned(), python.replace("Python ", "")));
    }
    if let Some(libc) = output("getconf", &["GNU_LIBC_VERSION"]) {
        versions.push(("glibc".to_owned(), libc.replace("glibc ", "")));
    }
    versions
}
